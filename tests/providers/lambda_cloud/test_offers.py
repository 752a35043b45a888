"""What Lambda has on sale, matched with our own names and prices."""

from decimal import Decimal

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.offers import load_offers
from providers.base.errors import Kind, VendorError
from providers.lambda_cloud.gpus import GPUS, catalog_gpu
from providers.lambda_cloud.offers import live_offers
from tests.providers.lambda_cloud.world import World
from tests.simulators.lambda_cloud.catalog import REGIONS, TYPES


@pytest.mark.parametrize(("description", "gpu"), GPUS.items())
def test_every_gpu_is_in_the_catalog(description: str, gpu: str) -> None:
    assert find_gpu(gpu).name == gpu
    assert catalog_gpu(description) == gpu


def test_live_offers_match_the_price_table() -> None:
    live = {(o.sku, o.region): o for o in World().run_offers()}
    for offer in (o for o in load_offers() if o.vendor == "lambda"):
        found = live[offer.sku, "us-east-1"]
        assert (found.gpu, found.gpu_count, found.usd_per_hour) == (offer.gpu, offer.gpu_count, offer.usd_per_hour)
        assert (found.trust, found.spot) == (offer.trust.value, offer.spot)


def test_one_offer_a_region_with_stock_and_one_for_none() -> None:
    world = World()
    world.sim.stock("gpu_1x_a10", "us-west-1", 0)
    for region in REGIONS:
        world.sim.stock("gpu_1x_gh200", region, 0)
    offers = world.run_offers()
    assert [o.region for o in offers if o.sku == "gpu_1x_a10"] == sorted(set(REGIONS) - {"us-west-1"})
    (none,) = [o for o in offers if o.sku == "gpu_1x_gh200"]
    assert (none.region, none.stock, none.usd_per_hour) == ("any", "none", Decimal("2.29"))
    assert {o.sku for o in offers} == set(TYPES)


def test_a_gpu_that_the_catalog_does_not_have() -> None:
    (old, *_) = [o for o in World().run_offers() if o.sku == "gpu_1x_rtx6000"]
    assert (old.gpu, old.vendor_gpu) == (None, "RTX 6000 (24 GB)")


def test_an_odd_catalogue_is_an_error() -> None:
    world = World()
    world.sim.faults.arm("malformed_list", times=1000)
    with pytest.raises(VendorError) as caught:
        world.run(live_offers(world.accounts))
    assert caught.value.kind is Kind.MALFORMED


def test_no_key_says_which_variable() -> None:
    world = World(environment={})
    with pytest.raises(VendorError, match="LAMBDA_API_KEY") as caught:
        world.run(live_offers(world.accounts))
    assert caught.value.kind is Kind.AUTH
