"""Whatever stands in a table of runs, every record is answered once, in order, as JSON; or the table is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.errors import UsageError
from modelyard.fit.batch import fit_csv
from modelyard.fit.table import decode

OBSERVED = Path(__file__).parents[1] / "fixtures" / "vram_observations.csv"
HEADER, *ROWS = OBSERVED.read_text(encoding="utf-8").splitlines()
VERDICTS = {"fits", "tight", "does_not_fit"}
CALM = (HealthCheck.too_slow, HealthCheck.data_too_large)
QUICK = settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=CALM)
LONG = settings(max_examples=1500, deadline=None, database=None, suppress_health_check=CALM)


def answers(text: str) -> list[dict[str, Any]]:
    """The answers; nothing where the table is refused."""
    refusal: UsageError | None = None
    found: list[dict[str, Any]] = []
    try:
        found = fit_csv(text)
    except UsageError as error:
        refusal = error
    assert refusal is None or "no column that names models" in refusal.brief
    assert [row["row"] for row in found] == list(range(1, len(found) + 1))
    for row in found:
        assert ("error" in row) != (row.get("verdict") in VERDICTS)
    json.dumps(found, allow_nan=False)
    return found


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Some rows of the observations with characters put in, taken out or replaced."""
    text = "\n".join((HEADER, *draw(st.lists(st.sampled_from(ROWS), max_size=4))))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(text)))
        put = draw(
            st.sampled_from(('"', "'", ",", ";", "\t", "\n", "\r", "\0", "", "é", "-", "9" * 40, "nan", "1e999"))
        )
        text = text[:at] + put + text[at + draw(st.integers(0, 3)) :]
    return text


@QUICK
@given(damaged())
def test_a_damaged_table_is_answered_or_refused(text: str) -> None:
    answers(text)


@QUICK
@given(st.binary(max_size=300))
def test_any_bytes_are_answered_or_refused(data: bytes) -> None:
    answers(decode(data))
    answers(f"{HEADER}\n{decode(data)}")


@QUICK
@given(st.lists(st.sampled_from(ROWS), min_size=1, max_size=4), st.integers(0, 3))
def test_a_quote_that_is_not_closed_costs_one_row(rows: list[str], at: int) -> None:
    """The columns behind the last comma are free text, so every sound row is answered as it is alone."""
    at = min(at, len(rows))
    swallowing = 'Llama 3.1 8B,"meta-llama/Llama-3.1-8B,bf16'
    found = answers("\n".join((HEADER, *rows[:at], swallowing, *rows[at:])))
    alone = answers("\n".join((HEADER, *rows)))
    assert len(found) == len(rows) + 1
    assert "a quote that is not closed" in found[at]["error"]
    others = [{**row, "row": 0} for i, row in enumerate(found) if i != at]
    assert others == [{**row, "row": 0} for row in alone]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_every_encoding_gives_the_same_answers(encoding: str) -> None:
    text = "\n".join((HEADER, *ROWS[:5]))
    assert answers(decode(text.encode(encoding))) == answers(text)


@pytest.mark.slow
@LONG
@given(damaged())
def test_many_damaged_tables(text: str) -> None:
    answers(text)
