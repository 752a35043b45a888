"""The snapshot, against figures read off ``prices.csv`` by hand."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.offers import RENTABLE_VENDORS, find_vendor, load_left_out, load_offers, load_unit_prices, load_vendors
from modelyard.offers.rows import load_rows
from modelyard.offers.types import Offer
from modelyard.spec import Trust


def offers(**facts: object) -> list[Offer]:
    return [o for o in load_offers() if all(getattr(o, name) == value for name, value in facts.items())]


@pytest.mark.parametrize(
    ("vendor", "gpu", "count", "trust", "usd", "as_of"),
    [
        ("runpod", "H200", 4, Trust.SECURE, "18.36", date(2026, 10, 7)),  # 4 x 4.59
        ("runpod", "H200", 4, Trust.COMMUNITY, "14.36", date(2026, 10, 7)),  # 4 x 3.59
        ("runpod", "H100-SXM", 8, Trust.SECURE, "31.92", date(2026, 11, 9)),  # 8 x 3.99
        ("runpod", "B300", 2, Trust.SECURE, "15.78", date(2026, 10, 7)),  # 2 x 7.89
        ("lambda", "H100-SXM", 8, Trust.SECURE, "31.92", date(2026, 9, 20)),
        ("lambda", "B200", 4, Trust.SECURE, "27.16", date(2026, 9, 20)),
        ("vastai", "RTX-4090", 1, Trust.COMMUNITY, "0.309", date(2026, 10, 1)),
    ],
)
def test_price_of_a_rented_machine(vendor: str, gpu: str, count: int, trust: Trust, usd: str, as_of: date) -> None:
    (offer,) = offers(vendor=vendor, gpu=gpu, gpu_count=count, trust=trust)
    assert offer.usd_per_hour == Decimal(usd)
    assert offer.as_of == as_of
    assert offer.rentable
    assert not offer.spot


def test_runpod_sells_one_to_eight_gpus_and_no_spot() -> None:
    secure = offers(vendor="runpod", gpu="L4")
    assert [o.gpu_count for o in secure] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert offers(vendor="runpod", spot=True) == []


def test_an_empty_price_makes_no_offer() -> None:
    # The RTX 5090 has no secure price, the H200 NVL no community price, p5e.48xlarge no price at all.
    assert {o.trust for o in offers(vendor="runpod", gpu="RTX-5090")} == {Trust.COMMUNITY}
    assert {o.trust for o in offers(vendor="runpod", gpu="H200-NVL")} == {Trust.SECURE}
    assert offers(sku="p5e.48xlarge") == []
    assert all(o.usd_per_hour > 0 for o in load_offers())


def test_an_unstated_cloud_is_vouched_for_as_community_only() -> None:
    mi300x = offers(vendor="runpod", gpu="MI300X")
    assert {o.trust for o in mi300x} == {Trust.COMMUNITY}
    assert mi300x[0].usd_per_hour == Decimal("2.39")
    assert "does not say" in mi300x[0].notes


def test_vast_asks_are_for_one_gpu_and_say_that_they_are_no_quote() -> None:
    asks = offers(vendor="vastai")
    assert len(asks) == 12
    assert {o.gpu_count for o in asks} == {1}
    assert all("not a quote" in o.notes for o in asks)


def test_gcp_small_a3_shapes_are_spot_only() -> None:
    for sku in ("a3-highgpu-1g", "a3-highgpu-2g", "a3-highgpu-4g"):
        found = offers(vendor="gcp", sku=sku)
        assert found, sku
        assert all(o.spot for o in found), sku
    assert any(not o.spot for o in offers(vendor="gcp", sku="a3-highgpu-8g"))


def test_the_newer_of_two_prices_stands_and_names_the_older() -> None:
    (two,) = offers(sku="Standard_NC48ads_A100_v4", region="eastus")
    assert two.usd_per_hour == Decimal("9.554")
    assert two.as_of == date(2026, 11, 9)
    assert "on 2026-06-18 it was $7.346/h" in two.notes
    assert two.vcpus == 48  # only the older row says
    (spot,) = offers(sku="a3-highgpu-1g", region="us-central1")
    assert spot.usd_per_hour == Decimal("6.571")  # 2026-09-26 over 6.3262 of 2026-08-03


def test_what_is_left_out_says_why() -> None:
    why = {(left.row.vendor, left.row.sku): left.why for left in load_left_out()}
    assert why["aws", "g6f.large"] == "a fraction of a GPU"
    assert why["aws", "inf2.xlarge"] == "no engine of ours runs on this accelerator"
    assert why["aws", "p5e.48xlarge"] == "no price is published"
    assert "Flex-start" in why["gcp", "a3-highgpu-2g"]


def test_every_compute_row_is_an_offer_or_left_out() -> None:
    sold = {(o.vendor, o.sku) for o in load_offers()} | {(x.row.vendor, x.row.sku) for x in load_left_out()}
    assert {(r.vendor, r.sku) for r in load_rows() if r.kind == "compute"} == sold


def test_keys_are_unique_and_order_is_by_price() -> None:
    everything = load_offers()
    assert [key for key, n in Counter(o.key for o in everything).items() if n > 1] == []
    prices = [o.usd_per_hour for o in everything]
    assert prices == sorted(prices)


@pytest.mark.parametrize("offer", load_offers(), ids=lambda o: o.key)
def test_offer_is_sane(offer: Offer) -> None:
    assert offer.source.startswith("https://")
    assert date(2026, 1, 1) <= offer.as_of <= date(2026, 12, 31)
    per_gpu = offer.usd_per_hour / offer.gpu_count
    assert Decimal("0.05") < per_gpu < Decimal(40), per_gpu
    assert find_gpu(offer.gpu).name == offer.gpu
    assert offer.gpu_count <= find_vendor(offer.vendor).max_gpus


def test_rentable_vendors_are_those_of_the_rules() -> None:
    assert tuple(v.name for v in load_vendors() if v.rentable) == RENTABLE_VENDORS
    assert {o.vendor for o in load_offers() if o.rentable} == set(RENTABLE_VENDORS)
    assert all(v.use_instead for v in load_vendors() if not v.rentable)


@pytest.mark.parametrize(
    ("vendor", "what", "usd", "unit", "as_of"),
    [
        ("runpod", "pod container disk (running)", "0.1", "USD/GB-month", date(2026, 8, 20)),
        ("runpod", "network volume <1TB", "0.07", "USD/GB-month", date(2026, 8, 20)),
        ("runpod", "network volume >1TB", "0.05", "USD/GB-month", date(2026, 8, 20)),
        ("lambda", "filesystem", "0.2", "USD/GiB-month", None),
        ("aws", "eks control plane (standard support)", "0.1", "USD/hour", date(2025, 7, 4)),
        ("aws", "nat gateway data processed", "0.045", "USD/GB", date(2024, 7, 1)),
        ("modal", "H100", "0.001097", "USD/GPU-second", date(2026, 5, 8)),
    ],
)
def test_unit_price(vendor: str, what: str, usd: str, unit: str, as_of: date | None) -> None:
    (price,) = [p for p in load_unit_prices() if (p.vendor, p.what) == (vendor, what)]
    assert (price.usd, price.unit, price.as_of) == (Decimal(usd), unit, as_of)
    assert price.source.startswith("https://")


def test_historical_and_serverless_rows_are_no_machines() -> None:
    assert not [o for o in load_offers() if o.sku.startswith("serverless")]
    assert not [p for p in load_unit_prices() if p.what.startswith("serverless-active")]


def test_billing_is_the_vendors_own() -> None:
    assert [(v.name, v.granularity_seconds, v.minimum_seconds) for v in load_vendors()] == [
        ("runpod", 1, 1),
        ("lambda", 60, 60),
        ("vastai", 1, 1),
        ("aws", 1, 60),
        ("azure", 60, 60),
        ("gcp", 1, 60),
        ("coreweave", 60, 60),
        ("modal", 1, 1),
    ]
