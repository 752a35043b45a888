"""Apple silicon: CPU and GPU share the memory, and macOS lets the GPU keep only part of it (the wired limit).

``sysctl iogpu.wired_limit_mb`` says and changes it; 0, its default, leaves it to macOS. Apple does not document the
share. Start-up logs of llama.cpp print it as ``recommendedMaxWorkingSetSize``, which is what is tabled here: two thirds
of 16 and 32 GB and three quarters from 36 GB on up to macOS 15 (ggml-org/llama.cpp#1870, #2182, ollama#434), more from
macOS 26 on (antirez/ds4#893; logs of M3 to M5). The smaller share is what a fit counts on; the larger only makes a
verdict ``tight``.
"""

from dataclasses import dataclass

from modelyard.catalog.gpus import Gpu
from modelyard.errors import UsageError, quote
from modelyard.fit.constants import FITTED, whole
from modelyard.fit.gguf import file_type
from modelyard.fit.types import FitRequest
from modelyard.units import GIB, MIB, gib

ENGINES = ("mlx", "llama.cpp", "ollama")
"""Engines that run on Apple silicon."""

SMALL_UP_TO = whole("wired_small_up_to_gib") * GIB
NEWER_SHARES = tuple((size, FITTED[f"wired_newer_share_{size}"]) for size in (24, 48, 96))
"""Of macOS 26 and later: GiB of memory up to which, and the share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wired:
    """What the GPU of a Mac may keep."""

    bytes: int
    newer_bytes: int
    """The same by the default of newer releases; the same where the limit is set."""
    formula: str
    """Arithmetic that comes to ``bytes``."""
    assumed: tuple[str, ...]
    """What had to be assumed."""


def wired_limit(request: FitRequest) -> Wired:
    """The wired limit of the Mac that is asked about.

    Raises:
        UsageError: a limit beyond the memory.
    """
    memory, asked = request.gpu.total_memory_bytes, request.wired_limit_bytes
    if asked is not None:
        if not 0 < asked <= memory:
            raise UsageError(
                f"a wired limit of {quote(asked // MIB)} MB is not possible on {request.gpu.title}",
                details=f"where    wired_limit_mb\nallowed  1 to {memory // MIB:,}, what the Mac has",
            )
        return Wired(bytes=asked, newer_bytes=asked, formula=f"{asked // MIB} * 2**20", assumed=())
    low, newer = default_limit(memory), newer_limit(memory)
    share = "2 / 3" if memory <= SMALL_UP_TO else "3 / 4"
    note = (
        f"the wired limit of this Mac: taken as {gib(low):.2f} of {gib(memory):g} GiB, the default up to macOS 15;"
        f" macOS 26 was seen to grant {gib(newer):.2f}; sysctl iogpu.wired_limit_mb says and sets it"
    )
    return Wired(bytes=low, newer_bytes=newer, formula=f"round({memory} * {share})", assumed=(note,))


def default_limit(memory_bytes: int) -> int:
    """What macOS up to 15 lets the GPU keep of ``memory_bytes``."""
    return round(memory_bytes * FITTED["wired_share_small" if memory_bytes <= SMALL_UP_TO else "wired_share"])


def newer_limit(memory_bytes: int) -> int:
    """What macOS 26 was seen to let it keep; from 128 GiB on the share of 128 GiB."""
    shares = (share for up_to, share in NEWER_SHARES if memory_bytes <= up_to * GIB)
    return round(memory_bytes * next(shares, FITTED["wired_newer_share"]))


def memory_assumed(request: FitRequest) -> tuple[str, ...]:
    """What to say when a chip is asked about whose memory was not given."""
    gpu = request.gpu
    if not gpu.total_memory_estimated or not gpu.memory_options_gb:
        return ()
    sold = ", ".join(str(size) for size in gpu.memory_options_gb)
    note = (
        f"memory of this Mac: taken as {gib(gpu.total_memory_bytes):g} GB, the most that {gpu.title} is sold with"
        f" ({sold}); --gpu-mem or gpu_mem_gib says another"
    )
    return (note,)


def engine_for(gpu: Gpu, quantization: str = "") -> str:
    """The engine that is meant where none is named: vLLM; on Apple silicon MLX, and llama.cpp for GGUF files."""
    if not gpu.is_apple:
        return "vllm"
    return "llama.cpp" if file_type(quantization) is not None else "mlx"


def require_engine(request: FitRequest) -> None:
    """Refuse an engine that does not run on the GPU, and more than one Mac.

    Raises:
        UsageError: an engine for CUDA or ROCm on Apple silicon, MLX elsewhere, or several Macs.
    """
    gpu, engine = request.gpu, request.engine
    if gpu.is_apple and engine not in ENGINES:
        raise UsageError(
            f"{engine} does not run on {gpu.title}",
            details=f"where    engine\nallowed  {', '.join(ENGINES)}",
            resolution="ask for one of these engines, or for a GPU of a server",
        )
    if engine == "mlx" and not gpu.is_apple:
        raise UsageError(
            f"MLX does not run on {gpu.title}",
            details="where    gpu\nallowed  Apple silicon, such as M4-Max",
            resolution="ask for llama.cpp or ollama, which run on both",
        )
    if gpu.is_apple and request.gpu_count > 1:
        raise UsageError(
            f"a Mac has one GPU, {request.gpu_count} are asked for",
            details="where    tensor_parallel_size, pipeline_parallel_size, data_parallel_size\nallowed  1",
            resolution="models over several Macs are not modelled: ask for more memory instead",
        )
