"""Prices that vendors tell now, laid over the snapshot: what is new, what is confirmed, and what nobody answered for.

No input or output happens here: whoever asked the vendors hands in what they said.

* A live price replaces the snapshot's of the same vendor, SKU, size, trust tier and market; what is new is added.
* Regions that cost the same are one offer that knows its places; a region with a price of its own is its own offer.
* A size between two listed sizes of a vendor that sells by the GPU is for sale too; its stock is not known.
* A vendor that answered and does not list an offer leaves it ``not listed``; one that did not answer, ``stale``.
* A listed offer without a price keeps the snapshot's; without one in the snapshot it is no offer, and is counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from modelyard.catalog.gpus import find_gpu
from modelyard.offers.links import has_fast_link
from modelyard.offers.select import ANY_REGION
from modelyard.offers.types import Offer
from modelyard.offers.vendors import find_vendor
from modelyard.spec import Trust

Stock = Literal["none", "low", "medium", "high", "unknown"]
_BEST_FIRST: Final[tuple[Stock, ...]] = ("high", "medium", "low", "unknown", "none")
_Kind = tuple[str, str, int, Trust, bool]


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePrice:
    """One thing that a vendor says is on sale."""

    vendor: str
    sku: str
    """As in the price table."""
    gpu: str | None
    """Catalog name; None: not in the catalog."""
    gpu_count: int
    region: str
    trust: Trust
    spot: bool
    usd_per_hour: Decimal | None
    """Whole machine; None: the vendor does not say."""
    stock: Stock

    @property
    def kind(self) -> _Kind:
        """Everything about it but where it is."""
        return self.vendor, self.sku, self.gpu_count, self.trust, self.spot


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a vendor answered.

    Attributes:
        vendor: its name.
        as_of: the day of the answer.
        source: the public address of the list.
        prices: what it has; None: it did not answer.
        reason: why it did not; empty when it did.
    """

    vendor: str
    as_of: date
    source: str
    prices: Sequence[LivePrice] | None
    reason: str = ""


class Standing(StrEnum):
    """How an offer's price is known."""

    LIVE = "live"
    """The vendor says it now."""
    SNAPSHOT = "snapshot"
    """From the snapshot; the vendor was not asked."""
    NOT_LISTED = "not listed"
    """From the snapshot; the vendor answered and does not have it now."""
    NO_PRICE = "no price told"
    """From the snapshot; the vendor has it and does not say for how much."""
    STALE = "stale"
    """From the snapshot; the vendor was asked and did not answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """An offer with what is known of it now."""

    offer: Offer
    standing: Standing
    stock: Stock = "unknown"
    places: Mapping[str, Stock] = field(default_factory=dict[str, Stock])
    """Regions that the vendor names, where they cost the same, with the stock of each."""
    was_usd_per_hour: Decimal | None = None
    """The snapshot's price, where the live one differs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Merged:
    """Offers of the snapshot and of the vendors, cheapest first."""

    listed: tuple[Listed, ...]
    unknown_gpus: int
    """Live offers of GPUs that the catalog lacks."""
    unpriced: int
    """Live offers that have no price, live or in the snapshot."""


def merge(snapshot: Iterable[Offer], answers: Iterable[Answer]) -> Merged:
    """Lay what vendors answered over the snapshot."""
    by_vendor = {answer.vendor: answer for answer in answers}
    known: dict[_Kind, list[Offer]] = defaultdict(list)
    listed: list[Listed] = []
    for offer in snapshot:
        answer = by_vendor.get(offer.vendor)
        if answer is None:
            listed.append(Listed(offer=offer, standing=Standing.SNAPSHOT))
        elif answer.prices is None:
            listed.append(Listed(offer=offer, standing=Standing.STALE))
        else:
            known[_kind(offer)].append(offer)
    unknown = unpriced = 0
    for answer in by_vendor.values():
        of_catalog = [price for price in answer.prices or () if price.gpu is not None]
        unknown += len(answer.prices or ()) - len(of_catalog)
        groups = _groups(of_catalog)
        for kind, prices in groups.items():
            found = _listed(prices, known.pop(kind, []), answer)
            listed += found
            unpriced += not found
        listed += _between(known, groups, answer)
    listed += [Listed(offer=o, standing=Standing.NOT_LISTED, stock="none") for left in known.values() for o in left]
    listed.sort(key=lambda item: (item.offer.usd_per_hour, item.offer.gpu_count, item.offer.key))
    return Merged(listed=tuple(listed), unknown_gpus=unknown, unpriced=unpriced)


def _kind(offer: Offer) -> _Kind:
    return offer.vendor, offer.sku, offer.gpu_count, offer.trust, offer.spot


def _groups(prices: Iterable[LivePrice]) -> dict[_Kind, list[LivePrice]]:
    groups: dict[_Kind, list[LivePrice]] = defaultdict(list)
    for price in prices:
        groups[price.kind].append(price)
    return dict(groups)


def _listed(prices: Sequence[LivePrice], before: Sequence[Offer], answer: Answer) -> list[Listed]:
    """One kind of machine at one vendor: one offer for all places, or one a place where prices differ."""
    priced = {price.usd_per_hour for price in prices if price.usd_per_hour is not None}
    if not priced:
        stock = _best(price.stock for price in prices)
        return [Listed(offer=offer, standing=Standing.NO_PRICE, stock=stock) for offer in before]
    if len(priced) == 1:
        anywhere = [price for price in prices if price.region in ANY_REGION]
        places: dict[str, Stock] = {price.region: price.stock for price in prices if price.region not in ANY_REGION}
        stock = anywhere[0].stock if anywhere else _best(places.values())
        region = anywhere[0].region if anywhere else before[0].region if before else "any"
        one = replace(prices[0], region=region, usd_per_hour=priced.pop(), stock=stock)
        return [replace(_live(one, before, answer), places=places)]
    return [_live(price, before, answer) for price in prices if price.usd_per_hour is not None]


def _best(stocks: Iterable[Stock]) -> Stock:
    found = set(stocks)
    for stock in _BEST_FIRST:
        if stock in found:
            return stock
    return "unknown"


def _live(price: LivePrice, before: Sequence[Offer], answer: Answer) -> Listed:
    """A live price as an offer; what the vendor's list does not tell of the machine is kept from the snapshot."""
    if price.usd_per_hour is None or price.gpu is None:
        raise ValueError("only a price of a GPU of the catalog makes an offer")
    old = next((o for o in before if o.region == price.region), before[0] if before else None)
    vendor, gpu = find_vendor(price.vendor), find_gpu(price.gpu)
    offer = Offer(
        vendor=price.vendor,
        sku=price.sku,
        gpu=gpu.name,
        gpu_count=price.gpu_count,
        region=price.region,
        trust=price.trust,
        spot=price.spot,
        usd_per_hour=price.usd_per_hour,
        billing=vendor.billing,
        fast_link=has_fast_link(gpu, price.gpu_count),
        as_of=answer.as_of,
        source=answer.source,
        rentable=vendor.rentable,
        vcpus=old.vcpus if old else None,
        ram_gib=old.ram_gib if old else None,
        local_nvme_gb=old.local_nvme_gb if old else None,
    )
    moved = old is not None and old.usd_per_hour != offer.usd_per_hour
    return Listed(
        offer=offer,
        standing=Standing.LIVE,
        stock=price.stock,
        was_usd_per_hour=old.usd_per_hour if old is not None and moved else None,
    )


def _between(
    known: dict[_Kind, list[Offer]], groups: Mapping[_Kind, Sequence[LivePrice]], answer: Answer
) -> list[Listed]:
    """Sizes that a vendor sells by the GPU and that lie between two listed ones; taken out of ``known``."""
    found: list[Listed] = []
    if answer.prices is None or not find_vendor(answer.vendor).per_gpu:
        return found
    asked = {price.gpu_count for price in answer.prices}
    for kind in [kind for kind in known if kind[0] == answer.vendor and kind[2] not in asked]:
        vendor, sku, count, trust, spot = kind
        sizes = [size for size in asked if (vendor, sku, size, trust, spot) in groups]
        below, above = [s for s in sizes if s < count], [s for s in sizes if s > count]
        if not below or not above:
            continue
        each = {_each(groups[vendor, sku, size, trust, spot]) for size in (max(below), min(above))}
        usd = each.pop()
        if usd is None or each:
            continue
        like = groups[vendor, sku, min(above), trust, spot]
        before = known.pop(kind)
        price = replace(like[0], gpu_count=count, region=before[0].region, usd_per_hour=usd * count, stock="unknown")
        places: dict[str, Stock] = {p.region: "unknown" for p in like if p.region not in ANY_REGION}
        found.append(replace(_live(price, before, answer), places=places))
    return found


def _each(prices: Sequence[LivePrice]) -> Decimal | None:
    """The price of one GPU; None when it is not told or not the same everywhere."""
    found = {price.usd_per_hour / price.gpu_count for price in prices if price.usd_per_hour is not None}
    return found.pop() if len(found) == 1 else None
