"""A bill: lines that are priced, things that are not, and totals that say which of the two they cover."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class CostLine:
    """One priced line."""

    resource: str
    """Name of the resource that it is for."""
    what: str
    quantity: Decimal
    unit: str
    unit_price_usd: Decimal
    hourly_usd: Decimal
    """What it adds to every hour; 0 only for a one-off, whose amount is in ``once_usd``."""
    once_usd: Decimal
    """What it costs once, such as pulling the weights through a NAT gateway."""
    max_spend_usd: Decimal | None
    """The most that it can cost before the deadline, billing rules applied; None: there is no deadline."""
    source: str
    as_of: date | None
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NotPriced:
    """Something that will cost money, or may, and whose price is not known. Never 0."""

    resource: str
    what: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """The lines and their sums."""

    lines: tuple[CostLine, ...]
    not_priced: tuple[NotPriced, ...]
    hourly_usd: Decimal
    monthly_usd: Decimal
    """730 hours of ``hourly_usd`` and every one-off, to a millionth of a dollar."""
    max_spend_usd: Decimal | None
    """The most that it can cost before the deadline; None: no deadline, so no such number."""

    @property
    def is_lower_bound(self) -> bool:
        """Whether something is missing from the totals."""
        return bool(self.not_priced)

    @property
    def oldest(self) -> date | None:
        """The date of the oldest price used."""
        return min((line.as_of for line in self.lines if line.as_of is not None), default=None)
