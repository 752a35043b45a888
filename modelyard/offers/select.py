"""Which offers a place allows, and in words why the others are not."""

from collections.abc import Iterable
from dataclasses import replace

from modelyard.catalog.gpus import find_gpu
from modelyard.errors import UnknownNameError
from modelyard.offers.types import Offer, Rejection
from modelyard.offers.vendors import Vendor, find_vendor, load_vendors
from modelyard.spec import Place, Trust
from modelyard.units import format_usd

_SAFETY = {Trust.CLOUD: 2, Trust.SECURE: 1, Trust.COMMUNITY: 0}
ANY_REGION = ("any", "marketplace")
"""How a price says that it holds wherever the vendor has the machine."""


def select(offers: Iterable[Offer], place: Place) -> tuple[tuple[Offer, ...], tuple[Rejection, ...]]:
    """Split offers into those that ``place`` allows and those that it does not, each with the first reason why not.

    An offer that holds in any region is narrowed to the asked regions of its vendor, one offer a region.

    Returns:
        The offers allowed and the rejections, both in the order given.

    Raises:
        UnknownNameError: a vendor, GPU or region in ``place`` that is not known.
    """
    offers = tuple(offers)
    wanted = _Wanted(offers, place)
    allowed: list[Offer] = []
    rejected: list[Rejection] = []
    for offer in offers:
        reason = wanted.why_not(offer)
        if reason is None:
            allowed.extend(wanted.narrowed(offer))
        else:
            rejected.append(Rejection(offer=offer, reason=reason))
    return tuple(allowed), tuple(rejected)


class _Wanted:
    """A place with its names looked up once."""

    def __init__(self, offers: tuple[Offer, ...], place: Place) -> None:
        self.place = place
        self.vendors = tuple(find_vendor(name).name for name in place.vendors)
        self.gpus = tuple(find_gpu(name).name for name in place.gpus)
        self.by_name: dict[str, Vendor] = {v.name: v for v in load_vendors()}
        known = {o.region for o in offers} | {r for v in self.by_name.values() for r in v.regions}
        spelled = {region.lower(): region for region in known - set(ANY_REGION)}
        self.regions = tuple(_known_region(name, spelled) for name in place.regions)

    def why_not(self, offer: Offer) -> str | None:
        """The first reason against an offer; None when there is none."""
        return self._why_not_what(offer) or self._why_not_terms(offer)

    def _why_not_what(self, offer: Offer) -> str | None:
        """Reasons that lie in who sells it and what it is."""
        if self.vendors and offer.vendor not in self.vendors:
            return f"vendor not in {', '.join(self.vendors)}"
        if not offer.rentable:
            return self.by_name[offer.vendor].why_not_rentable
        if self.gpus and offer.gpu not in self.gpus:
            return f"GPU not in {', '.join(self.gpus)}"
        if self.place.gpu_count not in (None, offer.gpu_count):
            return f"{offer.gpu_count} GPUs, you asked for {self.place.gpu_count}"
        if self.place.nvlink and not offer.fast_link:
            return "no fast link between its GPUs"
        return None

    def _why_not_terms(self, offer: Offer) -> str | None:
        """Reasons that lie in the terms: trust, market, region, price."""
        ceiling = self.place.max_usd_per_hour
        if _SAFETY[offer.trust] < _SAFETY[self.place.trust]:
            return f"trust tier {offer.trust}, you asked {self.place.trust}"
        if offer.spot and not self.place.spot:
            return "spot: may be taken away at any moment, and you did not ask for it"
        if self.regions and not self._regions_of(offer):
            return f"region {offer.region}, you asked {', '.join(self.regions)}"
        if ceiling is not None and offer.usd_per_hour > ceiling:
            return f"over your {format_usd(ceiling)}/h"
        return None

    def narrowed(self, offer: Offer) -> tuple[Offer, ...]:
        """The offer in each of the asked regions, or as it is when none was asked."""
        if not self.regions:
            return (offer,)
        return tuple(replace(offer, region=region) for region in self._regions_of(offer))

    def _regions_of(self, offer: Offer) -> tuple[str, ...]:
        if offer.region in self.regions:
            return (offer.region,)
        if offer.region not in ANY_REGION:
            return ()
        return tuple(r for r in self.regions if r in self.by_name[offer.vendor].regions)


def _known_region(name: str, spelled: dict[str, str]) -> str:
    found = spelled.get(name.strip().lower())
    if found is None:
        raise UnknownNameError("region", name, spelled.values(), see="Leave place.regions out to allow all of them.")
    return found
