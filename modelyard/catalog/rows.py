"""What every catalog row shares: strict reading, and provenance that cannot be left out."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError

from modelyard.errors import CatalogError, quote

T = TypeVar("T")


def row(cls: type[T]) -> type[T]:
    """Mark a dataclass as a catalog row: unknown keys are mistakes, never extras."""
    cls.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]  # read by pydantic
    return cls


def _is_source(text: str) -> str:
    if not text.startswith(("https://", "modelyard:", "published log")):
        raise ValueError("a source is a public address (https://…)")
    return text


Source = Annotated[str, AfterValidator(_is_source)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """Where a fact is from, and how old it is."""

    source: str
    as_of: date


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
    """Turn raw rows into ``row_type``; the first bad row stops with its file, name and key.

    Raises:
        CatalogError: a missing source or date, an unknown key, a wrong type or unit.
    """
    adapter = TypeAdapter(row_type)
    parsed: list[T] = []
    for index, row in enumerate(rows, start=1):
        try:
            parsed.append(adapter.validate_python(row))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "(row)"
            name = row.get("name") or row.get("sku") or f"number {index}"
            raise CatalogError(
                f"{label} {quote(name)}: {first['msg'].removeprefix('Value error, ')}",
                details=f"where    {file}, key {key}",
                resolution="every catalog row has a source (https://…), a date, and only the documented keys",
            ) from error
    return tuple(parsed)
