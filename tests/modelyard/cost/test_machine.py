"""Bills of rented machines, computed by hand from the rows of ``prices.csv``."""

from datetime import date
from decimal import Decimal

import pytest

from modelyard.cost import Bill, bill_machine, bill_offer
from modelyard.spec import Trust
from tests.modelyard.cost.builders import offer

HOUR = 3600


def lines(bill: Bill) -> list[tuple[str, str, str, str, str]]:
    return [
        (line.what, str(line.quantity), str(line.unit_price_usd), str(line.hourly_usd), str(line.max_spend_usd))
        for line in bill.lines
    ]


def test_four_h200_for_an_hour_at_runpod() -> None:
    bill = bill_offer(offer("runpod", "H200", 4), resource="m", disk_gb=510, lifetime_seconds=HOUR)
    # 18.36 x 3900/3600 = 19.89; 510 GB x 0.10/730 = 0.069863…/h, x 3900/3600 = 0.0756849315…, rounded up
    assert lines(bill) == [
        ("runpod 4× H200 secure", "1", "18.36", "18.36", "19.89"),
        ("runpod disk", "510", "0.1", "0.0698630137", "0.0756849316"),
    ]
    assert bill.hourly_usd == Decimal("18.4298630137")
    assert bill.monthly_usd == Decimal("13453.8")  # 18.36 x 730 + 51.00
    assert bill.max_spend_usd == Decimal("19.97")
    assert bill.not_priced == ()
    assert [line.as_of for line in bill.lines] == [date(2026, 10, 7), date(2026, 8, 20)]
    assert bill.oldest == date(2026, 8, 20)
    assert all(line.source.startswith("https://") for line in bill.lines)


def test_lambda_bills_by_the_minute_and_includes_its_disk() -> None:
    bill = bill_offer(offer("lambda", "A100-80-SXM", 8), resource="m", disk_gb=510, lifetime_seconds=HOUR + 10)
    # 3610 + 300 = 3910 s -> 66 whole minutes = 3960 s; 22.32 x 1.1
    assert lines(bill) == [("lambda 8× A100-80-SXM secure", "1", "22.32", "22.32", "24.552")]
    assert bill.max_spend_usd == Decimal("24.56")
    assert bill.not_priced == ()


def test_vast_leaves_disk_and_traffic_open() -> None:
    bill = bill_offer(offer("vastai", "H200", 1, trust=Trust.COMMUNITY), resource="m", disk_gb=200)
    assert lines(bill) == [("vastai 1× H200 community", "1", "3.3", "3.3", "None")]
    assert [item.what for item in bill.not_priced] == ["disk, 200 GB", "traffic"]
    assert bill.is_lower_bound
    assert bill.max_spend_usd is None


@pytest.mark.parametrize(
    ("gb", "expected"),
    [
        # below 1 TB: 500 x 0.07/730; hourly, so 3900 s are 2 h
        (500, [("runpod network volume <1TB", "500", "0.07", "0.0479452055", "0.0958904110")]),
        (
            1500,
            [
                ("runpod network volume <1TB", "1000", "0.07", "0.095890411", "0.1917808220"),
                ("runpod network volume >1TB", "500", "0.05", "0.0342465753", "0.0684931507"),
            ],
        ),
    ],
)
def test_runpod_network_volume(gb: int, expected: list[tuple[str, str, str, str, str]]) -> None:
    bill = bill_offer(offer("runpod", "L4", 1), resource="m", disk_gb=0, network_volume_gb=gb, lifetime_seconds=HOUR)
    found = lines(bill)[1:]
    assert [row[:4] for row in found] == [row[:4] for row in expected]
    for row, want in zip(found, expected, strict=True):
        assert 0 <= Decimal(row[4]) - Decimal(want[4]) <= Decimal("1e-10")


def test_lambda_filesystem_is_per_gib_and_undated() -> None:
    bill = bill_offer(offer("lambda", "A10", 1), resource="m", disk_gb=50, network_volume_gb=460)
    volume = bill.lines[1]
    assert volume.unit == "USD/GiB-month"
    assert volume.quantity == Decimal("428.4083843231")  # 460e9 / 2^30
    assert volume.hourly_usd == Decimal("0.1173721601")
    assert volume.as_of is None
    assert "no date" in volume.note


def test_a_vendor_without_network_volumes_is_not_priced() -> None:
    bill = bill_offer(offer("vastai", "H200", 1, trust=Trust.COMMUNITY), resource="m", disk_gb=0, network_volume_gb=300)
    assert "network volume, 300 GB" in [item.what for item in bill.not_priced]


def test_the_worst_case_is_the_dearest_candidates() -> None:
    offers = [offer("runpod", "H200", 4), offer("lambda", "B200", 4)]
    bill = bill_machine(offers, resource="m", disk_gb=510, lifetime_seconds=HOUR)
    assert bill.hourly_usd == Decimal("18.4298630137")  # the first candidate's
    # Lambda: 27.16 x 65/60 = 29.42333…, disk included
    assert bill.max_spend_usd == Decimal("29.43")
    assert sum(line.max_spend_usd or Decimal(0) for line in bill.lines) == Decimal("29.4233333334")
    assert "lambda 4× B200 secure at $27.16/h" in bill.lines[0].note


def test_one_candidate_or_no_deadline_changes_nothing() -> None:
    h200 = offer("runpod", "H200", 4)
    alone = bill_machine([h200], resource="m", disk_gb=510, lifetime_seconds=HOUR)
    assert alone == bill_offer(h200, resource="m", disk_gb=510, lifetime_seconds=HOUR)
    endless = bill_machine([h200, offer("lambda", "B200", 4)], resource="m", disk_gb=510)
    assert endless == bill_offer(h200, resource="m", disk_gb=510)
