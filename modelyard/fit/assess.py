"""Put together what a fit is made of, stage by stage, and judge it.

The engine's own arithmetic (vram.md §3): requested = ceil(total × gmu); KV cache = requested − weights − non-torch −
activation peak, and from 0.20 − CUDA graphs. The stage with the fewest KV blocks governs.
"""

import math
from dataclasses import dataclass

from modelyard.errors import UsageError, quote
from modelyard.fit.checkpoints import Precision, resolve_precision
from modelyard.fit.defaults import GRAPHS_BUDGETED, Flags, resolve_flags
from modelyard.fit.kv_cache import Layout, plan_cache
from modelyard.fit.kv_dtype import KvDtype, resolve_kv_dtype
from modelyard.fit.parallelism import require_parallelism
from modelyard.fit.runtime import Runtime, estimate_runtime
from modelyard.fit.types import Fit, FitRequest, PerGpu
from modelyard.fit.verdict import Measured, judge
from modelyard.fit.weights import Stage, weigh


@dataclass(frozen=True, kw_only=True, slots=True)
class StageBudget:
    """One pipeline stage's memory, in bytes per GPU."""

    stage: Stage
    runtime: Runtime
    layout: Layout
    kv_bytes: int
    requested_bytes: int


def assess(request: FitRequest) -> Fit:
    """Whether the model fits as asked: bytes per GPU, tokens and requests that remain, verdict.

    Raises:
        UsageError: a value that the engine would refuse: names it, and what is allowed.
    """
    check_request(request)
    precision = resolve_precision(request.model, request.quantization)
    flags = resolve_flags(request)
    dtype = resolve_kv_dtype(request.model, precision.checkpoint, request.kv_cache_dtype, request.gpu)
    budget = min(_budgets(request, precision, flags, dtype), key=lambda b: b.kv_bytes / b.layout.block_bytes)
    held = budget.layout.concurrency(budget.kv_bytes, request.max_model_len, flags.in_flight_tokens)
    need = budget.layout.bytes_for(request.concurrency, request.max_model_len, flags.in_flight_tokens)
    judged = judge(
        request,
        precision,
        flags,
        Measured(runtime=budget.runtime, layout=budget.layout, dtype=dtype, kv_bytes=budget.kv_bytes),
    )
    return Fit(
        request=request,
        verdict=judged.verdict,
        per_gpu=_per_gpu(request, flags, budget),
        kv_bytes_per_token=budget.layout.bytes_per_token,
        kv_cache_tokens=budget.layout.tokens(budget.kv_bytes, request.max_model_len, flags),
        max_concurrency=held,
        margin_bytes=budget.kv_bytes - need,
        reasons=judged.reasons,
        warnings=judged.warnings,
        unknown=judged.unknown,
    )


def check_request(request: FitRequest) -> None:
    """Refuse numbers that no engine takes.

    Raises:
        UsageError: what, where, and what is allowed.
    """
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


def stage_budgets(request: FitRequest) -> tuple[StageBudget, ...]:
    """The memory of every pipeline stage, first to last.

    Raises:
        UsageError: a value that the engine would refuse.
    """
    precision = resolve_precision(request.model, request.quantization)
    dtype = resolve_kv_dtype(request.model, precision.checkpoint, request.kv_cache_dtype, request.gpu)
    return _budgets(request, precision, resolve_flags(request), dtype)


def _budgets(request: FitRequest, precision: Precision, flags: Flags, dtype: KvDtype) -> tuple[StageBudget, ...]:
    tp, pp = request.tensor_parallel_size, request.pipeline_parallel_size
    require_parallelism(request.model, tp, pp, quantization=request.quantization)
    stages = weigh(request.model, request.quantization, tp, pp).stages
    return tuple(_stage_budget(request, precision, flags, dtype, stage) for stage in stages)


def _stage_budget(request: FitRequest, precision: Precision, flags: Flags, dtype: KvDtype, stage: Stage) -> StageBudget:
    tp = request.tensor_parallel_size
    runtime = estimate_runtime(
        request.model,
        request.gpu,
        flags,
        tp=tp,
        pp=request.pipeline_parallel_size,
        is_last=stage.is_last,
        eager=request.enforce_eager,
        moe_workspace=precision.scheme.family != "mxfp4",
    )
    requested = math.ceil(request.gpu.total_memory_bytes * flags.gpu_memory_utilization)
    kv = requested - stage.weights_bytes - runtime.activations - runtime.non_torch
    if flags.version >= GRAPHS_BUDGETED:
        kv -= runtime.cuda_graphs
    layout = plan_cache(request.model, dtype, tp, stage.layers)
    return StageBudget(stage=stage, runtime=runtime, layout=layout, kv_bytes=kv, requested_bytes=requested)


def _per_gpu(request: FitRequest, flags: Flags, budget: StageBudget) -> PerGpu:
    runtime, total = budget.runtime, request.gpu.total_memory_bytes
    outside = runtime.context if flags.version >= GRAPHS_BUDGETED else runtime.context + runtime.cuda_graphs
    return PerGpu(
        total=total,
        weights=budget.stage.weights_bytes,
        activations=runtime.activations,
        cuda_graphs=runtime.cuda_graphs,
        runtime=runtime.non_torch + runtime.context,
        kv_cache=budget.kv_bytes,
        reserve=total - budget.requested_bytes - outside,
    )
