"""The KV budget as a picture: how many requests are held at once over how long they may be, on two logarithmic axes.

What is drawn is worked out here in the units of the picture, from a document's ``fit.kv_curve`` and ``fit.reach``; the
template only writes it down. Both axes are logarithmic because the product of the two is what memory bounds, which
makes a constant budget a straight line.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from modelyard.report.reader import Reader

WIDTH, HEIGHT = 720, 380
LEFT, RIGHT, TOP, BOTTOM = 58, 700, 30, 326
"""Edges of the plot inside the picture."""
_MOST_TICKS = 9
_LEAST_POINTS = 2
_BOUNDS = {
    "model": "the model reads no more",
    "memory": "memory",
    "max_num_seqs": "the engine runs fewer at once (max-num-seqs)",
}

Point = tuple[float, float]
"""Context in tokens and requests at once, or a place in the picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A line of the grid with its label."""

    at: float
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A point with a label beside it."""

    x: float
    y: float
    label: str
    label_x: float
    label_y: float
    anchor: str
    """``start`` or ``end``, as SVG means it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row of a table."""

    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class KvPlot:
    """Everything that is drawn and said."""

    title: str
    description: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    area: str
    curve: str
    fp8_curve: str
    """SVG paths; the last is empty without one."""
    asked: Mark | None
    longest: str
    limit: Tick | None
    """Requests that the engine runs at once, where that lies inside the picture."""
    reach_marks: tuple[Point, ...]
    reach_rows: tuple[Row, ...]
    curve_rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scale:
    """From tokens and requests to places in the picture."""

    first: float
    last: float
    most: float

    def x(self, tokens: float) -> float:
        share = math.log2(tokens / self.first) / math.log2(self.last / self.first)
        return round(LEFT + share * (RIGHT - LEFT), 1)

    def y(self, requests: float) -> float:
        share = math.log2(max(requests, 1)) / math.log2(self.most)
        return round(BOTTOM - share * (BOTTOM - TOP), 1)


def read_plot(plan: Reader, fit: Reader) -> KvPlot | None:
    """The picture of a Serving; None when its document has no curve, or nothing of it is worth drawing."""
    points = _points(fit, "requests")
    fp8 = _points(fit, "requests_fp8_kv")
    if len(points) < _LEAST_POINTS or points[0][0] >= points[-1][0] or points[0][1] <= 1:
        return None
    asked = _asked(plan)
    last = max(points[-1][0], fit.whole("max_context_tokens") or 0)
    held = max([y for _, y in (*points, *fp8)] + ([asked[1]] if asked else []))
    scale = _Scale(first=points[0][0], last=last, most=2.0 ** max(1, math.ceil(math.log2(held))))
    places = [(scale.x(x), scale.y(y)) for x, y in _from_one_up(points)]
    curve = _path(places)
    return KvPlot(
        title="How many requests at once, and how long?",
        description=_description(plan, fit, asked),
        x_ticks=_ticks(scale.first, scale.last, scale.x, tokens_short),
        y_ticks=_ticks(1, scale.most, scale.y, lambda value: f"{value:,}"),
        area=f"{curve} V{BOTTOM} H{places[0][0]} Z",
        curve=curve,
        fp8_curve=_path([(scale.x(x), scale.y(y)) for x, y in _from_one_up(fp8)]),
        asked=_mark(asked, scale, fit.number("max_concurrency")),
        longest=f"the model's longest: {tokens_short(int(last))}",
        limit=_limit(fit.whole("max_num_seqs"), scale),
        reach_marks=tuple((scale.x(x), scale.y(y)) for x, y in _reached(fit) if x >= scale.first and y <= scale.most),
        reach_rows=_reach_rows(fit),
        curve_rows=_curve_rows(fit),
    )


def tokens_short(count: int) -> str:
    """``16k``, ``10m``, or the number itself where it is not a whole one of them."""
    for size, suffix in ((1 << 20, "m"), (1 << 10, "k")):
        if count >= size and count % size == 0:
            return f"{count // size}{suffix}"
    return f"{count:,}"


def _points(fit: Reader, name: str) -> list[Point]:
    found: list[Point] = []
    for point in fit.parts("kv_curve"):
        tokens, requests = point.whole("context_tokens"), point.number(name)
        if tokens is not None and tokens > 0 and requests is not None:
            found.append((float(tokens), requests))
    return sorted(found)


def _asked(plan: Reader) -> Point | None:
    tokens, requests = plan.whole("context_tokens"), plan.whole("concurrency")
    return None if not tokens or not requests or min(tokens, requests) < 1 else (float(tokens), float(requests))


def _reached(fit: Reader) -> list[Point]:
    pairs = ((item.whole("context_tokens"), item.whole("concurrency")) for item in fit.parts("reach"))
    return [(float(tokens), float(requests)) for tokens, requests in pairs if tokens and requests and requests > 0]


def _from_one_up(points: Sequence[Point]) -> list[Point]:
    """The part of a falling curve that holds a whole request: it ends where it crosses one."""
    kept: list[Point] = []
    for x, y in points:
        if y >= 1:
            kept.append((x, y))
            continue
        if kept and y > 0 and kept[-1][1] > 1:
            before_x, before_y = kept[-1]
            share = math.log2(before_y) / math.log2(before_y / y)
            kept.append((before_x * (x / before_x) ** share, 1.0))
        break
    return kept


def _path(places: Sequence[Point]) -> str:
    return " ".join(f"{'L' if index else 'M'}{x} {y}" for index, (x, y) in enumerate(places))


def _ticks(first: float, last: float, place: Callable[[float], float], label: Callable[[int], str]) -> tuple[Tick, ...]:
    """Powers of two, or of four or eight where they would crowd."""
    low, high = math.ceil(math.log2(first)), math.floor(math.log2(last))
    step = 1 + (high - low) // _MOST_TICKS
    return tuple(Tick(at=place(2**power), label=label(2**power)) for power in range(low, high + 1, step))


def _mark(asked: Point | None, scale: _Scale, held: float | None) -> Mark | None:
    if asked is None or not scale.first <= asked[0] <= scale.last:
        return None
    x, y = scale.x(asked[0]), scale.y(asked[1])
    # The curve falls to the right: under it the label stands clear on the left, above it on the right.
    third = (RIGHT - LEFT) / 3
    above = held is not None and held < asked[1]
    right = x < RIGHT - third if above else x < LEFT + third
    return Mark(
        x=x,
        y=y,
        label=f"asked: {tokens_short(int(asked[0]))} × {int(asked[1]):,}",
        label_x=x + 12 if right else x - 12,
        # Beside the point, but never on the axis below it.
        label_y=min(y + 5, BOTTOM - 8),
        anchor="start" if right else "end",
    )


def _limit(max_num_seqs: int | None, scale: _Scale) -> Tick | None:
    if max_num_seqs is None or not 1 < max_num_seqs < scale.most:
        return None
    return Tick(at=scale.y(max_num_seqs), label=f"the engine runs at most {max_num_seqs:,} at once")


def _description(plan: Reader, fit: Reader, asked: Point | None) -> str:
    said = [
        f"{point.number('requests') or 0:,.1f} requests of {tokens_short(point.whole('context_tokens') or 0)}"
        for point in (*fit.parts("kv_curve")[:1], *fit.parts("kv_curve")[-1:])
    ]
    first = f"The KV cache on {plan.text('label', 'this machine')} holds from {said[0]} down to {said[-1]} at once."
    if asked is None:
        return first
    held = fit.number("max_concurrency")
    at_asked = f", where it holds {held:,.1f}" if held is not None else ""
    return f"{first} Asked: {int(asked[1]):,} of {tokens_short(int(asked[0]))}{at_asked}."


def _reach_rows(fit: Reader) -> tuple[Row, ...]:
    rows: list[Row] = []
    for item in fit.parts("reach"):
        requests, tokens = item.whole("concurrency"), item.whole("context_tokens")
        length = "less than 1k" if tokens is None else tokens_short(tokens)
        if item.text("limited_by") == "max_num_seqs":
            length = "–"
        rows.append(Row(cells=(f"{requests or 0:,}", length, _BOUNDS.get(item.text("limited_by"), ""))))
    return tuple(rows)


def _curve_rows(fit: Reader) -> tuple[Row, ...]:
    rows: list[Row] = []
    for point in fit.parts("kv_curve"):
        tokens, held, fp8 = (
            point.whole("context_tokens"),
            point.number("requests"),
            point.number("requests_fp8_kv"),
        )
        if tokens is not None and held is not None:
            rows.append(Row(cells=(tokens_short(tokens), f"{held:,.1f}", "–" if fp8 is None else f"{fp8:,.1f}")))
    return tuple(rows)
