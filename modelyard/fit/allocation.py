"""What loading adds to the bytes of the weights themselves: the allocator's rounding, and rows padded for AMD.

Logs report memory that torch holds, so both show up as "model weights".
"""

MIB = 1 << 20

DIRECT_FROM = 10 * MIB
"""From this size torch asks the driver for a tensor of its own, in whole ``DIRECT_STEP`` (PyTorch
``c10/cuda/CUDACachingAllocator.h``: kMinLargeAlloc, kRoundLarge)."""
DIRECT_STEP = 2 * MIB
KEPT_UP_TO = 1 * MIB
"""A remainder of at most this stays with its tensor; a larger one is split off and used again (kSmallSize)."""

ROW_STEP, ROW_PADDING = 512, 256
"""On ROCm vLLM lengthens weight rows of whole 512 bytes by 256, so that neighbours do not share a memory channel
(``_maybe_pad_weight``; VLLM_ROCM_MOE_PADDING and VLLM_ROCM_FP8_PADDING are on by default)."""


def rounding(size: float) -> float:
    """Bytes that torch holds beyond a tensor of ``size`` bytes.

    Qwen2.5-72B at TP4 has 80 gate-up tensors of 115.5 steps and 80 down tensors of 57.75: 120 MiB in all, which is the
    difference between its parameters and its log.
    """
    if size < DIRECT_FROM:
        return 0.0
    rest = -size % DIRECT_STEP
    return rest if rest <= KEPT_UP_TO else 0.0


def row_padding(rows: float, row_bytes: float) -> float:
    """Bytes that ROCm's padding adds to a matrix of ``rows`` rows of ``row_bytes``."""
    return rows * ROW_PADDING if row_bytes > 0 and row_bytes % ROW_STEP == 0 else 0.0
