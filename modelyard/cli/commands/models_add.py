"""`modelyard models add`: a model of the hub as a row of the catalog, so that it needs no network from then on."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelyard.cli.options import json_option

if TYPE_CHECKING:
    from modelyard.catalog.models import Model


class ModelsGroup(click.Group):
    """`models [PATTERN]` lists and `models add` adds: what is no subcommand is taken for the pattern."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the listing command in front where it was left out."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def with_add(listing: click.Command) -> click.Command:
    """The command that lists models, with `add` beside it."""
    listing.name = "list"
    group = ModelsGroup(
        "models",
        commands={"list": listing, "add": command},
        help="List the models of the catalog (`models [PATTERN]`), or add one from the hub (`models add`).",
        short_help=listing.short_help,
    )
    group.no_args_is_help = False
    return group


@click.command("add", short_help="Write a catalog row for a model of the hub.")
@click.argument("model")
@click.option("--as", "name", metavar="NAME", help="Name in the catalog.  [default: from the hub id]")
@click.option(
    "--write", "file", type=click.Path(path_type=Path, dir_okay=False), help="Append to this TOML file; else print."
)
@json_option
def command(model: str, *, name: str | None, file: Path | None, as_json: bool) -> None:
    """Read MODEL (ORG/NAME, with @REVISION if wanted) from the hub and write its catalog row as TOML.

    Only config.json and the headers of the weight files are read. The row cites the commit that was read.

    \b
    Examples:
      modelyard models add Qwen/Qwen3-8B-AWQ
      modelyard models add org/name@v1.1 --as our-model --write modelyard/data/models/ours.toml
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    import os
    from datetime import UTC, datetime

    from modelyard.cli.console import emit, emit_json, say
    from modelyard.cli.files import write_text
    from modelyard.hub import read_model, to_toml

    endpoint = os.environ.get("HF_ENDPOINT") or None
    read = _named(read_model(model, endpoint=endpoint, today=datetime.now(tz=UTC).date(), say=say), name)
    _refuse_duplicates(read, _rows_of(file))
    text = to_toml(read)
    if read.unknown:
        say(f"not known: {', '.join(read.unknown)}")
    if as_json:
        emit_json({"schema": "modelyard.model/1", "model": read, "file": str(file) if file else None})
    if file is None:
        if not as_json:
            emit(text)
        return
    before = file.read_text(encoding="utf-8").rstrip("\n") + "\n\n" if file.exists() else ""
    write_text(file, before + text)
    say(f"{read.name} added to {file}")


def _named(model: "Model", name: str | None) -> "Model":
    """The model under the name that was asked for.

    Raises:
        UsageError: no name for a catalog.
    """
    import re
    from dataclasses import replace

    from modelyard.errors import UsageError, quote

    if name is None:
        return model
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,79}", name):
        raise UsageError(
            f"{quote(name)} is no name for a catalog row",
            details="allowed  lower-case letters, digits, dots and dashes, such as qwen3-8b-awq",
        )
    return replace(model, name=name)


def _rows_of(file: Path | None) -> "tuple[Model, ...]":
    """The models that are in the file already."""
    from modelyard.catalog.models import Model
    from modelyard.catalog.rows import parse_rows, read_toml

    if file is None or not file.exists():
        return ()
    return parse_rows(Model, read_toml(file).get("model", []), file=str(file), label="model")


def _refuse_duplicates(model: "Model", rows: "tuple[Model, ...]") -> None:
    """Refuse a name or repository that the catalog or the file has already.

    Raises:
        CatalogError: names what has it.
    """
    from modelyard.catalog.models import load_models
    from modelyard.errors import CatalogError, quote

    for row in (*load_models(), *rows):
        if model.hub_id.lower() in {
            key.lower() for key in (row.hub_id, *row.aliases, *(c.hub_id for c in row.checkpoint))
        }:
            raise CatalogError(
                f"{quote(model.hub_id)} is in the catalog already",
                details=f"because  {quote(row.name)} has it, from {row.source}",
                resolution=f"use it as it is: `modelyard fit {row.name}`",
            )
        if model.name.lower() in {row.name.lower(), *(alias.lower() for alias in row.aliases)}:
            raise CatalogError(
                f"the name {quote(model.name)} is taken",
                details=f"because  {quote(row.hub_id)} has it",
                resolution="choose another with --as",
            )
