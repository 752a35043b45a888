"""A table of runs as text by column: any encoding and separator that spreadsheets write, and one fault a row.

A row that is no CSV costs only itself. An unclosed quote would swallow the rows behind it, so a record over several
lines counts only when it has as many cells as the header.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.errors import UsageError, quote, shorten_list

BROKEN = "_broken"
"""Key of a row that cannot be read: why."""

COLUMNS = (
    "model", "hf_id", "quant", "kv_dtype", "gpu", "gpu_mem_gib", "tp", "pp", "dp", "ep", "dcp", "gmu", "max_model_len",
    "max_num_seqs", "max_batched_tokens", "engine", "engine_version", "memory_fraction", "kv_cache_memory_gib",
    "enforce_eager", "parallel", "gpu_layers",
    "iogpu_wired_limit_mb", "notes",
)  # fmt: skip
"""Columns that are read; others are ignored."""
NAMING = ("hf_id", "model")
"""One of them must be there."""
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
MOST_LINES = 200
"""Lines of one record: a cell with more is an unclosed quote."""

_MARKS = (  # the longer first: UTF-32's mark begins like UTF-16's
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def decode(data: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 and UTF-32 by their mark or by the zeros of plain letters."""
    zeros = "utf-16-be" if data[:1] == b"\x00" else "utf-16-le" if data[1:2] == b"\x00" else "utf-8"
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), zeros)
    return data.decode(encoding, errors="replace")


def read_rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of a table as text by column, or with ``BROKEN``: why this one cannot be read.

    Columns are in lower case, missing cells are blank, empty lines are no rows. The separator is the one that shows
    known columns in the header.

    Raises:
        UsageError: no header that names models.
    """
    lines = list(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    at = next((i for i, line in enumerate(lines) if line.strip(" ,;\t|\r\n") and not _is_hint(line)), None)
    if at is None:
        return
    header, separator = _header(lines[at])
    for record in _records(lines, at + 1, separator, len(header)):
        yield {BROKEN: record.fault} if record.fault else _row(header, separator, record)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Record:
    line: int
    """Where it begins, from 1."""
    cells: list[str]
    fault: str = ""


def _is_hint(line: str) -> bool:
    """Excel's own first line, which names the separator."""
    return line.strip().lower() in {f"sep={mark.strip()}" for mark in SEPARATORS}


def _header(line: str) -> tuple[list[str], str]:
    splits = {mark: [name.strip().lower() for name in _cells(line, mark)] for mark in SEPARATORS}
    separator = max(SEPARATORS, key=lambda mark: len(set(COLUMNS) & set(splits[mark])))
    header = splits[separator]
    if not set(NAMING) & set(header):
        raise UsageError(
            "the table has no column that names models",
            details=f"where    its first line: {quote(line.strip())}\nallowed  {' or '.join(NAMING)}, and any of"
            f" {shorten_list([name for name in COLUMNS if name not in NAMING], limit=30)}",
            resolution="begin with a line of column names, separated by commas, semicolons or tabs",
        )
    return header, separator


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), list[str]())
    except csv.Error:
        return []


def _records(lines: list[str], at: int, separator: str, width: int) -> Iterator[_Record]:
    while at < len(lines):
        most = MOST_LINES if '"' in lines[at] else 1
        reader = csv.reader(lines[at : at + most], delimiter=separator, strict=True)
        cells, fault = list[str](), ""
        try:
            cells = next(reader)
        except csv.Error as error:
            fault = str(error)
        used = reader.line_num
        if used > 1 and (fault or len(cells) != width):
            fault, used = _UNCLOSED, 1
        if fault:
            what = "has a quote that is not closed" if fault == _UNCLOSED else fault
            yield _Record(line=at + 1, cells=[], fault=f"no CSV: line {at + 1} {what}: {quote(lines[at].strip())}")
        elif cells and (len(cells) > 1 or cells[0].strip()):
            yield _Record(line=at + 1, cells=cells)
        at += used


_UNCLOSED = "unexpected end of data"
"""What ``csv`` says of a quote that stays open."""


def _row(header: list[str], separator: str, record: _Record) -> dict[str, str]:
    cells = [cell.strip() for cell in record.cells]
    if [cell.lower() for cell in cells[: len(header)]] == header:
        return {BROKEN: f"line {record.line} repeats the header"}
    extra = any(cells[len(header) :])
    if extra and header[-1] in COLUMNS and header[-1] != "notes":
        return {
            BROKEN: f"line {record.line} has {len(cells)} cells, the header {len(header)}: put a cell that holds a"
            f" {SEPARATORS[separator]} in quotes"
        }
    row: dict[str, str] = dict.fromkeys(header, "")
    for name, cell in zip(header, cells, strict=False):
        if name in COLUMNS and row[name] and cell and row[name] != cell:
            return {BROKEN: f"column {name} is there twice, with {quote(row[name])} and {quote(cell)}"}
        row[name] = cell or row[name]
    return row
