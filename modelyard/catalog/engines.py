"""Engines: the version that is pinned, its image, and the flags that this version knows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, cast

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import UnknownNameError, UsageError, quote

_RELEASE = re.compile(r"\d+\.\d+(?:\.\w+)?")
_NEWEST = re.compile(r"\b(?:latest|stable|current|newest|pinned)\b")
_NO_RELEASE = re.compile(
    r"\b(?:main|master|nightly|head|trunk|dev|recent|not (?:stated|given|recorded)|un(?:known|stated|specified))\b"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """One engine at one pinned version."""

    name: str
    title: str
    version: str
    image: str
    """Image and tag for NVIDIA GPUs; never ``latest``."""
    image_bytes: int
    """Compressed size of the image, for the start-up budget."""
    port: int
    health_path: str
    metrics_path: str
    can_serve: bool
    """Whether modelyard deploys it (or only knows it)."""
    source: Source
    as_of: date
    image_rocm: str | None = None
    image_digest: str | None = None
    status: str = "active"
    notes: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """One command-line flag of an engine."""

    type: str
    aliases: tuple[str, ...] = ()
    default: str | None = None
    choices: tuple[str, ...] | None = None
    deprecated: bool = False
    negations: tuple[str, ...] = ()
    """Spellings that set a ``bool`` flag to false."""
    known: tuple[str, ...] = ()
    """Values that the engine's source names although its parser takes others too."""
    bounds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Limits as ``ge``, ``gt``, ``le``, ``lt``."""
    secret: bool = False
    """The value is a credential: it may never be in an argument list."""
    env: str | None = None
    """Environment variable that sets the same."""


def load_engines() -> tuple[Engine, ...]:
    """Every engine of the catalog.

    Raises:
        CatalogError: a row that cannot be trusted.
    """
    return _engines()


def find_engine(name: str) -> Engine:
    """The engine called ``name``, at its pinned version.

    Raises:
        UnknownNameError: no such engine; names the nearest.
    """
    for engine in _engines():
        if engine.name == name.strip().lower():
            return engine
    raise UnknownNameError("engine", name, (e.name for e in _engines()))


def pinned_version(name: str = "vllm") -> str:
    """The version of an engine that the catalog pins; vLLM's for an engine that it does not know."""
    return next((engine.version for engine in _engines() if engine.name == name), "") or find_engine("vllm").version


def read_version(text: str, name: str = "vllm") -> tuple[str, tuple[str, ...]]:
    """An engine version as people write it, and what had to be assumed to read it.

    Args:
        text: the first ``1.2`` or ``1.2.3`` in it counts (``~0.11 (not stated exactly)``); blank, ``latest`` and names
            of branches stand for the pinned version, and all but a blank are said.
        name: the engine.

    Raises:
        UsageError: no version, such as ``19``.
    """
    pinned, written = pinned_version(name), text.strip().lower()
    if found := _RELEASE.search(text):
        return found[0], ()
    if not written or written in {"n/a", "na", "nan", "none", "-", "?"}:
        return pinned, ()
    if _NEWEST.search(written):
        return pinned, (f"engine version {quote(text)}: read as {pinned}, the one that is pinned here",)
    if _NO_RELEASE.search(written):
        return pinned, (f"engine version {quote(text)} is no release: taken as {pinned}",)
    meant = f"0.{written}" if name == "vllm" and written.isdecimal() else pinned
    raise UsageError(
        f"{quote(text)} is no version of {name}",
        details=f"where    engine version\nallowed  a release such as {pinned}, or latest for that one",
        resolution=f"did you mean {quote(meant)}?" if meant != pinned else "leave it out for the pinned one",
    )


@cache
def load_flags(name: str, version: str) -> dict[str, Flag]:
    """The flags of an engine version, by their long spelling (``--max-model-len``).

    Raises:
        UnknownNameError: no flag list is recorded for that version.
    """
    path = data_dir() / f"{name}-flags-{version}.json"
    if not path.is_file():
        known = sorted(p.stem.removeprefix(f"{name}-flags-") for p in data_dir().glob(f"{name}-flags-*.json"))
        raise UnknownNameError(f"{name} version", version, known)
    raw: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["flags"]
    keep = ("type", "aliases", "default", "choices", "deprecated", "negations", "known", "bounds", "secret", "env")
    return {
        flag: Flag(**{k: _frozen(facts[k]) for k in keep if facts.get(k) is not None}) for flag, facts in raw.items()
    }


def _frozen(value: Any) -> Any:  # noqa: ANN401  # JSON's lists become the tuples that Flag's types promise
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


@cache
def _engines() -> tuple[Engine, ...]:
    path = data_dir() / "engines.toml"
    return parse_rows(Engine, read_toml(path).get("engine", []), file="engines.toml", label="engine")
