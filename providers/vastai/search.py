"""What is asked of Vast's market: a candidate, or a catalog of asks, as filters."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from modelyard.errors import quote
from providers.base.errors import Kind, VendorError
from providers.base.machines import ANYWHERE, Candidate
from providers.vastai.errors import VENDOR, invalid
from providers.vastai.gpus import VastGpu, by_catalog_name
from providers.vastai.replies import Offer, usd

QUOTE_TOLERANCE: Final = Decimal("0.05")
"""How far above its quote an ask may be, as a share. Asks move by the minute; more than this is another price."""
LEAST_CUDA: Final = 13.0
"""Our engine images hold CUDA 13; a host whose driver is older cannot start them."""
_SECURE: Final = {"datacenter": {"eq": True}, "hosting_type": {"gte": 1}}
SHOWN: Final = 64
"""Vast shows no more asks than this at once, whatever is asked for."""


def market(*, spot: bool, trust: str) -> dict[str, object]:
    """Filters that every search has: machines that can be had now, of the wanted kind."""
    filters: dict[str, object] = {
        "type": "bid" if spot else "on-demand",
        "verified": {"eq": True},
        "rentable": {"eq": True},
        "rented": {"eq": False},
        "external": {"eq": False},
        "cuda_max_good": {"gte": LEAST_CUDA},
        "order": [["dph_total", "asc"]],
        "limit": SHOWN,
    }
    return {**filters, **_SECURE} if trust == "secure" else filters


def gpu_of(candidate: Candidate) -> VastGpu:
    """Vast's GPU for a candidate.

    Raises:
        VendorError: Vast has no such GPU (kind INVALID).
    """
    gpu = by_catalog_name(candidate.gpu)
    if gpu is None:
        raise invalid(f"GPU {quote(candidate.gpu)} is not sold at Vast", "search")
    return gpu


def memory_filter(gpu: VastGpu) -> dict[str, object]:
    """What tells apart GPUs of one name."""
    if gpu.least_mb:
        return {"gpu_ram": {"gte": gpu.least_mb}}
    return {} if gpu.most_mb is None else {"gpu_ram": {"lte": gpu.most_mb}}


def machine_filters(
    candidate: Candidate,
    *,
    ports: int = 0,
    disk_gb: int = 0,
    lasts_seconds: float = 0,
    ceiling_usd: Decimal | None = None,
    machine_id: int | None = None,
) -> dict[str, object]:
    """Filters for one candidate.

    Args:
        candidate: GPU, count, region, trust; for spot its price is the bid.
        ports: how many ports must be reachable from outside.
        disk_gb: container disk; its price is then part of the ask's.
        lasts_seconds: how long the host's offer must last from now.
        ceiling_usd: the most that it may cost an hour.
        machine_id: the one machine that will do (where its volume lies).

    Raises:
        VendorError: what Vast cannot be asked for (kind INVALID).
    """
    gpu = gpu_of(candidate)
    filters = market(spot=candidate.spot, trust=candidate.trust)
    filters |= {"gpu_name": {"eq": gpu.vendor_gpu}, "num_gpus": {"eq": candidate.gpu_count}, **memory_filter(gpu)}
    if candidate.region not in ANYWHERE:
        filters["geolocation"] = {"eq": _country(candidate.region)}
    if ports:
        filters["direct_port_count"] = {"gte": ports}
    if disk_gb:
        filters |= {"disk_space": {"gte": disk_gb}, "allocated_storage": disk_gb}
    if lasts_seconds > 0:
        filters["duration"] = {"gte": math.ceil(lasts_seconds)}
    if ceiling_usd is not None:
        filters["min_bid" if candidate.spot else "dph_total"] = {"lte": float(ceiling_usd)}
    if machine_id is not None:
        filters["machine_id"] = {"eq": machine_id}
    return filters


def ceiling(candidate: Candidate) -> Decimal:
    """The most that a candidate's ask may cost: its quote and a little; a bid is never exceeded."""
    return candidate.usd_per_hour if candidate.spot else candidate.usd_per_hour * (1 + QUOTE_TOLERANCE)


def asked_usd(offer: Offer, *, spot: bool) -> Decimal | None:
    """What an ask costs an hour: its price, or the least bid."""
    return usd(offer.min_bid if spot else offer.dph_total)


def matching(offers: Sequence[Offer], candidate: Candidate, *, ceiling_usd: Decimal | None) -> list[Offer]:
    """The asks that are what was searched for, cheapest first; a filter that Vast did not heed costs nothing."""
    gpu = gpu_of(candidate)
    kept: list[tuple[Decimal, int, Offer]] = []
    for offer in offers:
        price = asked_usd(offer, spot=candidate.spot)
        if price is None or not gpu.is_it(offer.gpu_name, offer.gpu_ram) or offer.num_gpus != candidate.gpu_count:
            continue
        if ceiling_usd is None or price <= ceiling_usd:
            kept.append((price, offer.id, offer))
    return [offer for _, _, offer in sorted(kept, key=lambda item: item[:2])]


def none_left(candidate: Candidate, ceiling_usd: Decimal) -> VendorError:
    """Nothing on the market is what the candidate asks for."""
    return VendorError(
        VENDOR,
        Kind.CAPACITY,
        f"no ask for {candidate.label} at up to ${ceiling_usd.normalize():f}/h",
        operation="search",
    )


def _country(region: str) -> str:
    if len(region) != 2 or not region.isascii() or not region.isalpha():
        raise invalid(
            f"region {quote(region)} is not known at Vast; allowed: any, or two letters of a country", "search"
        )
    return region.upper()
