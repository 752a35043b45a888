"""All rules, in the order in which people read them: money first, then whether it can work, then who may use it."""

from policies import (
    endpoint_auth,
    hourly_ceiling,
    image_pinned,
    monthly_ceiling,
    precision_supported,
    spend_ceiling,
    trial_deadline,
    vram_fit,
)
from policies.rule import Rule

RULES: tuple[Rule, ...] = (
    hourly_ceiling.RULE,
    monthly_ceiling.RULE,
    spend_ceiling.RULE,
    trial_deadline.RULE,
    vram_fit.RULE,
    precision_supported.RULE,
    endpoint_auth.RULE,
    image_pinned.RULE,
)

RULE_IDS: tuple[str, ...] = tuple(rule.id for rule in RULES)
