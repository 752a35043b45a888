"""What to say when no offer is left: the cheapest machine that would hold it, and which filter keeps it out."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from modelyard.errors import NotPossibleError
from modelyard.fit import Fit
from modelyard.offers import Offer, Rejection, find_vendor, load_offers, select
from modelyard.plan.holds import fit_on
from modelyard.plan.request import Asked
from modelyard.spec import Place, Trust
from modelyard.units import format_usd


def nothing_holds_it(asked: Asked, rejected: Sequence[Rejection], unfit: Sequence[Rejection]) -> NotPossibleError:
    """The error for a search that found nothing.

    Args:
        asked: the spec with its names looked up.
        rejected: offers that the filters keep out.
        unfit: offers within the filters that do not hold it.
    """
    place = asked.spec.place
    wanted = f"{asked.model.title} {asked.precision.quantization} with {asked.spec.context_tokens:,} tokens"
    closest = max(unfit, key=lambda r: (r.offer.usd_per_hour, r.offer.key), default=None)
    because = f"\nbecause  {closest.offer.label}: {closest.reason}" if closest else ""
    return NotPossibleError(
        f"nothing on sale holds {wanted} × {asked.spec.concurrency} within your filters",
        details=f"where    key modelyard:serve.place ({_filters(place)}){because}",
        resolution=_not_rentable(place) or _cheapest_way_out(asked, rejected),
    )


def _cheapest_way_out(asked: Asked, rejected: Sequence[Rejection]) -> str:
    # Money is the filter that people give way on first: stay with the vendors, GPUs and trust that were asked for.
    dearer, _ = select(load_offers(), replace(asked.spec.place, max_usd_per_hour=None))
    best = _cheapest(asked, dearer) or _cheapest(asked, (r.offer for r in rejected if r.offer.rentable))
    if best is None:
        return "no single machine that can be rented holds it; lower context, concurrency or precision"
    first = next((r.reason for r in rejected if r.offer.key == best.key), "it is outside your filters")
    reason = _every_reason(best, asked.spec.place) or first
    price = format_usd(best.usd_per_hour)
    return f"the cheapest that holds it is {best.label} at {price}/h; it was left out because: {reason}"


def _every_reason(offer: Offer, place: Place) -> str:
    """Each filter that keeps an offer out, in words: giving way on one of two would not help."""
    open_to_all = Place(trust=Trust.COMMUNITY, spot=True)
    each = (
        replace(open_to_all, vendors=place.vendors),
        replace(open_to_all, gpus=place.gpus),
        replace(open_to_all, gpu_count=place.gpu_count),
        replace(open_to_all, nvlink=place.nvlink),
        replace(open_to_all, trust=place.trust),
        replace(open_to_all, spot=place.spot),
        replace(open_to_all, max_usd_per_hour=place.max_usd_per_hour),
    )
    reasons = [r.reason for alone in each for r in select([offer], alone)[1]]
    return "; ".join(dict.fromkeys(reasons))


def _cheapest(asked: Asked, offers: Iterable[Offer]) -> Offer | None:
    for offer in sorted(offers, key=lambda o: (o.usd_per_hour, o.key)):
        if isinstance(fit_on(asked, offer), Fit):
            return offer
    return None


def _not_rentable(place: Place) -> str | None:
    """What to do when every vendor that was named is one that cannot be rented from."""
    vendors = [find_vendor(name) for name in place.vendors]
    if not vendors or any(vendor.rentable for vendor in vendors):
        return None
    return "; ".join(vendor.why_not_rentable for vendor in vendors)


def _filters(place: Place) -> str:
    parts = [
        f"vendors {', '.join(place.vendors)}" if place.vendors else "",
        f"regions {', '.join(place.regions)}" if place.regions else "",
        f"gpus {', '.join(place.gpus)}" if place.gpus else "",
        f"gpu-count {place.gpu_count}" if place.gpu_count is not None else "",
        f"trust {place.trust}",
        "nvlink" if place.nvlink else "",
        f"at most {format_usd(place.max_usd_per_hour)}/h" if place.max_usd_per_hour is not None else "",
    ]
    return ", ".join(part for part in parts if part)
