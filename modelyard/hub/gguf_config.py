"""A GGUF file's metadata as a ``config.json``, so that one set of rules reads both; which file has which precision."""

import re
from collections.abc import Mapping

from modelyard.errors import UsageError, quote, shorten_list
from modelyard.hub.config import Config

MODEL_TYPES = {
    "llama": "llama", "llama4": "llama4", "mistral3": "mistral", "qwen2": "qwen2", "qwen2moe": "qwen2_moe",
    "qwen2vl": "qwen2_vl", "qwen3": "qwen3", "qwen3moe": "qwen3_moe", "qwen3vl": "qwen3_vl",
    "qwen3vlmoe": "qwen3_vl_moe",
    "qwen3next": "qwen3_next", "qwen35": "qwen3_5", "qwen35moe": "qwen3_5_moe", "gemma": "gemma", "gemma2": "gemma2",
    "gemma3": "gemma3_text", "phi3": "phi3", "phimoe": "phimoe", "gpt-oss": "gpt_oss", "deepseek2": "deepseek_v3",
    "glm4": "glm4", "glm4moe": "glm4_moe", "command-r": "cohere", "cohere2": "cohere2", "olmo": "olmo",
    "olmo2": "olmo2",
    "olmoe": "olmoe", "granite": "granite", "granitemoe": "granitemoe", "exaone": "exaone", "exaone4": "exaone4",
    "nemotron": "nemotron", "minimax-m2": "minimax_m2", "starcoder2": "starcoder2", "smollm3": "smollm3",
    "seed_oss": "seed_oss", "internlm2": "llama", "stablelm": "stablelm", "bert": "bert", "nomic-bert": "nomic_bert",
    "modern-bert": "modernbert",
}  # fmt: skip
"""``general.architecture`` → ``model_type``."""

_KEYS = {
    "block_count": "num_hidden_layers", "context_length": "max_position_embeddings", "embedding_length": "hidden_size",
    "attention.head_count": "num_attention_heads", "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim", "feed_forward_length": "intermediate_size", "vocab_size": "vocab_size",
    "attention.sliding_window": "sliding_window", "attention.chunk_size": "attention_chunk_size",
    "expert_count": "num_experts", "expert_used_count": "num_experts_per_tok",
    "expert_feed_forward_length": "moe_intermediate_size", "expert_shared_count": "n_shared_experts",
    "expert_shared_feed_forward_length": "shared_expert_intermediate_size",
    "leading_dense_block_count": "first_k_dense_replace", "interleave_moe_layer_step": "interleave_moe_layer_step",
    "nextn_predict_layers": "num_nextn_predict_layers", "full_attention_interval": "full_attention_interval",
    "attention.kv_lora_rank": "kv_lora_rank", "attention.q_lora_rank": "q_lora_rank",
    "attention.value_length_mla": "v_head_dim",
    "ssm.group_count": "linear_num_key_heads", "ssm.time_step_rank": "linear_num_value_heads",
    "ssm.state_size": "linear_key_head_dim", "ssm.conv_kernel": "linear_conv_kernel_dim",
}  # fmt: skip

PREFERRED = ("q4_k_m", "q8_0", "bf16", "f16")
"""Which of several files stands for the repository: llama.cpp's own default first."""

_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})$")
_PRECISION = re.compile(r"(?:^|[-._/])((?:UD-)?(?:I?Q\d\w*|TQ\d_\d|MXFP4\w*|BF16|F16|F32))$", re.IGNORECASE)
PRESETS = {
    "f16": "fp16", "f32": "fp32", "q2_k_l": "q2_k", "q2_k_xl": "q2_k", "q3_k_xl": "q3_k_l", "q4_k_l": "q4_k_m",
    "q4_k_xl": "q4_k_m", "q5_k_l": "q5_k_m", "q5_k_xl": "q5_k_m", "q6_k_l": "q6_k", "q6_k_xl": "q6_k",
    "q8_0_l": "q8_0", "q8_k_xl": "q8_0", "iq1_xxs": "iq1_s", "mxfp4_moe": "gguf-mxfp4", "mxfp4": "gguf-mxfp4",
}  # fmt: skip
"""Repackagers' own file types, and what they are nearest to; the bytes of the file are known beside."""


def as_config(metadata: Mapping[str, object], *, where: str) -> Config:
    """The metadata under the keys of ``config.json``.

    Raises:
        UsageError: no architecture is named.
    """
    architecture = metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise UsageError(f"{where} names no architecture", details=f"where    {where}, key general.architecture")
    raw: dict[str, object] = {"model_type": _model_type(architecture, metadata)}
    for key, name in _KEYS.items():
        value = _largest(metadata.get(f"{architecture}.{key}"))
        if value is not None:
            raw[name] = value
    raw.setdefault("vocab_size", metadata.get("tokenizer.ggml.tokens#"))
    _latent(raw, metadata, architecture)
    _linear(raw, metadata, architecture)
    pattern = metadata.get(f"{architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, list):
        raw["layer_types"] = ["sliding_attention" if item else "full_attention" for item in pattern]  # pyright: ignore[reportUnknownVariableType]  # a list of whatever
    elif pattern is not None:
        raw["sliding_window_pattern"] = pattern
    if "moe_intermediate_size" not in raw and raw.get("num_experts") and raw["model_type"] == "llama":
        raw["model_type"] = "mixtral"
    layers, extra = raw.get("num_hidden_layers"), raw.get("num_nextn_predict_layers")
    if isinstance(layers, int) and isinstance(extra, int):  # ggml counts the MTP layers as blocks
        raw["num_hidden_layers"] = layers - extra
    return Config(raw, where=where)


def precision_of(name: str) -> str | None:
    """The quantization that a file name ends in, in lower case: ``q4_k_m`` of ``x-Q4_K_M-00001-of-00002.gguf``."""
    stem = _SPLIT.sub("", name.removesuffix(".gguf"))
    match = _PRECISION.search(stem)
    return match[1].lower().removeprefix("ud-") if match else None


def scheme_of(precision: str) -> str:
    """The catalog's name for a file's precision."""
    return PRESETS.get(precision, precision)


def group_files(names: Mapping[str, int | None]) -> dict[str, list[str]]:
    """The GGUF files of each precision, their parts in order; vision projectors left out.

    Raises:
        UsageError: a part of a split file is missing.
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(n for n in names if n.lower().endswith(".gguf") and "mmproj" not in n.lower()):
        groups.setdefault(precision_of(name) or name.removesuffix(".gguf"), []).append(name)
    for key, files in groups.items():
        match = _SPLIT.search(files[0].removesuffix(".gguf"))
        total = int(match[2]) if match else 1
        parts = [f for f in files if _SPLIT.search(f.removesuffix(".gguf"))] if match else files[:1]
        if match and len(parts) < total:
            raise UsageError(
                f"{total - len(parts)} of {total} parts of the {quote(key)} GGUF are missing",
                details=f"where    {shorten_list(parts, limit=4)}",
                resolution="finish the download, or name another quantization",
            )
        groups[key] = parts
    return groups


def _model_type(architecture: str, metadata: Mapping[str, object]) -> str:
    if architecture == "gemma3" and metadata.get("gemma3.attention.sliding_window") is None:
        return "gemma"
    return MODEL_TYPES.get(architecture, f"gguf-{architecture}")


def _largest(value: object) -> object | None:
    """A number per layer as one: the largest."""
    if isinstance(value, list):
        numbers = [item for item in value if isinstance(item, int)]  # pyright: ignore[reportUnknownVariableType]  # a list of whatever
        return max(numbers) if numbers else None
    return value


def _latent(raw: dict[str, object], metadata: Mapping[str, object], architecture: str) -> None:
    """Latent attention: newer files give the head's length beside that of the cached row."""
    rope = metadata.get(f"{architecture}.rope.dimension_count")
    if "kv_lora_rank" not in raw or not isinstance(rope, int):
        return
    whole = metadata.get(f"{architecture}.attention.key_length_mla") or raw.get("head_dim")
    raw["qk_rope_head_dim"] = rope
    if isinstance(whole, int):
        raw["qk_nope_head_dim"] = whole - rope
    raw.setdefault("v_head_dim", metadata.get(f"{architecture}.attention.value_length"))
    heads = raw.get("num_attention_heads")
    raw["num_key_value_heads"] = heads


def _linear(raw: dict[str, object], metadata: Mapping[str, object], architecture: str) -> None:
    """Gated DeltaNet: the width of a value head is the inner width over the heads."""
    inner, heads = metadata.get(f"{architecture}.ssm.inner_size"), raw.get("linear_num_value_heads")
    if isinstance(inner, int) and isinstance(heads, int) and heads:
        raw["linear_value_head_dim"] = inner // heads
