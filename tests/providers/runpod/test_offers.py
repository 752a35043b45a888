"""What RunPod sells now, as offers that match those of our price table."""

from decimal import Decimal

from modelyard.catalog.gpus import find_gpu, load_gpus
from modelyard.offers.snapshot import load_offers
from providers.base.resource import LiveOffer
from providers.runpod.gpus import CATALOG_NAMES
from providers.runpod.offers import live_offers
from tests.providers.runpod.lab import H100, Lab


def _offers(lab: Lab) -> dict[tuple[str, int, str, str], LiveOffer]:
    return {(o.sku, o.gpu_count, o.trust, o.region): o for o in lab.run(live_offers(lab.accounts))}


def test_prices_are_for_the_whole_machine_in_each_cloud(lab: Lab) -> None:
    offers = _offers(lab)
    assert offers[H100, 8, "secure", "any"].usd_per_hour == Decimal("31.92")
    assert offers[H100, 4, "community", "any"].usd_per_hour == Decimal("10.76")
    one = offers[H100, 1, "secure", "EU-RO-1"]
    assert (one.gpu, one.vendor_gpu, one.stock, one.spot) == ("H100-SXM", "H100 SXM", "high", False)
    assert ("NVIDIA L4", 1, "community", "any") not in offers
    assert len(lab.sim.calls) == 8  # two clouds, four sizes


def test_stock_is_told_by_place(lab: Lab) -> None:
    lab.sim.stock(H100, "any", 0)
    lab.sim.stock("NVIDIA H200", "any", 50)
    lab.sim.stock("NVIDIA H200", "US-KS-2", 1)
    lab.sim.stock("NVIDIA H200", "US-TX-3", 0)
    offers = _offers(lab)
    assert offers[H100, 8, "secure", "any"].stock == "none"
    assert (H100, 8, "secure", "US-KS-2") not in offers
    assert offers["NVIDIA H200", 2, "secure", "US-KS-2"].stock == "low"
    assert ("NVIDIA H200", 2, "secure", "US-TX-3") not in offers


def test_gpus_that_are_not_in_the_catalog_keep_runpods_name(lab: Lab) -> None:
    small = _offers(lab)["NVIDIA RTX A2000", 1, "secure", "any"]
    assert (small.gpu, small.vendor_gpu) == (None, "RTX A2000")


def test_every_name_of_the_map_is_in_the_catalog() -> None:
    names = {gpu.name for gpu in load_gpus()}
    assert set(CATALOG_NAMES.values()) <= names
    assert len(set(CATALOG_NAMES.values())) == len(CATALOG_NAMES)


def test_the_map_agrees_with_the_catalogs_own_aliases() -> None:
    assert {gpu_id: find_gpu(gpu_id).name for gpu_id in CATALOG_NAMES} == CATALOG_NAMES


def test_every_offer_of_the_price_table_is_one_that_a_live_offer_can_match() -> None:
    listed = {(o.sku, o.gpu) for o in load_offers() if o.vendor == "runpod"}
    assert listed
    assert listed <= set(CATALOG_NAMES.items())
