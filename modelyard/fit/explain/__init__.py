"""A fit, term by term: what each comes to, its formula in symbols and in numbers, and where the rule is from.

Every formula is plain arithmetic (``arithmetic.evaluate``): a sceptic can recompute it with a pocket calculator.
"""

from modelyard.fit.assess import stage_budgets
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.engines import LOCAL, rules_of
from modelyard.fit.engines.base import Case, StageBudget
from modelyard.fit.explain.cache_terms import cache_terms, left_term
from modelyard.fit.explain.local_terms import local_terms
from modelyard.fit.explain.runtime_terms import runtime_terms
from modelyard.fit.explain.verdict_terms import spent_term, verdict_terms
from modelyard.fit.explain.weight_terms import weight_terms
from modelyard.fit.kv_dtype import kv_dtype_of
from modelyard.fit.terms import Term as Term
from modelyard.fit.terms import to_text as to_text
from modelyard.fit.types import Fit, FitRequest


def explain(fit: Fit) -> tuple[Term, ...]:
    """The terms of ``fit``, in the order in which they are computed; of the stage that governs."""
    if fit.request.engine in LOCAL:
        return local_terms(fit)
    request = fit.request
    budget = min(stage_budgets(request), key=lambda b: b.kv_bytes / b.layout.block_bytes)
    case = _case(request, budget)
    held = (*weight_terms(request, budget), *runtime_terms(request, case, budget))
    if request.model.encoder:  # nothing is cached between steps
        return (*held, left_term(request, case, budget, name="left beside the model"), spent_term(fit))
    return (*held, *cache_terms(request, case, budget), *verdict_terms(fit, case, budget))


def _case(request: FitRequest, budget: StageBudget) -> Case:
    precision = resolve_precision(request.model, request.quantization)
    flags = rules_of(request.engine).flags(request)
    dtype = kv_dtype_of(request, precision)
    return Case(request=request, precision=precision, flags=flags, dtype=dtype, stage=budget.stage)
