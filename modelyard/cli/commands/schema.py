"""`modelyard schema`: what a stack file may hold, for editors and other tools."""

import json
from pathlib import Path

import click

from modelyard.cli.options import json_option


@click.command("schema", short_help="Print the JSON Schema of stack files.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead.")
@json_option
def command(output: Path | None, *, as_json: bool) -> None:  # noqa: ARG001  # the schema is JSON either way
    """Print the JSON Schema of stacks/Pulumi.<env>.yaml.

    The committed copy is stacks/schema.json; the first line of each stack file points editors to it.

    \b
    Example:
      modelyard schema --output stacks/schema.json
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.cli.console import emit, say
    from modelyard.cli.files import write_text
    from modelyard.cli.project import import_project_module

    text = json.dumps(import_project_module("stacks.settings").schema_document(), indent=2, ensure_ascii=False)
    if output is None:
        emit(text)
        return
    write_text(output, f"{text}\n")
    say(f"wrote {output}")
