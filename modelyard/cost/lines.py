"""One function per kind of cost line, used by the plan's ranking and by the pricing of what was registered.

Both go through here, so the bill that a plan was chosen by and the bill of its resources cannot drift apart. Amounts
keep ten decimals, so that sums are exact in any order; worst cases are rounded up in the tenth, and to cents only in
the total.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Final

from modelyard.cost.timing import billed_seconds, worst_case_seconds
from modelyard.cost.types import Bill, CostLine, NotPriced
from modelyard.offers.types import Billing, Offer, UnitPrice
from modelyard.units import GB, GIB, HOURS_PER_MONTH, SECONDS_PER_HOUR, cents_up

_EXACT: Final = Decimal("1e-10")
_MONTHLY: Final = Decimal("1e-6")
"""730 rounded hours miss a month's price by less than this: $50.00 must not read $49.9999999997."""
_ZERO: Final = Decimal(0)
_BY_THE_SECOND: Final = Billing(granularity_seconds=1, minimum_seconds=1)


def tidy(amount: Decimal, *, rounding: str = ROUND_HALF_UP, step: Decimal = _EXACT) -> Decimal:
    """An amount to ten decimals, or to ``step``, written without trailing zeros or exponent."""
    short = amount.quantize(step, rounding=rounding).normalize()
    return short.quantize(Decimal(1)) if short == short.to_integral_value() else short


def make_bill(lines: Iterable[CostLine], not_priced: Iterable[NotPriced] = ()) -> Bill:
    """Add lines up. The worst case exists only when every line has one."""
    lines = tuple(lines)
    hourly = sum((line.hourly_usd for line in lines), _ZERO)
    once = sum((line.once_usd for line in lines), _ZERO)
    worst = [line.max_spend_usd for line in lines if line.max_spend_usd is not None]
    bounded = bool(lines) and len(worst) == len(lines)
    return Bill(
        lines=lines,
        not_priced=tuple(dict.fromkeys(not_priced)),
        hourly_usd=tidy(hourly),
        monthly_usd=tidy(hourly * HOURS_PER_MONTH + once, step=_MONTHLY),
        max_spend_usd=cents_up(sum(worst, _ZERO)) if bounded else None,
    )


def bill_parts(parts: Iterable[CostLine | NotPriced]) -> Bill:
    """A bill of parts in any order."""
    parts = tuple(parts)
    return make_bill((p for p in parts if isinstance(p, CostLine)), (p for p in parts if isinstance(p, NotPriced)))


def add_bills(bills: Sequence[Bill]) -> Bill:
    """One bill of several: every line, every thing that is not priced."""
    return make_bill((line for b in bills for line in b.lines), (n for b in bills for n in b.not_priced))


def machine_line(*, resource: str, offer: Offer, lifetime_seconds: int | None) -> CostLine:
    """A rented machine for as long as it runs, whole steps and the minimum of its vendor applied."""
    return hourly_line(
        resource=resource,
        what=offer.label,
        usd_per_hour=offer.usd_per_hour,
        source=offer.source,
        as_of=offer.as_of,
        lifetime_seconds=lifetime_seconds,
        billing=offer.billing,
        note=offer.billing.note,
    )


def hourly_line(  # noqa: PLR0913  # a cost line has that many facts, all keyword-only
    *,
    resource: str,
    what: str,
    usd_per_hour: Decimal,
    source: str,
    as_of: date | None,
    lifetime_seconds: int | None,
    quantity: Decimal = Decimal(1),
    billing: Billing = _BY_THE_SECOND,
    note: str = "",
) -> CostLine:
    """Something with a price per hour.

    Args:
        resource: Name of the resource that it is for.
        what: What it is, for people.
        usd_per_hour: Price of one.
        source: Where the price is from.
        as_of: Date of the price; None: undated.
        lifetime_seconds: Seconds until the deadline; None: there is none.
        quantity: How many.
        billing: Steps and minimum.
        note: What a reader should know.
    """
    hourly = tidy(usd_per_hour * quantity)
    return CostLine(
        resource=resource,
        what=what,
        quantity=quantity,
        unit="USD/hour",
        unit_price_usd=usd_per_hour,
        hourly_usd=hourly,
        once_usd=_ZERO,
        max_spend_usd=_worst(usd_per_hour * quantity, billing, lifetime_seconds),
        source=source,
        as_of=as_of,
        note=note,
    )


def storage_line(
    *,
    resource: str,
    what: str,
    gb: int,
    price: UnitPrice,
    lifetime_seconds: int | None,
    granularity_seconds: int = 1,
    note: str = "",
) -> CostLine:
    """Storage of ``gb`` decimal GB at a price per GB or GiB and month of 730 hours.

    Args:
        resource: Name of the resource that it is for.
        what: What it is, for people.
        gb: Size in decimal GB.
        price: A price in ``USD/GB-month`` or ``USD/GiB-month``.
        lifetime_seconds: Seconds until the deadline; None: there is none.
        granularity_seconds: The vendor's billing step, which is also the least that is charged.
        note: What a reader should know.
    """
    quantity = tidy(Decimal(gb) * GB / GIB) if price.unit.startswith("USD/GiB") else Decimal(gb)
    hourly = quantity * price.usd / HOURS_PER_MONTH
    billing = Billing(granularity_seconds=granularity_seconds, minimum_seconds=granularity_seconds)
    return CostLine(
        resource=resource,
        what=what,
        quantity=quantity,
        unit=price.unit,
        unit_price_usd=price.usd,
        hourly_usd=tidy(hourly),
        once_usd=_ZERO,
        max_spend_usd=_worst(hourly, billing, lifetime_seconds),
        source=price.source,
        as_of=price.as_of,
        note=_dated_note(note, price),
    )


def once_line(
    *, resource: str, what: str, quantity: Decimal, price: UnitPrice, lifetime_seconds: int | None, note: str = ""
) -> CostLine:
    """Something that is charged once, such as gigabytes through a NAT gateway."""
    amount = tidy(quantity * price.usd, rounding=ROUND_UP)
    return CostLine(
        resource=resource,
        what=what,
        quantity=quantity,
        unit=price.unit,
        unit_price_usd=price.usd,
        hourly_usd=_ZERO,
        once_usd=amount,
        max_spend_usd=None if lifetime_seconds is None else amount,
        source=price.source,
        as_of=price.as_of,
        note=_dated_note(note, price),
    )


def _worst(usd_per_hour: Decimal, billing: Billing, lifetime_seconds: int | None) -> Decimal | None:
    if lifetime_seconds is None:
        return None
    seconds = billed_seconds(billing, worst_case_seconds(lifetime_seconds))
    return tidy(usd_per_hour * seconds / SECONDS_PER_HOUR, rounding=ROUND_UP)


def _dated_note(note: str, price: UnitPrice) -> str:
    undated = "" if price.as_of is not None else "the page that states this price has no date"
    return "; ".join(part for part in (note, undated) if part)
