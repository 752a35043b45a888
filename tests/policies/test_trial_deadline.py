"""A trial ends, and so does each machine rented for it."""

import pytest

from modelyard.resources import UNKNOWN, Resource, Value
from policies.rule import RuleConfig, Status
from policies.trial_deadline import RULE
from tests.policies.build import facts, serving


def _machine(**props: Value) -> Resource:
    return Resource(
        urn="urn:m",
        type="modelyard-rental:index:Machine",
        name="machine",
        props=props,
        custom=True,
        parent="urn:serving",
    )


@pytest.mark.parametrize(
    ("life", "status"),
    [
        ({"lifetimeSeconds": 3600}, Status.PASS),
        ({"lifetimeSeconds": 3600.0}, Status.PASS),
        ({"deadline": "2026-12-01T18:00:00Z"}, Status.PASS),
        ({}, Status.FAIL),
        ({"lifetimeSeconds": 0}, Status.FAIL),
        ({"lifetimeSeconds": None, "deadline": ""}, Status.FAIL),
        ({"deadline": UNKNOWN}, Status.UNKNOWN),
    ],
)
def test_a_trial(life: dict[str, Value], status: Status) -> None:
    (finding,) = RULE.check(facts(serving(trial=True, **life)), RuleConfig())
    assert finding.status is status


def test_a_machine_without_an_end_fails_although_its_serving_has_one() -> None:
    found = RULE.check(facts(serving(trial=True, lifetimeSeconds=60), _machine()), RuleConfig())
    assert [(f.name, f.status) for f in found] == [("chat", Status.PASS), ("machine", Status.FAIL)]


@pytest.mark.parametrize(("trial", "count"), [(False, 0), (None, 0), (UNKNOWN, 1)])
def test_what_is_no_trial_need_not_end(trial: Value, count: int) -> None:
    assert len(RULE.check(facts(serving(trial=trial)), RuleConfig())) == count
