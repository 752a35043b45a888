"""Every decision: which offer, which split, how long it takes to start, and the most that it can cost."""

from modelyard.plan.decide import make_plan as make_plan
from modelyard.plan.encode import plan_to_json as plan_to_json
from modelyard.plan.types import Plan as Plan

__all__ = ["Plan", "make_plan", "plan_to_json"]
