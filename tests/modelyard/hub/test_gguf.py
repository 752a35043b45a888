"""GGUF repositories: the header alone says shapes and sizes, and file names say which precision is which."""

from pathlib import Path

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import find_model
from modelyard.errors import UnknownNameError, UsageError
from modelyard.fit import checkpoint_bytes, precision_support
from modelyard.fit.schemes import find_scheme
from modelyard.hub import gguf, gguf_config, read_model
from tests.modelyard.hub import makers
from tests.modelyard.hub.test_folder import fill
from tests.modelyard.hub.test_read import TODAY, read
from tests.simulators.hub import HubSimulator, SparseFile

QWEN3_8B: dict[str, object] = {
    "general.architecture": "qwen3", "general.name": "Qwen3 8B", "qwen3.block_count": 36, "qwen3.context_length": 40960,
    "qwen3.embedding_length": 4096, "qwen3.feed_forward_length": 12288, "qwen3.attention.head_count": 32,
    "qwen3.attention.head_count_kv": 8, "qwen3.attention.key_length": 128, "qwen3.attention.value_length": 128,
    "qwen3.rope.freq_base": 1e6, "tokenizer.ggml.tokens": [f"token-{i}" for i in range(151936)],
    "tokenizer.ggml.add_bos_token": False,
}  # fmt: skip


def qwen3_tensors(matrix: str = "Q4_K") -> makers.Tensors:
    tensors: makers.Tensors = {
        "token_embd.weight": (matrix, (151936, 4096)),
        "output.weight": ("Q6_K", (151936, 4096)),
        "output_norm.weight": ("F32", (4096,)),
    }
    for layer in range(36):
        at = f"blk.{layer}"
        for name, shape in (
            ("attn_q", (4096, 4096)), ("attn_k", (1024, 4096)), ("attn_v", (1024, 4096)),
            ("attn_output", (4096, 4096)), ("ffn_gate", (12288, 4096)), ("ffn_up", (12288, 4096)),
            ("ffn_down", (4096, 12288)),
        ):  # fmt: skip
            tensors[f"{at}.{name}.weight"] = (matrix, shape)
        for name, width in (("attn_norm", 4096), ("ffn_norm", 4096), ("attn_q_norm", 128), ("attn_k_norm", 128)):
            tensors[f"{at}.{name}.weight"] = ("F32", (width,))
    return tensors


def test_a_repository_of_quantizations(hub: HubSimulator) -> None:
    file = makers.gguf(QWEN3_8B, qwen3_tensors())
    big = SparseFile(head=b"", size=8_709_518_112)
    hub.add(
        "org/Qwen3-8B-GGUF",
        {"Qwen3-8B-Q4_K_M.gguf": file, "Qwen3-8B-Q8_0.gguf": big, "mmproj-F16.gguf": big, "README.md": b""},
    )
    model, row = read(hub, "org/Qwen3-8B-GGUF"), find_model("qwen3-8b")
    shape = (
        "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
        "intermediate_size", "max_position_embeddings", "tie_word_embeddings", "total_params", "gated_mlp",
    )  # fmt: skip
    assert [getattr(model, k) for k in shape] == [getattr(row, k) for k in shape]
    assert model.quantizations == ("q4_k_m", "q8_0")
    assert model.checkpoint[1].bytes == 8_709_518_112
    weights = 151936 * 4096 + 36 * (2 * 4096 * 4096 + 2 * 1024 * 4096 + 3 * 4096 * 12288)
    norms = 36 * (2 * 4096 + 2 * 128) + 4096
    assert model.checkpoint[0].bytes == weights // 256 * 144 + 151936 * 4096 // 256 * 210 + norms * 4
    assert checkpoint_bytes(model, "q4_k_m") == model.checkpoint[0].bytes
    assert precision_support(find_gpu("H100-SXM"), "q4_k_m").plugin == "vllm-gguf-plugin"


def test_little_more_than_the_header_is_asked_for(hub: HubSimulator) -> None:
    file = makers.gguf(QWEN3_8B, qwen3_tensors())
    hub.add("org/model", {"m-Q4_K_M.gguf": file})
    read(hub)
    ends = [int((a.byte_range or "").rpartition("-")[2]) for a in hub.asked if a.byte_range and a.at_cdn]
    assert len(file.head) > gguf.CHUNK_BYTES
    assert max(ends) < len(file.head) + gguf.CHUNK_BYTES
    assert len(ends) == -(-len(file.head) // gguf.CHUNK_BYTES)


def test_one_is_chosen_by_name(hub: HubSimulator) -> None:
    files = {f"m-{name}.gguf": makers.gguf(QWEN3_8B, qwen3_tensors("Q8_0")) for name in ("Q8_0", "UD-Q5_K_XL")}
    hub.add("org/model", files)
    assert read(hub, "org/model:q8_0").quantizations == ("q8_0",)
    assert read(hub, "org/model:UD-Q5_K_XL").quantizations == ("q5_k_m",)
    with pytest.raises(UnknownNameError, match="unknown GGUF quantization 'Q3_K'"):
        read(hub, "org/model:Q3_K")


def test_a_quantization_of_a_repository_without_gguf(hub: HubSimulator) -> None:
    hub.add("org/model", {"config.json": {}, "model.safetensors": b""})
    with pytest.raises(UsageError, match="holds no GGUF files"):
        read(hub, "org/model:Q4_K_M")


def test_a_split_file_is_read_whole(tmp_path: Path) -> None:
    tensors = qwen3_tensors("Q8_0")
    first = {n: t for i, (n, t) in enumerate(tensors.items()) if i % 2}
    second = {n: t for n, t in tensors.items() if n not in first}
    fill(
        tmp_path,
        {
            "m-Q8_0-00001-of-00002.gguf": makers.gguf(QWEN3_8B, first),
            "m-Q8_0-00002-of-00002.gguf": makers.gguf({"general.architecture": "qwen3"}, second),
        },
    )
    model = read_model(str(tmp_path), today=TODAY)
    assert model.total_params == find_model("qwen3-8b").total_params
    (tmp_path / "m-Q8_0-00001-of-00002.gguf").unlink()
    with pytest.raises(UsageError, match="1 of 2 parts"):
        read_model(str(tmp_path), today=TODAY)


def test_a_single_file(tmp_path: Path) -> None:
    fill(tmp_path, {"m-Q4_K_M.gguf": makers.gguf(QWEN3_8B, qwen3_tensors()), "other-Q8_0.gguf": b"GGUF"})
    assert read_model(str(tmp_path / "m-Q4_K_M.gguf"), today=TODAY).quantizations == ("q4_k_m",)


def test_latent_attention_and_experts(tmp_path: Path) -> None:
    metadata: dict[str, object] = {
        "general.architecture": "deepseek2", "deepseek2.block_count": 62, "deepseek2.context_length": 163840,
        "deepseek2.embedding_length": 7168, "deepseek2.feed_forward_length": 18432,
        "deepseek2.attention.head_count": 128, "deepseek2.attention.head_count_kv": 1,
        "deepseek2.attention.key_length": 576, "deepseek2.attention.value_length": 512,
        "deepseek2.attention.key_length_mla": 192, "deepseek2.attention.value_length_mla": 128,
        "deepseek2.attention.kv_lora_rank": 512, "deepseek2.attention.q_lora_rank": 1536,
        "deepseek2.rope.dimension_count": 64, "deepseek2.vocab_size": 129280, "deepseek2.expert_count": 256,
        "deepseek2.expert_used_count": 8, "deepseek2.expert_shared_count": 1,
        "deepseek2.expert_feed_forward_length": 2048, "deepseek2.leading_dense_block_count": 3,
        "deepseek2.nextn_predict_layers": 1,
    }  # fmt: skip
    fill(tmp_path, {"m-Q8_0.gguf": makers.gguf(metadata, {"token_embd.weight": ("Q8_0", (129280, 7168))})})
    model, row = read_model(str(tmp_path), today=TODAY), find_model("deepseek-v3")
    assert (model.mla, model.moe, model.num_hidden_layers) == (row.mla, row.moe, 61)
    assert (model.num_key_value_heads, model.head_dim, model.intermediate_size) == (128, 192, 18432)


def test_a_pattern_of_windows_per_layer(tmp_path: Path) -> None:
    metadata = {k.replace("qwen3", "gemma3"): v for k, v in QWEN3_8B.items()} | {
        "general.architecture": "gemma3", "gemma3.attention.sliding_window": 1024,
        "gemma3.attention.sliding_window_pattern": [True, True, False] * 12,
    }  # fmt: skip
    fill(tmp_path, {"m-Q8_0.gguf": makers.gguf(metadata, {"token_embd.weight": ("Q8_0", (151936, 4096))})})
    window = read_model(str(tmp_path), today=TODAY).window
    assert window is not None
    assert (window.size, window.layers, window.full_layers) == (1024, 24, 12)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends within its header, after 0 bytes"),
        (b"GGUX" + b"\0" * 20, "does not begin with GGUF"),
        (b"GGUF\x01\0\0\0" + b"\0" * 16, "GGUF version 1"),
        (b"GGUF\x03\0\0\0" + b"\xff" * 16, "tensors"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 7 + b"\xff" * 8, "string of"),
        (b"GGUF\x03\0\0\0" + b"\0" * 8 + b"\x01" + b"\0" * 15 + b"\x63\0\0\0", "type 99"),
        (makers.gguf(QWEN3_8B, {}).head[:-3], "ends within its header"),
    ],
)
def test_files_that_are_no_gguf(tmp_path: Path, data: bytes, why: str) -> None:
    fill(tmp_path, {"m-Q8_0.gguf": data})
    with pytest.raises(UsageError, match="is not a GGUF file that can be read") as caught:
        read_model(str(tmp_path), today=TODAY)
    assert why in (caught.value.details or "")


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("Qwen3-8B-Q4_K_M.gguf", "q4_k_m"),
        ("x.IQ4_XS.gguf", "iq4_xs"),
        ("Q2_K/m-UD-Q2_K_XL-00001-of-00003.gguf", "q2_k_xl"),
        ("m-BF16.gguf", "bf16"),
        ("gpt-oss-20b-mxfp4.gguf", "mxfp4"),
        ("model.gguf", None),
    ],
)
def test_the_name_says_the_precision(name: str, precision: str | None) -> None:
    assert gguf_config.precision_of(name) == precision


def test_every_preset_is_a_scheme_that_a_fit_knows() -> None:
    assert [name for name in gguf_config.PRESETS.values() if find_scheme(name) is None] == []
