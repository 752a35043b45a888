"""The rules as policies of Pulumi's own policy engine.

The engine shows a stack policy the *outputs* of each resource and a resource policy its *inputs* (pulumi,
``step_generator.go``). Rules are about what the program asks for, and a component's outputs need not repeat it, so the
pack keeps the inputs that it was shown, resource by resource, and judges the stack on those.

A policy has one enforcement level for all it says, while a rule may end in a warning (an advisory level from the stack
file, ``unknown: warn``). So every rule is a mandatory policy that reports what stops ``up``, and one advisory policy
beside them reports the rest.
"""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from modelyard.cost import price_resources
from modelyard.cost.types import Bill
from modelyard.resources import Resource
from policies.catalog import RULES
from policies.convert import to_resource
from policies.evaluate import broken, judge, own_config, severity
from policies.facts import Facts
from policies.rule import Finding, Level, Rule, RuleConfig, Scope

PACK_NAME = "modelyard"
ADVICE = "advice"
"""The policy that says what does not stop ``up``."""

_STRICTNESS = {"type": "string", "enum": ["fail", "warn"]}
CONFIG_SCHEMA = PolicyConfigSchema(
    properties={
        "unpriced": {**_STRICTNESS, "description": "what a total that misses a price means"},
        "unknown": {**_STRICTNESS, "description": "what a value that is not known before `up` means"},
        "ignoreStackRules": {
            "type": "boolean",
            "default": False,
            "description": "do not let the stack's own rules (modelyard:rules) lower this policy",
        },
    }
)

_NO_BILL = Bill(lines=(), not_priced=(), hourly_usd=Decimal(0), monthly_usd=Decimal(0), max_spend_usd=None)


class Ledger:
    """The inputs of every resource that the engine has shown, by URN. Policies run on several threads."""

    def __init__(self) -> None:
        self._inputs: dict[str, Resource] = {}
        self._lock = threading.Lock()

    def note(self, args: ResourceValidationArgs) -> Resource:
        """Keep one resource's inputs."""
        resource = to_resource(
            urn=args.urn,
            kind=args.resource_type,
            name=args.name,
            props=args.props,
            parent=args.opts.parent,
            has_provider=args.provider is not None,
        )
        with self._lock:
            self._inputs[resource.urn] = resource
        return resource

    def inputs(self) -> tuple[Resource, ...]:
        """Everything seen so far."""
        with self._lock:
            return tuple(self._inputs.values())

    def stack(self, final: Sequence[PolicyResource]) -> tuple[Resource, ...]:
        """The stack as it will be: what was asked for where that was seen, else the outputs."""
        with self._lock:
            seen = dict(self._inputs)
        return tuple(
            seen.get(item.urn)
            or to_resource(
                urn=item.urn,
                kind=item.resource_type,
                name=item.name,
                props=item.props,
                parent=item.opts.parent,
                has_provider=item.provider is not None,
            )
            for item in final
        )


def build_policies(rules: Sequence[Rule] = RULES) -> list[Policy]:
    """One mandatory policy for each rule, and the advisory one."""
    ledger = Ledger()
    return [*(_policy(rule, ledger) for rule in rules), _advice(rules, ledger)]


def _policy(rule: Rule, ledger: Ledger) -> Policy:
    def validate_resource(args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = ledger.note(args)
        if resource.type in rule.types:
            _report(rule, (resource,), own_config(ledger.inputs(), args.get_config()), report, said=_BLOCKING)

    def validate_stack(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = ledger.stack(args.resources)
        _report(rule, resources, own_config(resources, args.get_config()), report, said=_BLOCKING)

    if rule.scope is Scope.RESOURCE:
        return ResourceValidationPolicy(
            name=rule.id,
            description=rule.title,
            display_name=rule.title,
            validate=validate_resource,
            enforcement_level=EnforcementLevel.MANDATORY,
            config_schema=CONFIG_SCHEMA,
            remediation_steps=rule.remedy,
        )
    return StackValidationPolicy(
        name=rule.id,
        description=rule.title,
        display_name=rule.title,
        validate=validate_stack,
        enforcement_level=EnforcementLevel.MANDATORY,
        config_schema=CONFIG_SCHEMA,
        remediation_steps=rule.remedy,
    )


def _advice(rules: Sequence[Rule], ledger: Ledger) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = ledger.stack(args.resources)
        config = own_config(resources, args.get_config())
        for rule in rules:
            _report(rule, resources, config, report, said=_ADVISED)

    return StackValidationPolicy(
        name=ADVICE,
        description="Worth knowing before `up`",
        validate=validate,
        enforcement_level=EnforcementLevel.ADVISORY,
        config_schema=CONFIG_SCHEMA,
    )


_BLOCKING = frozenset({"fail", "unknown"})
_ADVISED = frozenset({"warn"})


def _report(
    rule: Rule, resources: Sequence[Resource], config: RuleConfig, report: ReportViolation, *, said: frozenset[str]
) -> None:
    level = config.levels.get(rule.id, rule.level)
    if level is Level.OFF:
        return
    findings: tuple[Finding, ...]
    now = datetime.now(UTC)
    try:
        bill = _bill(rule, resources, now)
    except Exception as error:  # noqa: BLE001  # a bill that cannot be made must not take the preview down either
        findings = (broken(rule, error),)
    else:
        findings = judge(rule, Facts(resources=tuple(resources), bill=bill, now=now), config).findings
    for finding in findings:
        if severity(finding, level, config) in said:
            prefix = f"{rule.id}: " if said is _ADVISED else ""
            report(f"{prefix}{finding.message}", finding.urn)


def _bill(rule: Rule, resources: Sequence[Resource], now: datetime) -> Bill:
    """Only a rule that sees the whole stack can use a bill."""
    return price_resources(resources, now=now) if rule.scope is Scope.STACK else _NO_BILL
