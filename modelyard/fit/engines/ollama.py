"""Ollama: starts llama-server with context × ``OLLAMA_NUM_PARALLEL`` and lets it place the layers.

Facts: ollama ``llm/llama_server.go`` (``-c NumCtx × numParallel``, no ``-ngl``), ``envconfig/config.go`` (parallel 1),
``ml/device.go`` (457 MiB kept free, 512 on Metal), ``server/sched.go`` (batch 512; 1024 above 4k and 2048 above 32k of
context where room allows; some hybrids take one request at a time).
"""

from dataclasses import replace

from modelyard.fit.engines.offload import FIT_MARGIN, Setting, assess_offload, cuda_context
from modelyard.fit.types import Fit, FitRequest
from modelyard.units import MIB

NUM_PARALLEL = 1
KEPT_FREE, KEPT_FREE_METAL = 457 * MIB, 512 * MIB
DEFAULT_BATCH = 512

UNKNOWN = (
    "Ollama's batch: taken as 512; it raises it to 1024 or 2048 on long contexts where room allows",
    "which tensors Ollama's own conversions keep larger: taken as the preset's average",
)


def assess_ollama(request: FitRequest) -> Fit:
    """How many layers fit, with the context that Ollama would reserve.

    Raises:
        UsageError: an unknown precision or cache type.
    """
    parallel = request.parallel or NUM_PARALLEL
    unknown: tuple[str, ...] = UNKNOWN
    if request.model.linear_attention is not None and parallel > 1:
        parallel = 1
        unknown = (*unknown, "Ollama serves models with linear attention one request at a time: taken as 1")
    kept = KEPT_FREE_METAL if request.gpu.vendor == "apple" else KEPT_FREE
    setting = Setting(
        title="Ollama",
        parallel=parallel,
        reserve=max(FIT_MARGIN, kept),
        context_bytes=cuda_context(request),
        unknown=unknown,
    )
    asked = replace(request, max_num_batched_tokens=request.max_num_batched_tokens or DEFAULT_BATCH)
    return replace(assess_offload(asked, setting), request=request)
