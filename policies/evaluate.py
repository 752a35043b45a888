"""Runs rules over a program. A rule that breaks is a rule that failed: it is named, and nothing else stops."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from modelyard.cost.types import Bill
from modelyard.errors import ModelyardError
from modelyard.resources import Resource
from policies.catalog import RULE_IDS, RULES
from policies.facts import SERVING, Facts
from policies.rule import Finding, Level, Rule, RuleConfig, RuleResult, Scope, Status, Strictness


def evaluate(
    resources: Sequence[Resource], bill: Bill, config: RuleConfig | None = None, *, now: datetime | None = None
) -> tuple[RuleResult, ...]:
    """Every rule of the catalog over one program, in the catalog's order.

    Args:
        resources: What the program registered.
        bill: What ``modelyard.cost.price_resources`` made of them.
        config: How strict to be; None: every rule's own level.
        now: The present time, aware UTC, that the bill was made with.
    """
    facts = Facts(resources=tuple(resources), bill=bill, now=now)
    settings = config or RuleConfig()
    return tuple(judge(rule, facts, settings) for rule in RULES)


def judge(rule: Rule, facts: Facts, config: RuleConfig) -> RuleResult:
    """One rule over one program; never raises on behalf of the rule."""
    level = config.levels.get(rule.id, rule.level)
    if level is Level.OFF:
        return RuleResult(id=rule.id, title=rule.title, level=level, status="skipped", findings=())
    try:
        findings = _findings(rule, facts, config)
    except Exception as error:  # noqa: BLE001  # a broken rule must neither pass nor take the preview down
        findings = (broken(rule, error),)
    return RuleResult(
        id=rule.id, title=rule.title, level=level, status=_status(findings, level, config), findings=findings
    )


def own_config(resources: Sequence[Resource], above: Mapping[str, object] | None = None) -> RuleConfig:
    """How strict a program asks its rules to be: the ``rules`` prop of its first Serving that has one.

    Where there is no stack file to read (the policy pack, a program that was written by hand), this is all there is.
    A prop that cannot be read counts for nothing: the rules stay as strict as they are by themselves.

    Args:
        resources: What the program registered.
        above: The policy pack's own config, which stands above the program's: ``unpriced``, ``unknown``, and
            ``ignoreStackRules``, with which the program is not asked at all.
    """
    pack = above or {}
    words = {key: pack[key] for key in ("unpriced", "unknown") if key in pack}
    asked: dict[str, object] = {}
    if pack.get("ignoreStackRules") is not True:
        props = (item.props.get("rules") for item in resources if item.type == SERVING)
        asked = next((dict[str, object](rules) for rules in props if isinstance(rules, dict)), asked)
    try:
        return RuleConfig.parse({**asked, **words}, known=RULE_IDS)
    except ModelyardError:
        return RuleConfig.parse(words, known=RULE_IDS)


def gate(results: Sequence[RuleResult]) -> tuple[RuleResult, ...]:
    """The results that stop ``up``; empty when it may go on."""
    return tuple(result for result in results if result.blocks)


def _findings(rule: Rule, facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:
    if rule.scope is Scope.STACK:
        return rule.check(facts, config)
    found: list[Finding] = []
    for resource in facts.of_type(*rule.types):
        found.extend(rule.check(Facts(resources=(resource,), bill=facts.bill, now=facts.now), config))
    return tuple(found)


def broken(rule: Rule, error: Exception) -> Finding:
    """A rule that raised. Of a foreign error only the kind is told: its text may hold what must not be shown."""
    return Finding(
        status=Status.FAIL,
        measured=f"the rule itself broke: {error.brief if isinstance(error, ModelyardError) else type(error).__name__}",
        limit="a rule that runs",
        change=f"report this as a fault of rule '{rule.id}', and set its level to off until it is mended",
    )


def severity(finding: Finding, level: Level, config: RuleConfig) -> str:
    """What one finding comes to (pass, warn, fail or unknown), with the config's word on what is open."""
    word = finding.status.value
    if finding.status is Status.UNPRICED:
        word = config.unpriced.value
    elif finding.status is Status.UNKNOWN and config.unknown is Strictness.WARN:
        word = "warn"
    return "warn" if level is Level.ADVISORY and word in {"fail", "unknown"} else word


def _status(findings: Sequence[Finding], level: Level, config: RuleConfig) -> str:
    """The worst of the findings."""
    said = {severity(finding, level, config) for finding in findings}
    return next((status for status in ("fail", "unknown", "warn", "pass") if status in said), "skipped")
