"""MLX on Apple silicon: CPU and GPU share the memory, and the GPU may keep only part of it resident (wired).

Metal names the limit (``recommendedMaxWorkingSetSize``), and MLX may not wire more (ml-explore.github.io/mlx,
``set_wired_limit``); ``sysctl iogpu.wired_limit_mb`` raises it. Apple does not document the share: published readings
are 96 of 128 GB, 48 of 64 GB, and 21 to 24 of 32 GB (stencel.io, thinkdifferent.blog).
"""

from modelyard.errors import UsageError, quote
from modelyard.fit.engines.offload import Setting, assess_offload
from modelyard.fit.types import Fit, FitRequest
from modelyard.units import GIB, MIB

WIRED_SHARE, WIRED_SHARE_SMALL = 0.75, 2 / 3
SMALL_UP_TO = 36 * GIB
HEADROOM = 512 * MIB
"""Buffers that MLX caches between steps; no run was there to check it."""


WIRED_UNKNOWN = (
    "the wired limit of this Mac: taken as its default, three quarters of the memory above 36 GB and two thirds below;"
    " sysctl iogpu.wired_limit_mb says and changes it"
)


def wired_limit_bytes(memory_bytes: int) -> int:
    """What the GPU may keep resident of ``memory_bytes`` of unified memory by default."""
    return round(memory_bytes * (WIRED_SHARE_SMALL if memory_bytes <= SMALL_UP_TO else WIRED_SHARE))


def assess_mlx(request: FitRequest) -> Fit:
    """Whether the model stays below the wired limit.

    Raises:
        UsageError: not an Apple chip, or an unknown precision.
    """
    gpu = request.gpu
    if gpu.vendor != "apple":
        raise UsageError(
            f"MLX does not run on {quote(gpu.title)}",
            details="where    gpu\nallowed  Apple chips (unified memory)",
            resolution="ask for another engine",
        )
    outside = gpu.total_memory_bytes - wired_limit_bytes(gpu.total_memory_bytes)
    setting = Setting(
        title="MLX",
        parallel=request.parallel or request.concurrency,
        reserve=outside + HEADROOM,
        context_bytes=0,
        unknown=(WIRED_UNKNOWN, "MLX's own buffers: taken as 0.5 GiB"),
    )
    return assess_offload(request, setting)
