"""Running rules: levels, strictness, rules that break, and what stops ``up``."""

from dataclasses import replace

import pytest

from modelyard.errors import ConfigError, UnknownNameError, UsageError
from modelyard.resources import UNKNOWN, Value
from policies.catalog import RULE_IDS
from policies.endpoint_auth import RULE as AUTH
from policies.evaluate import evaluate, gate, judge, own_config
from policies.facts import Facts
from policies.hourly_ceiling import RULE as HOURLY
from policies.rule import Finding, Level, RuleConfig, Strictness
from tests.policies.build import bill, facts, serving

OPEN = facts(serving(auth="none"))


@pytest.mark.parametrize(
    ("level", "status"), [(Level.MANDATORY, "fail"), (Level.ADVISORY, "warn"), (Level.OFF, "skipped")]
)
def test_the_level_decides_what_a_broken_rule_does(level: Level, status: str) -> None:
    result = judge(AUTH, OPEN, RuleConfig(levels={"endpoint-auth": level}))
    assert (result.status, result.level) == (status, level)
    assert result.blocks is (level is Level.MANDATORY)


@pytest.mark.parametrize(
    ("unknown", "level", "status"),
    [
        (Strictness.FAIL, Level.MANDATORY, "unknown"),
        (Strictness.WARN, Level.MANDATORY, "warn"),
        (Strictness.FAIL, Level.ADVISORY, "warn"),
    ],
)
def test_an_unknown_value_follows_the_config_and_never_passes(unknown: Strictness, level: Level, status: str) -> None:
    config = RuleConfig(unknown=unknown, levels={"endpoint-auth": level})
    assert judge(AUTH, facts(serving(auth=UNKNOWN)), config).status == status


@pytest.mark.parametrize(("unpriced", "status"), [(Strictness.WARN, "warn"), (Strictness.FAIL, "fail")])
def test_a_lower_bound_follows_the_config(unpriced: Strictness, status: str) -> None:
    program = facts(serving(budget={"maxUsdPerHour": "5"}), bill=bill("1", missing=("disk",)))
    assert judge(HOURLY, program, RuleConfig(unpriced=unpriced)).status == status


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("a-secret-value"), "the rule itself broke: KeyError"),
        (UsageError("no such GPU 'X'"), "the rule itself broke: no such GPU 'X'"),
    ],
)
def test_a_rule_that_breaks_has_failed_and_is_named(error: Exception, said: str) -> None:
    def breaks(_facts: Facts, _config: RuleConfig) -> tuple[Finding, ...]:
        raise error

    result = judge(replace(AUTH, check=breaks), OPEN, RuleConfig())
    assert result.status == "fail"
    assert result.findings[0].measured == said
    assert "'endpoint-auth'" in result.findings[0].change


def test_evaluate_answers_for_every_rule_in_order_and_the_gate_names_those_that_stop_up() -> None:
    results = evaluate((serving(auth="none", trial=True),), bill("1"))
    assert tuple(result.id for result in results) == RULE_IDS
    by_id = {result.id: result.status for result in results}
    assert by_id["hourly-ceiling"] == "skipped"
    assert [result.id for result in gate(results)] == [
        "trial-deadline",
        "vram-fit",
        "precision-supported",
        "endpoint-auth",
    ]


def test_config_is_read_from_plain_values() -> None:
    config = RuleConfig.parse({"unpriced": "fail", "unknown": None, "levels": {"vram-fit": "off"}}, known=RULE_IDS)
    assert config == RuleConfig(unpriced=Strictness.FAIL, levels={"vram-fit": Level.OFF})


def test_a_level_for_a_rule_that_does_not_exist_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        RuleConfig.parse({"levels": {"hourly-cieling": "off"}}, known=RULE_IDS)
    assert caught.value.nearest[0] == "hourly-ceiling"


@pytest.mark.parametrize(
    "raw", [{"unpriced": "ignore"}, {"levels": {"vram-fit": "loud"}}, {"levels": []}, {"unpriecd": "fail"}]
)
def test_a_word_that_is_not_allowed_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        RuleConfig.parse(raw, known=RULE_IDS)
    assert caught.value.allowed


@pytest.mark.parametrize(
    ("rules", "above", "expected"),
    [
        (None, {}, RuleConfig()),
        ({"unknown": "warn"}, {}, RuleConfig(unknown=Strictness.WARN)),
        ({"unknown": "warn"}, {"unknown": "fail"}, RuleConfig()),
        ({"unknown": "warn"}, {"ignoreStackRules": True}, RuleConfig()),
        (
            {"levels": {"no-such-rule": "off"}, "unknown": "warn"},
            {"unpriced": "fail"},
            RuleConfig(unpriced=Strictness.FAIL),
        ),
        (UNKNOWN, {}, RuleConfig()),
    ],
)
def test_a_programs_own_strictness_and_the_packs_above_it(
    rules: Value, above: dict[str, object], expected: RuleConfig
) -> None:
    assert own_config((serving(rules=rules),), above) == expected
