"""Which rented machine: every offer within the filters, fitted, billed for the asked time, and ranked by that bill.

An offer that is not taken is kept with the reason, in words: a choice that cannot be questioned is not trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from modelyard.cost import bill_offer
from modelyard.fit import Fit, Verdict
from modelyard.offers import Offer, Rejection, load_offers, select
from modelyard.plan.holds import fit_on
from modelyard.plan.impossible import nothing_holds_it
from modelyard.plan.losers import order_losers
from modelyard.plan.request import Asked
from modelyard.plan.sizes import disk_gb, network_volume_gb
from modelyard.plan.types import Candidate, Loser
from modelyard.units import HOURS_PER_MONTH, format_usd

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
    unfit: list[Rejection] = []
    found: list[Candidate] = []
    for offer in allowed:
        fit = fit_on(asked, offer)
        if isinstance(fit, str):
            unfit.append(Rejection(offer=offer, reason=fit))
        else:
            found.append(_candidate(asked, offer, fit, lifetime_seconds))
    if not found:
        raise nothing_holds_it(asked, rejected, unfit)
    kept, beaten = _choose(asked, sorted(found, key=_rank))
    return Search(candidates=kept, losers=order_losers(asked, beaten=beaten, unfit=unfit, filtered=rejected))


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


def _rank(candidate: Candidate) -> tuple[bool, Decimal, int, str]:
    """A tight fit is taken only when nothing fits; then money, then fewer GPUs."""
    tight = candidate.fit.verdict is not Verdict.FITS
    return tight, candidate.ranked_usd, candidate.offer.gpu_count, candidate.offer.key


def _choose(asked: Asked, ranked: Sequence[Candidate]) -> tuple[tuple[Candidate, ...], list[Rejection]]:
    kept: list[Candidate] = [ranked[0]]
    beaten: list[Rejection] = []
    for candidate in ranked[1:]:
        reason = _why_not_kept(asked, kept, candidate)
        if reason is None:
            kept.append(candidate)
        else:
            beaten.append(Rejection(offer=candidate.offer, reason=reason))
    return tuple(kept), beaten


def _why_not_kept(asked: Asked, kept: Sequence[Candidate], candidate: Candidate) -> str | None:
    """Why a machine that would do is not even a fallback; None when it is one."""
    if candidate.fit.verdict is not Verdict.FITS and kept[0].fit.verdict is Verdict.FITS:
        return candidate.fit.reasons[0] if candidate.fit.reasons else "tight"
    smaller = next((k.offer for k in kept if _kind(k.offer) == _kind(candidate.offer)), None)
    if smaller is not None:
        return f"holds it, and so does a machine with {smaller.gpu_count} of the same GPUs"
    over = _over_budget(asked, candidate)
    if over is not None:
        return over
    return f"holds it, dearer than the {MOST_CANDIDATES} that are tried" if len(kept) >= MOST_CANDIDATES else None


def _over_budget(asked: Asked, candidate: Candidate) -> str | None:
    """Which ceiling all replicas together would break."""
    replicas, budget = asked.spec.replicas, asked.spec.budget
    spend, hourly = candidate.bill.max_spend_usd, candidate.bill.hourly_usd * replicas
    if budget.max_spend_usd is not None and spend is not None and spend * replicas > budget.max_spend_usd:
        return f"worst case {format_usd(spend * replicas)} is over your {format_usd(budget.max_spend_usd)}"
    if budget.max_usd_per_hour is not None and hourly > budget.max_usd_per_hour:
        return f"{format_usd(hourly)}/h with storage is over your {format_usd(budget.max_usd_per_hour)}/h"
    monthly = hourly * HOURS_PER_MONTH
    if budget.max_usd_per_month is not None and monthly > budget.max_usd_per_month:
        return f"{format_usd(monthly)} a month is over your {format_usd(budget.max_usd_per_month)}"
    return None


def _kind(offer: Offer) -> tuple[str, str, str, str, bool]:
    return offer.vendor, offer.gpu, offer.region, offer.trust.value, offer.spot


def seconds_until(until: datetime, now: datetime) -> int:
    """Whole seconds from ``now`` to ``until``, at least 0; both aware UTC."""
    return max(int((until - now).total_seconds()), 0)
