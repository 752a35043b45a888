"""TensorRT-LLM: KV cache = free_gpu_memory_fraction of what is free **after** weights, activations and runtime buffers.

So its 0.9 is not vLLM's 0.9 (nvidia.github.io/TensorRT-LLM/reference/memory.html; the default is in its KvCacheConfig).
"""

from modelyard.fit.constants import FITTED, whole
from modelyard.fit.defaults import Flags
from modelyard.fit.engines.base import PLAIN_TOKENS, Case, Rules, StageBudget, assumed_overhead, own_fraction
from modelyard.fit.kv_cache import Shares, plain_layout
from modelyard.fit.runtime import estimate_runtime
from modelyard.fit.types import FitRequest

FRACTION = FITTED["tensorrt_llm_fraction"]
MAX_NUM_TOKENS, MAX_BATCH_SIZE = whole("tensorrt_llm_tokens"), whole("tensorrt_llm_batch")
"""Defaults of its LLM API."""
TOKENS_PER_BLOCK = 32


def flags(request: FitRequest) -> Flags:
    """T is ``max_num_tokens``, S ``max_batch_size``; the fraction stands where vLLM has its own.

    Raises:
        UsageError: a fraction outside 0 to 1.
    """
    fraction = own_fraction(request, default=FRACTION, flag="free_gpu_memory_fraction")
    tokens = request.max_num_batched_tokens or MAX_NUM_TOKENS
    return Flags(
        version=PLAIN_TOKENS,
        gpu_memory_utilization=fraction,
        max_num_seqs=request.max_num_seqs or MAX_BATCH_SIZE,
        max_num_batched_tokens=tokens,
        in_flight_tokens=tokens,
        is_v0=False,
    )


def budget(case: Case) -> StageBudget:
    """One stage: a share of what is left after everything else."""
    request, fraction = case.request, case.flags.gpu_memory_utilization
    runtime = estimate_runtime(request.model, request.gpu, case.flags, case.shape, constants=case.constants)
    used = case.stage.weights_bytes + runtime.activations + runtime.non_torch + runtime.cuda_graphs + runtime.context
    free = request.gpu.total_memory_bytes - used
    kv = round(free * fraction) if free > 0 else free
    return StageBudget(
        stage=case.stage,
        runtime=runtime,
        layout=plain_layout(
            request.model,
            case.dtype,
            request.tensor_parallel_size,
            case.stage.layers,
            block=TOKENS_PER_BLOCK,
            shares=Shares(),
        ),
        kv_bytes=kv,
        requested_bytes=used + kv - runtime.context,
    )


def unknown(request: FitRequest) -> tuple[str, ...]:
    """What is not known of TensorRT-LLM."""
    notes = ["activations and runtime buffers of TensorRT-LLM: taken as vLLM's, and no run was there to check them"]
    if request.model.window is not None:
        notes.append("how TensorRT-LLM shares the cache between windows: every layer is counted at full length")
    if request.model.linear_attention is not None:
        notes.append("states of linear attention in TensorRT-LLM: not counted")
    return (*notes, *assumed_overhead(request, PLAIN_TOKENS))


def _granted_by(_request: FitRequest, resolved: Flags) -> str:
    return f"free_gpu_memory_fraction {resolved.gpu_memory_utilization:g} can give, none being free"


RULES = Rules(
    name="tensorrt-llm",
    flags=flags,
    budget=budget,
    granted_by=_granted_by,
    unknown=unknown,
    unsure_share=FITTED["tensorrt_llm_unsure_share"],
)
