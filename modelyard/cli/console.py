"""Output: results to stdout, talk to stderr, colour only where someone looks."""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TextIO, cast

from modelyard.errors import ModelyardError

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
PIPE_CLOSED = 141
"""Exit status when the reader of our output went away, as the shell reports it for every program."""


class PipeClosedError(Exception):
    """Whoever read our output has read enough."""


def emit(text: str) -> None:
    """Write a result to stdout.

    Raises:
        PipeClosedError: nobody reads it any more.
    """
    try:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError as error:
        # The interpreter flushes stdout once more at exit; give it somewhere to flush to.
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123  # os.devnull is not a path to keep
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise PipeClosedError from error
    except OSError as error:
        raise ModelyardError("cannot write the output", details=f"because  {error.strerror or error}") from error


def emit_json(document: object) -> None:
    """Write a result as JSON to stdout: money as decimal strings, dates as ISO 8601."""
    emit(json.dumps(plain(document), indent=2, ensure_ascii=False))


def say(text: str) -> None:
    """Tell the user something that is not the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def plain(value: object) -> object:
    """A value as JSON can hold it. Dataclasses become mappings without their empty optional fields."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {name: plain(item) for name, item in pairs if item is not None}
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        return {str(key): plain(item) for key, item in mapping.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast("Sequence[object]", value)]
    return _word(value)


def _word(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value


def wants_color(stream: TextIO) -> bool:
    """Whether colour helps there: a terminal, unless NO_COLOR is set; FORCE_COLOR overrules."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def styled(text: str, style: str, *, color: bool) -> str:
    """Text in a style, when colour is wanted."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color and text else text


def terminal_width(stream: TextIO) -> int | None:
    """Columns to keep to; None when it is not a terminal and nothing may be cut."""
    return shutil.get_terminal_size((100, 24)).columns if stream.isatty() else None


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), cut: int | None = None
) -> str:
    """Aligned columns, two spaces between them.

    Args:
        headers: Names of the columns.
        rows: Cells, one sequence per row.
        right: Indexes of columns that align right (numbers).
        cut: The column that is shortened, with an ellipsis, when the terminal is too narrow.
    """
    color = wants_color(sys.stdout)
    widths = [
        max(len(header), *(len(row[i]) for row in rows), 0) if rows else len(header) for i, header in enumerate(headers)
    ]
    limit = terminal_width(sys.stdout)
    total = sum(widths) + 2 * (len(widths) - 1)
    if cut is not None and limit is not None and total > limit:
        widths[cut] = max(8, widths[cut] - (total - limit))

    def line(cells: Sequence[str]) -> str:
        parts: list[str] = []
        for i, cell in enumerate(cells):
            shown = cell if len(cell) <= widths[i] else f"{cell[: widths[i] - 1]}…"
            parts.append(shown.rjust(widths[i]) if i in right else shown.ljust(widths[i]))
        return "  ".join(parts).rstrip()

    return "\n".join([styled(line(headers), "bold", color=color), *(line(row) for row in rows)])
