"""The picture of the KV budget: places worked out by hand, and nothing drawn that the document does not say."""

import re
from typing import Any

import pytest

from modelyard.report.html import to_html
from modelyard.report.kv_plot import BOTTOM, LEFT, RIGHT, TOP, KvPlot, read_plot, tokens_short
from modelyard.report.reader import Reader
from tests.modelyard.report.documents import trial

CURVE: list[dict[str, Any]] = [
    {"context_tokens": 1024 * 2**power, "requests": 64 / 2**power, "requests_fp8_kv": 128 / 2**power}
    for power in range(8)
]
"""64 requests of 1k: half as many at each doubling up to 128k, where only half a request is left."""
PLAN: dict[str, Any] = {"label": "runpod 4× H200 secure", "context_tokens": 8192, "concurrency": 4}
FIT: dict[str, Any] = {
    "max_context_tokens": 131_072,
    "max_num_seqs": 1024,
    "max_concurrency": 8.0,
    "reach": [
        {"concurrency": 1, "context_tokens": 61_440, "limited_by": "memory"},
        {"concurrency": 128, "context_tokens": None, "limited_by": "memory"},
    ],
    "kv_curve": CURVE,
}
COLUMN, ROW = (RIGHT - LEFT) / 7, (BOTTOM - TOP) / 7
"""Seven doublings on either axis: 1k to 128k, and 1 to 128 requests."""


def plot(plan: dict[str, Any] | None = None, **fit: Any) -> KvPlot:
    made = read_plot(Reader({**PLAN, **(plan or {})}), Reader({**FIT, **fit}))
    assert made is not None
    return made


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_a_constant_budget_is_a_straight_line_down_to_one_request() -> None:
    line = places(plot().curve)
    assert line == [
        pytest.approx((LEFT + n * COLUMN, TOP + (1 + n) * ROW), abs=0.06)  # 64 is one row below 128
        for n in range(7)
    ]
    assert line[-1][1] == BOTTOM
    assert len(places(plot().fp8_curve)) == 8
    assert places(plot().fp8_curve)[0] == (LEFT, TOP)


def test_between_two_points_the_line_ends_where_it_crosses_one_request() -> None:
    points = [{"context_tokens": 1024, "requests": 4.0}, {"context_tokens": 16384, "requests": 0.25}]
    end = places(plot(kv_curve=points).curve)[-1]
    assert end == pytest.approx((LEFT + (RIGHT - LEFT) * 2 / 7, BOTTOM), abs=0.06)  # half-way by logarithms: 4k


def test_the_asked_point_and_its_label() -> None:
    asked = plot().asked
    assert asked is not None
    assert (asked.x, asked.y) == pytest.approx((LEFT + 3 * COLUMN, TOP + 5 * ROW), abs=0.06)
    assert (asked.label, asked.anchor) == ("asked: 8k × 4", "end")
    above = plot({"concurrency": 16}).asked
    assert above is not None
    assert above.anchor == "start"
    assert plot({"context_tokens": None}).asked is None
    assert plot({"context_tokens": 512}).asked is None


def test_axes_bounds_and_marks() -> None:
    made = plot()
    assert [tick.label for tick in made.x_ticks] == ["1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k"]
    assert [tick.label for tick in made.y_ticks] == ["1", "2", "4", "8", "16", "32", "64", "128"]
    assert made.longest == "the model's longest: 128k"
    assert made.limit is None
    limited = plot(max_num_seqs=32).limit
    assert limited is not None
    assert limited.at == pytest.approx(TOP + 2 * ROW, abs=0.06)
    assert len(made.reach_marks) == 1
    assert made.reach_marks[0][1] == BOTTOM


def test_many_doublings_get_fewer_ticks() -> None:
    long = [{"context_tokens": 1024, "requests": 8192.0}, {"context_tokens": 10 << 20, "requests": 0.8}]
    made = plot(kv_curve=long, max_context_tokens=10 << 20)
    assert [tick.label for tick in made.x_ticks] == ["1k", "4k", "16k", "64k", "256k", "1m", "4m"]
    assert [tick.label for tick in made.y_ticks] == ["1", "4", "16", "64", "256", "1,024", "4,096"]


def test_tables_and_description_say_the_same_in_words() -> None:
    made = plot()
    assert [row.cells for row in made.reach_rows] == [("1", "60k", "memory"), ("128", "less than 1k", "memory")]
    assert made.curve_rows[0].cells == ("1k", "64.0", "128.0")
    assert made.curve_rows[-1].cells == ("128k", "0.5", "1.0")
    assert made.description == (
        "The KV cache on runpod 4× H200 secure holds from 64.0 requests of 1k down to 0.5 requests of 128k at once."
        " Asked: 4 of 8k, where it holds 8.0."
    )


@pytest.mark.parametrize(
    "fit",
    [
        {},
        {"kv_curve": []},
        {"kv_curve": CURVE[:1]},
        {"kv_curve": [{"context_tokens": 1024, "requests": 0.4}, {"context_tokens": 2048, "requests": 0.2}]},
        {"kv_curve": [{"context_tokens": "many", "requests": 3.0}, {"context_tokens": 2048, "requests": None}]},
        {"kv_curve": "odd"},
    ],
)
def test_nothing_worth_drawing_is_no_picture(fit: dict[str, Any]) -> None:
    assert read_plot(Reader(PLAN), Reader(fit)) is None


@pytest.mark.parametrize(
    ("count", "text"), [(512, "512"), (1024, "1k"), (1500, "1,500"), (163_840, "160k"), (10 << 20, "10m")]
)
def test_tokens_short(count: int, text: str) -> None:
    assert tokens_short(count) == text


def _page(**fit: Any) -> str:
    curve = [
        {"contextTokens": p["context_tokens"], "requests": p["requests"], "requestsFp8Kv": p["requests_fp8_kv"]}
        for p in CURVE
    ]
    facts: dict[str, Any] = {
        "verdict": "fits",
        "maxContextTokens": 131_072,
        "maxConcurrency": 4.0,
        "kvCurve": curve,
        "reach": [{"concurrency": 8, "contextTokens": 8192, "limitedBy": "memory"}],
        **fit,
    }
    return to_html(trial(fit=facts))


def test_the_page_draws_it_with_a_name_a_description_and_tables() -> None:
    text = _page()
    assert '<svg class="plot" role="img" aria-label="How many requests at once, and how long?"' in text
    assert "<desc id=" in text
    assert "The KV cache on runpod 4× H200 secure holds from 64.0 requests of 1k" in text
    assert 'class="curve fp8" d="M' in text
    assert "The longest context that fits with a margin" in text
    assert "The curve as a table" in text
    assert "script" not in text.lower()


def test_without_a_curve_there_is_no_picture() -> None:
    assert '<svg class="plot"' not in _page(kvCurve=[])
    assert '<svg class="plot"' not in to_html(trial())
