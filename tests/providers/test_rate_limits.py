"""Many machines at once keep to the vendors' limits and hardly wait for anything else. All in virtual time."""

import pytest

from benchmarks.rental_figures import least_seconds, lifecycles

MACHINES = 64


@pytest.mark.parametrize(
    ("vendor", "seconds"),
    [
        ("lambda", 63 * 12 + 64 * 1),
        ("vastai", 63 * 4.5 + 63 * 3),
        ("runpod", 2 * 60),  # 128 calls at 60 a minute: two whole minutes go by before the last
        ("verda", None),
    ],
)
def test_what_the_limits_alone_ask_for(vendor: str, seconds: float | None) -> None:
    assert least_seconds(vendor, MACHINES) == seconds


@pytest.mark.parametrize("vendor", ["runpod", "lambda", "vastai"])
def test_machines_come_and_go_in_little_more_than_the_limits_ask_for(vendor: str) -> None:
    figures = lifecycles(vendor, MACHINES)
    assert 1 <= figures["ratio"] <= 1.3
    assert figures["requests_per_lifecycle"] < 10
