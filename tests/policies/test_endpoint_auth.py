"""Nothing listens without auth."""

import pytest

from modelyard.resources import UNKNOWN, Resource, Value
from policies.endpoint_auth import RULE
from policies.rule import RuleConfig, Status
from tests.policies.build import facts


@pytest.mark.parametrize("kind", ["modelyard:index:Serving", "modelyard:index:Gateway"])
@pytest.mark.parametrize(
    ("auth", "status"),
    [
        ("bearer", Status.PASS),
        ("none", Status.FAIL),
        (None, Status.FAIL),
        ("", Status.FAIL),
        ("Bearer", Status.FAIL),
        (False, Status.FAIL),
        (UNKNOWN, Status.UNKNOWN),
    ],
)
def test_auth(kind: str, auth: Value, status: Status) -> None:
    resource = Resource(urn="u", type=kind, name="x", props={"auth": auth}, custom=False)
    (finding,) = RULE.check(facts(resource), RuleConfig())
    assert finding.status is status
    assert kind in RULE.types
