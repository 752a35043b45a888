"""The most that it can cost before its deadline stays under the ceiling that the environment names."""

from modelyard.resources import Value
from policies.ceilings import Ceiling, check_ceiling, offer_money
from policies.examples import machine, serving
from policies.facts import SERVING, Facts
from policies.rule import Example, Finding, Rule, RuleConfig, Scope

_CEILING = Ceiling(
    path="budget.maxSpendUsd",
    key="budget.max-spend-usd",
    per="before the deadline",
    total=lambda bill: bill.max_spend_usd,
    offer_total=lambda offer, count: None if (cost := offer_money(offer, "maxSpendUsd")) is None else cost * count,
)


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Compare the worst case before the deadline with ``budget.maxSpendUsd``."""
    return check_ceiling(_CEILING, facts)


def _lasting(hours: int) -> Example:
    life: dict[str, Value] = {"lifetimeSeconds": hours * 3600}
    top = serving({"budget": {"maxSpendUsd": "10.00"}, "nodes": 1, "trial": True, **life})
    return Example(
        text=f"One GPU at $3.99 an hour for {hours} h, with a ceiling of $10.00 on the whole trial.",
        resources=(top, machine(life, parent=top, usd_per_hour="3.99")),
    )


RULE = Rule(
    id="spend-ceiling",
    title="The worst case before the deadline stays under its ceiling",
    why=(
        "What a trial costs is its whole life with every minimum charge, disk and minute of teardown, and not the "
        "price of an hour. Without a deadline there is no worst case, so a spending ceiling without one is broken."
    ),
    remedy="Shorten life.for, take a cheaper offer, or raise budget.max-spend-usd on purpose.",
    scope=Scope.STACK,
    check=check,
    types=(SERVING,),
    fails=_lasting(3),
    passes=_lasting(1),
)
