"""SGLang: KV pool = free memory before loading × mem-fraction-static − weights; the rest is for activations and graphs.

Nothing is profiled, so the pool is larger than vLLM's at a like fraction and memory can run out while serving. The
default fraction follows from the GPU and the flags (SGLang 0.5.23 ``srt/arg_groups/memory_hook.py``).
"""

from modelyard.fit.constants import FITTED, whole
from modelyard.fit.defaults import Flags
from modelyard.fit.engines.base import PLAIN_TOKENS, Case, Rules, StageBudget, assumed_overhead, own_fraction
from modelyard.fit.kv_cache import Shares, plain_layout
from modelyard.fit.runtime import estimate_runtime
from modelyard.fit.types import FitRequest

# nvidia-smi MiB below which → (chunked-prefill-size, largest captured batch below tp 4, from tp 4)
_CLASSES = (
    (20 * 1024, whole("sglang_chunk_20"), 8, 8),
    (35 * 1024, whole("sglang_chunk_60"), 48, 160),
    (60 * 1024, whole("sglang_chunk_60"), 32, 160),
    (160 * 1024, whole("sglang_chunk_160"), 256, 512),
)
_LARGEST = (whole("sglang_chunk_large"), 512, 512)
_WIDE_BATCH = 300
PREFILL_GRAPHS = whole("sglang_prefill_graphs")
VISION_FACTOR = FITTED["sglang_vision_factor"]
"""For a ViT-L; larger towers reduce it further, at most to 0.76."""

SHARES = Shares(window=FITTED["sglang_window_share"], state=FITTED["sglang_state_share"])
"""``swa-full-tokens-ratio`` 0.8 and ``mamba-full-memory-ratio`` 0.9."""


def flags(request: FitRequest) -> Flags:
    """SGLang's flags: T is the chunk of a prefill, S the largest captured batch.

    Raises:
        UsageError: a fraction outside 0 to 1.
    """
    chunk, batch = _defaults(request)
    return Flags(
        version=PLAIN_TOKENS,
        gpu_memory_utilization=own_fraction(request, default=default_fraction(request), flag="mem-fraction-static"),
        max_num_seqs=batch,
        max_num_batched_tokens=chunk,
        in_flight_tokens=chunk,
        is_v0=False,
    )


def default_fraction(request: FitRequest) -> float:
    """``mem-fraction-static`` when it is not given: what the reserve for activations and graphs leaves."""
    chunk, batch = _defaults(request)
    total = request.gpu.memory_mib
    c = FITTED
    reserved = c["sglang_base_mib"] + max(chunk, c["sglang_least_tokens"]) * c["sglang_mib_per_token"]
    reserved += request.tensor_parallel_size * request.pipeline_parallel_size * c["sglang_mib_per_gpu"]
    if not request.enforce_eager:
        reserved += batch * c["sglang_decode_graph_mib"]
        if request.data_parallel_size > 1:
            each = c["sglang_dp_graph_mib_wide" if batch > _WIDE_BATCH else "sglang_dp_graph_mib"]
            reserved += batch * request.data_parallel_size * each
        latent = request.model.mla is not None
        prefill = PREFILL_GRAPHS * c["sglang_prefill_graph_mib"]
        reserved += c["sglang_prefill_graph_mla_mib"] if latent else prefill
    if total > c["sglang_floor_from_mib"]:
        reserved = max(reserved, c["sglang_floor_mib"])
    fraction = round((total - reserved) / total, 3)
    factor = VISION_FACTOR if request.model.vision is not None else 1.0
    return max(c["sglang_least_fraction"], fraction * factor)


def budget(case: Case) -> StageBudget:
    """One stage as SGLang sizes it."""
    request = case.request
    runtime = estimate_runtime(request.model, request.gpu, case.flags, case.shape, constants=case.constants)
    free = request.gpu.total_memory_bytes - runtime.context
    granted = round(free * case.flags.gpu_memory_utilization)
    return StageBudget(
        stage=case.stage,
        runtime=runtime,
        layout=plain_layout(request.model, case.dtype, request.tensor_parallel_size, case.stage.layers, shares=SHARES),
        kv_bytes=granted - case.stage.weights_bytes - runtime.non_torch,
        requested_bytes=granted + runtime.activations,
        graphs_inside=False,
    )


def unknown(request: FitRequest) -> tuple[str, ...]:
    """What is not known of SGLang."""
    notes = ["memory that SGLang needs while serving: it is not profiled, so the pool may be granted and run out later"]
    if request.memory_fraction is None and not request.enforce_eager:
        notes.append(f"number of captured prefill sizes in the default fraction: taken as {PREFILL_GRAPHS}")
    if request.model.vision is not None:
        notes.append(f"size of the vision tower in the default fraction: taken as a ViT-L (× {VISION_FACTOR:g})")
    return (*notes, *assumed_overhead(request, PLAIN_TOKENS))


def _defaults(request: FitRequest) -> tuple[int, int]:
    wide = request.tensor_parallel_size >= 4
    chunk, narrow_batch, wide_batch = _LARGEST
    for below, *row in _CLASSES:
        if request.gpu.memory_mib < below:
            chunk, narrow_batch, wide_batch = row
            break
    batch = wide_batch if wide else narrow_batch
    return request.max_num_batched_tokens or chunk, request.max_num_seqs or batch


def _granted_by(_request: FitRequest, resolved: Flags) -> str:
    return f"mem-fraction-static {resolved.gpu_memory_utilization:g} grants"


RULES = Rules(
    name="sglang",
    flags=flags,
    budget=budget,
    granted_by=_granted_by,
    unknown=unknown,
    unsure_share=FITTED["sglang_unsure_share"],
)
