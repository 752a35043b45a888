"""Output helpers: aligned tables, plain values, colour only where it is wanted."""

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from modelyard.cli import console
from modelyard.spec import Trust


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    usd: Decimal
    missing: str | None = None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("18.360"), "18.360"),
        (Decimal("1E+2"), "100"),
        (Decimal("0.000001"), "0.000001"),
        (date(2026, 11, 9), "2026-11-09"),
        (datetime(2026, 11, 9, 1, tzinfo=UTC), "2026-11-09T01:00:00+00:00"),
        (Trust.SECURE, "secure"),
        (Row(name="x", usd=Decimal(1)), {"name": "x", "usd": "1"}),
        ({"a": (1, [Decimal(2)])}, {"a": [1, ["2"]]}),
        (None, None),
        (True, True),
    ],
)
def test_values_as_json_holds_them(value: object, expected: object) -> None:
    assert console.plain(value) == expected


def test_a_table_is_aligned() -> None:
    text = console.table(("NAME", "$/h"), [("a", "1.00"), ("longer", "10.00")], right=(1,))
    assert text == "NAME      $/h\na        1.00\nlonger  10.00"


def test_a_table_without_rows_is_its_header() -> None:
    assert console.table(("A", "B"), []) == "A  B"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_that_is_narrow_cuts_one_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("NO_COLOR", "1")
    text = console.table(("NAME", "SKU", "END"), [("n" * 10, "s" * 40, "e" * 5)], cut=1)
    assert [len(line) for line in text.splitlines()] == [28, 30]
    assert "s" * 10 + "…" in text


@pytest.mark.parametrize(
    ("environment", "stream", "expected"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"TERM": "dumb"}, Terminal(), False),
    ],
)
def test_when_colour_is_wanted(
    environment: dict[str, str], stream: io.StringIO, *, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert console.wants_color(stream) is expected


def test_talk_goes_to_stderr_and_results_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("talk")
    console.emit("result")
    assert capsys.readouterr() == ("result\n", "talk\n")
