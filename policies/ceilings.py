"""What the three ceilings share: whose bill it is, what to say about it, and the cheapest way out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from modelyard.cost import price_resources
from modelyard.cost.types import Bill
from modelyard.resources import UNKNOWN, Resource, Unknown, Value, lookup
from modelyard.units import cents_up, format_usd
from policies.facts import SERVING, Facts, dollars, maps, whole
from policies.rule import Finding, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Ceiling:
    """One kind of ceiling."""

    path: str
    """Where a Serving's props hold it."""
    key: str
    """What the user writes in the stack file."""
    per: str
    """``an hour``, ``a month`` or ``before the deadline``."""
    total: Callable[[Bill], Decimal | None]
    offer_total: Callable[[dict[str, Value], int], Decimal | None]
    """What an offer would cost by the same measure, for so many machines."""


def check_ceiling(ceiling: Ceiling, facts: Facts) -> tuple[Finding, ...]:
    """One finding for each Serving that has this ceiling."""
    servings = tuple(facts.of_type(SERVING))
    findings: list[Finding] = []
    for serving in servings:
        limit = dollars(serving, ceiling.path)
        if limit is None:
            continue
        if isinstance(limit, Unknown):
            findings.append(_not_known(ceiling, serving))
        else:
            findings.append(_compare(ceiling, serving, limit, bill_of(serving, servings, facts)))
    return tuple(findings)


def bill_of(serving: Resource, servings: Sequence[Resource], facts: Facts) -> Bill:
    """What counts against a Serving's ceiling: the whole bill, less what stands under another Serving."""
    others = {resource.urn for other in servings if other.urn != serving.urn for resource in facts.below(other)} - {
        resource.urn for resource in facts.below(serving)
    }
    if not others:
        return facts.bill
    mine = tuple(resource for resource in facts.resources if resource.urn not in others)
    return price_resources(mine, now=facts.now)


def _not_known(ceiling: Ceiling, serving: Resource) -> Finding:
    return Finding(
        status=Status.UNKNOWN,
        measured=f"{ceiling.key} is not known before `up`",
        limit="a ceiling that can be compared before anything is created",
        change=f"write {ceiling.key} as a plain amount",
        urn=serving.urn,
        name=serving.name,
    )


def _compare(ceiling: Ceiling, serving: Resource, limit: Decimal, bill: Bill) -> Finding:
    total = ceiling.total(bill)
    least = "at least " if bill.is_lower_bound else ""
    said = f"{format_usd(limit)} {ceiling.per} ({ceiling.key})"
    if not bill.lines and not bill.not_priced:
        measured, status, change = "nothing here is billed", Status.PASS, ""
    elif total is None and bill.lines:
        measured, status = "no deadline, so there is no most that it can cost", Status.FAIL
        change = "give it an end with life.for or life.until"
    elif total is not None and total > limit:
        measured, status = f"{least}{format_usd(total)} {ceiling.per}", Status.FAIL
        change = _way_out(ceiling, serving, limit, total)
    elif bill.is_lower_bound:
        missing = " and ".join(dict.fromkeys(item.what for item in bill.not_priced))
        known = "no price is known" if total is None or not bill.lines else f"{least}{format_usd(total)} {ceiling.per}"
        measured, status = f"{known}; not priced: {missing}", Status.UNPRICED
        change = "take a place whose prices are all known, or name the missing price where the stack file can"
    else:
        measured, status, change = f"{format_usd(total or Decimal(0))} {ceiling.per}", Status.PASS, ""
    return Finding(status=status, measured=measured, limit=said, change=change, urn=serving.urn, name=serving.name)


def _way_out(ceiling: Ceiling, serving: Resource, limit: Decimal, total: Decimal) -> str:
    """The cheapest offer of the plan that stays under the limit; else the ceiling that would do."""
    offers = maps(lookup(serving.props, "offers.candidates"))
    machines = whole(serving, "nodes")
    count = machines if isinstance(machines, int) and machines > 0 else 1
    costs = [
        (cost, str(offer.get("label", "an offer")))
        for offer in offers
        if (cost := ceiling.offer_total(offer, count)) is not None and cost <= limit
    ]
    enough = f"raise {ceiling.key} to {cents_up(total)}"
    if not offers:
        return enough
    if not costs:
        return f"{enough}; no offer of this plan stays under {format_usd(limit)} {ceiling.per}"
    cost, label = min(costs)
    return f"take {label} at {format_usd(cost)} {ceiling.per}, or {enough}"


def offer_money(offer: dict[str, Value], key: str) -> Decimal | None:
    """A price of an offer as the Serving's props hold it."""
    value = offer.get(key)
    if value is UNKNOWN or isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        return None
    return amount if amount.is_finite() else None
