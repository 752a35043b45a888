"""Every error that a user can meet, with the exit code that it ends in.

    ModelyardError            1  something failed
    ├── UsageError            2  the input is wrong; nothing was done
    │   ├── ConfigError          a key in a stack file
    │   ├── UnknownNameError     a model, GPU, vendor, environment … that is not known
    │   └── CatalogError         a row of catalog data that cannot be trusted
    ├── NotPossibleError      3  a ceiling or a mandatory rule leaves nothing to do
    └── UnverifiedError       4  something was done (or not) and could not be proved

An error says what was wrong (``brief``), where and what is allowed (``details``), and what to do (``resolution``).
No message ever holds a secret: errors are built from names, keys and limits, and values are quoted through ``quote``.
"""

import difflib
from collections.abc import Iterable, Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command's exit status means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    VIOLATED = 3
    UNVERIFIED = 4


class ModelyardError(Exception):
    """Something failed. The root of all our errors."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, brief: str, *, details: str | None = None, resolution: str | None = None) -> None:
        super().__init__(brief)
        self.brief = brief
        self.details = details
        self.resolution = resolution

    def __str__(self) -> str:
        return "\n".join(part for part in (self.brief, self.details, self.resolution) if part)


class UsageError(ModelyardError):
    """The input is wrong; nothing was done."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A key in a file holds something that is not allowed there."""

    def __init__(
        self,
        problem: str,
        *,
        file: str | None = None,
        key: str | None = None,
        line: int | None = None,
        allowed: str | None = None,
        resolution: str | None = None,
    ) -> None:
        place = f"{file}:{line}" if file and line else file
        where = ", ".join(part for part in (place, f"key {key}" if key else None) if part)
        details = "\n".join(
            line
            for line in (f"where    {where}" if where else None, f"allowed  {allowed}" if allowed else None)
            if line
        )
        super().__init__(problem, details=details or None, resolution=resolution)
        self.file, self.key, self.line, self.allowed = file, key, line, allowed


class UnknownNameError(UsageError):
    """A name that is not known: says the nearest ones that are."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, see: str | None = None) -> None:
        names = sorted(set(known))
        near = nearest(name, names)
        self.kind, self.name, self.nearest = kind, name, near
        details = f"allowed  {shorten_list(names)}" if names else None
        hint = f"did you mean {' or '.join(quote(n) for n in near)}?" if near else None
        resolution = " ".join(part for part in (hint, see) if part) or None
        super().__init__(f"unknown {kind} {quote(name)}", details=details, resolution=resolution)


class CatalogError(UsageError):
    """A row of catalog data that cannot be trusted: no source, no date, a wrong unit, a duplicate."""


class NotPossibleError(ModelyardError):
    """A ceiling or a mandatory rule leaves nothing to do."""

    exit_code = ExitCode.VIOLATED


class UnverifiedError(ModelyardError):
    """Something was done (or not) and could not be proved."""

    exit_code = ExitCode.UNVERIFIED


def quote(value: object, *, limit: int = 60) -> str:
    """Quote a user's value for a message: one line, printable, at most ``limit`` characters."""
    text = "".join(c if c.isprintable() else "�" for c in str(value))
    return f"'{text if len(text) <= limit else text[: limit - 1] + '…'}'"


def nearest(name: str, known: Sequence[str], *, count: int = 3) -> tuple[str, ...]:
    """The known names most like ``name``, best first; empty when nothing is close."""
    lowered = {k.lower(): k for k in known}
    wanted = name.lower()
    begun = [k for k in lowered if len(wanted) >= 2 and k.startswith(wanted)]
    close = difflib.get_close_matches(wanted, list(lowered), n=count, cutoff=0.6)
    within = [k for k in lowered if len(wanted) >= 3 and wanted in k] if not begun and not close else []
    return tuple(lowered[k] for k in dict.fromkeys((*begun, *close, *within)))[:count]


def shorten_list(names: Sequence[str], *, limit: int = 12) -> str:
    """Join names with commas, cutting a long list with a count of the rest."""
    head = ", ".join(names[:limit])
    return head if len(names) <= limit else f"{head} … and {len(names) - limit} more"
