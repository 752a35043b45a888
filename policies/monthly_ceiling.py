"""A month of it stays under the ceiling that the environment names."""

from modelyard.units import HOURS_PER_MONTH
from policies.ceilings import Ceiling, check_ceiling, offer_money
from policies.examples import machine, serving
from policies.facts import SERVING, Facts
from policies.rule import Example, Finding, Rule, RuleConfig, Scope

_CEILING = Ceiling(
    path="budget.maxUsdPerMonth",
    key="budget.max-usd-per-month",
    per="a month",
    total=lambda bill: bill.monthly_usd,
    offer_total=lambda offer, count: (
        None if (cost := offer_money(offer, "usdPerHour")) is None else cost * count * HOURS_PER_MONTH
    ),
)


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Compare 730 hours of what is registered with ``budget.maxUsdPerMonth``."""
    return check_ceiling(_CEILING, facts)


def _at(usd_per_hour: str, month: str) -> Example:
    top = serving({"budget": {"maxUsdPerMonth": "3000"}, "nodes": 1})
    return Example(
        text=f"One GPU at ${usd_per_hour} an hour is {month} over 730 hours; the ceiling is $3,000 a month.",
        resources=(top, machine(parent=top, usd_per_hour=usd_per_hour)),
    )


RULE = Rule(
    id="monthly-ceiling",
    title="A month costs no more than its ceiling",
    why=(
        "Budgets are granted by the month, and nobody multiplies by 730 in their head. An endpoint that looks cheap by "
        "the hour is the one that eats a quarter's budget while it idles."
    ),
    remedy="Take a cheaper offer, fewer replicas or an end (life.until), or raise budget.max-usd-per-month.",
    scope=Scope.STACK,
    check=check,
    types=(SERVING,),
    fails=_at("6.88", "$5,022.40"),
    passes=_at("3.99", "$2,912.70"),
)
