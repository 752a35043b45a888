"""Plain terminal text: a label column, wrapping, aligned cells, bars, and colour that can be left out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

LABEL = 8
_LEAST_LAST = 20
_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_OFF = "\x1b[0m"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True, slots=True)
class Paint:
    """Colour, or none of it."""

    color: bool = False

    def __call__(self, style: str, text: str) -> str:
        """``text`` in a style, word by word, so that a line can be broken between any two of them."""
        if not self.color or not text:
            return text
        code = ";".join(_CODES[name] for name in style.split())
        return " ".join(f"\x1b[{code}m{word}{_OFF}" if word else "" for word in text.split(" "))


def visible(text: str) -> int:
    """Columns that a text takes up."""
    return len(_ANSI.sub("", text))


def wrap(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Break a text into lines of at most ``width`` columns; a word longer than a line is cut.

    Runs of spaces inside the text are kept: they align columns. Lines after the first begin with ``indent`` spaces.
    """
    lines: list[str] = []
    line = ""
    for piece in re.findall(r" *[^ ]+", text):
        start = " " * indent if lines or line else ""
        if line and visible(line) + visible(piece) > width:
            lines.append(line.rstrip())
            start, line, piece = " " * indent, "", piece.lstrip()  # noqa: PLW2901  # the break swallows the spaces
        line = line + piece if line else (start if lines else "") + piece
        while visible(line) > width:
            head, tail = _cut(line, width)
            lines.append(head)
            line = " " * indent + tail
    return [*lines, line.rstrip()] if line or not lines else lines


def _cut(line: str, width: int) -> tuple[str, str]:
    """Cut a line after ``width`` visible characters; a colour that is on at the cut goes on behind it."""
    seen, style = 0, ""
    for piece in re.finditer(r"\x1b\[[0-9;]*m|.", line):
        if _ANSI.fullmatch(piece[0]):
            style = "" if piece[0] == _OFF else piece[0]
        elif seen == width:
            head, tail = line[: piece.start()], line[piece.start() :]
            return (head + _OFF, style + tail) if style else (head, tail)
        else:
            seen += 1
    return line, ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """Lines with a label column on the left."""

    width: int
    lines: list[str] = field(default_factory=list[str])

    def line(self, text: str = "") -> None:
        """A line across the whole width."""
        self.lines.extend(wrap(text, self.width))

    def row(self, label: str, text: str, *, hang: int = 0) -> None:
        """A line with a label (or none), wrapped under itself; ``hang`` indents what is wrapped further."""
        for index, piece in enumerate(wrap(text, self.width - LABEL, indent=hang)):
            head = label if index == 0 else ""
            self.lines.append(f"{head}{' ' * (LABEL - visible(head))}{piece}".rstrip())

    def cells(self, rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset(), label: int = LABEL) -> None:
        """Aligned cells under the label column, the last one wrapped."""
        self.lines.extend(" " * label + line for line in columns(rows, width=self.width - label, right=right))

    def text(self) -> str:
        """Everything, ending with a newline."""
        return "\n".join(self.lines) + "\n"


def columns(rows: Sequence[Sequence[str]], *, width: int, right: frozenset[int] = frozenset()) -> list[str]:
    """Align the cells of rows, two spaces apart, and wrap the last column in what is left of the width.

    Args:
        rows: Rows of equally many cells.
        width: Columns in all. Where less than 20 would be left for the last cell, it goes under the others.
        right: Indexes of cells that are aligned to the right.
    """
    if not rows:
        return []
    widths = [max(visible(row[index]) for row in rows) for index in range(len(rows[0]) - 1)]
    start = sum(widths) + 2 * len(widths)
    lines: list[str] = []
    for *cells, last in rows:
        head = ""
        for index, cell in enumerate(cells):
            pad = " " * (widths[index] - visible(cell))
            head += f"{pad}{cell}  " if index in right else f"{cell}{pad}  "
        if width - start < _LEAST_LAST:
            lines.extend(
                piece for piece in (head.rstrip(), *(f"    {p}" for p in wrap(last, width - 4))) if piece.strip()
            )
            continue
        first, *rest = wrap(last, width - start)
        lines.append(f"{head}{first}".rstrip())
        lines.extend(" " * start + piece for piece in rest)
    return lines


def bar(parts: Sequence[tuple[str, int]], *, width: int) -> str:
    """A bar of ``width`` cells shared out by size: largest remainders first, so that it is always exactly full.

    Args:
        parts: A character and a size of 0 or more for each stretch.
        width: Cells.
    """
    total = sum(size for _, size in parts)
    if total <= 0:
        return " " * width
    exact = [size * width / total for _, size in parts]
    cells = [int(share) for share in exact]
    for index in sorted(range(len(parts)), key=lambda i: cells[i] - exact[i])[: width - sum(cells)]:
        cells[index] += 1
    return "".join(char * count for (char, _), count in zip(parts, cells, strict=True))
