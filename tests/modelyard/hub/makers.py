"""Makes safetensors and GGUF headers of any size; the weights behind them never exist."""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.hub import SparseFile

Tensors = dict[str, tuple[str, Sequence[int]]]
"""Name → dtype and shape."""

BYTES = {
    "BF16": 2, "F16": 2, "F32": 4, "F8_E4M3": 1, "U8": 1, "I8": 1, "I32": 4, "I64": 8, "F8_E8M0": 1, "U32": 4,
}  # fmt: skip


def safetensors(tensors: Tensors) -> SparseFile:
    """One file: the real header, and the length that the tensors would take."""
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name, (dtype, shape) in tensors.items():
        size = BYTES[dtype] * math.prod(shape)
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    head = struct.pack("<Q", len(text)) + text
    return SparseFile(head=head, size=len(head) + at)


def sharded(tensors: Tensors, parts: int) -> dict[str, object]:
    """A set of files with their index."""
    names = list(tensors)
    files: dict[str, object] = {}
    weight_map: dict[str, str] = {}
    for part in range(parts):
        file = f"model-{part + 1:05d}-of-{parts:05d}.safetensors"
        mine = names[part::parts]
        weight_map |= dict.fromkeys(mine, file)
        files[file] = safetensors({name: tensors[name] for name in mine})
    files["model.safetensors.index.json"] = {"metadata": {}, "weight_map": weight_map}
    return files


def size_of(tensors: Tensors) -> int:
    """Bytes of all tensors."""
    return sum(BYTES[dtype] * math.prod(shape) for dtype, shape in tensors.values())


def dense(config: Mapping[str, Any], *, bias: bool = False, tied: bool = False, head: str = "model.") -> Tensors:
    """The tensors of a Llama-like model."""
    hidden, width = config["hidden_size"], config["intermediate_size"]
    head_dim = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim
    tensors: Tensors = {f"{head}embed_tokens.weight": ("BF16", (config["vocab_size"], hidden))}
    for layer in range(config["num_hidden_layers"]):
        at = f"{head}layers.{layer}"
        for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            tensors[f"{at}.self_attn.{name}.weight"] = ("BF16", (rows, hidden))
            if bias:
                tensors[f"{at}.self_attn.{name}.bias"] = ("BF16", (rows,))
        tensors[f"{at}.self_attn.o_proj.weight"] = ("BF16", (hidden, queries))
        for name in ("gate_proj", "up_proj"):
            tensors[f"{at}.mlp.{name}.weight"] = ("BF16", (width, hidden))
        tensors[f"{at}.mlp.down_proj.weight"] = ("BF16", (hidden, width))
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{at}.{name}.weight"] = ("BF16", (hidden,))
    tensors[f"{head}norm.weight"] = ("BF16", (hidden,))
    if not tied:
        tensors["lm_head.weight"] = ("BF16", (config["vocab_size"], hidden))
    return tensors


def norms(config: Mapping[str, Any]) -> Tensors:
    """One small tensor for every layer that a config lists, so that none is missing."""
    nested = next((config[key] for key in ("text_config", "llm_config") if key in config), config)
    listed = nested.get("hybrid_override_pattern") or nested.get("layers_block_type") or ()
    count = nested.get("num_hidden_layers") or len(listed)
    return {f"model.layers.{layer}.input_layernorm.weight": ("BF16", (8,)) for layer in range(count)}


def fp8_block(name: str, rows: int, columns: int) -> Tensors:
    """A block-scaled fp8 matrix and its scales."""
    blocks = (-(-rows // 128), -(-columns // 128))
    return {f"{name}.weight": ("F8_E4M3", (rows, columns)), f"{name}.weight_scale_inv": ("F32", blocks)}


def deepseek(config: Mapping[str, Any]) -> Tensors:
    """The tensors of a DeepSeek V3 in block-scaled fp8, its MTP layers as layers past the last."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    rank, down = config["kv_lora_rank"], config["q_lora_rank"]
    nope, rope, value = config["qk_nope_head_dim"], config["qk_rope_head_dim"], config["v_head_dim"]
    tensors: Tensors = {
        "model.embed_tokens.weight": ("BF16", (config["vocab_size"], hidden)),
        "model.norm.weight": ("BF16", (hidden,)),
        "lm_head.weight": ("BF16", (config["vocab_size"], hidden)),
    }
    for layer in range(config["num_hidden_layers"] + config["num_nextn_predict_layers"]):
        at = f"model.layers.{layer}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            tensors[f"{at}.{name}.weight"] = ("BF16", (hidden,))
        tensors[f"{at}.self_attn.q_a_layernorm.weight"] = ("BF16", (down,))
        tensors[f"{at}.self_attn.kv_a_layernorm.weight"] = ("BF16", (rank,))
        tensors |= fp8_block(f"{at}.self_attn.q_a_proj", down, hidden)
        tensors |= fp8_block(f"{at}.self_attn.q_b_proj", heads * (nope + rope), down)
        tensors |= fp8_block(f"{at}.self_attn.kv_a_proj_with_mqa", rank + rope, hidden)
        tensors |= fp8_block(f"{at}.self_attn.kv_b_proj", heads * (nope + value), rank)
        tensors |= fp8_block(f"{at}.self_attn.o_proj", hidden, heads * value)
        if layer < config["first_k_dense_replace"]:
            tensors |= _mlp(f"{at}.mlp", hidden, config["intermediate_size"])
            continue
        width = config["moe_intermediate_size"]
        tensors[f"{at}.mlp.gate.weight"] = ("BF16", (config["n_routed_experts"], hidden))
        tensors[f"{at}.mlp.gate.e_score_correction_bias"] = ("F32", (config["n_routed_experts"],))
        tensors |= _mlp(f"{at}.mlp.shared_experts", hidden, width * config["n_shared_experts"])
        for expert in range(config["n_routed_experts"]):
            tensors |= _mlp(f"{at}.mlp.experts.{expert}", hidden, width)
    return tensors


def _mlp(at: str, hidden: int, width: int) -> Tensors:
    up = fp8_block(f"{at}.gate_proj", width, hidden) | fp8_block(f"{at}.up_proj", width, hidden)
    return up | fp8_block(f"{at}.down_proj", hidden, width)


GGUF_TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q8_0": (8, 32, 34), "Q4_K": (12, 256, 144), "Q6_K": (14, 256, 210)}


def gguf(metadata: Mapping[str, object], tensors: Tensors) -> SparseFile:
    """One GGUF file: the real header, and the length that the tensors would take."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _text(key) + _value(value)
    at = 0
    for name, (kind, shape) in tensors.items():
        number, weights, size = GGUF_TYPES[kind]
        head += _text(name) + struct.pack("<I", len(shape))
        head += b"".join(struct.pack("<Q", dim) for dim in reversed(shape)) + struct.pack("<IQ", number, at)
        at += math.prod(shape) // weights * size
    return SparseFile(head=head, size=len(head) + at)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: object) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    assert isinstance(value, list)
    items: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType]  # a list of whatever
    kind = 8 if isinstance(items[0], str) else 7 if isinstance(items[0], bool) else 4
    packed = (_text(i) if kind == 8 else struct.pack("<?" if kind == 7 else "<I", i) for i in items)
    return struct.pack("<IIQ", 9, kind, len(items)) + b"".join(packed)
