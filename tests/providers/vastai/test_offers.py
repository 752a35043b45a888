"""The live market."""

from decimal import Decimal

import pytest

from modelyard.offers.snapshot import load_offers
from providers.base.errors import Kind, VendorError
from providers.base.resource import LiveOffer
from providers.vastai.gpus import GPUS
from providers.vastai.offers import live_offers
from tests.providers.vastai.setting import Setting
from tests.simulators.virtual_time import run_virtual


def read(setting: Setting) -> list[LiveOffer]:
    return run_virtual(setting.clock, live_offers(setting.accounts))


def test_every_gpu_count_and_market_once() -> None:
    setting = Setting()
    found = read(setting)
    keys = [(o.gpu, o.gpu_count, o.trust, o.spot) for o in found]
    assert len(keys) == len(set(keys)) == len(GPUS) * 4 * 3
    assert setting.sim.early == 0
    prices = [o.usd_per_hour for o in found if o.usd_per_hour is not None]
    assert prices == sorted(prices)
    assert len(prices) == len(found)


def test_one_offer() -> None:
    by_key = {(o.gpu, o.gpu_count, o.trust, o.spot): o for o in read(Setting())}
    offer = by_key["H200", 8, "community", False]
    assert (offer.vendor, offer.sku, offer.vendor_gpu, offer.region) == ("vastai", "H200", "H200", "marketplace")
    assert offer.usd_per_hour == Decimal("23.600219")
    assert (offer.stock, offer.extra["asks"], offer.extra["place"]) == ("high", "8", "US")
    assert by_key["H200", 8, "secure", False].usd_per_hour == Decimal("24.308219")
    assert by_key["H200", 8, "community", True].usd_per_hour == Decimal("11.8")
    assert by_key["A100-80-SXM", 1, "community", False].usd_per_hour == Decimal("0.700219")
    assert by_key["A100-40-SXM", 1, "community", False].usd_per_hour == Decimal("0.420219")


def test_a_live_offer_meets_its_snapshot() -> None:
    live = {f"{o.vendor}/{o.sku}/{o.gpu_count}/{o.region}/{o.trust}" for o in read(Setting()) if not o.spot}
    assert {o.key for o in load_offers() if o.vendor == "vastai"} <= live


@pytest.mark.parametrize(("count", "stock"), [(0, None), (1, "low"), (3, "medium")])
def test_stock(count: int, stock: str | None) -> None:
    setting = Setting()
    setting.sim.stock("B200", "any", 0)
    for region in ("US", "NO", "DE")[:count]:
        setting.sim.stock("B200", region, 1)
    found = [o for o in read(setting) if (o.gpu, o.gpu_count, o.trust, o.spot) == ("B200", 1, "secure", False)]
    assert [o.stock for o in found] == ([] if stock is None else [stock])


def test_a_market_that_cannot_be_read_whole_is_an_error() -> None:
    setting = Setting()
    setting.sim.faults.arm("retired", times=50)
    with pytest.raises(VendorError) as caught:
        read(setting)
    assert caught.value.kind is Kind.RETIRED
