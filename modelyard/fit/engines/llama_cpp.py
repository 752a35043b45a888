"""llama.cpp: the KV cache of the whole context is reserved at load, and requests share it (``--parallel``)."""

from modelyard.fit.engines.offload import FIT_MARGIN, UBATCH, llama_setting
from modelyard.fit.engines.placed import Setting
from modelyard.fit.types import FitRequest

UNKNOWN = (
    "compute buffer of llama.cpp: logits and hidden states of one micro-batch, with flash attention",
    "how a GGUF file was made: its size is that of llama-quantize with an importance matrix",
)


def setting(request: FitRequest) -> Setting:
    """How llama-server is set up for a request.

    Raises:
        UsageError: a wired limit beyond the memory of the Mac.
    """
    return llama_setting(
        request,
        title="llama.cpp",
        parallel=request.parallel or request.concurrency,
        kept=FIT_MARGIN,
        batch=UBATCH,
        unknown=UNKNOWN,
    )
