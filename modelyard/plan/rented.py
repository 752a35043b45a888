"""Which rented machine: every offer within the filters, fitted, billed for the asked time, and ranked by that bill.

An offer that is not taken is kept with the reason, in words: a choice that cannot be questioned is not trusted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.cost import bill_offer
from modelyard.errors import NotPossibleError
from modelyard.fit import Fit, Verdict, assess, check_parallelism, precision_support
from modelyard.offers import Offer, load_offers, select
from modelyard.plan.request import Asked
from modelyard.plan.sizes import disk_gb, network_volume_gb
from modelyard.plan.types import Candidate, Loser
from modelyard.spec import Place
from modelyard.units import format_usd

MOST_CANDIDATES = 8
"""Offers that a machine may fall back on; the worst case is the dearest one's, so a longer list costs a promise."""

MACHINE = "machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """What a search over offers came to."""

    candidates: tuple[Candidate, ...]
    losers: tuple[Loser, ...]


def search(asked: Asked, *, lifetime_seconds: int | None) -> Search:
    """Candidates, best first, and everything else with its reason.

    Args:
        asked: the spec with its names looked up.
        lifetime_seconds: seconds that are paid for; None: no end, ranked by a month.

    Raises:
        NotPossibleError: no offer within the filters holds the model; names the cheapest that would.
        UnknownNameError: a vendor, GPU or region of the place that is not known.
    """
    allowed, rejected = select(load_offers(), asked.spec.place)
    filtered = [_loser(r.offer, r.reason) for r in rejected]
    unfit: list[Loser] = []
    found: list[Candidate] = []
    for offer in allowed:
        fit = fit_on(asked, offer)
        if isinstance(fit, str):
            unfit.append(_loser(offer, fit))
        else:
            found.append(_candidate(asked, offer, fit, lifetime_seconds))
    if not found:
        raise _nothing(asked, (r.offer for r in rejected), [*unfit, *filtered])
    kept, beaten = _choose(asked, found)
    # What came closest is the most useful to read: first what would have done, then what is too small.
    losers = [loser for group in (beaten, unfit, filtered) for loser in sorted(group, key=_by_price)]
    return Search(candidates=kept, losers=tuple(dict.fromkeys(losers)))


def fit_on(asked: Asked, offer: Offer) -> Fit | str:
    """The fit on the whole of an offer's machine, or why it cannot serve this."""
    gpu = find_gpu(offer.gpu)
    refused = asked.why_not(gpu)
    if refused:
        return refused
    support = precision_support(gpu, asked.precision.quantization, asked.engine.name)
    named = gpu.name in {find_gpu(name).name for name in asked.spec.place.gpus}
    if support.kind == "weight-only" and not asked.precision.scheme.family.startswith("int4") and not named:
        return f"{support.why}; name {gpu.name} in place.gpus to accept that"
    refused = check_parallelism(asked.model, offer.gpu_count, 1, quantization=asked.precision.quantization)
    if refused:
        return refused
    fit = assess(asked.fit_request(gpu, tensor_parallel_size=offer.gpu_count))
    if fit.verdict is Verdict.DOES_NOT_FIT:
        return fit.reasons[0] if fit.reasons else "does not fit"
    return fit


def _candidate(asked: Asked, offer: Offer, fit: Fit, lifetime_seconds: int | None) -> Candidate:
    bill = bill_offer(
        offer,
        resource=MACHINE,
        disk_gb=disk_gb(asked.spec, asked.cache_gb),
        network_volume_gb=network_volume_gb(asked.spec, asked.cache_gb),
        lifetime_seconds=lifetime_seconds,
    )
    return Candidate(
        offer=offer,
        fit=fit,
        tensor_parallel_size=offer.gpu_count,
        bill=bill,
        ranked_usd=bill.max_spend_usd if bill.max_spend_usd is not None else bill.monthly_usd,
    )


def _choose(asked: Asked, found: list[Candidate]) -> tuple[tuple[Candidate, ...], list[Loser]]:
    found.sort(key=_rank)
    chosen = found[0]
    kept: list[Candidate] = [chosen]
    beaten: list[Loser] = []
    for candidate in found[1:]:
        reason = _why_not_kept(asked, chosen, candidate, len(kept))
        if reason is None:
            kept.append(candidate)
        else:
            beaten.append(_loser(candidate.offer, reason))
    return tuple(kept), beaten


def _loser(offer: Offer, reason: str) -> Loser:
    return Loser(label=offer.label, usd_per_hour=offer.usd_per_hour, reason=reason)


def _by_price(loser: Loser) -> tuple[Decimal, str]:
    return loser.usd_per_hour, loser.label


def _rank(candidate: Candidate) -> tuple[bool, Decimal, int, str]:
    """A tight fit is taken only when nothing fits; then money, then fewer GPUs."""
    tight = candidate.fit.verdict is not Verdict.FITS
    return tight, candidate.ranked_usd, candidate.offer.gpu_count, candidate.offer.key


def _why_not_kept(asked: Asked, chosen: Candidate, candidate: Candidate, kept: int) -> str | None:
    """Why a machine that would do is not even a fallback; None when it is one."""
    if candidate.fit.verdict is not Verdict.FITS and chosen.fit.verdict is Verdict.FITS:
        return candidate.fit.reasons[0] if candidate.fit.reasons else "tight"
    replicas, budget = asked.spec.replicas, asked.spec.budget
    spend, hourly = candidate.bill.max_spend_usd, candidate.bill.hourly_usd
    if budget.max_spend_usd is not None and spend is not None and spend * replicas > budget.max_spend_usd:
        return f"worst case {format_usd(spend * replicas)} is over your {format_usd(budget.max_spend_usd)}"
    if budget.max_usd_per_hour is not None and hourly * replicas > budget.max_usd_per_hour:
        return f"{format_usd(hourly * replicas)}/h with storage is over your {format_usd(budget.max_usd_per_hour)}/h"
    if kept >= MOST_CANDIDATES:
        return f"dearer than the {MOST_CANDIDATES} that are tried"
    return None


def _nothing(asked: Asked, rejected: Iterable[Offer], losers: list[Loser]) -> NotPossibleError:
    """Say what the cheapest holder would be if a filter gave way."""
    place = asked.spec.place
    reasons = {loser.label: loser.reason for loser in losers}
    holders = sorted(
        (offer for offer in rejected if offer.rentable and not isinstance(fit_on(asked, offer), str)),
        key=lambda offer: (offer.usd_per_hour, offer.key),
    )
    wanted = f"{asked.model.title} {asked.precision.quantization} with {asked.spec.context_tokens:,} tokens"
    brief = f"nothing on sale holds {wanted} × {asked.spec.concurrency} within your filters"
    where = "where    key modelyard:serve.place"
    if not holders:
        close = max(losers, key=lambda loser: loser.usd_per_hour, default=None)
        why = f"; the largest looked at, {close.label}: {close.reason}" if close else ""
        return NotPossibleError(
            brief,
            details=where,
            resolution=f"no single machine that can be rented holds it{why}; lower context, concurrency or precision",
        )
    best = holders[0]
    loosen = f"it was left out because: {reasons[best.label]}"
    others = f" ({_filters(place)})" if _filters(place) else ""
    return NotPossibleError(
        brief,
        details=f"{where}{others}",
        resolution=f"the cheapest that holds it is {best.label} at {format_usd(best.usd_per_hour)}/h; {loosen}",
    )


def _filters(place: Place) -> str:
    parts = [
        f"vendors {', '.join(place.vendors)}" if place.vendors else "",
        f"gpus {', '.join(place.gpus)}" if place.gpus else "",
        f"trust {place.trust}",
        f"at most {format_usd(place.max_usd_per_hour)}/h" if place.max_usd_per_hour is not None else "",
    ]
    return ", ".join(part for part in parts if part)


def seconds_until(until: datetime, now: datetime) -> int:
    """Whole seconds from ``now`` to ``until``, at least 0; both aware UTC."""
    return max(int((until - now).total_seconds()), 0)


def links_warning(gpu: Gpu, gpu_count: int, *, fast_link: bool) -> str | None:
    """The warning for tensor parallelism over PCI Express; None when the GPUs share a fast link."""
    if gpu_count == 1 or fast_link:
        return None
    return (
        f"tensor parallel over {gpu_count} {gpu.name} without a fast link: expect 30 to 50 % less throughput; "
        "place.nvlink: true asks for machines that have one"
    )
