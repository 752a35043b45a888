"""How an error looks: calm, on one screen, with what, where, what is allowed, and what to do. Never a traceback."""

import json
import sys
import textwrap
import traceback
from pathlib import Path

from modelyard.cli.console import say, styled, wants_color
from modelyard.errors import ConfigError, ModelyardError, UnknownNameError

WIDTH = 100
HEIGHT = 22
_INDENT = "  "
_LABEL = len("allowed  ")

SCHEMA = "modelyard.error/1"


def show(error: ModelyardError, *, as_json: bool) -> None:
    """Tell the user about an error, on stderr."""
    if as_json:
        say(json.dumps({"schema": SCHEMA, "error": facts(error)}, indent=2, ensure_ascii=False))
    else:
        say(render(error, color=wants_color(sys.stderr)))


def facts(error: ModelyardError) -> dict[str, object]:
    """An error as plain facts, for ``--json``."""
    found: dict[str, object] = {
        "kind": type(error).__name__,
        "exit_code": int(error.exit_code),
        "brief": error.brief,
        "details": error.details,
        "resolution": error.resolution,
    }
    if isinstance(error, ConfigError):
        found |= {"file": error.file, "line": error.line, "key": error.key, "allowed": error.allowed}
    if isinstance(error, UnknownNameError):
        found |= {"name": error.name, "nearest": list(error.nearest)}
    return {key: value for key, value in found.items() if value is not None}


def render(error: ModelyardError, *, color: bool = False) -> str:
    """An error as text: at most ``HEIGHT`` lines of ``WIDTH`` columns."""
    lines = _wrap(f"error  {error.brief}", indent="", hang=7)
    for part in (error.details, error.resolution):
        for line in (part or "").splitlines():
            lines += _wrap(line, indent=_INDENT, hang=_hang(line))
    if len(lines) > HEIGHT:
        lines = [*lines[: HEIGHT - 1], f"{_INDENT}… and {len(lines) - HEIGHT + 1} more lines"]
    lines[0] = lines[0].replace("error", styled("error", "red", color=color), 1)
    return "\n".join(lines)


def bug(error: BaseException) -> ModelyardError:
    """What to say about an exception that is nobody's input: a fault of the program itself.

    Only the kind of exception and its place are told: its text may hold what must not be shown.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "unknown"
    return ModelyardError(
        f"modelyard stopped on a fault of its own: {type(error).__name__}",
        details=f"where    {place}",
        resolution="run it again with MODELYARD_DEBUG=1 to see the traceback, and report it with the command you ran",
    )


def _hang(line: str) -> int:
    labelled = line[:_LABEL].strip() in ("where", "allowed", "because")
    return _LABEL if labelled else len(line) - len(line.lstrip())


def _wrap(line: str, *, indent: str, hang: int) -> list[str]:
    text = f"{indent}{line}"
    if len(text) <= WIDTH:
        return [text]
    wrapper = textwrap.TextWrapper(
        width=WIDTH, subsequent_indent=" " * (len(indent) + hang), break_on_hyphens=False, replace_whitespace=False
    )
    return wrapper.wrap(text)
