"""A model as TOML text for a catalog file, which reads back as the same model."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date
from typing import Any, cast

from modelyard.catalog.models import Model
from modelyard.catalog.rows import parse_rows
from modelyard.errors import CatalogError, UsageError, quote

LONG_NUMBER = 1_000_000
"""Numbers from here up are written with separators."""


def to_toml(model: Model) -> str:
    """The catalog row of ``model``: facts that are not set are left out.

    Raises:
        UsageError: its facts have no public source.
    """
    if not model.source.startswith("https://"):
        raise UsageError(
            f"{quote(model.hub_id)} has no public source, which every catalog row needs",
            resolution="add it by its name on the hub",
        )
    lines = ["[[model]]", *_plain(model)]
    for field in fields(model):
        value: Any = getattr(model, field.name)
        if is_dataclass(value):
            lines += ["", f"[model.{field.name}]", *_plain(value)]
    for checkpoint in model.checkpoint:
        lines += ["", "[[model.checkpoint]]", *_plain(checkpoint)]
        if checkpoint.tensors is not None:
            lines += ["", "[model.checkpoint.tensors]", *_plain(checkpoint.tensors)]
    text = "\n".join(lines) + "\n"
    _check(model, text)
    return text


def _plain(value: Any) -> Iterable[str]:  # noqa: ANN401  # any dataclass of the catalog
    for field in fields(value):
        item = getattr(value, field.name)
        if item is None or is_dataclass(item) or field.name == "checkpoint" or item == _default(field):
            continue
        yield f"{field.name} = {_text(item)}"


def _default(field: "Field[Any]") -> object:
    if field.default is not MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not MISSING else MISSING


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if value >= LONG_NUMBER else str(value)
    if isinstance(value, date):
        return json.dumps(value.isoformat())
    if isinstance(value, tuple):
        return f"[{', '.join(_text(item) for item in cast('tuple[object, ...]', value))}]"
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return f"{{ {', '.join(f'{key} = {_text(item)}' for key, item in pairs)} }}"
    printable = "".join(c if c.isprintable() else " " for c in str(value))
    return json.dumps(printable, ensure_ascii=False)


def _check(model: Model, text: str) -> None:
    """What was written must read back as what was meant."""
    (back,) = parse_rows(Model, tomllib.loads(text)["model"], file="the new row", label="model")
    if back != model:
        raise CatalogError(f"the row of {quote(model.name)} does not read back as it was meant")
