"""What every catalog row shares: strict reading, and provenance that cannot be left out.

msgspec reads rows rather than pydantic because every command starts with the catalog: it saves a third of a cold start.
"""

import dataclasses
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import msgspec

from modelyard.errors import CatalogError, quote

T = TypeVar("T")

Source = Annotated[str, msgspec.Meta(pattern="^(https://|modelyard:|published log)")]
"""Where a fact is from: a public address."""


def data_dir() -> Path:
    """The folder of catalog data inside the installed package."""
    return Path(str(resources.files("modelyard") / "data"))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        CatalogError: unreadable, or not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogError(f"cannot read {path}", details=f"because  {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogError(f"{path} is not TOML", details=f"because  {error}") from error


def parse_rows(row_type: type[T], rows: Iterable[dict[str, Any]], *, file: str, label: str) -> tuple[T, ...]:
    """Turn raw rows into the dataclass ``row_type``; the first bad row stops with its file, name and key.

    Raises:
        CatalogError: a missing source or date, an unknown key, a wrong type or unit.
    """
    parsed: list[T] = []
    for index, row in enumerate(rows, start=1):
        name = row.get("name") or row.get("sku") or f"number {index}"
        try:
            made = msgspec.convert(row, row_type)
        except msgspec.ValidationError as error:
            problem, key = _explain(str(error))
            raise _bad_row(f"{label} {quote(name)}: {problem}", file=file, key=key) from error
        unknown = next(_unknown_keys(row, made), None)
        if unknown is not None:
            raise _bad_row(f"{label} {quote(name)}: a key that is not known", file=file, key=unknown)
        parsed.append(made)
    return tuple(parsed)


def _bad_row(brief: str, *, file: str, key: str) -> CatalogError:
    return CatalogError(
        brief,
        details=f"where    {file}, key {key}",
        resolution="every catalog row has a source (https://…), a date, and only the documented keys",
    )


def _explain(message: str) -> tuple[str, str]:
    """Msgspec's message in our words, and the key that it is about."""
    problem, _, path = message.partition(" - at `$")
    missing = re.fullmatch(r"Object missing required field `(\w+)`", problem)
    key = path.rstrip("`").lstrip(".")
    if missing:
        return "a key is missing", ".".join(part for part in (key, missing[1]) if part)
    if "matching regex" in problem:
        problem = "a source is a public address (https://…)"
    return problem[:1].lower() + problem[1:], key or "(row)"


def _unknown_keys(raw: object, made: object) -> Iterator[str]:
    """Keys of a raw row that its dataclass does not have, by path: msgspec would pass over them."""
    if isinstance(raw, list):
        pairs = zip(cast("list[object]", raw), cast("tuple[object, ...]", made), strict=True)
        for index, (raw_item, made_item) in enumerate(pairs):
            yield from (f"{index}.{key}" for key in _unknown_keys(raw_item, made_item))
    elif isinstance(raw, dict) and dataclasses.is_dataclass(made):
        fields = {field.name for field in dataclasses.fields(made)}
        for key, value in cast("dict[str, object]", raw).items():
            if key not in fields:
                yield key
            else:
                yield from (f"{key}.{inner}" for inner in _unknown_keys(value, getattr(made, key)))
