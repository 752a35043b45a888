"""The preview as one document, ``modelyard.preview/1``: what every surface shows is in it, and nothing else is.

The schema is ``modelyard/data/preview-1.schema.json``; docs/preview-json.md explains it. Money is decimal strings,
memory is bytes, time is aware UTC in ISO 8601. A new key may come; a key that is there keeps its meaning.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from modelyard.cost.types import Bill
from modelyard.report.describe import describe
from modelyard.report.outcome import RuleOutcome
from modelyard.report.reader import Document, Json, money_text
from modelyard.report.serving import fit_section, plan_section
from modelyard.resources import Resource

SCHEMA = "modelyard.preview/1"
_SERVING = "modelyard:index:Serving"


def preview_document(
    *,
    stack: str,
    project: str,
    resources: Sequence[Resource],
    bill: Bill,
    rules: Sequence[RuleOutcome],
    generated_at: datetime,
    price_age_warning_days: int,
) -> Document:
    """Everything that a preview found.

    Args:
        stack: The environment.
        project: The Pulumi project.
        resources: What the program registered, in order.
        bill: ``modelyard.cost.price_resources`` of them.
        rules: Every rule's verdict, the skipped ones too.
        generated_at: Now, aware; the core has no clock.
        price_age_warning_days: From this age on the oldest price is called stale.

    Returns:
        A document that ``json.dumps`` takes as it is. ``plan`` and ``fit`` are null in a stack without a Serving; with
        several, ``servings`` holds them all and ``plan`` and ``fit`` are the first one's.
    """
    servings: list[Json] = [
        {"plan": plan_section(resource), "fit": fit_section(resource)}
        for resource in resources
        if resource.type == _SERVING
    ]
    first = servings[0] if servings else None
    return {
        "schema": SCHEMA,
        "stack": stack,
        "project": project,
        "generated_at": generated_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "ok": not any(rule.blocks for rule in rules),
        "summary": _summary(rules),
        "plan": first["plan"] if isinstance(first, dict) else None,
        "fit": first["fit"] if isinstance(first, dict) else None,
        "servings": servings,
        "cost": _cost(bill, generated_at, price_age_warning_days),
        "rules": [_rule(rule) for rule in rules],
        "resources": [
            {
                "urn": resource.urn,
                "type": resource.type,
                "name": resource.name,
                "parent": resource.parent,
                "custom": resource.custom,
                "description": describe(resource),
            }
            for resource in resources
        ],
    }


def _summary(rules: Sequence[RuleOutcome]) -> Document:
    counts: Document = {}
    for status in ("pass", "warn", "fail", "unknown", "skipped"):
        counts[status] = sum(rule.status == status for rule in rules)
    return counts


def _cost(bill: Bill, now: datetime, warning_days: int) -> Document:
    oldest = bill.oldest
    age = (now.astimezone(UTC).date() - oldest).days if oldest else None
    lines: list[Json] = [
        {
            "resource": line.resource,
            "what": line.what,
            "quantity": f"{line.quantity:f}",
            "unit": line.unit,
            "unit_price_usd": money_text(line.unit_price_usd),
            "hourly_usd": money_text(line.hourly_usd),
            "once_usd": money_text(line.once_usd),
            "max_spend_usd": money_text(line.max_spend_usd),
            "source": line.source,
            "as_of": line.as_of.isoformat() if line.as_of else None,
            "note": line.note,
        }
        for line in bill.lines
    ]
    return {
        "hourly_usd": money_text(bill.hourly_usd),
        "monthly_usd": money_text(bill.monthly_usd),
        "max_spend_usd": money_text(bill.max_spend_usd),
        "lower_bound": bill.is_lower_bound,
        "oldest_price": oldest.isoformat() if oldest else None,
        "oldest_price_days": age,
        "price_age_warning_days": warning_days,
        "stale": age is not None and age > warning_days,
        "lines": lines,
        "not_priced": [{"resource": item.resource, "what": item.what, "why": item.why} for item in bill.not_priced],
    }


def _rule(rule: RuleOutcome) -> Document:
    return {
        "id": rule.id,
        "title": rule.title,
        "level": rule.level,
        "status": rule.status,
        "findings": [
            {
                "status": finding.status,
                "message": finding.message,
                "measured": finding.measured,
                "limit": finding.limit,
                "change": finding.change,
                "resource": finding.resource,
            }
            for finding in rule.findings
        ],
    }
