"""Which dtype an engine loads unquantized weights in: not always that of the files.

Every engine here turns float32 checkpoints into 16 bits by default, except TensorRT-LLM, which keeps the config's
dtype. vLLM does the opposite for a few families on GPUs without bfloat16.
"""

import re

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model
from modelyard.catalog.precision import release

KEEPS_FLOAT32 = frozenset({"tensorrt-llm"})
"""Engines that load float32 checkpoints as such (``torch_dtype`` of TensorRT-LLM's ``_torch/model_config.py``)."""

UPCAST_SINCE = "0.9.1"
"""First vLLM release that was seen to refuse float16 for some families (``config/model.py``,
``_FLOAT16_NOT_SUPPORTED_MODELS``: gemma2, gemma3, glm4; plamo2 for a while)."""

_NO_FLOAT16 = re.compile(r"gemma-?[23]-(?!n)|glm-4-(?:9b|32b)|glm-z1")


def loads_float32(model: Model, gpu: Gpu, engine: str = "vllm", version: str | None = None) -> bool:
    """Whether unquantized weights and the KV cache take 4 bytes an element on the GPU.

    vLLM's ``--dtype auto`` loads float32 checkpoints as the platform's first dtype: bfloat16, or float16 below compute
    capability 8.0 (``config/model.py`` ``_resolve_auto_dtype``; always float16 before 0.9.2). SGLang does the same
    (``srt/configs/model_config.py``), and TGI's models default to 16 bits (``models/flash_causal_lm.py``).
    """
    if engine in KEEPS_FLOAT32:
        return model.torch_dtype == "float32"
    return engine == "vllm" and upcasts(model, gpu, version)


def upcasts(model: Model, gpu: Gpu, version: str | None = None) -> bool:
    """Whether vLLM falls back to float32 because the GPU lacks bfloat16 and the family does not bear float16."""
    if "bf16" in gpu.precisions or "fp16" not in gpu.precisions:
        return False
    if version is not None and release(version) < release(UPCAST_SINCE):
        return False
    return _NO_FLOAT16.search(f"{model.name} {model.hub_id}".lower()) is not None
