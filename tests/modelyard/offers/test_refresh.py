"""A refreshed price table: rows wholly of today or untouched, a diff that can be read, and a file that loads."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.rows import data_dir
from modelyard.offers.live import Answer, LivePrice
from modelyard.offers.refresh import refresh
from modelyard.offers.rows import FILE, read_rows
from modelyard.offers.snapshot import offers_from
from modelyard.spec import Trust

TODAY = date(2026, 11, 21)
TABLE = (data_dir() / FILE).read_text(encoding="utf-8")
SOURCES = {
    "runpod": "https://api.runpod.io/v2",
    "lambda": "https://cloud.lambda.ai/api/v1",
    "vastai": "https://console.vast.ai",
}


def price(vendor: str, sku: str, gpu: str | None, usd: str | None, **changes: Any) -> LivePrice:
    given: dict[str, Any] = {
        "vendor": vendor,
        "sku": sku,
        "gpu": gpu,
        "gpu_count": 1,
        "region": "any",
        "trust": Trust.SECURE,
        "spot": False,
        "usd_per_hour": None if usd is None else Decimal(usd),
        "stock": "high",
    }
    return LivePrice(**{**given, **changes})


def answer(*prices: LivePrice, vendor: str = "runpod") -> Answer:
    return Answer(vendor=vendor, as_of=TODAY, source=SOURCES[vendor], prices=prices)


def h200(secure: str | None, community: str | None = None) -> list[LivePrice]:
    found = [price("runpod", "NVIDIA H200", "H200", secure)]
    if community:
        found.append(price("runpod", "NVIDIA H200", "H200", community, trust=Trust.COMMUNITY))
    return found


def changed_lines(text: str) -> list[tuple[str, str]]:
    return [(old, new) for old, new in zip(TABLE.splitlines(), text.splitlines(), strict=True) if old != new]


def test_without_answers_the_table_is_the_same_to_the_byte() -> None:
    silent = Answer(vendor="runpod", as_of=TODAY, source=SOURCES["runpod"], prices=None, reason="no answer")
    assert refresh(TABLE, []).text == TABLE
    assert refresh(TABLE, [silent]).text == TABLE


def test_a_changed_price_changes_its_row_alone() -> None:
    done = refresh(TABLE, [answer(*h200("4.79", "3.59"))])
    ((old, new),) = changed_lines(done.text)
    assert old.startswith("runpod,NVIDIA H200,H200 SXM,H200,1,141,24,276,,any,4.59,3.59,")
    assert new.startswith("runpod,NVIDIA H200,H200 SXM,H200,1,141,24,276,,any,4.79,3.59,")
    assert f",{TODAY},{SOURCES['runpod']}," in new
    moves = [(m.sku, m.market, m.change, m.old, m.new) for m in done.moves if m.change in ("changed", "confirmed")]
    assert moves == [
        ("NVIDIA H200", "secure", "changed", Decimal("4.59"), Decimal("4.79")),
        ("NVIDIA H200", "community", "confirmed", Decimal("3.59"), Decimal("3.59")),
    ]


def test_a_cell_that_the_vendor_does_not_fill_any_more_is_empty_not_of_another_day() -> None:
    ((_, new),) = changed_lines(refresh(TABLE, [answer(*h200("4.59"))]).text)
    assert new.startswith("runpod,NVIDIA H200,H200 SXM,H200,1,141,24,276,,any,4.59,,per-second,")


def test_a_row_that_is_not_listed_keeps_its_price_and_its_date() -> None:
    done = refresh(TABLE, [answer()])
    assert done.text == TABLE
    assert ("NVIDIA H200", "not listed") in {(m.sku, m.change) for m in done.moves}


def test_a_price_that_is_not_told_is_never_written() -> None:
    assert refresh(TABLE, [answer(*h200(None))]).text == TABLE


def test_a_row_under_a_rule_is_left_to_a_person() -> None:
    done = refresh(TABLE, [answer(price("runpod", "AMD Instinct MI300X OAM", "MI300X", "1.99"))])
    assert done.text == TABLE
    assert [m.sku for m in done.moves if m.change == "held"] == ["AMD Instinct MI300X OAM"]


def test_new_rows_stand_after_the_vendors_others() -> None:
    done = refresh(
        TABLE,
        [
            answer(
                price("lambda", "gpu_4x_new", "H200", "15.2", gpu_count=4, region="us-east-1"),
                price("lambda", "gpu_2x_new", "H200", "7.60", gpu_count=2, region="us-east-1"),
                price("lambda", "gpu_9x_odd", None, "7.60"),
                vendor="lambda",
            )
        ],
    )
    added = [line for line in done.text.splitlines() if "_new," in line]
    assert [line[:45] for line in added] == [
        "lambda,gpu_2x_new,H200,H200,2,,,,,any,7.6,,pe",
        "lambda,gpu_4x_new,H200,H200,4,,,,,any,15.2,,p",
    ]
    lines = done.text.splitlines()
    assert lines[lines.index(added[0]) - 1].startswith("lambda,gpu_")
    assert "odd" not in done.text


def test_an_ask_goes_where_asks_are_and_only_for_one_gpu() -> None:
    asks = [
        price("vastai", "H200", "H200", "2.95", trust=Trust.COMMUNITY, region="marketplace"),
        price("vastai", "H200", "H200", "1.48", trust=Trust.COMMUNITY, region="marketplace", spot=True),
        price("vastai", "H200", "H200", "23.6", trust=Trust.COMMUNITY, region="marketplace", gpu_count=8),
    ]
    ((_, new),) = changed_lines(refresh(TABLE, [answer(*asks, vendor="vastai")]).text)
    assert new.startswith("vastai,H200,H200,H200,1,141,,,,marketplace,,2.95,per-second,")


@pytest.mark.parametrize("usd", ["4.79", "4.790", "12", "0.343"])
def test_the_new_table_loads_and_says_the_same(usd: str, tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(refresh(TABLE, [answer(*h200(usd))]).text, encoding="utf-8")
    offers = {offer.key: offer for offer in offers_from(read_rows(path))}
    found = offers["runpod/NVIDIA H200/4/any/secure"]
    assert (found.usd_per_hour, found.as_of) == (Decimal(usd) * 4, TODAY)
    assert "runpod/NVIDIA H200/4/any/community" not in offers
