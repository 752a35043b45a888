"""Text Generation Inference: a warm-up with the largest prefill, then 90 % of the allowed memory minus what that took.

Free memory is counted against ``cuda-memory-fraction`` × 0.90 of the GPU (TGI 3.3 ``flash_causal_lm.py`` warmup, and
``globals.py`` TGI_WIGGLE_ROOM); CUDA graphs are captured afterwards, in the tenth that is left. Paged attention knows
no windows: every layer is cached at full length.
"""

import math

from modelyard.fit.constants import FITTED, whole
from modelyard.fit.defaults import Flags
from modelyard.fit.engines.base import PLAIN_TOKENS, Case, Rules, StageBudget, assumed_overhead, own_fraction
from modelyard.fit.kv_cache import Shares, plain_layout
from modelyard.fit.runtime import Runtime, estimate_runtime, forward_bytes
from modelyard.fit.types import FitRequest

WIGGLE_ROOM = FITTED["tgi_wiggle_room"]
FRACTION = 1.0
PREFILL_TOKENS = whole("tgi_prefill_tokens")
"""``max-batch-prefill-tokens`` where the launcher cannot tell the GPU's compute."""


def flags(request: FitRequest) -> Flags:
    """T is ``max-batch-prefill-tokens``; the warm-up samples one token per request.

    Raises:
        UsageError: a fraction outside 0 to 1.
    """
    fraction = own_fraction(request, default=FRACTION, flag="cuda-memory-fraction")
    tokens = request.max_num_batched_tokens or PREFILL_TOKENS
    return Flags(
        version=PLAIN_TOKENS,
        gpu_memory_utilization=fraction * WIGGLE_ROOM,
        max_num_seqs=request.max_num_seqs or 10**6,  # bounded by tokens alone
        max_num_batched_tokens=tokens,
        in_flight_tokens=tokens,
        is_v0=False,
    )


def budget(case: Case) -> StageBudget:
    """One stage as TGI's warm-up leaves it."""
    request, resolved = case.request, case.flags
    base = estimate_runtime(request.model, request.gpu, resolved, case.shape, constants=case.constants)
    logits = resolved.max_num_batched_tokens * request.model.vocab_size * whole("tgi_logits_bytes")
    forward = forward_bytes(request.model, resolved, request.tensor_parallel_size, case.constants)
    runtime = Runtime(
        activations=round(max(forward, logits)),
        cuda_graphs=base.cuda_graphs,
        non_torch=base.non_torch,
        context=base.context,
        warm_up=base.warm_up,
    )
    granted = math.ceil(request.gpu.total_memory_bytes * resolved.gpu_memory_utilization)
    used = case.stage.weights_bytes + runtime.activations + runtime.non_torch + runtime.context
    return StageBudget(
        stage=case.stage,
        runtime=runtime,
        layout=plain_layout(
            request.model, case.dtype, request.tensor_parallel_size, case.stage.layers, shares=Shares()
        ),
        kv_bytes=granted - used,
        requested_bytes=granted - runtime.context,
        graphs_inside=False,
    )


def unknown(request: FitRequest) -> tuple[str, ...]:
    """What is not known of TGI."""
    notes = ["whether TGI, which is in maintenance mode, loads this model at all"]
    if request.max_num_batched_tokens is None:
        notes.append(f"max-batch-prefill-tokens: TGI derives it from the GPU's compute; taken as {PREFILL_TOKENS}")
    return (*notes, *assumed_overhead(request, PLAIN_TOKENS))


def _granted_by(_request: FitRequest, resolved: Flags) -> str:
    return f"cuda-memory-fraction × {WIGGLE_ROOM:g} = {resolved.gpu_memory_utilization:g} grants"


RULES = Rules(
    name="tgi",
    flags=flags,
    budget=budget,
    granted_by=_granted_by,
    unknown=unknown,
    unsure_share=FITTED["tgi_unsure_share"],
)
