"""What is billed for a length of use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.cost import billed_seconds, worst_case_seconds
from modelyard.offers.types import Billing


@pytest.mark.parametrize(
    ("granularity", "minimum", "used", "billed"),
    [
        (1, 1, 3900, 3900),
        (60, 60, 3901, 3960),
        (60, 60, 0, 60),
        (1, 60, 5, 60),
        (3600, 3600, 3900, 7200),
        (60, 90, 1, 120),  # the minimum is charged in whole steps too
        (0, 0, 7, 7),
    ],
)
def test_billed_seconds(granularity: int, minimum: int, used: int, billed: int) -> None:
    assert billed_seconds(Billing(granularity_seconds=granularity, minimum_seconds=minimum), used) == billed


@given(st.integers(1, 7200), st.integers(0, 7200), st.integers(0, 10**7))
def test_never_less_than_used_and_always_whole_steps(granularity: int, minimum: int, used: int) -> None:
    billed = billed_seconds(Billing(granularity_seconds=granularity, minimum_seconds=minimum), used)
    assert billed >= max(used, minimum)
    assert billed % granularity == 0
    assert billed - max(used, minimum) < granularity


def test_the_worst_case_includes_five_minutes_of_teardown() -> None:
    assert worst_case_seconds(3600) == 3900
