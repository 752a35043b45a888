"""The three ceilings: over, under, at, without a price, without a deadline, and several endpoints in one stack."""

from dataclasses import replace

import pytest

from modelyard.resources import UNKNOWN, Resource, Value
from policies import hourly_ceiling, monthly_ceiling, spend_ceiling
from policies.rule import Finding, Rule, RuleConfig, Status
from tests.policies.build import NO_BILL, bill, facts, serving

LABELS: Value = [
    {"label": "runpod 1× A", "usdPerHour": "4.00", "maxSpendUsd": "4.40"},
    {"label": "runpod 1× B", "usdPerHour": "4.50", "maxSpendUsd": "4.90"},
]


def _one(rule: Rule, resource: Resource, **the_bill: str | tuple[str, ...]) -> Finding:
    made = bill(str(the_bill["hourly"]), most=_text(the_bill.get("most")), missing=_texts(the_bill.get("missing")))
    (finding,) = rule.check(facts(resource, bill=made), RuleConfig())
    return finding


def _text(value: str | tuple[str, ...] | None) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


@pytest.mark.parametrize(("limit", "status"), [("6.87", Status.FAIL), ("6.88", Status.PASS), ("6.89", Status.PASS)])
def test_an_hour_at_its_ceiling_passes_and_a_cent_over_it_fails(limit: str, status: Status) -> None:
    finding = _one(hourly_ceiling.RULE, serving(budget={"maxUsdPerHour": limit}), hourly="6.88")
    assert (finding.status, finding.measured) == (status, "$6.88 an hour")
    assert finding.limit == f"${limit} an hour (budget.max-usd-per-hour)"


def test_the_way_out_names_the_cheapest_offer_that_stays_under() -> None:
    resource = serving(budget={"maxUsdPerHour": 5}, nodes=1, offers={"candidates": LABELS})
    finding = _one(hourly_ceiling.RULE, resource, hourly="6.885")
    assert finding.change == "take runpod 1× A at $4.00 an hour, or raise budget.max-usd-per-hour to 6.89"


def test_offers_count_once_for_every_machine() -> None:
    resource = serving(budget={"maxUsdPerHour": 5}, nodes=2, offers={"candidates": LABELS})
    finding = _one(hourly_ceiling.RULE, resource, hourly="6.88")
    assert finding.change == "raise budget.max-usd-per-hour to 6.88; no offer of this plan stays under $5.00 an hour"


def test_a_month_is_730_hours() -> None:
    resource = serving(budget={"maxUsdPerMonth": "2900"})
    finding = _one(monthly_ceiling.RULE, resource, hourly="3.99")
    assert (finding.status, finding.measured) == (Status.FAIL, "$2,912.70 a month")


def test_the_worst_case_is_compared_and_not_the_hour() -> None:
    resource = serving(budget={"maxSpendUsd": "5"}, offers={"candidates": LABELS})
    finding = _one(spend_ceiling.RULE, resource, hourly="3.99", most="8.33")
    assert (finding.status, finding.measured) == (Status.FAIL, "$8.33 before the deadline")
    assert finding.change.startswith("take runpod 1× A at $4.40 before the deadline")


def test_a_spending_ceiling_without_a_deadline_fails() -> None:
    finding = _one(spend_ceiling.RULE, serving(budget={"maxSpendUsd": "5"}), hourly="3.99")
    assert finding.status is Status.FAIL
    assert finding.measured == "no deadline, so there is no most that it can cost"


def test_a_missing_price_makes_the_total_a_lower_bound() -> None:
    resource = serving(budget={"maxUsdPerHour": "5"})
    finding = _one(hourly_ceiling.RULE, resource, hourly="0.10", missing=("8× H100 node",))
    assert (finding.status, finding.measured) == (
        Status.UNPRICED,
        "at least $0.10 an hour; not priced: 8× H100 node",
    )


def test_a_lower_bound_over_the_ceiling_is_over_it() -> None:
    resource = serving(budget={"maxUsdPerHour": "5"})
    finding = _one(hourly_ceiling.RULE, resource, hourly="5.01", missing=("disk",))
    assert (finding.status, finding.measured) == (Status.FAIL, "at least $5.01 an hour")


@pytest.mark.parametrize("rule", [hourly_ceiling.RULE, spend_ceiling.RULE])
def test_nothing_priced_is_never_said_to_be_zero(rule: Rule) -> None:
    resource = serving(budget={"maxUsdPerHour": "5", "maxSpendUsd": "5"})
    empty = replace(NO_BILL, not_priced=bill("0", missing=("8× H100 node",)).not_priced)
    (finding,) = rule.check(facts(resource, bill=empty), RuleConfig())
    assert (finding.status, finding.measured) == (Status.UNPRICED, "no price is known; not priced: 8× H100 node")


@pytest.mark.parametrize("rule", [hourly_ceiling.RULE, spend_ceiling.RULE])
def test_a_program_that_costs_nothing_passes(rule: Rule) -> None:
    resource = serving(budget={"maxUsdPerHour": "5", "maxSpendUsd": "5"})
    (finding,) = rule.check(facts(resource), RuleConfig())
    assert (finding.status, finding.measured) == (Status.PASS, "nothing here is billed")


def test_a_ceiling_that_is_not_known_is_unknown_and_none_is_nothing() -> None:
    assert _one(hourly_ceiling.RULE, serving(budget={"maxUsdPerHour": UNKNOWN}), hourly="1").status is Status.UNKNOWN
    assert _one(hourly_ceiling.RULE, serving(budget=UNKNOWN), hourly="1").status is Status.UNKNOWN
    assert hourly_ceiling.RULE.check(facts(serving(), bill=bill("1")), RuleConfig()) == ()


def test_each_of_two_endpoints_answers_for_its_own_machines() -> None:
    def endpoint(name: str, limit: str, usd: str) -> tuple[Resource, Resource]:
        top = Resource(
            urn=f"urn:{name}",
            type="modelyard:index:Serving",
            name=name,
            props={"budget": {"maxUsdPerHour": limit}},
            custom=False,
        )
        offer: Value = {
            "vendor": "lambda",
            "sku": "gpu_1x",
            "gpu": "H100-SXM",
            "gpuCount": 1,
            "region": "any",
            "trust": "secure",
            "spot": False,
            "usdPerHour": usd,
            "granularitySeconds": 60,
            "minimumSeconds": 0,
            "asOf": "2026-09-20",
            "source": "https://lambda.ai/pricing",
        }
        machine = Resource(
            urn=f"urn:{name}-machine",
            type="modelyard-rental:index:Machine",
            name=f"{name}-machine",
            props={"candidates": [offer], "diskGb": 0},
            custom=True,
            parent=top.urn,
        )
        return top, machine

    resources = (*endpoint("cheap", "2", "1.00"), *endpoint("dear", "2", "3.00"))
    found = hourly_ceiling.RULE.check(facts(*resources, bill=bill("4")), RuleConfig())
    assert [(f.name, f.status, f.measured) for f in found] == [
        ("cheap", Status.PASS, "$1.00 an hour"),
        ("dear", Status.FAIL, "$3.00 an hour"),
    ]
