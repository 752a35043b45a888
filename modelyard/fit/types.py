"""What a fit is asked and what it answers. Memory is bytes per GPU; tokens are tokens."""

from dataclasses import dataclass, field
from enum import StrEnum

from modelyard.catalog.engines import pinned_version
from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model


class Verdict(StrEnum):
    """Whether it fits."""

    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does_not_fit"


@dataclass(frozen=True, kw_only=True, slots=True)
class FitRequest:
    """One model at one precision on one GPU configuration under one engine version and its flags.

    None means: the default of that engine version on that GPU. ``max_num_batched_tokens`` is SGLang's
    ``chunked-prefill-size``, TensorRT-LLM's ``max_num_tokens``, TGI's ``max-batch-prefill-tokens`` and llama.cpp's
    ``ubatch-size`` as well; ``max_num_seqs`` TensorRT-LLM's ``max_batch_size`` and SGLang's largest captured batch.
    """

    model: Model
    quantization: str
    gpu: Gpu
    max_model_len: int
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    engine: str = "vllm"
    engine_version: str = field(default_factory=pinned_version)
    gpu_memory_utilization: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    kv_cache_dtype: str = "auto"
    enforce_eager: bool = False
    concurrency: int = 1
    """Requests of ``max_model_len`` that must be held at once."""
    data_parallel_size: int = 1
    """Ranks that each hold their own KV cache; attention is copied, experts are shared out over all of them."""
    expert_parallel: bool = False
    """Whole experts per GPU instead of a slice of each."""
    decode_context_parallel_size: int = 1
    """GPUs of the tensor-parallel group that share one copy of the KV cache, token by token."""
    kv_cache_memory_bytes: int | None = None
    """vLLM's ``--kv-cache-memory-bytes``: sets the KV cache outright and bypasses gpu-memory-utilization."""
    memory_fraction: float | None = None
    """The other engines' own fraction: SGLang ``mem-fraction-static``, TensorRT-LLM ``free_gpu_memory_fraction``, TGI
    ``cuda-memory-fraction``. vLLM's is ``gpu_memory_utilization``."""
    parallel: int | None = None
    """Requests that share llama.cpp's context (``--parallel``) or multiply Ollama's (``OLLAMA_NUM_PARALLEL``)."""
    gpu_layers: int | None = None
    """llama.cpp's ``--n-gpu-layers``; None: as many as fit."""
    wired_limit_bytes: int | None = None
    """What a Mac lets its GPU keep (``sysctl iogpu.wired_limit_mb``); None: the default of macOS."""

    @property
    def gpu_count(self) -> int:
        """GPUs of one replica."""
        return self.tensor_parallel_size * self.pipeline_parallel_size * self.data_parallel_size


@dataclass(frozen=True, kw_only=True, slots=True)
class PerGpu:
    """How the memory of the fullest GPU is spent, in bytes. The parts sum to ``total``."""

    total: int
    weights: int
    activations: int
    cuda_graphs: int
    runtime: int
    """CUDA context, NCCL and all-reduce workspaces: what torch does not count."""
    kv_cache: int
    """What is left for the KV cache; negative when it does not load."""
    reserve: int
    """What gpu-memory-utilization leaves alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Remedy:
    """One change that would make it fit, or fit better."""

    kind: str
    """``quantization``, ``tensor_parallel_size``, ``max_model_len``, ``max_num_seqs``, ``kv_cache_dtype``, ``gpu`` …"""
    change: str
    """What to do, such as ``max-num-seqs 1024 → 256``."""
    effect: str
    """What it gains, such as ``frees 1.33 GiB per GPU``."""
    verdict: Verdict
    request: FitRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What the memory of an architecture that is not known lies between, in bytes per GPU."""

    weights_at_least: int
    weights_exact: bool
    """Whether they were counted tensor by tensor, from the headers."""
    kv_per_token_at_most: int
    """As if every layer saw every token: the KV cache may be anything from 0 to this."""
    kv_per_request_at_most: int
    """Of one request of ``max_model_len``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """The answer: bytes per GPU, what is left for KV cache, and what to do about it."""

    request: FitRequest
    verdict: Verdict
    per_gpu: PerGpu
    kv_bytes_per_token: int
    """Bytes per token and GPU at full attention; on hybrids an upper bound per token."""
    kv_cache_tokens: int
    """Tokens that one data-parallel rank holds, as its log counts them."""
    max_concurrency: float
    """Requests of ``max_model_len`` that the KV cache holds at once."""
    margin_bytes: int
    """KV cache left beyond what the asked concurrency needs; negative when it is short."""
    reasons: tuple[str, ...]
    """Why the verdict is not ``fits``; empty when it is."""
    warnings: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Facts that are not known and what was assumed for them."""
    gpu_layers: int | None = None
    """Layers that fit on the GPUs, for engines that can leave the rest to the CPU; None for those that cannot."""
    host_bytes: int = 0
    """Weights and KV cache that such an engine leaves in main memory."""
    bounds: Bounds | None = None
    """Only of an architecture that is not known; tokens and requests are then the least that it holds."""
