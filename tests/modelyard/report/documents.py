"""Preview documents for the report tests: bills and verdicts worked out by hand, so that every figure is known."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from modelyard.cost.types import Bill, CostLine, NotPriced
from modelyard.report import Document, Measured, RuleOutcome, preview_document
from modelyard.resources import Resource, Value
from tests.fixtures.resources import prod_70b, trial_405b

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


def line(what: str, hourly: str, *, most: str | None = None, once: str = "0", on: date = date(2026, 11, 9)) -> CostLine:
    return CostLine(
        resource="llama-405b-machine",
        what=what,
        quantity=Decimal(1),
        unit="h",
        unit_price_usd=Decimal(hourly),
        hourly_usd=Decimal(hourly),
        once_usd=Decimal(once),
        max_spend_usd=None if most is None else Decimal(most),
        source="https://www.runpod.io/pricing",
        as_of=on,
    )


TRIAL_BILL = Bill(
    lines=(
        line("runpod 4× H200 secure", "18.36", most="19.89"),
        line("container disk, 471 GB", "0.0645205479", most="0.42", on=date(2026, 8, 20)),
    ),
    not_priced=(),
    hourly_usd=Decimal("18.4245205479"),
    monthly_usd=Decimal("13449.90"),
    max_spend_usd=Decimal("20.31"),
)
UNPRICED_BILL = Bill(
    lines=(line("EKS control plane", "0.10"),),
    not_priced=(NotPriced(resource="llama-70b-nodes", what="8× H100 node", why="no price is known"),),
    hourly_usd=Decimal("0.10"),
    monthly_usd=Decimal("73.00"),
    max_spend_usd=None,
)
NO_BILL = Bill(lines=(), not_priced=(), hourly_usd=Decimal(0), monthly_usd=Decimal(0), max_spend_usd=None)


def rule(status: str, *, rule_id: str = "spend-ceiling", resource: str | None = "llama-405b") -> RuleOutcome:
    finding = Measured(
        status=status,
        message="$20.31; limit: $15.00",
        measured="$20.31 before the deadline",
        limit="$15.00 before the deadline (budget.max-spend-usd)",
        change="" if status == "pass" else "raise budget.max-spend-usd to 20.31",
        resource=resource,
    )
    findings = () if status == "skipped" else (finding,)
    return RuleOutcome(
        id=rule_id, title="The worst case stays under its ceiling", level="mandatory", status=status, findings=findings
    )


def make(
    resources: Sequence[Resource], bill: Bill, rules: Sequence[RuleOutcome] = (), *, stack: str = "trial-405b"
) -> Document:
    return preview_document(
        stack=stack,
        project="modelyard",
        resources=resources,
        bill=bill,
        rules=rules,
        generated_at=NOW,
        price_age_warning_days=60,
    )


def trial(*rules: RuleOutcome, **serving: Value) -> Document:
    return make(trial_405b(**serving), TRIAL_BILL, rules or (rule("pass"),))


def prod() -> Document:
    return make(prod_70b(), UNPRICED_BILL, (rule("warn", rule_id="hourly-ceiling"),), stack="prod")
