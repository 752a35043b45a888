"""Live prices over the snapshot: replaced, added, not listed, stale; never a price of 0 for one that is not told."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from modelyard.offers import Offer, find_vendor
from modelyard.offers.live import Answer, Listed, LivePrice, Standing, Stock, merge
from modelyard.spec import Trust

OLD, TODAY = date(2026, 10, 1), date(2026, 11, 21)
SOURCE = "https://api.runpod.io/v2"


def offer(usd: str, **changes: Any) -> Offer:
    given: dict[str, Any] = {
        "vendor": "runpod",
        "sku": "NVIDIA H200",
        "gpu": "H200",
        "gpu_count": 1,
        "region": "any",
        "trust": Trust.SECURE,
        "spot": False,
        "usd_per_hour": Decimal(usd),
        "billing": find_vendor("runpod").billing,
        "fast_link": True,
        "as_of": OLD,
        "source": "https://example.org/prices",
        "rentable": True,
        "vcpus": 24,
    }
    return Offer(**{**given, **changes})


def price(usd: str | None, region: str = "any", stock: Stock = "high", **changes: Any) -> LivePrice:
    given: dict[str, Any] = {
        "vendor": "runpod",
        "sku": "NVIDIA H200",
        "gpu": "H200",
        "gpu_count": 1,
        "region": region,
        "trust": Trust.SECURE,
        "spot": False,
        "usd_per_hour": None if usd is None else Decimal(usd),
        "stock": stock,
    }
    return LivePrice(**{**given, **changes})


def answer(*prices: LivePrice, vendor: str = "runpod") -> Answer:
    return Answer(vendor=vendor, as_of=TODAY, source=SOURCE, prices=prices)


def merged(offers: Sequence[Offer], *answers: Answer) -> list[Listed]:
    return list(merge(offers, answers).listed)


def test_a_live_price_replaces_the_snapshots() -> None:
    (found,) = merged([offer("4.59")], answer(price("4.79")))
    assert (found.standing, found.stock, found.was_usd_per_hour) == (Standing.LIVE, "high", Decimal("4.59"))
    assert (found.offer.usd_per_hour, found.offer.as_of, found.offer.source) == (Decimal("4.79"), TODAY, SOURCE)
    assert found.offer.vcpus == 24  # what the list does not tell stays known


def test_an_unchanged_price_is_live_and_was_nothing_else() -> None:
    (found,) = merged([offer("4.59")], answer(price("4.590")))
    assert (found.standing, found.was_usd_per_hour) == (Standing.LIVE, None)


@pytest.mark.parametrize(
    "other",
    [{"trust": Trust.COMMUNITY}, {"spot": True}, {"gpu_count": 8}, {"sku": "NVIDIA H200 NVL", "gpu": "H200-NVL"}],
)
def test_another_size_tier_or_market_is_another_offer(other: dict[str, Any]) -> None:
    found = merged([offer("4.59")], answer(price("4.79", **other)))
    assert {(item.standing, item.offer.usd_per_hour) for item in found} == {
        (Standing.NOT_LISTED, Decimal("4.59")),
        (Standing.LIVE, Decimal("4.79")),
    }


def test_places_of_one_price_are_one_offer() -> None:
    (found,) = merged(
        [offer("4.59")], answer(price("4.59", stock="low"), price("4.59", "US-KS-2", "none"), price("4.59", "EU-CZ-1"))
    )
    assert (found.offer.region, found.stock) == ("any", "low")
    assert found.places == {"US-KS-2": "none", "EU-CZ-1": "high"}


def test_without_a_word_on_anywhere_the_best_place_counts() -> None:
    (found,) = merged([offer("4.59")], answer(price("4.59", "a", "none"), price("4.59", "b", "medium")))
    assert (found.offer.region, found.stock) == ("any", "medium")


def test_places_of_different_prices_are_offers_of_their_own() -> None:
    found = merged([offer("4.59")], answer(price("4.60", "a"), price("4.50", "b")))
    assert [(item.offer.region, item.offer.usd_per_hour) for item in found] == [
        ("b", Decimal("4.50")),
        ("a", Decimal("4.60")),
    ]


def test_a_vendor_that_was_not_asked_keeps_its_snapshot() -> None:
    (found,) = merged([offer("4.59", vendor="lambda", sku="x")], answer())
    assert found.standing is Standing.SNAPSHOT


def test_a_vendor_that_did_not_answer_is_stale_not_empty() -> None:
    silent = Answer(vendor="runpod", as_of=TODAY, source=SOURCE, prices=None, reason="no answer within 20 s")
    (found,) = merged([offer("4.59")], silent)
    assert (found.standing, found.offer.usd_per_hour, found.offer.as_of) == (Standing.STALE, Decimal("4.59"), OLD)


def test_a_price_that_is_not_told_is_the_snapshots_and_never_0() -> None:
    (found,) = merged([offer("4.59")], answer(price(None, stock="low")))
    assert (found.standing, found.stock, found.offer.usd_per_hour) == (Standing.NO_PRICE, "low", Decimal("4.59"))


def test_what_no_offer_can_be_made_of_is_counted() -> None:
    found = merge([], [answer(price(None), price("1", sku="Z", gpu=None))])
    assert (found.listed, found.unpriced, found.unknown_gpus) == ((), 1, 1)


def test_a_size_between_two_listed_sizes_follows_from_them() -> None:
    sizes = [price("4", gpu_count=1), price("8", gpu_count=2), price("16", gpu_count=4), price("16", "a", gpu_count=4)]
    found = merged([offer("13.5", gpu_count=3), offer("40", gpu_count=8)], answer(*sizes))
    three = next(item for item in found if item.offer.gpu_count == 3)
    assert (three.standing, three.offer.usd_per_hour, three.stock) == (Standing.LIVE, Decimal(12), "unknown")
    assert three.places == {"a": "unknown"}
    eight = next(item for item in found if item.offer.gpu_count == 8)
    assert (
        eight.standing is Standing.NOT_LISTED
    )  # nothing larger is listed, so nobody says that there is such a machine


def test_no_size_is_made_up_for_a_vendor_that_sells_whole_machines() -> None:
    lambda_: dict[str, Any] = {"vendor": "lambda", "sku": "gpu"}
    sizes = [price("4", gpu_count=1, **lambda_), price("16", gpu_count=4, **lambda_)]
    found = merged([offer("8", gpu_count=2, **lambda_)], answer(*sizes, vendor="lambda"))
    assert next(item for item in found if item.offer.gpu_count == 2).standing is Standing.NOT_LISTED


def test_cheapest_first() -> None:
    found = merged([offer("4.59"), offer("2", vendor="lambda", sku="x")], answer(price("3")))
    assert [item.offer.usd_per_hour for item in found] == [Decimal(2), Decimal(3)]
