"""What is on sale at Vast now: the cheapest ask of each GPU and count, in each market."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from providers.base.accounts import Accounts
from providers.base.resource import LiveOffer
from providers.vastai.client import VastClient, vast_client
from providers.vastai.errors import VENDOR
from providers.vastai.gpus import GPUS, VastGpu, by_vendor_name
from providers.vastai.replies import Offer
from providers.vastai.search import SHOWN, asked_usd, market, memory_filter
from providers.vastai.sightings import country

COUNTS: Final = (1, 2, 4, 8)
REGION: Final = "marketplace"
"""As in our price table: hosts are everywhere, and the cheapest may be anywhere."""

_MANY: Final = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """One way to rent."""

    trust: str
    spot: bool


MARKETS: Final = (
    Market(trust="community", spot=False),
    Market(trust="secure", spot=False),
    Market(trust="community", spot=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """GPUs that one search may ask for: within it a vendor's name means one GPU."""

    gpus: tuple[VastGpu, ...]
    memory: Mapping[str, object]


_GROUPS: Final = tuple(
    Group(gpus=gpus, memory=memory_filter(gpus[0]))
    for gpus in (
        tuple(gpu for gpu in GPUS if not gpu.least_mb and gpu.most_mb is None),
        tuple(gpu for gpu in GPUS if gpu.most_mb is not None),
        tuple(gpu for gpu in GPUS if gpu.least_mb),
    )
)


async def live_offers(accounts: Accounts) -> list[LiveOffer]:
    """The market as it is now, cheapest first. Prices are of asks without a disk to speak of (8 GB).

    Raises:
        VendorError: it could not be read whole.
    """
    client = vast_client(accounts)
    markets = await asyncio.gather(*(_on_sale(client, sold) for sold in MARKETS))
    found = [offer for offers in markets for offer in offers]
    return sorted(found, key=lambda o: (o.usd_per_hour or Decimal(0), o.sku, o.gpu_count, o.trust, o.spot))


async def _on_sale(client: VastClient, sold: Market) -> list[LiveOffer]:
    found: list[LiveOffer] = []
    for count in COUNTS:
        for group in _GROUPS:
            asks = await _asks(client, sold, count, group)
            found += [_offer(gpu, listed, sold) for gpu, listed in asks.items()]
    return found


async def _asks(client: VastClient, sold: Market, count: int, group: Group) -> Mapping[VastGpu, list[Offer]]:
    """Asks by GPU of a group.

    Vast shows only the cheapest asks of a search. So what it showed is right, and only GPUs that it showed none of are
    asked for again, until an answer is not full.
    """
    found: dict[VastGpu, list[Offer]] = {}
    unseen = {gpu.vendor_gpu for gpu in group.gpus}
    while unseen:
        filters = market(spot=sold.spot, trust=sold.trust)
        filters |= {"num_gpus": {"eq": count}, "gpu_name": {"in": sorted(unseen)}, **group.memory}
        offers = await client.search_offers(filters)
        for offer in offers:
            gpu = by_vendor_name(offer.gpu_name, offer.gpu_ram)
            if gpu is not None and offer.num_gpus == count and asked_usd(offer, spot=sold.spot) is not None:
                found.setdefault(gpu, []).append(offer)
        shown = {offer.gpu_name for offer in offers}
        if len(offers) < SHOWN or not shown & unseen:
            break
        unseen -= shown
    return found


def _offer(gpu: VastGpu, asks: Sequence[Offer], sold: Market) -> LiveOffer:
    cheapest = min(asks, key=lambda ask: (asked_usd(ask, spot=sold.spot) or Decimal("Infinity"), ask.id))
    facts = {
        "place": country(cheapest.geolocation),
        "usdPerGbMonth": cheapest.storage_cost,
        "gpuShareOfMachine": cheapest.gpu_frac,
        "nvlinkGbPerSecond": cheapest.bw_nvlink,
        "downloadMbPerSecond": cheapest.inet_down,
        "reliability": cheapest.reliability2,
        "asks": len(asks),
    }
    return LiveOffer(
        vendor=VENDOR,
        sku=gpu.sku,
        gpu=gpu.gpu,
        vendor_gpu=gpu.vendor_gpu,
        gpu_count=cheapest.num_gpus,
        region=REGION,
        trust=sold.trust,
        spot=sold.spot,
        usd_per_hour=asked_usd(cheapest, spot=sold.spot),
        stock=_stock(len(asks)),
        extra={name: str(value) for name, value in facts.items() if value is not None},
    )


def _stock(asks: int) -> Literal["low", "medium", "high"]:
    """How likely the next create gets one; each ask is one machine."""
    if asks >= _MANY:
        return "high"
    return "medium" if asks > 1 else "low"
