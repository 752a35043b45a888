"""How MXFP4 experts lie in memory: kernels lay them out anew, and which one runs depends on the GPU and the release.

Marlin's and TensorRT-LLM's kernels pad widths (vLLM ``oracle/mxfp4.py``; gpt-oss: 2880² → 3072 × 2944). Triton's pad
nothing, but keep the scales of the files beside the copy that they rearrange (vLLM 0.11.0 ``quantization/mxfp4.py``:
only the weights are deleted; triton_kernels ``layout_details/hopper_scale.py`` pads the rows of that copy).
"""

from enum import StrEnum

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.precision import release

HIDDEN_MULTIPLE, WIDTH_MULTIPLE = 256, 128
"""Marlin and TRT-LLM kernels pad expert weights to these."""
SCALE_ROWS = 256
"""Triton pads the rows of its copy of the scales to a multiple of this (32 per warp, 8 warps)."""
SCALE_SHARE = 17
"""One byte in so many is a scale: half a byte a weight, one byte of scale per 32."""

TRITON_SINCE = "0.10.2"
"""The first release with PyTorch 2.8, which its Triton path asks for."""
BUNDLED_SINCE = (0, 13)
"""From here on seen in vLLM itself (``third_party/triton_kernels``); before it comes with the image, not with pip."""
MARLIN_AGAIN = (0, 19)
"""From here on (``oracle/mxfp4.py``) logs on Hopper show Marlin's size."""


class Kernels(StrEnum):
    """Which kernels multiply MXFP4 experts."""

    PADDED = "padded"
    """Marlin's, or TensorRT-LLM's on Blackwell."""
    TRITON = "triton"
    TRITON_OR_PADDED = "triton-or-padded"
    """Triton's where ``triton_kernels`` is installed, as in the official image; Marlin's otherwise."""


def kernels_for(gpu: Gpu, engine: str, version: str) -> Kernels:
    """The kernels of ``engine`` on ``gpu``: Triton's in some releases of vLLM on Hopper, padding ones elsewhere."""
    is_hopper = gpu.capability is not None and gpu.capability[0] == 9
    if engine != "vllm" or not is_hopper:
        return Kernels.PADDED
    asked = release(version)
    if asked < release(TRITON_SINCE) or asked[:2] >= MARLIN_AGAIN:
        return Kernels.PADDED
    return Kernels.TRITON if asked[:2] >= BUNDLED_SINCE else Kernels.TRITON_OR_PADDED


def growth(kernels: Kernels, *, hidden: int, width: float) -> float:
    """How much larger experts are in memory than in their files.

    Args:
        kernels: what lays them out.
        hidden: hidden size.
        width: width of one expert on this GPU.
    """
    if kernels is Kernels.PADDED:
        return round_up(hidden, HIDDEN_MULTIPLE) / hidden * round_up(width, WIDTH_MULTIPLE) / width
    up, down = round_up(2 * width, SCALE_ROWS) / (2 * width), round_up(hidden, SCALE_ROWS) / hidden
    return 1 + (2 * up + down) / 3 / SCALE_SHARE


def round_up(value: float, multiple: int) -> int:
    """The next multiple of ``multiple`` that is no less than ``value``."""
    return -int(-value // multiple) * multiple
