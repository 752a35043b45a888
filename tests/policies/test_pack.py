"""The policy pack, run as the engine runs it, says what the embedded rules say, rule by rule."""

from collections import defaultdict
from collections.abc import Sequence

import pytest
from pulumi.runtime.proto import analyzer_pb2

from modelyard.cost import price_resources
from modelyard.resources import SECRET, UNKNOWN, Resource, Value
from policies.catalog import RULE_IDS
from policies.evaluate import evaluate, severity
from policies.rule import RuleConfig
from tests.fixtures.resources import prod_70b, trial_405b
from tests.policies.pack_process import Pack, running_pack

MANDATORY = analyzer_pb2.MANDATORY
ADVISORY = analyzer_pb2.ADVISORY
_LENIENT: dict[str, Value] = {"unknown": "warn", "unpriced": "fail", "levels": {"endpoint-auth": "advisory"}}

PROGRAMS: dict[str, tuple[tuple[Resource, ...], dict[str, Value]]] = {
    "a good trial": (trial_405b(), {}),
    "a bad trial": (
        trial_405b(budget={"maxSpendUsd": "10", "maxUsdPerHour": "5"}, auth="none", gpu="L40S", lifetimeSeconds=0),
        {},
    ),
    "unknown values": (trial_405b(gpu=UNKNOWN, auth=UNKNOWN, budget={"maxSpendUsd": UNKNOWN}), {}),
    "unpriced, by the stack's own rules": (prod_70b(auth="none", quantization=UNKNOWN, rules=_LENIENT), _LENIENT),
}


def _expected(resources: Sequence[Resource], config: RuleConfig) -> dict[tuple[str, int], list[str]]:
    """Messages by policy and enforcement level, as the embedded run would have them."""
    said: dict[tuple[str, int], list[str]] = defaultdict(list)
    for result in evaluate(resources, price_resources(resources), config):
        for finding in result.findings:
            word = severity(finding, result.level, config)
            if word in {"fail", "unknown"}:
                said[result.id, MANDATORY].append(finding.message)
            elif word == "warn":
                said["advice", ADVISORY].append(f"{result.id}: {finding.message}")
    return {key: sorted(messages) for key, messages in said.items()}


def _said(diagnostics: Sequence[analyzer_pb2.AnalyzeDiagnostic]) -> dict[tuple[str, int], list[str]]:
    said: dict[tuple[str, int], list[str]] = defaultdict(list)
    for item in diagnostics:
        said[item.policyName, item.enforcementLevel].append(item.message.removeprefix(f"{item.description}\n"))
    return {key: sorted(messages) for key, messages in said.items()}


@pytest.mark.parametrize("name", PROGRAMS)
def test_pack_and_embedded_agree_rule_by_rule(name: str) -> None:
    resources, rules = PROGRAMS[name]
    config = RuleConfig.parse(rules, known=RULE_IDS)
    expected = _expected(resources, config)
    with running_pack() as pack:
        assert _said(pack.preview(resources)) == expected
    assert bool(expected) is (name != "a good trial")


def test_every_rule_is_a_mandatory_policy_of_the_pack() -> None:
    with running_pack() as pack:
        levels = {policy.name: policy.enforcementLevel for policy in pack.info().policies}
        assert levels == {**dict.fromkeys(RULE_IDS, MANDATORY), "advice": ADVISORY}
        _check_config(pack)


def _check_config(pack: Pack) -> None:
    """The pack's own config stands above the stack's: ``unknown: fail`` holds although the stack says ``warn``."""
    strict = analyzer_pb2.PolicyConfig(enforcementLevel=MANDATORY)
    strict.properties.update({"unknown": "fail", "ignoreStackRules": True})
    pack.configure({"endpoint-auth": strict})
    said = _said(pack.preview(trial_405b(auth=UNKNOWN, rules=_LENIENT)))
    assert len(said["endpoint-auth", MANDATORY]) == 1
    assert "not known before `up`" in said["endpoint-auth", MANDATORY][0]


def test_a_secret_is_never_quoted() -> None:
    resources = trial_405b(auth="none", apiKey=SECRET, token=SECRET)
    with running_pack() as pack:
        said = "".join(item.message for item in pack.preview(resources))
    assert said
    assert "hunter2" not in said
