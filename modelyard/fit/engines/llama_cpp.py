"""llama.cpp: the KV cache of the whole context is reserved at load, and requests share it (``--parallel``)."""

from modelyard.fit.engines.offload import FIT_MARGIN, Setting, assess_offload, cuda_context
from modelyard.fit.types import Fit, FitRequest

UNKNOWN = (
    "compute buffer of llama.cpp: logits and hidden states of one micro-batch, with flash attention",
    "which tensors a GGUF preset keeps larger: taken as the preset's average",
)


def assess_llama_cpp(request: FitRequest) -> Fit:
    """How many layers fit on the GPUs.

    Raises:
        UsageError: an unknown precision or cache type.
    """
    parallel = request.parallel or request.concurrency
    setting = Setting(
        title="llama.cpp",
        parallel=parallel,
        reserve=FIT_MARGIN,
        context_bytes=cuda_context(request),
        unknown=UNKNOWN,
    )
    return assess_offload(request, setting)
