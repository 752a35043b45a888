"""A config as published reads as the catalog has the model: every fact that memory depends on."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from modelyard.catalog.models import MTP, Model, find_model
from modelyard.fit.kv_cache import plan_cache
from modelyard.fit.kv_dtype import KvDtype
from modelyard.hub import read_model
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import CONFIGS, NEMOTRON_3_NANO
from tests.simulators.hub import HubSimulator

TODAY = date(2026, 11, 21)

SHAPE = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
    "intermediate_size", "max_position_embeddings", "torch_dtype", "attention_bias", "gated_mlp", "moe", "mla",
    "indexer", "compressed", "window", "global_attention", "linear_attention", "layer_pattern",
)  # fmt: skip


def traces(row: Model) -> makers.Tensors:
    """The few tensors that say what no config says: output head, biases, gate, MTP layers."""
    tensors: makers.Tensors = {
        "model.embed_tokens.weight": ("BF16", (64, 8)),
        "model.layers.0.self_attn.q_proj.weight": ("BF16", (8, 8)),
        "model.layers.0.mlp.gate_proj.weight": ("BF16", (8, 8)),
    }
    if row.attention_bias:
        tensors["model.layers.0.self_attn.q_proj.bias"] = ("BF16", (8,))
    if not row.tie_word_embeddings:
        tensors["lm_head.weight"] = ("BF16", (64, 8))
    if row.mtp is not None:
        tensors["mtp.layers.0.mlp.gate_proj.weight"] = ("BF16", (8, 8))
    return tensors


def read(hub: HubSimulator, config: dict[str, Any], tensors: makers.Tensors) -> Model:
    hub.add(
        "org/model", {"config.json": config, "model.safetensors": makers.safetensors(makers.norms(config) | tensors)}
    )
    return read_model("org/model", endpoint=hub.endpoint, today=TODAY)


@pytest.mark.parametrize("name", CONFIGS)
def test_reads_as_the_catalog_has_it(hub: HubSimulator, name: str) -> None:
    row = find_model(name)
    model = read(hub, CONFIGS[name], traces(row))
    assert {key: getattr(model, key) for key in SHAPE} == {key: getattr(row, key) for key in SHAPE}
    assert model.tie_word_embeddings == bool(row.tie_word_embeddings)
    assert model.mtp == (MTP(layers=row.mtp.layers, params=64) if row.mtp is not None else None)
    assert ("kv_bytes_per_token" in model.unknown) == ("kv_bytes_per_token" in row.unknown)


@pytest.mark.parametrize("name", CONFIGS)
def test_caches_as_the_catalogs_row_does(hub: HubSimulator, name: str) -> None:
    """Bytes per token and per block of the KV cache, on one GPU and on eight."""
    row = find_model(name)
    model = read(hub, CONFIGS[name], traces(row))
    dtype = KvDtype(name="bfloat16", element_bytes=2)
    for tp in (1, 8):
        assert plan_cache(model, dtype, tp) == plan_cache(replace(row, title=model.title), dtype, tp)


@pytest.mark.parametrize("name", ["deepseek-v3", "gpt-oss-20b", "deepseek-v4-flash", "llama-3.1-8b"])
def test_native_precision_is_the_catalogs(hub: HubSimulator, name: str) -> None:
    row = find_model(name)
    model = read(hub, CONFIGS[name], traces(row))
    assert model.native_quantization == row.native_quantization
    assert model.checkpoint[0].group_size == row.checkpoint[0].group_size


def test_windows_of_every_layer(hub: HubSimulator) -> None:
    """Mistral 7B v0.1: a window and no list of layers means that all of them have it."""
    config = {**CONFIGS["llama-3.1-8b"], "model_type": "mistral", "sliding_window": 4096, "num_hidden_layers": 2}
    model = read(hub, config, makers.dense(config))
    assert model.window is not None
    assert (model.window.size, model.window.layers, model.window.full_layers) == (4096, 2, 0)


def test_qwen_windows_only_the_upper_layers(hub: HubSimulator) -> None:
    config = {
        **CONFIGS["qwen2.5-7b"], "use_sliding_window": True, "sliding_window": 4096, "max_window_layers": 21,
    }  # fmt: skip
    model = read(hub, config, traces(find_model("qwen2.5-7b")))
    assert model.window is not None
    assert (model.window.layers, model.window.full_layers) == (7, 21)


@pytest.mark.parametrize(
    ("keys", "width"),
    [
        ({}, None),
        ({"partial_rotary_factor": 1.0}, None),
        ({"partial_rotary_factor": 0.5}, 64),
        ({"rope_parameters": {"partial_rotary_factor": 0.25, "rope_theta": 10_000_000}}, 32),
        ({"rotary_dim": 96}, 96),
        ({"partial_rotary_factor": "much"}, None),
    ],
)
def test_partial_rotary_embeddings(hub: HubSimulator, keys: dict[str, object], width: int | None) -> None:
    row = find_model("llama-3.1-8b")
    assert read(hub, {**CONFIGS["llama-3.1-8b"], **keys}, traces(row)).rotary_dim == width


@pytest.mark.parametrize(("pattern", "sliding"), [("LLLG", 24), (4, 24), (None, 0)])
def test_exaone_writes_its_pattern_as_letters(hub: HubSimulator, pattern: object, sliding: int) -> None:
    config = {
        **CONFIGS["llama-3.1-8b"], "model_type": "exaone4", "sliding_window": 4096, "sliding_window_pattern": pattern,
    }  # fmt: skip
    model = read(hub, config, traces(find_model("llama-3.1-8b")))
    assert (model.window.layers if model.window else 0) == sliding


def test_nemotron_hybrid(hub: HubSimulator) -> None:
    """Nemotron 3 Nano: one block per layer, and every block is called a mixer."""
    tensors: makers.Tensors = {
        "backbone.embeddings.weight": ("BF16", (131072, 2688)),
        "backbone.layers.0.mixer.in_proj.weight": ("BF16", (10304, 2688)),
        "backbone.layers.1.mixer.experts.0.up_proj.weight": ("BF16", (1856, 2688)),
        "backbone.layers.1.mixer.gate.weight": ("BF16", (128, 2688)),
        "backbone.layers.5.mixer.k_proj.weight": ("BF16", (256, 2688)),
        "lm_head.weight": ("BF16", (131072, 2688)),
    }
    config = NEMOTRON_3_NANO
    model = read(hub, config, tensors)
    assert model.gated_mlp is False
    assert model.layer_pattern == config["hybrid_override_pattern"]
    tensor_bytes = model.checkpoint[0].tensors
    assert tensor_bytes is not None
    assert tensor_bytes.replicated == 128 * 2688 * 2 + 52 * 8 * 2
    assert tensor_bytes.kv_heads == 256 * 2688 * 2


def test_granite_hybrid(hub: HubSimulator) -> None:
    """Granite 4 H: the head width of its state layers is the inner width over the heads."""
    config = {
        "model_type": "granitemoehybrid", "hidden_size": 1536, "intermediate_size": 512, "num_hidden_layers": 40,
        "layer_types": (["mamba"] * 9 + ["attention"]) * 4, "mamba_d_conv": 4, "mamba_d_head": "auto",
        "mamba_d_state": 128, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_n_heads": 48,
        "max_position_embeddings": 131072, "num_attention_heads": 12, "num_experts_per_tok": 6,
        "num_key_value_heads": 4, "num_local_experts": 62, "shared_intermediate_size": 1024, "vocab_size": 100352,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16",
    }  # fmt: skip
    model = read(hub, config, traces(find_model("qwen3-0.6b")))
    linear = model.linear_attention
    assert linear is not None
    assert (linear.layers, linear.full_layers, linear.num_value_heads, linear.value_head_dim) == (36, 4, 48, 64)
    assert model.moe is not None
    assert (model.moe.moe_intermediate_size, model.moe.shared_expert_intermediate_size) == (512, 1024)
    assert model.intermediate_size == 0


def test_kimi_linear_keeps_latent_rows_and_states(hub: HubSimulator) -> None:
    config = {
        "model_type": "kimi_linear", "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 8,
        "num_attention_heads": 32, "num_key_value_heads": 32, "kv_lora_rank": 512, "q_lora_rank": None,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 163840,
        "linear_attn_config": {
            "full_attn_layers": [4, 8], "kda_layers": [1, 2, 3, 5, 6, 7], "head_dim": 128, "num_heads": 32,
            "short_conv_kernel_size": 4,
        },
        "max_position_embeddings": 1048576, "dtype": "bfloat16",
    }  # fmt: skip
    model = read(hub, config, traces(find_model("llama-3.1-8b")))
    assert model.mla is not None
    assert model.linear_attention is not None
    assert (model.linear_attention.layers, model.linear_attention.full_layers) == (6, 2)


def test_nemotron_ultra_lists_its_blocks_as_words(hub: HubSimulator) -> None:
    """Its config has no num_hidden_layers at all."""
    words = {"M": "mamba", "E": "moe", "*": "attention"}
    config = {k: v for k, v in NEMOTRON_3_NANO.items() if k not in {"num_hidden_layers", "hybrid_override_pattern"}}
    config["layers_block_type"] = [words[letter] for letter in "MEM*E"]
    model = read(hub, config, traces(find_model("nemotron-3-nano-30b-a3b")))
    assert (model.num_hidden_layers, model.layer_pattern, model.unknown) == (5, "MEM*E", ())
    assert model.linear_attention is not None
    assert (model.linear_attention.layers, model.linear_attention.full_layers) == (2, 1)
