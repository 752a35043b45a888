"""Every measured, read or assumed number of the fit that means memory, in one table.

Functions take a mapping of these values, so that the accuracy benchmark can refit the measured ones with one model
family left out. Shapes of formulas (what is sharded, how blocks are grouped) are not here: they live, with their
source, where they are used; nor are the sizes of number formats (``schemes.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

Constants = Mapping[str, float]
"""Name → value; the unit is in the table."""


class Kind(StrEnum):
    """How a number is known."""

    MEASURED = "measured"
    """Fitted on published runs, which its rows name; cross-validation refits it."""
    ENGINE = "engine"
    """Read in an engine's source; no run can change it."""
    ASSUMED = "assumed"
    """Neither: its source says why, and a fit that leans on it says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    """One number."""

    name: str
    value: float
    unit: str
    meaning: str
    kind: Kind
    source: str
    """``measured``: how; ``engine``: file and version; ``assumed``: why no better is known."""
    rows: tuple[int, ...] = ()
    """Lines of ``vram_observations.csv`` that it is fitted on (the header is line 1)."""
    fitted_to: str = "kv"
    """Which figure of those rows: ``kv`` (GiB) or ``graphs`` (the estimate that the same run logged)."""

    @property
    def refit(self) -> bool:
        """Whether cross-validation refits it; otherwise its source's value is taken as it is."""
        return self.kind is Kind.MEASURED


def _measured(
    name: str, value: float, unit: str, meaning: str, rows: tuple[int, ...], fitted_to: str = "kv"
) -> Constant:
    how = {"kv": "fitted on the KV cache of these runs", "graphs": "fitted on the graph estimate of these runs' logs"}
    return Constant(
        name=name, value=value, unit=unit, meaning=meaning, kind=Kind.MEASURED, source=how[fitted_to], rows=rows,
        fitted_to=fitted_to,
    )  # fmt: skip


def _engine(name: str, value: float, unit: str, meaning: str, source: str) -> Constant:
    return Constant(name=name, value=value, unit=unit, meaning=meaning, kind=Kind.ENGINE, source=source)


def _assumed(name: str, value: float, unit: str, meaning: str, source: str) -> Constant:
    return Constant(name=name, value=value, unit=unit, meaning=meaning, kind=Kind.ASSUMED, source=source)


_H100_019 = (2, 5, 6, 7, 11, 12, 13, 14, 15, 16, 18, 19)
_SAMPLED = (*_H100_019, 3, 8, 9, 10, 17, 27, 49)
_SORTED = (20, 21, 22, 24, 26, 50, 51)
_GRAPHS_DENSE = (2, 3, 4, 6, 7, 8, 9, 10, 11, 14, 15, 16, 19)
_GRAPHS_MOE = (12, 13, 18)

_LLAMA_PY = "vLLM 0.33.0 model_executor/models/llama.py LlamaMLP and LlamaDecoderLayer"
_ARG_UTILS = "vLLM 0.33.0 engine/arg_utils.py"
_VLLM_CONFIG = "vLLM 0.33.0 config/vllm.py _set_cudagraph_sizes"
_HOOK = "SGLang 0.5.23 srt/arg_groups/memory_hook.py"
_SGLANG_ARGS = "SGLang 0.5.23 srt/server_args.py"
_TRTLLM = "TensorRT-LLM 1.0 llmapi/llm_args.py"
_TGI_WARMUP = "TGI 3.3 models/flash_causal_lm.py warmup"
_LLAMA_FIT = "llama.cpp b11459 common/fit.cpp (--fit-target)"
_LLAMA_ARGS = "llama.cpp b11459 common/arg.cpp"
_WIRED = "Apple documents none; start-up logs of llama.cpp (ggml-org/llama.cpp#1870, #2182, ollama#434)"
_WIRED_NEWER = "the same, of M3 to M5: 11.84 of 16 GiB, 28.08 of 36, 37.44 of 48, 51.84 of 64, 107.52 of 128"
_ONE_LOG = "read off one published log that is not among the observations"
_NO_RUN = "no run of this size: extrapolated from smaller groups"
_BAND = "chosen: about twice the cross-validated 90th percentile of the error"

_ACTIVATIONS = (
    _measured("sampler_copies", 3.63, "copies", "fp32 logits of S × V at the sampler's peak, from 0.17", _SAMPLED),
    _measured("sampler_copies_sorting", 9.5, "copies", "the same through 0.16, which sorted all logits", _SORTED),
    _measured("sampler_hidden_copies", 1.1, "copies", "hidden states of T tokens beside the logits", _SAMPLED),
    _measured("sampler_base", 0.04, "GiB", "fixed part of the sampler's peak", _SAMPLED),
    _engine("forward_ffn_copies", 3, "copies", "gate, up and their product, T × I each", _LLAMA_PY),
    _engine("forward_hidden_copies", 4, "copies", "residual, normed, and the block's in- and output, T × H", _LLAMA_PY),
    _engine("forward_hidden_copies_v0", 3, "copies", "the same in the V0 engine, without a compiled graph", _LLAMA_PY),
    _measured("forward_base", 0.015, "GiB", "fixed part of the forward pass", (4, 28)),
    _engine("handed_on_copies", 2, "copies", "hidden state and residual that a stage hands on",
            "vLLM 0.33.0 v1/worker/gpu_model_runner.py sync_and_slice_intermediate_tensors"),
    _engine("embedded_copies", 1, "copies", "embeddings of T tokens, on the first of several stages",
            "vLLM 0.33.0 model_executor/models/llama.py LlamaModel.forward"),
    _engine("expert_chunk", 16384, "tokens", "that the experts take at once, from 0.13 (boundary approximate)",
            "vLLM 0.19.0 envs.py VLLM_FUSED_MOE_CHUNK_SIZE"),
    _engine("expert_chunk_012", 32768, "tokens", "the same before 0.13",
            "vLLM 0.11.0 envs.py VLLM_FUSED_MOE_CHUNK_SIZE"),
)  # fmt: skip

_OUTSIDE_TORCH = (
    _measured("non_torch_hopper_018_tp1", 0.25, "GiB", "not counted by torch, Hopper and B200, from 0.18", _H100_019),
    _measured("non_torch_hopper_018_tp2", 2.08, "GiB", "the same, two GPUs: all-reduce workspaces", (8, 10, 17, 52)),
    _measured("non_torch_hopper_018_tp4", 2.17, "GiB", "the same, four GPUs", (3, 9)),
    _assumed("non_torch_hopper_018_tp8", 2.25, "GiB", "the same, eight GPUs", _NO_RUN),
    _measured("non_torch_hopper_v1_tp1", 0.13, "GiB", "Hopper and B200, 0.8 to 0.17", (20, 21, 22, 24, 26, 27)),
    _assumed("non_torch_hopper_v1_tp2", 0.55, "GiB", "the same, two GPUs", _ONE_LOG),
    _assumed("non_torch_hopper_v1_tp4", 0.7, "GiB", "the same, four GPUs", _NO_RUN),
    _assumed("non_torch_hopper_v1_tp8", 0.8, "GiB", "the same, eight GPUs", _NO_RUN),
    _measured("non_torch_hopper_v0_tp1", 1.79, "GiB", "Hopper, the V0 engine", (44,)),
    _assumed("non_torch_hopper_v0_tp2", 3.58, "GiB", "the same, two GPUs", f"{_ONE_LOG} (vllm#10511)"),
    _measured("non_torch_other_tp1", 0.09, "GiB", "Ampere, Ada, consumer Blackwell, from 0.8", (49, 50)),
    _assumed("non_torch_other_tp2", 0.35, "GiB", "the same, two GPUs and more",
             "between 0.2 and 0.5 in published logs"),
    _measured("non_torch_other_v0_tp1", 0.35, "GiB", "Ampere and Ada, the V0 engine, context included", (28,)),
    _measured("non_torch_amd_tp1", 1.5, "GiB", "MI300X class", (51,)),
    _assumed("non_torch_amd_tp2", 1.75, "GiB", "the same, two GPUs", _NO_RUN),
    _assumed("non_torch_amd_tp4", 2.0, "GiB", "the same, four GPUs", _ONE_LOG),
    _assumed("non_torch_amd_tp8", 2.5, "GiB", "the same, eight GPUs", _ONE_LOG),
    _measured("non_torch_pp", 0.07, "GiB", "pipeline stages of one GPU each", (4,)),
    _assumed("context_one_gpu", 0.51, "GiB", "CUDA context, outside gpu-memory-utilization",
             "78.68 of 79.19 GiB free at start in logs of the H100 runs, which the observations do not carry"),
    _assumed("context_group", 1.53, "GiB", "CUDA and NCCL context of a group", "77.66 of 79.19 GiB free, likewise"),
)  # fmt: skip

_GRAPHS = (
    _measured("graphs_dense_base", 0.22, "GiB", "graph pool before any layer, dense", _GRAPHS_DENSE, "graphs"),
    _measured("graphs_moe_base", 0.64, "GiB", "the same, mixture of experts", _GRAPHS_MOE, "graphs"),
    _measured("graphs_per_layer", 173, "KiB", "per layer and captured graph", _GRAPHS_DENSE, "graphs"),
    _assumed("graphs_moe_wide", 2.1, "GiB", "the least for experts over eight GPUs and more", _ONE_LOG),
    _assumed("graphs_amd", 7.0, "GiB", "graphs on MI300X, never taken out of the budget", "between published 5 and 9"),
    _engine("graph_fine_step", 8, "tokens", "captured batches grow by this up to 256", _VLLM_CONFIG),
    _engine("graph_coarse_step", 16, "tokens", "and by this above", _VLLM_CONFIG),
    _engine("graph_largest", 512, "tokens", "largest captured batch", _VLLM_CONFIG),
    _engine("graph_largest_gpt_oss", 1024, "tokens", "the same for gpt-oss",
            "vLLM 0.33.0 model_executor/models/config.py GptOssForCausalLMConfig"),
    _assumed("warm_up", 0.5, "GiB", "fragments beside the graphs before 0.20",
             "runs that started and ran out put it between 0.44 and 0.64"),
    _assumed("warm_up_mxfp4", 1.78, "GiB", "reserved and unusable after MXFP4 kernels", _ONE_LOG),
)  # fmt: skip

_BANDS = (
    _assumed("fits_share", 0.03, "of the KV cache", "margin that `fits` needs", _BAND),
    _assumed("fits_gib", 1.0, "GiB", "and at least", _BAND),
    _assumed("refused_share", 0.02, "of the KV cache", "lack that `does_not_fit` needs", _BAND),
    _assumed("refused_gib", 0.5, "GiB", "and at least", _BAND),
    _assumed("estimated_total_share", 0.04, "of the GPU", "that an estimated GPU total may be too high",
             "nvidia-smi shows 1 to 4 % more than torch gets"),
    _assumed("amd_moe_share", 1 / 3, "of the weights", "that experts may load above their files on AMD",
             "the most that was published; the rule is known for 16-bit experts only"),
    _assumed("sglang_unsure_share", 0.0125, "of the GPU", "by which SGLang's pool may be off",
             "59.9 against 58.9 GB in one published run"),
    _assumed("tensorrt_llm_unsure_share", 0.03, "of the GPU", "by which TensorRT-LLM's may be off", "no run to check"),
    _assumed("tgi_unsure_share", 0.03, "of the GPU", "by which TGI's may be off", "no run to check"),
    _assumed("surplus_tolerance", 0.01, "of the files", "that weight files may exceed the computed size",
             "headers and small tensors that the catalog does not list"),
    _assumed("unlisted_tolerance", 0.02, "of the parameters", "by which a published count may differ",
             "published counts are rounded"),
)  # fmt: skip

_VLLM_FLAGS = (
    _engine("vllm_utilization", 0.92, "of the GPU", "gpu-memory-utilization from 0.20", "vLLM 0.20.0 config/cache.py"),
    _engine("vllm_utilization_019", 0.90, "of the GPU", "the same through 0.19", "vLLM 0.19.0 config/cache.py"),
    _engine("vllm_tokens", 2048, "tokens", "max-num-batched-tokens of a small GPU or an A100", _ARG_UTILS),
    _engine("vllm_tokens_big", 8192, "tokens", "the same from 70 GiB", _ARG_UTILS),
    _engine("vllm_tokens_large", 16384, "tokens", "the same from 160 GiB and 0.28", _ARG_UTILS),
    _engine("vllm_v0_chunk_from", 32768, "tokens", "context above which V0 prefilled in chunks",
            "vLLM 0.7.3 engine/arg_utils.py create_engine_config"),
    _engine("vllm_v0_chunk", 2048, "tokens", "of such a chunk, from 0.7", "vLLM 0.7.3 config.py SchedulerConfig"),
    _engine("vllm_v0_chunk_06", 512, "tokens", "of such a chunk before", "vLLM 0.6.3 config.py SchedulerConfig"),
    _engine("vllm_uneven_groups", 1.5, "ratio", "of layer counts below which the smaller type is padded",
            "vLLM 0.33.0 v1/core/kv_cache_utils.py _get_kv_cache_groups_uniform_page_size"),
)  # fmt: skip

_OTHER_ENGINES = (
    _engine("sglang_base_mib", 512, "MiB", "reserve of mem-fraction-static, fixed part", _HOOK),
    _engine("sglang_mib_per_token", 1.5, "MiB", "reserve per token of a prefill chunk", _HOOK),
    _engine("sglang_least_tokens", 2048, "tokens", "the chunk counts at least as", _HOOK),
    _engine("sglang_mib_per_gpu", 128, "MiB", "reserve per GPU of the group", _HOOK),
    _engine("sglang_floor_from_mib", 60 * 1024, "MiB", "memory above which the reserve has a floor", _HOOK),
    _engine("sglang_floor_mib", 10 * 1024, "MiB", "that floor", _HOOK),
    _engine("sglang_decode_graph_mib", 2, "MiB", "reserve per captured request", _HOOK),
    _engine("sglang_dp_graph_mib", 3, "MiB", "more with data parallelism, per request and rank", _HOOK),
    _engine("sglang_dp_graph_mib_wide", 4.5, "MiB", "the same above 300 requests", _HOOK),
    _assumed("sglang_prefill_graphs", 58, "graphs", "captured prefill sizes", "follows a list that was not traced"),
    _engine("sglang_prefill_graph_mib", 8, "MiB", "reserve per captured prefill size", _HOOK),
    _engine("sglang_prefill_graph_mla_mib", 1536, "MiB", "the same for latent attention, in all", _HOOK),
    _assumed("sglang_vision_factor", 0.95, "factor", "on the fraction for a vision model",
             "0.95 for a ViT-L; larger towers reduce it further, at most to 0.76"),
    _engine("sglang_least_fraction", 0.01, "of the GPU", "the fraction is at least this", _HOOK),
    _engine("sglang_window_share", 0.8, "ratio", "swa-full-tokens-ratio", _SGLANG_ARGS),
    _engine("sglang_state_share", 0.9, "ratio", "mamba-full-memory-ratio", _SGLANG_ARGS),
    _engine("sglang_chunk_20", 2048, "tokens", "chunked-prefill-size below 20 GiB", _HOOK),
    _engine("sglang_chunk_60", 4096, "tokens", "the same below 60 GiB", _HOOK),
    _engine("sglang_chunk_160", 8192, "tokens", "the same below 160 GiB", _HOOK),
    _engine("sglang_chunk_large", 16384, "tokens", "the same above", _HOOK),
    _engine("tensorrt_llm_fraction", 0.9, "of what is free", "free_gpu_memory_fraction", f"{_TRTLLM} KvCacheConfig"),
    _engine("tensorrt_llm_tokens", 8192, "tokens", "max_num_tokens", f"{_TRTLLM} BaseLlmArgs"),
    _engine("tensorrt_llm_batch", 2048, "requests", "max_batch_size", f"{_TRTLLM} BaseLlmArgs"),
    _engine("tgi_wiggle_room", 0.90, "of the GPU", "TGI_WIGGLE_ROOM", "TGI 3.3 models/globals.py"),
    _engine("tgi_logits_bytes", 2, "bytes", "per logit of the largest prefill", _TGI_WARMUP),
    _assumed("tgi_prefill_tokens", 4096, "tokens", "max-batch-prefill-tokens",
             "the launcher derives it from the GPU's compute; its value where it cannot tell"),
)  # fmt: skip

_ONE_MACHINE = (
    _engine("llama_fit_margin_mib", 1024, "MiB", "that llama-server leaves free on every GPU", _LLAMA_FIT),
    _engine("llama_ubatch", 512, "tokens", "ubatch-size", _LLAMA_ARGS),
    _engine("llama_cache_step", 256, "cells", "a window's cache is rounded up to a multiple of this",
            "llama.cpp b11459 src/llama-kv-cache-iswa.cpp"),
    _engine("ollama_parallel", 1, "requests", "OLLAMA_NUM_PARALLEL", "Ollama 0.40 envconfig/config.go"),
    _engine("ollama_kept_mib", 457, "MiB", "that stays free at least", "Ollama 0.40 ml/device.go"),
    _engine("ollama_kept_metal_mib", 512, "MiB", "the same on a Mac", "Ollama 0.40 ml/device.go"),
    _engine("ollama_batch", 512, "tokens", "batch before Ollama raises it", "Ollama 0.40 server/sched.go"),
    _engine("mlx_prefill_step", 2048, "tokens", "of a prompt at once", "mlx-lm 0.32 generate.py"),
    _engine("mlx_warns_above", 0.9, "of the wired limit", "weights above which MLX warns", "mlx-lm 0.32 generate.py"),
    _assumed("mlx_buffers_mib", 512, "MiB", "that MLX caches between steps", "no run was there to check it"),
    _assumed("wired_small_up_to_gib", 32, "GiB", "memory up to which a Mac's GPU gets the smaller share", _WIRED),
    _assumed("wired_share_small", 2 / 3, "of the memory", "that share, up to macOS 15", _WIRED),
    _assumed("wired_share", 3 / 4, "of the memory", "the same above", _WIRED),
    _assumed("wired_newer_share_24", 0.74, "of the memory", "the same from macOS 26, up to 24 GiB", _WIRED_NEWER),
    _assumed("wired_newer_share_48", 0.78, "of the memory", "up to 48 GiB", _WIRED_NEWER),
    _assumed("wired_newer_share_96", 0.81, "of the memory", "up to 96 GiB", _WIRED_NEWER),
    _assumed("wired_newer_share", 0.84, "of the memory", "above", _WIRED_NEWER),
    _assumed("kept_by_macos_gib", 8, "GiB", "that a raised wired limit should leave to macOS", "chosen"),
    _assumed("placed_band_gib", 0.5, "GiB", "within which a verdict on layers is `tight`", "chosen: no run to check"),
)  # fmt: skip

TABLE: tuple[Constant, ...] = (
    *_ACTIVATIONS, *_OUTSIDE_TORCH, *_GRAPHS, *_BANDS, *_VLLM_FLAGS, *_OTHER_ENGINES, *_ONE_MACHINE,
)  # fmt: skip

FITTED: Constants = MappingProxyType({constant.name: constant.value for constant in TABLE})
"""The values that every fit uses unless it is told otherwise."""

_BY_NAME = {constant.name: constant for constant in TABLE}


def find_constant(name: str) -> Constant:
    """The row of the table called ``name``."""
    return _BY_NAME[name]


def whole(name: str) -> int:
    """A value of the table that is a whole number of tokens, requests or bytes."""
    return int(FITTED[name])


def describe_constant(name: str) -> str:
    """A constant and how it is known, for an explanation: ``sampler_copies, measured on lines 2, 5, …``."""
    row = _BY_NAME[name]
    lines = (
        f" on lines {', '.join(map(str, sorted(row.rows)))} of vram_observations.csv" if row.rows else f": {row.source}"
    )
    return f"constant {name}, {row.kind}{lines}"
