"""How long is billed: a vendor's step and minimum, and the minutes that a teardown may take after the deadline."""

from typing import Final

from modelyard.offers.types import Billing

TEARDOWN_SECONDS: Final = 300
"""Billed after the deadline in the worst case: the watchdog retries until the machine is proved gone."""


def billed_seconds(billing: Billing, seconds: int) -> int:
    """Seconds that are charged for ``seconds`` of use: whole steps of the granularity, the minimum at least.

    Args:
        billing: The vendor's rule.
        seconds: Seconds of use, 0 or more.
    """
    step = max(billing.granularity_seconds, 1)
    return step * -(-max(seconds, billing.minimum_seconds) // step)


def worst_case_seconds(lifetime_seconds: int) -> int:
    """Seconds that something with a deadline can exist: its lifetime and the teardown."""
    return lifetime_seconds + TEARDOWN_SECONDS
