"""Ollama: starts llama-server with context × ``OLLAMA_NUM_PARALLEL`` and lets it place the layers.

Facts: ollama ``llm/llama_server.go`` (``-c NumCtx × numParallel``, no ``-ngl``), ``envconfig/config.go`` (parallel 1),
``ml/device.go`` (457 MiB kept free, 512 on Metal), ``server/sched.go`` (batch 512; 1024 above 4k and 2048 above 32k of
context where room allows; some hybrids take one request at a time).
"""

from modelyard.fit.engines.offload import FIT_MARGIN, llama_setting
from modelyard.fit.engines.placed import Setting
from modelyard.fit.types import FitRequest
from modelyard.units import MIB

NUM_PARALLEL = 1
KEPT_FREE, KEPT_FREE_METAL = 457 * MIB, 512 * MIB
DEFAULT_BATCH = 512

UNKNOWN = (
    "Ollama's batch: taken as 512; it raises it to 1024 or 2048 on long contexts where room allows",
    "how Ollama's file was made: its size is that of llama-quantize with an importance matrix",
)


def setting(request: FitRequest) -> Setting:
    """How Ollama is set up for a request.

    Raises:
        UsageError: a wired limit beyond the memory of the Mac.
    """
    parallel = request.parallel or NUM_PARALLEL
    unknown: tuple[str, ...] = UNKNOWN
    if request.model.linear_attention is not None and parallel > 1:
        parallel = 1
        unknown = (*unknown, "Ollama serves models with linear attention one request at a time: taken as 1")
    kept = KEPT_FREE_METAL if request.gpu.is_apple else KEPT_FREE
    return llama_setting(
        request,
        title="Ollama",
        parallel=parallel,
        kept=max(FIT_MARGIN, kept),
        batch=DEFAULT_BATCH,
        unknown=unknown,
    )
