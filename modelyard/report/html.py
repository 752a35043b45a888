"""A preview as one page that stands by itself: no script, no request, light and dark, on paper and on a phone.

The template escapes everything (``modelyard/data/preview.html.j2``). This module works out what it draws: stretches of
the memory bar, the start-up timeline, the tree. Colours are classes, so that the page's own style sheet decides them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from modelyard.report import kv_plot, phrases
from modelyard.report.memory import Memory, headline, read_memory
from modelyard.report.reader import Document, Reader
from modelyard.report.tree import tree
from modelyard.units import HOURS_PER_MONTH, format_duration, format_usd, gib

_SHOWN_OFFERS = 8
_LABEL_ROOM = 12.0
"""The least share of a bar, in percent, that has room for a label of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A part of a bar; ``start`` and ``share`` are percent of the whole."""

    css: str
    name: str
    amount: str
    start: float
    share: float
    why: str = ""

    @property
    def has_room(self) -> bool:
        """Whether its label fits inside."""
        return self.share >= _LABEL_ROOM


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """A ceiling, and how much of it is used."""

    said: str
    share: float
    """Percent, at most 100: the length of the bar."""
    percent: str
    css: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row of a table of plain cells."""

    cells: tuple[str, ...]
    css: str = ""


def to_html(document: Document) -> str:
    """The document as a page.

    Args:
        document: A ``modelyard.preview/1`` document.
    """
    doc = Reader(document)
    return _template().render(
        doc=doc,
        cost=doc.part("cost"),
        headline=_headline(doc.part("cost")),
        stale=phrases.stale(doc.part("cost")),
        dates=phrases.price_dates(doc.part("cost")),
        counts=phrases.counts(doc),
        servings=[_serving(serving, doc.part("cost")) for serving in doc.parts("servings")],
        frame=kv_plot,
        lines=_lines(doc.part("cost")),
        bounded=doc.part("cost").money("max_spend_usd") is not None,
        rules=[(rule, _RULE_WORDS.get(rule.text("status"), "skipped")) for rule in _worst_first(doc.parts("rules"))],
        tree=tree(doc.parts("resources")),
        blocked=[rule for rule in doc.parts("rules") if rule.text("status") in {"fail", "unknown"}],
    )


_RULE_WORDS = {"pass": "pass", "warn": "warning", "fail": "fails", "unknown": "cannot be decided", "skipped": "skipped"}


@cache
def _template() -> Template:
    text = (resources.files("modelyard") / "data" / "preview.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(text)


def _headline(cost: Reader) -> list[tuple[str, str]]:
    order = {"before the deadline": 0, "a month": 1}
    return sorted(phrases.totals(cost, run_on=True), key=lambda total: order.get(total[0], 2))


def _serving(serving: Reader, cost: Reader) -> dict[str, object]:
    plan, fit = serving.part("plan"), serving.part("fit")
    memory, offers = read_memory(fit), _offers(plan)
    return {
        "plan": plan,
        "fit": fit,
        "title": phrases.title(plan),
        "life": phrases.life(plan),
        "verdict": phrases.VERDICTS.get(fit.text("verdict"), fit.text("verdict")),
        "css": {"fits": "good", "tight": "warn"}.get(fit.text("verdict"), "bad"),
        "memory_line": headline(memory) if memory else "",
        "memory": _memory(memory) if memory else [],
        "holds": phrases.holds(plan, fit),
        "reach": phrases.reach(fit),
        "remedies": [
            Row(cells=(phrases.remedy_price(item), phrases.remedy(item), item.text("caveat")))
            for item in fit.parts("remedies")
        ],
        "plot": kv_plot.read_plot(plan, fit),
        "startup": _startup(plan.parts("startup.phases")),
        "expected": _duration(plan.whole("startup.expected_seconds")),
        "timeout": _duration(plan.whole("startup.timeout_seconds")),
        "useful": phrases.useful_minutes(plan),
        "ceilings": _ceilings(plan, cost),
        "offers": offers[:_SHOWN_OFFERS],
        "more_offers": offers[_SHOWN_OFFERS:],
        "note": phrases.chosen_note(plan.parts("candidates"), plan),
    }


def _duration(seconds: int | None) -> str:
    return "" if seconds is None else format_duration(seconds)


def _memory(memory: Memory) -> list[Stretch]:
    parts = [
        ("weights", "Weights", memory.weights, "the model's parameters, loaded once"),
        ("engine", "Engine", memory.other, "activations, CUDA graphs, runtime"),
        ("kv", "KV cache", max(memory.kv_cache, 0), "what requests share: more of it, more requests at once"),
        ("spare", "Left alone", memory.reserve, "what the engine is told not to touch"),
    ]
    return _stretches([(css, name, f"{gib(size):.1f} GiB", size, why) for css, name, size, why in parts])


def _startup(phases: Sequence[Reader]) -> list[Stretch]:
    return _stretches(
        [
            (
                f"phase-{index % 4}",
                phase.text("name"),
                phrases.seconds_short(phase.whole("seconds")),
                phase.whole("seconds") or 0,
                phase.text("why"),
            )
            for index, phase in enumerate(phases)
        ]
    )


def _stretches(parts: Sequence[tuple[str, str, str, int, str]]) -> list[Stretch]:
    total = sum(size for *_, size, _ in parts)
    made: list[Stretch] = []
    start = 0.0
    for css, name, amount, size, why in parts:
        share = 100 * size / total if total else 0.0
        made.append(Stretch(css=css, name=name, amount=amount, start=round(start, 3), share=round(share, 3), why=why))
        start += share
    return made


def _ceilings(plan: Reader, cost: Reader) -> list[Ceiling]:
    made: list[Ceiling] = []
    pairs = (
        ("max_usd_per_hour", "hourly_usd", "an hour"),
        ("max_usd_per_month", "monthly_usd", "a month"),
        ("max_spend_usd", "max_spend_usd", "in all"),
    )
    for limit_key, total_key, per in pairs:
        limit, total = plan.money(f"budget.{limit_key}"), cost.money(total_key)
        if not limit:
            continue
        said = f"{format_usd(limit)} {per}"
        if total is None or not cost.parts("lines"):
            made.append(Ceiling(said=said, share=0, percent="not known", css="warn"))
            continue
        used, lower = total / limit, cost.flag("lower_bound") is True
        css = "bad" if total > limit else "warn" if lower else "good"
        figure = f"{used:.1%}" if used < Decimal("0.1") else f"{used:.0%}"
        percent = f"at least {figure}" if lower else figure
        made.append(Ceiling(said=said, share=min(float(used) * 100, 100.0), percent=percent, css=css))
    return made


def _lines(cost: Reader) -> list[Row]:
    bounded = cost.money("max_spend_usd") is not None
    rows: list[Row] = []
    for line in cost.parts("lines"):
        hourly, once, most = line.money("hourly_usd"), line.money("once_usd"), line.money("max_spend_usd")
        monthly = _amount((hourly or Decimal(0)) * HOURS_PER_MONTH + (once or Decimal(0)))
        rows.append(
            Row(
                cells=(
                    line.text("what"),
                    line.text("resource"),
                    _amount(hourly) + (f" + {format_usd(once)} once" if once else ""),
                    _amount(most) if bounded else monthly,
                    line.text("as_of", "no date"),
                    line.text("source"),
                    phrases.source_label(line.text("source")),
                    line.text("note"),
                )
            )
        )
    for item in cost.parts("not_priced"):
        cells = (item.text("what"), item.text("resource"), "", "", "", "", "", item.text("why"))
        rows.append(Row(cells=cells, css="warn"))
    return rows


def _amount(amount: Decimal | None) -> str:
    return format_usd(amount) if amount else "–"


def _offers(plan: Reader) -> list[Row]:
    rows: list[Row] = []
    for index, offer in enumerate(plan.parts("candidates")):
        price, most = offer.money("usd_per_hour"), offer.money("max_spend_usd")
        verdict = phrases.VERDICTS.get(offer.text("verdict"), offer.text("verdict"))
        rows.append(
            Row(
                cells=(
                    offer.text("label"),
                    offer.text("region"),
                    _amount(price),
                    _amount(most),
                    verdict if index == 0 else f"choice {index + 1}, {verdict}",
                ),
                css="chosen" if index == 0 else "",
            )
        )
    rows.extend(
        Row(cells=(loser.text("label"), "", _amount(loser.money("usd_per_hour")), "", loser.text("reason")), css="lost")
        for loser in plan.parts("losers")
    )
    return rows


def _worst_first(rules: Sequence[Reader]) -> list[Reader]:
    order = ("fail", "unknown", "warn", "pass", "skipped")
    return sorted(rules, key=lambda rule: order.index(rule.text("status")) if rule.text("status") in order else 0)
