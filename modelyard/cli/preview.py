"""A preview, step by step: run the program, price what it registered, hold the rules against it, tell it."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modelyard.cli.environment import Environment, locating
from modelyard.cli.project import import_project_module

if TYPE_CHECKING:
    from modelyard.report import Document, RuleOutcome
    from policies.rule import RuleConfig, RuleResult

DEFAULT_PRICE_AGE_DAYS = 60


def preview(environment: Environment, *, now: datetime | None = None) -> "Document":
    """What ``pulumi up`` would create in an environment, what it costs and which rules it breaks.

    Args:
        environment: a checked environment.
        now: the time that prices are aged against; None: the clock's.

    Returns:
        A ``modelyard.preview/1`` document.

    Raises:
        ModelyardError: the program stopped, or nothing can be planned.
    """
    import_project_module("policies.evaluate")
    from modelyard.cli.embedded.program import run
    from modelyard.cost import price_resources
    from modelyard.report import preview_document
    from policies.evaluate import evaluate, own_config

    moment = now or datetime.now(UTC)
    resources = locating(environment.stack, lambda: run(environment.project, environment.stack))
    # A program that was written by hand has no settings of ours; it may still carry its own strictness.
    config = rule_config(environment) if environment.settings else own_config(resources)
    bill = price_resources(resources, now=moment)
    results = evaluate(resources, bill, config, now=moment)
    settings = environment.settings
    return preview_document(
        stack=environment.stack.environment,
        project=environment.project.name,
        resources=resources,
        bill=bill,
        rules=[outcome(result, config) for result in results],
        generated_at=moment,
        price_age_warning_days=settings.price_age_warning_days if settings else DEFAULT_PRICE_AGE_DAYS,
    )


def rule_config(environment: Environment) -> "RuleConfig":
    """How strict the rules are there.

    Raises:
        ConfigError: the stack file sets a level for a rule that does not exist.
    """
    from policies.catalog import RULES
    from policies.rule import RuleConfig

    if environment.settings is None:
        return RuleConfig()
    raw: dict[str, Any] = environment.settings.rules.model_dump()
    known = tuple(rule.id for rule in RULES)
    return locating(environment.stack, lambda: RuleConfig.parse(raw, known=known))


def outcome(result: "RuleResult", config: "RuleConfig") -> "RuleOutcome":
    """What a report needs of a rule's result."""
    from modelyard.report import Measured, RuleOutcome
    from policies.evaluate import severity

    return RuleOutcome(
        id=result.id,
        title=result.title,
        level=result.level.value,
        status=result.status,
        findings=tuple(
            Measured(
                status=severity(finding, result.level, config),
                message=finding.message,
                measured=finding.measured,
                limit=finding.limit,
                change=finding.change,
                resource=finding.name,
            )
            for finding in result.findings
        ),
    )
