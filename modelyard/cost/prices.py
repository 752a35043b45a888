"""Unit prices by vendor and name. A price that is not in the snapshot is None, so that nobody can add it up as 0."""

from functools import cache

from modelyard.offers import load_unit_prices
from modelyard.offers.types import UnitPrice


def unit_price(vendor: str, what: str) -> UnitPrice | None:
    """The price of ``what`` at ``vendor``, such as ``("runpod", "pod container disk (running)")``; None: not known."""
    return _by_name().get((vendor, what))


@cache
def _by_name() -> dict[tuple[str, str], UnitPrice]:
    return {(p.vendor, p.what): p for p in load_unit_prices()}
