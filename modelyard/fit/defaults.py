"""What the engine does when a flag is not given: it depends on the version, the GPU and its memory (vram.md §3).

The same model on the same GPU fits or not by these alone, so a fit resolves every flag before it counts a byte.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.gpus import Gpu
from modelyard.errors import UsageError, quote
from modelyard.fit.constants import FITTED, whole
from modelyard.fit.types import FitRequest
from modelyard.units import GIB

Version = tuple[int, int]

V1_ENGINE: Version = (0, 8)
"""Before it, the V0 engine profiled with max_model_len tokens at once."""
IN_FLIGHT_COUNTED: Version = (0, 26)
"""From here windowed layers keep blocks for every batch in flight, two on one pipeline stage (vllm#47728, vllm#49878);
before, for one batch."""
LARGE_GPU_BATCHES: Version = (0, 28)
"""From here GPUs of 160 GiB and more have a class of their own (vLLM ``engine/arg_utils.py``, v0.27.1 and v0.28.0)."""
GRAPHS_BUDGETED: Version = (0, 20)
"""From here the CUDA-graph estimate is taken out of the KV budget; before, it had to fit in what gmu leaves alone."""
GMU_RAISED: Version = (0, 20)
TOKENS_FROM_CONCURRENCY = (0, 20, 2)
"""From here the logged token count is max_concurrency × max_model_len (§2.3): a log of 0.20.2 has it, one of 0.20.0
does not."""
CHUNKS_LARGER: Version = (0, 7)

MODELLED: Version = (0, 33)
"""The vLLM version whose rules stand in for engines that are not modelled."""

LARGE_GPU_BYTES, BIG_GPU_BYTES = 160 * GIB, 70 * GIB
SEQS, SEQS_BIG = 256, 1024
"""max-num-seqs of small and of big GPUs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Flags:
    """Every flag that memory depends on, resolved."""

    version: Version
    gpu_memory_utilization: float
    max_num_seqs: int
    max_num_batched_tokens: int
    in_flight_tokens: int
    """Scheduled and not yet settled: windowed layers keep blocks for them."""
    is_v0: bool
    patch: int = 0
    """The third number of the version, which matters to how tokens are counted."""

    @property
    def counts_by_concurrency(self) -> bool:
        """Whether the logged token count is that of whole requests."""
        return (*self.version, self.patch) >= TOKENS_FROM_CONCURRENCY


@lru_cache(maxsize=256)
def parse_version(text: str) -> Version:
    """Read ``0.19.0``, ``0.11.0rc2`` or ``0.6.x`` as (0, 19), (0, 11), (0, 6).

    Raises:
        UsageError: no version number.
    """
    match = re.match(r"\D{0,2}(\d+)\.(\d+)", text.strip())
    if match is None:
        raise UsageError(f"{quote(text)} is not an engine version", details="allowed  such as 0.33.0")
    return int(match[1]), int(match[2])


def _parse_patch(text: str) -> int:
    match = re.match(r"\D{0,2}\d+\.\d+\.(\d+)", text.strip())
    return int(match[1]) if match else 0


def resolve_flags(request: FitRequest) -> Flags:
    """The flags of ``request`` with the defaults of its engine version on its GPU.

    Raises:
        UsageError: a flag outside what the engine accepts; names the flag and what is allowed.
    """
    # Another engine's version number says nothing here.
    version = parse_version(request.engine_version) if request.engine == "vllm" else MODELLED
    gmu = request.gpu_memory_utilization
    if gmu is None:
        gmu = FITTED["vllm_utilization" if version >= GMU_RAISED else "vllm_utilization_019"]
    elif not 0 < gmu <= 1:
        raise _refused("gpu_memory_utilization", gmu, "more than 0 and at most 1")
    is_v0 = version < V1_ENGINE
    tokens, seqs = default_batch(request.gpu, is_v0=is_v0, max_model_len=request.max_model_len, version=version)
    tokens = _given("max_num_batched_tokens", request.max_num_batched_tokens, tokens)
    seqs = _given("max_num_seqs", request.max_num_seqs, seqs)
    pp = request.pipeline_parallel_size
    batches = 1 if version < IN_FLIGHT_COUNTED else max(2, pp)
    return Flags(
        version=version,
        gpu_memory_utilization=gmu,
        max_num_seqs=seqs,
        max_num_batched_tokens=tokens,
        in_flight_tokens=batches * tokens,
        is_v0=is_v0,
        patch=_parse_patch(request.engine_version) if request.engine == "vllm" else 0,
    )


def default_batch(
    gpu: Gpu, *, is_v0: bool = False, max_model_len: int = 0, version: Version = MODELLED
) -> tuple[int, int]:
    """Default (max_num_batched_tokens, max_num_seqs) of the vLLM server on ``gpu`` (vLLM ``engine/arg_utils.py``)."""
    small = whole("vllm_tokens")
    if is_v0:  # the longest prompts were prefilled in chunks, others whole
        chunked = max_model_len > whole("vllm_v0_chunk_from")
        chunk = whole("vllm_v0_chunk" if version >= CHUNKS_LARGER else "vllm_v0_chunk_06")
        return (chunk if chunked else max(max_model_len, small)), SEQS
    if gpu.total_memory_bytes >= LARGE_GPU_BYTES and version >= LARGE_GPU_BATCHES:
        return whole("vllm_tokens_large"), SEQS_BIG
    if gpu.total_memory_bytes >= BIG_GPU_BYTES and not gpu.name.upper().startswith(("A100", "GB10")):
        return whole("vllm_tokens_big"), SEQS_BIG
    return small, SEQS


def _given(flag: str, value: int | None, default: int) -> int:
    if value is None:
        return default
    if not 1 <= value <= 10**7:
        raise _refused(flag, value, "1 to 10,000,000")
    return value


def _refused(flag: str, value: float, allowed: str) -> UsageError:
    return UsageError(f"{quote(value)} is no {flag.replace('_', '-')}", details=f"where    {flag}\nallowed  {allowed}")
