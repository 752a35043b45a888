"""How advice looks: changes and what they do to the price; how far a configuration goes, and how to start it."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from modelyard.cli.console import styled, wants_color
from modelyard.fit import Fit, Verdict
from modelyard.plan.advice import Advice
from modelyard.plan.flags import FlagAdvice
from modelyard.plan.reach import Bound, Reach
from modelyard.units import format_tokens, format_usd, format_usd_change

if TYPE_CHECKING:
    from modelyard.offers import Offer

MARKS = {Verdict.FITS: "✔", Verdict.TIGHT: "~", Verdict.DOES_NOT_FIT: "✘"}
INDENT = " " * 11


@dataclass(frozen=True, kw_only=True, slots=True)
class Counsel:
    """Everything that is said beyond the verdict."""

    advice: tuple[Advice, ...] = ()
    """For what does not fit, or only just."""
    reach: tuple[Reach, ...] = ()
    flags: tuple[FlagAdvice, ...] = ()
    next_steps: tuple[str, ...] = ()
    """What to find out where the architecture is not known."""


def counsel_on(fit: Fit) -> Counsel:
    """Advice where it does not fit; otherwise how far it goes, and the flags to start it with."""
    from modelyard.catalog.gpus import load_gpus
    from modelyard.plan.advice import advise, steps_for_unknown
    from modelyard.plan.flags import recommend_flags
    from modelyard.plan.reach import reach

    if fit.verdict is Verdict.FITS and fit.request.model.encoder:
        return Counsel()  # nothing is cached, so that no flag buys room for requests
    if fit.verdict is Verdict.FITS:
        return Counsel(reach=reach(fit.request), flags=recommend_flags(fit))
    return Counsel(advice=advise(fit, gpus=load_gpus()), next_steps=steps_for_unknown(fit))


def counsel_lines(counsel: Counsel) -> list[str]:
    """The same for people."""
    return [*_reach(counsel.reach), *_flags(counsel.flags), *_ways_out(counsel), *_next(counsel.next_steps)]


def _reach(reached: Sequence[Reach]) -> list[str]:
    if not reached:
        return []
    parts = [f"{_length(item)} × {item.concurrency}" for item in reached]
    note = "; * the model's longest" if any(item.limited_by is Bound.MODEL for item in reached) else ""
    return [f"reach    longest context × requests at once: {' · '.join(parts)}{note}"]


def _length(item: Reach) -> str:
    if item.context_tokens is None:
        return "none"
    return format_tokens(item.context_tokens) + ("*" if item.limited_by is Bound.MODEL else "")


def _flags(flags: Sequence[FlagAdvice]) -> list[str]:
    if not flags:
        return []
    lines = ["", "flags for vLLM"]
    for flag in flags:
        note = f"; {flag.caveat}" if flag.caveat else ""
        lines += [f"  {flag.spelled}{' (optional)' if flag.optional else ''}", f"{INDENT}{flag.reason}{note}"]
    return lines


def _next(steps: Sequence[str]) -> list[str]:
    return ["", "to find out", *(f"  {step}" for step in steps)] if steps else []


def _ways_out(counsel: Counsel) -> list[str]:
    advice = counsel.advice
    if not advice:
        return []
    color = wants_color(sys.stdout)
    enough = advice[0].verdict is Verdict.FITS
    head = "ways out, the cheapest first" if enough else "no single change is enough; these come closest"
    if counsel.next_steps:
        head = "what holds its weights; whether its KV cache fits beside them is not known"
    prices = [price_words(item) for item in advice]
    width = max(len(price) for price in prices)
    lines = ["", head]
    for item, price in zip(advice, prices, strict=True):
        shown = styled(price.rjust(width), _color(item.usd_per_hour_delta), color=color)
        lines.append(f"  {MARKS[item.verdict]} {shown}  {item.change}: {item.effect}")
        lines += [f"{' ' * (width + 6)}{note}" for note in (_offers(item), item.caveat) if note]
    return lines


def _color(delta: Decimal | None) -> str:
    if delta is None:
        return "dim"
    return "green" if delta <= 0 else "yellow"


def price_words(item: Advice) -> str:
    """``−$13.56/h``, ``free``, ``+$4.80/h`` or ``not priced``."""
    return format_usd_change(item.usd_per_hour_delta, moves=_moves(item))


def _moves(item: Advice) -> bool:
    """Whether the change is to another machine."""
    return item.from_offer is not None and item.to_offer is not None and item.from_offer.key != item.to_offer.key


def _offers(item: Advice) -> str:
    """Which offers were compared; nothing where the machine stays."""
    after = item.request
    if item.usd_per_hour_delta is None and item.to_offer is None:
        now = f"; now {_offer(item.from_offer)}" if item.from_offer else ""
        return f"{after.gpu_count}× {after.gpu.name} is not on sale as one machine{now}"
    if item.usd_per_hour_delta is None and item.to_offer is not None:
        return f"what you asked for is not on sale, so there is no difference; then {_offer(item.to_offer)}"
    if not _moves(item) or item.from_offer is None or item.to_offer is None:
        return ""
    return f"{_offer(item.to_offer)} instead of {_offer(item.from_offer)}"


def _offer(offer: "Offer") -> str:
    return f"{offer.label} {format_usd(offer.usd_per_hour)}/h ({offer.as_of})"


def counsel_json(counsel: Counsel) -> dict[str, object]:
    """The same for programs; money as decimal strings, null where it is not known."""
    return {
        "advice": [
            {
                "kind": item.kind,
                "change": item.change,
                "effect": item.effect,
                "verdict": item.verdict,
                "usd_per_hour_delta": item.usd_per_hour_delta,
                "from_offer": _offer_json(item.from_offer),
                "to_offer": _offer_json(item.to_offer),
                "caveat": item.caveat or None,
                "accuracy": item.accuracy,
            }
            for item in counsel.advice
        ],
        "reach": [
            {"concurrency": item.concurrency, "context_tokens": item.context_tokens, "limited_by": item.limited_by}
            for item in counsel.reach
        ],
        "flags": counsel.flags,
        "next_steps": counsel.next_steps,
    }


def _offer_json(offer: "Offer | None") -> dict[str, object] | None:
    if offer is None:
        return None
    return {
        "label": offer.label,
        "vendor": offer.vendor,
        "sku": offer.sku,
        "gpu": offer.gpu,
        "gpu_count": offer.gpu_count,
        "region": offer.region,
        "trust": offer.trust,
        "usd_per_hour": offer.usd_per_hour,
        "as_of": offer.as_of,
        "source": offer.source,
    }
