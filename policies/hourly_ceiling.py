"""The running cost of an hour stays under the ceiling that the environment names."""

from policies.ceilings import Ceiling, check_ceiling, offer_money
from policies.examples import machine, serving
from policies.facts import SERVING, Facts
from policies.rule import Example, Finding, Rule, RuleConfig, Scope

_CEILING = Ceiling(
    path="budget.maxUsdPerHour",
    key="budget.max-usd-per-hour",
    per="an hour",
    total=lambda bill: bill.hourly_usd,
    offer_total=lambda offer, count: None if (cost := offer_money(offer, "usdPerHour")) is None else cost * count,
)


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Compare the hourly total of what is registered with ``budget.maxUsdPerHour``."""
    return check_ceiling(_CEILING, facts)


def _at(usd_per_hour: str) -> Example:
    top = serving({"budget": {"maxUsdPerHour": "5.00"}, "nodes": 1})
    return Example(
        text=f"One GPU at ${usd_per_hour} an hour; the ceiling is $5.00.",
        resources=(top, machine(parent=top, usd_per_hour=usd_per_hour)),
    )


RULE = Rule(
    id="hourly-ceiling",
    title="An hour costs no more than its ceiling",
    why=(
        "GPU machines are billed from the minute they exist. One wrong count or one dearer region is noticed on the "
        "invoice, weeks later, unless something compares the total with a number that a person chose."
    ),
    remedy="Take a cheaper offer, fewer GPUs or fewer replicas, or raise budget.max-usd-per-hour on purpose.",
    scope=Scope.STACK,
    check=check,
    types=(SERVING,),
    fails=_at("6.88"),
    passes=_at("3.99"),
)
