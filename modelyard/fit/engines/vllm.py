"""vLLM: KV cache = ceil(total × gpu-memory-utilization) − weights − non-torch − activations, from 0.20 − CUDA graphs.

``--kv-cache-memory-bytes`` sets the KV cache outright. On ROCm no graph estimate is ever taken out (vLLM
``v1/worker/gpu_worker.py`` profiles graphs on CUDA only).
"""

import math

from modelyard.fit.defaults import GRAPHS_BUDGETED, MODELLED, Flags, parse_version, resolve_flags
from modelyard.fit.engines.base import Case, Rules, StageBudget, assumed_overhead
from modelyard.fit.kv_cache import plan_cache
from modelyard.fit.runtime import estimate_runtime
from modelyard.fit.types import FitRequest
from modelyard.units import gib

OLDEST_SEEN = (0, 5)
"""The oldest engine version among the published runs."""


def budget(case: Case) -> StageBudget:
    """One stage as vLLM budgets it."""
    request, flags = case.request, case.flags
    runtime = estimate_runtime(request.model, request.gpu, flags, case.shape, constants=case.constants)
    requested = math.ceil(request.gpu.total_memory_bytes * flags.gpu_memory_utilization)
    inside = flags.version >= GRAPHS_BUDGETED and request.gpu.capability is not None
    used = case.stage.weights_bytes + runtime.activations + runtime.non_torch + (runtime.cuda_graphs if inside else 0)
    kv = requested - used
    if request.kv_cache_memory_bytes is not None:
        # Set outright, it still has to lie on the GPU beside everything else; what is lacking counts as missing cache.
        asked, room = request.kv_cache_memory_bytes, request.gpu.total_memory_bytes - runtime.context - used
        kv = asked if asked <= room else room - asked
        requested = used + kv
    layout = plan_cache(
        request.model,
        case.dtype,
        request.tensor_parallel_size,
        case.stage.layers,
        context_parallel=request.decode_context_parallel_size,
        version=flags.version,
    )
    return StageBudget(
        stage=case.stage,
        runtime=runtime,
        layout=layout,
        kv_bytes=kv,
        requested_bytes=requested,
        graphs_inside=inside,
    )


def granted_by(request: FitRequest, flags: Flags) -> str:
    """The flag that bounds its memory."""
    if request.kv_cache_memory_bytes is not None:
        return f"the GPU holds beside a KV cache of {gib(request.kv_cache_memory_bytes):.2f} GiB"
    return f"gpu-memory-utilization {flags.gpu_memory_utilization:g} grants"


def unknown(request: FitRequest) -> tuple[str, ...]:
    """What is not known of vLLM with these settings."""
    notes: list[str] = []
    version = parse_version(request.engine_version)
    if version > MODELLED:
        notes.append(
            f"vLLM {request.engine_version}: newer than what is modelled, taken as {MODELLED[0]}.{MODELLED[1]}"
        )
    elif version < OLDEST_SEEN:
        notes.append(f"vLLM {request.engine_version}: older than any run that was checked")
    if request.data_parallel_size > 1:
        notes.append("workspaces of data-parallel experts: taken as one gathered batch in chunks; backends differ")
    if request.decode_context_parallel_size > 1:
        notes.append("workspace of decode context parallelism: taken as none")
    if request.model.compressed is not None:
        notes.append(
            "layout of the compressed KV cache: as vLLM 0.22 and 0.28 report it, and taken as the later one from 0.23"
        )
    return (*notes, *assumed_overhead(request, version))


RULES = Rules(name="vllm", flags=resolve_flags, budget=budget, granted_by=granted_by, unknown=unknown)
