"""Ollama: starts llama-server with context × ``OLLAMA_NUM_PARALLEL`` and lets it place the layers.

Facts: ollama ``llm/llama_server.go`` (``-c NumCtx × numParallel``, no ``-ngl``), ``envconfig/config.go`` (parallel 1),
``ml/device.go`` (457 MiB kept free, 512 on Metal), ``server/sched.go`` (batch 512; 1024 above 4k and 2048 above 32k of
context where room allows; some hybrids take one request at a time).
"""

from modelyard.fit.constants import whole
from modelyard.fit.engines.offload import FIT_MARGIN, llama_setting
from modelyard.fit.engines.placed import Setting
from modelyard.fit.types import FitRequest
from modelyard.units import MIB

UNKNOWN = (
    "Ollama's batch: taken as 512; it raises it to 1024 or 2048 on long contexts where room allows",
    "how Ollama's file was made: its size is that of llama-quantize with an importance matrix",
)


def setting(request: FitRequest) -> Setting:
    """How Ollama is set up for a request.

    Raises:
        UsageError: a wired limit beyond the memory of the Mac.
    """
    parallel = request.parallel or whole("ollama_parallel")
    unknown: tuple[str, ...] = UNKNOWN
    if request.model.linear_attention is not None and parallel > 1:
        parallel = 1
        unknown = (*unknown, "Ollama serves models with linear attention one request at a time: taken as 1")
    kept = whole("ollama_kept_metal_mib" if request.gpu.is_apple else "ollama_kept_mib") * MIB
    return llama_setting(
        request,
        title="Ollama",
        parallel=parallel,
        kept=max(FIT_MARGIN, kept),
        batch=whole("ollama_batch"),
        unknown=unknown,
    )
