"""The shipped data itself: ranges, units, duplicates, sources."""

import csv
import json
import re
from datetime import date
from pathlib import Path

import pytest

from modelyard.catalog import engines, gpus, models
from modelyard.catalog.rows import data_dir
from modelyard.errors import UnknownNameError

FIXTURES = Path(__file__).parents[2] / "fixtures"
GIB = 1 << 30

FAMILIES = {
    "llama-3-8b", "llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b", "llama-3.3-70b",
    "llama-4-scout", "llama-4-maverick",
    "deepseek-v3", "deepseek-r1", "deepseek-v3.2", "deepseek-v4-flash", "deepseek-v4-pro",
    "qwen2.5-7b", "qwen2.5-72b", "qwen3-8b", "qwen3-32b", "qwen3-30b-a3b", "qwen3-235b-a22b", "qwen3.5-27b",
    "gemma-3-27b", "gemma-4-31b", "mistral-large-2", "mistral-small-3", "phi-4", "gpt-oss-20b", "gpt-oss-120b",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_every_family_of_the_guides_is_there(name: str) -> None:
    assert models.find_model(name).name == name


@pytest.mark.parametrize("model", models.load_models(), ids=lambda m: m.name)
def test_a_model_row_is_within_range(model: models.Model) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9.\-]*", model.name)
    assert "/" in model.hub_id
    assert 10**8 <= model.total_params <= 3 * 10**12
    assert model.active_params is None or model.active_params <= model.total_params
    assert 256 <= model.hidden_size <= 65536
    assert 1 <= model.num_hidden_layers <= 256
    assert model.num_attention_heads % model.num_key_value_heads == 0
    assert 32 <= model.head_dim <= 1024
    assert 10_000 <= model.vocab_size <= 500_000
    assert 2048 <= model.max_position_embeddings <= 16 * 1024 * 1024
    assert model.torch_dtype in {"bfloat16", "float16", "float32"}
    assert model.gated in {"yes", "no", "unknown"}
    assert date(2023, 1, 1) <= model.as_of <= date(2026, 11, 30)
    if model.moe:
        assert model.moe.experts_per_token <= model.moe.num_experts
    if model.window:
        assert model.window.kind in {"sliding", "chunked"}
        assert model.window.layers + model.window.full_layers == model.num_hidden_layers
    if model.linear_attention:
        alone = sum(model.layer_pattern.count(letter) for letter in "E-")  # layers that are only a feed-forward block
        assert model.linear_attention.layers + model.linear_attention.full_layers + alone == model.num_hidden_layers
    if model.layer_pattern:
        assert len(model.layer_pattern) == model.num_hidden_layers
        assert set(model.layer_pattern) <= set("M*E-B")
        assert ("M" in model.layer_pattern) == (model.linear_attention is not None)
    if model.intermediate_sizes:
        assert len(model.intermediate_sizes) == model.num_hidden_layers
        assert max(model.intermediate_sizes) == model.intermediate_size
    if model.indexer and model.indexer.layers is not None:
        assert 0 < model.indexer.layers < model.num_hidden_layers


@pytest.mark.parametrize("gpu", gpus.load_server_gpus(), ids=lambda g: g.name)
def test_a_gpu_row_is_within_range(gpu: gpus.Gpu) -> None:
    assert gpu.vendor in {"nvidia", "amd", "apple"}
    assert 8 * GIB <= gpu.total_memory_bytes <= 512 * GIB
    assert gpu.total_memory_bytes < (gpu.memory_mib + 1) * 2**20
    assert 0.85 <= gpu.memory_mib * 2**20 / (gpu.marketing_gb * 10**9) <= 1.12
    assert gpu.link_between >= 1
    assert (gpu.link == "none") == (gpu.link_between == 1)
    assert gpu.fp8_kernel in {"native", "marlin", "none"}
    assert (gpu.capability is None) == (gpu.vendor != "nvidia")


@pytest.mark.parametrize("gpu", [g for g in gpus.load_gpus() if g.is_apple], ids=lambda g: g.name)
def test_a_chip_of_apple_is_within_range(gpu: gpus.Gpu) -> None:
    assert gpu.vendor == "apple"
    largest = max(gpu.memory_options_gb)
    assert gpu.memory_options_gb == tuple(sorted(set(gpu.memory_options_gb)))
    assert gpu.total_memory_bytes == largest * GIB == gpu.memory_mib * 2**20
    assert gpu.marketing_gb == largest
    assert gpu.total_memory_estimated == (len(gpu.memory_options_gb) > 1)  # which one it is must be asked
    assert gpu.memory_bandwidth_gb_s is not None
    assert 60 <= gpu.memory_bandwidth_gb_s <= 1300
    assert (gpu.link, gpu.link_between, gpu.capability) == ("none", 1, None)
    assert gpu.precisions == ()  # formats that vLLM has kernels for


@pytest.mark.parametrize(
    ("name", "largest_gb", "gb_s"),
    [
        ("M1-Ultra", 128, 800), ("M2-Max", 96, 400), ("M2-Ultra", 192, 800), ("M3-Max", 128, 400),
        ("M3-Ultra", 512, 819), ("M4", 32, 120), ("M4-Pro", 64, 273), ("M4-Max", 128, 546), ("M5-Max", 128, 614),
    ],
)  # fmt: skip
def test_the_named_chips_are_there(name: str, largest_gb: int, gb_s: float) -> None:
    gpu = gpus.find_gpu(f"Apple {name.replace('-', ' ')}")
    assert (gpu.name, gpu.marketing_gb, gpu.memory_bandwidth_gb_s) == (name, largest_gb, gb_s)


def test_nobody_rents_a_mac_by_the_gpu() -> None:
    assert {gpu.vendor for gpu in gpus.load_server_gpus()} == {"nvidia", "amd"}


@pytest.mark.parametrize(
    "name", ["T4", "L4", "A100-80-SXM", "H100-SXM", "H200", "B200", "B300", "MI300X", "MI325X", "MI355X"]
)
def test_the_named_gpus_are_there(name: str) -> None:
    assert gpus.find_gpu(name).name == name


@pytest.mark.parametrize(
    ("spelling", "name"), [("h100 sxm", "H100-SXM"), ("NVIDIA H200", "H200"), ("rtx4090", "RTX-4090"), ("l40s", "L40S")]
)
def test_gpus_are_found_however_they_are_written(spelling: str, name: str) -> None:
    assert gpus.find_gpu(spelling).name == name


def test_h100_total_memory_is_what_the_engine_logs() -> None:
    assert gpus.find_gpu("H100-SXM").total_memory_bytes / GIB == pytest.approx(79.19, abs=0.01)


def test_everything_that_was_observed_is_in_the_catalog() -> None:
    with (FIXTURES / "vram_observations.csv").open(encoding="utf-8", newline="") as file:
        ids = {row["hf_id"] for row in csv.DictReader(file) if re.fullmatch(r"[\w.-]+/[\w.-]+", row["hf_id"])}
    assert len(ids) > 20
    for hub_id in ids:
        assert models.find_model(hub_id).checkpoint


def test_images_are_pinned() -> None:
    for engine in engines.load_engines():
        for image in filter(None, (engine.image, engine.image_rocm)):
            assert re.search(r":(v?\d+\.\d+|server-(?:cuda\d*|rocm)-b\d+)", image), image


def test_the_flag_list_is_that_of_the_pinned_version() -> None:
    engine = engines.find_engine("vllm")
    raw = json.loads((data_dir() / f"vllm-flags-{engine.version}.json").read_text(encoding="utf-8"))
    assert raw["version"] == engine.version
    assert raw["source"].startswith("https://")
    flags = engines.load_flags("vllm", engine.version)
    assert {"--tensor-parallel-size", "--max-model-len", "--gpu-memory-utilization"} <= set(flags)
    with pytest.raises(UnknownNameError, match="unknown vllm version"):
        engines.load_flags("vllm", "0.0.1")
