"""Precision as checkpoints declare it, in the catalog's names, each of which a fit knows."""

from typing import Any

import pytest

from modelyard.fit.schemes import find_scheme
from modelyard.hub.config import Config
from modelyard.hub.quantization import Quantization, read_quantization


def quantization(section: dict[str, Any], **whole: Any) -> Quantization:
    found = read_quantization(Config({"quantization_config": section, **whole}, where="config.json"), None)
    assert found is not None
    return found


def compressed(weights: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": weights}}, **facts}


CASES: list[tuple[dict[str, Any], str, int | None, int]] = [
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8-block", 128, 8),
    ({"quant_method": "fp8", "activation_scheme": "static"}, "fp8", None, 8),
    ({"quant_method": "fbgemm_fp8"}, "fp8", None, 8),
    ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}, "awq-int4", 128, 4),
    ({"quant_method": "gptq", "bits": 4, "group_size": 32, "sym": True}, "gptq-int4", 32, 4),
    ({"quant_method": "gptq", "bits": 8, "group_size": -1, "sym": True}, "w8a16", None, 8),
    ({"quant_method": "auto-round", "bits": 4, "group_size": 128, "sym": True}, "gptq-int4", 128, 4),
    ({"quant_method": "mxfp4"}, "mxfp4", 32, 4),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "bnb-nf4", None, 4),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True}, "int8", None, 8),
    (compressed({"num_bits": 4, "type": "int", "group_size": 32, "symmetric": True}), "w4a16", 32, 4),
    (compressed({"num_bits": 8, "type": "int", "strategy": "channel"}), "int8-w8a8", None, 8),
    (compressed({"num_bits": 8, "type": "float", "strategy": "channel"}), "fp8-dynamic", None, 8),
    (compressed({"num_bits": 8, "type": "float", "strategy": "tensor"}), "fp8", None, 8),
    (compressed({"num_bits": 8, "type": "float", "block_structure": [128, 128]}), "fp8-block", 128, 8),
    (compressed({"num_bits": 4, "type": "float", "group_size": 16}), "nvfp4", 16, 4),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4", "group_size": 16}, "nvfp4", 16, 4),
    ({"quant_method": "modelopt", "quant_algo": "FP8"}, "fp8", None, 8),
    ({"quant_algo": "W4A8_AWQ", "group_size": 128}, "awq-int4", 128, 4),
    (
        {"quant_algo": "MIXED_PRECISION", "quantized_layers": {
            "a": {"quant_algo": "FP8"}, "b": {"quant_algo": "FP8"}, "c": {"quant_algo": "NVFP4"},
        }},
        "nvfp4", 16, 4,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("section", "name", "group", "bits"), CASES, ids=lambda c: str(c)[:40])
def test_declared(section: dict[str, Any], name: str, group: int | None, bits: int) -> None:
    found = quantization(section)
    assert (found.name, found.group_size, found.bits) == (name, group, bits)
    assert find_scheme(found.name) is not None


def test_the_lightest_of_several_groups_counts() -> None:
    groups = {
        "group_0": {"weights": {"num_bits": 8, "type": "float", "strategy": "channel"}},
        "group_1": {"weights": {"num_bits": 4, "type": "float", "group_size": 16}},
    }
    section = {"quant_method": "fp8", "config_groups": groups}
    assert quantization(section, expert_dtype="fp4").name == "nvfp4"


def test_deepseek_v4_keeps_its_experts_in_fp4() -> None:
    found = quantization({"quant_method": "fp8", "weight_block_size": [128, 128]}, expert_dtype="fp4")
    assert (found.name, found.bits) == ("fp8+fp4", 4)


def test_a_method_that_is_not_known_keeps_its_name() -> None:
    assert quantization({"quant_method": "aqlm"}).name == "aqlm"


def test_nothing_declared() -> None:
    assert read_quantization(Config({}, where="config.json"), None) is None


@pytest.mark.parametrize(
    "section",
    [
        {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
        {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_scheme": {"num_bits": 8, "type": "float"}},
    ],
)
def test_an_fp8_cache_is_declared(section: dict[str, Any]) -> None:
    assert quantization(section).kv_cache_dtype == "fp8"


@pytest.mark.parametrize("algorithm", [None, "NVFP4", "INT8"])
def test_no_fp8_cache(algorithm: str | None) -> None:
    assert quantization({"quant_algo": "NVFP4", "kv_cache_quant_algo": algorithm}).kv_cache_dtype is None


def test_a_separate_file() -> None:
    separate = Config(
        {
            "producer": {"name": "modelopt"},
            "quantization": {
                "quant_algo": "NVFP4",
                "kv_cache_quant_algo": "FP8",
                "exclude_modules": ["lm_head", "model.layers.0.self_attn.q_a_proj"],
            },
        },
        where="hf_quant_config.json",
    )
    found = read_quantization(Config({}, where="config.json"), separate)
    assert found is not None
    assert (found.name, found.kv_cache_dtype, found.unquantized) == ("nvfp4", "fp8", ("lm_head", "attention"))


def test_exceptions_as_patterns() -> None:
    section = compressed(
        {"num_bits": 4, "type": "int", "group_size": 32, "symmetric": True},
        ignore=["lm_head", "re:.*self_attn.*", "re:.*shared_experts.*", "re:.*vision_tower.*", "re:.*mlp\\.gate$"],
    )
    assert quantization(section).unquantized == ("lm_head", "router", "vision", "attention", "shared_experts")
