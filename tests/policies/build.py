"""Small builders that several rule tests share."""

from decimal import Decimal

from modelyard.cost.types import Bill, CostLine, NotPriced
from modelyard.resources import Resource, Value
from policies.facts import Facts

NO_BILL = Bill(lines=(), not_priced=(), hourly_usd=Decimal(0), monthly_usd=Decimal(0), max_spend_usd=None)


def serving(**props: Value) -> Resource:
    return Resource(urn="urn:serving", type="modelyard:index:Serving", name="chat", props=props, custom=False)


def facts(*resources: Resource, bill: Bill = NO_BILL) -> Facts:
    return Facts(resources=resources, bill=bill)


def bill(hourly: str, *, most: str | None = None, missing: tuple[str, ...] = ()) -> Bill:
    """A bill of one line, and of things that are not priced."""
    line = CostLine(
        resource="m",
        what="machine",
        quantity=Decimal(1),
        unit="h",
        unit_price_usd=Decimal(hourly),
        hourly_usd=Decimal(hourly),
        once_usd=Decimal(0),
        max_spend_usd=None if most is None else Decimal(most),
        source="https://example.org",
        as_of=None,
    )
    return Bill(
        lines=(line,),
        not_priced=tuple(NotPriced(resource="r", what=what, why="no price") for what in missing),
        hourly_usd=Decimal(hourly),
        monthly_usd=Decimal(hourly) * 730,
        max_spend_usd=None if most is None else Decimal(most),
    )
