"""Resources as a program would register them."""

from decimal import Decimal

from modelyard.offers import load_offers
from modelyard.offers.types import Offer
from modelyard.resources import Resource, Value
from modelyard.spec import Trust


def offer(vendor: str, gpu: str, count: int, *, trust: Trust = Trust.SECURE) -> Offer:
    (found,) = [
        o
        for o in load_offers()
        if (o.vendor, o.gpu, o.gpu_count, o.trust) == (vendor, gpu, count, trust) and not o.spot
    ]
    return found


def resource(
    kind: str, props: dict[str, Value], *, name: str = "it", parent: str | None = None, custom: bool = True
) -> Resource:
    return Resource(urn=f"urn:{kind}::{name}", type=kind, name=name, props=props, custom=custom, parent=parent)


def candidate(offer: Offer) -> dict[str, Value]:
    return {
        "vendor": offer.vendor,
        "sku": offer.sku,
        "gpu": offer.gpu,
        "gpuCount": offer.gpu_count,
        "region": offer.region,
        "trust": offer.trust.value,
        "spot": offer.spot,
        "usdPerHour": str(offer.usd_per_hour),
        "granularitySeconds": offer.billing.granularity_seconds,
        "minimumSeconds": offer.billing.minimum_seconds,
        "asOf": offer.as_of.isoformat(),
        "source": offer.source,
    }


def machine(*offers: Offer, disk_gb: Value = 510, name: str = "it", **props: Value) -> Resource:
    candidates: list[Value] = [candidate(o) for o in offers]
    return resource("modelyard-rental:index:Machine", {"candidates": candidates, "diskGb": disk_gb, **props}, name=name)


def nodes(*, parent: str | None = None, **props: Value) -> Resource:
    facts: dict[str, Value] = {
        "gpu": "H100-SXM",
        "gpusPerNode": 8,
        "nodes": 1,
        "vendor": "aws",
        "sku": "p5.48xlarge",
        "usdPerHour": "55.04",
        "source": "https://example.org/prices",
        "asOf": "2026-07-20",
    }
    return resource("modelyard:index:ExistingNodes", facts | props, name="nodes", custom=False, parent=parent)


def money(text: str) -> Decimal:
    return Decimal(text)
