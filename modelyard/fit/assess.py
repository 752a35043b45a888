"""Put together what a fit is made of, stage by stage, and judge it.

Which rule leaves how much for the KV cache is the engine's (``engines/``); the stage with the fewest KV blocks governs.
"""

from modelyard.errors import UsageError, quote
from modelyard.fit.checkpoints import Precision, resolve_precision
from modelyard.fit.constants import FITTED, Constants
from modelyard.fit.defaults import Flags
from modelyard.fit.engines import LOCAL, rules_of
from modelyard.fit.engines.apple import require_engine
from modelyard.fit.engines.base import Case, StageBudget, spread_of
from modelyard.fit.engines.local import assess_local
from modelyard.fit.kv_dtype import KvDtype, kv_dtype_of
from modelyard.fit.parallelism import require_split
from modelyard.fit.types import Fit, FitRequest, PerGpu
from modelyard.fit.uncertain import bounds_of, require_cache, without_cache
from modelyard.fit.verdict import Measured, judge
from modelyard.fit.weights import weigh_spread


def assess(request: FitRequest, *, constants: Constants = FITTED) -> Fit:
    """Whether the model fits as asked: bytes per GPU, tokens and requests that remain, verdict.

    Args:
        request: what is asked.
        constants: the fitted numbers to use.

    Raises:
        UsageError: a value that the engine would refuse: names it, and what is allowed.
    """
    check_request(request)
    require_cache(request)
    if request.engine in LOCAL:
        return assess_local(request)
    rules = rules_of(request.engine)
    precision = resolve_precision(request.model, request.quantization)
    flags = rules.flags(request)
    dtype = kv_dtype_of(request, precision)
    budget = min(_budgets(request, precision, flags, dtype, constants), key=lambda b: b.kv_bytes / b.layout.block_bytes)
    held = budget.layout.concurrency(budget.kv_bytes, request.max_model_len, flags.in_flight_tokens)
    need = budget.layout.bytes_for(requests_per_rank(request), request.max_model_len, flags.in_flight_tokens)
    judged = judge(
        request,
        precision,
        flags,
        Measured(runtime=budget.runtime, layout=budget.layout, dtype=dtype, kv_bytes=budget.kv_bytes),
    )
    fit = Fit(
        request=request,
        verdict=judged.verdict,
        per_gpu=_per_gpu(request, budget),
        kv_bytes_per_token=budget.layout.bytes_per_token,
        kv_cache_tokens=budget.layout.tokens(budget.kv_bytes, request.max_model_len, flags),
        max_concurrency=held,
        margin_bytes=budget.kv_bytes - need,
        reasons=judged.reasons,
        warnings=judged.warnings,
        unknown=judged.unknown,
        bounds=bounds_of(request, precision, budget, flags),
    )
    return without_cache(fit, flags) if request.model.encoder else fit


def requests_per_rank(request: FitRequest) -> int:
    """Requests that one data-parallel rank must hold."""
    return -(-request.concurrency // request.data_parallel_size)


def check_request(request: FitRequest) -> None:
    """Refuse numbers that no engine takes.

    Raises:
        UsageError: what, where, and what is allowed.
    """
    require_engine(request)
    longest = request.model.max_position_embeddings
    if not 1 <= request.max_model_len <= longest:
        raise UsageError(
            f"a context of {request.max_model_len:,} tokens is beyond {request.model.title}"
            if request.max_model_len > longest
            else f"{quote(request.max_model_len)} is no context length",
            details=f"where    max_model_len\nallowed  1 to {longest:,} tokens",
            resolution=f"ask for at most {longest:,} tokens",
        )
    if request.concurrency < 1:
        raise UsageError(
            f"{quote(request.concurrency)} is no number of requests", details="where    concurrency\nallowed  1 or more"
        )


def stage_budgets(request: FitRequest, *, constants: Constants = FITTED) -> tuple[StageBudget, ...]:
    """The memory of every pipeline stage, first to last, of an engine that keeps the model on its GPUs.

    Args:
        request: what is asked.
        constants: the fitted numbers to use.

    Raises:
        UsageError: a value that the engine would refuse.
    """
    precision = resolve_precision(request.model, request.quantization)
    dtype = kv_dtype_of(request, precision)
    return _budgets(request, precision, rules_of(request.engine).flags(request), dtype, constants)


def _budgets(
    request: FitRequest, precision: Precision, flags: Flags, dtype: KvDtype, constants: Constants
) -> tuple[StageBudget, ...]:
    require_split(request)
    stages = weigh_spread(request.model, request.quantization, spread_of(request)).stages
    budget = rules_of(request.engine).budget
    return tuple(
        budget(Case(request=request, precision=precision, flags=flags, dtype=dtype, stage=stage, constants=constants))
        for stage in stages
    )


def _per_gpu(request: FitRequest, budget: StageBudget) -> PerGpu:
    runtime, total = budget.runtime, request.gpu.total_memory_bytes
    outside = runtime.context if budget.graphs_inside else runtime.context + runtime.cuda_graphs
    return PerGpu(
        total=total,
        weights=budget.stage.weights_bytes,
        activations=runtime.activations,
        cuda_graphs=runtime.cuda_graphs,
        runtime=runtime.non_torch + runtime.context,
        kv_cache=budget.kv_bytes,
        reserve=total - budget.requested_bytes - outside,
    )
