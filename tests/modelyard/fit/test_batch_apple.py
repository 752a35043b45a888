"""Rows of a table about Macs: engine, memory, wired limit and MLX's formats."""

from typing import Any

import pytest

from modelyard.fit.batch import assess_rows, request_of
from modelyard.units import GIB, MIB

RELEASED = "meta-llama/Llama-3.3-70B-Instruct"
ROW = {"hf_id": RELEASED, "gpu": "M3 Ultra", "gpu_mem_gib": "256", "max_model_len": "8192"}


def answer(**cells: str) -> dict[str, Any]:
    return assess_rows([{**ROW, **cells}])[0]


@pytest.mark.parametrize(
    ("cells", "engine", "quantization"),
    [
        ({}, "mlx", RELEASED), ({"quant": "4bit"}, "mlx", "mlx-4bit"), ({"quant": "q4_k_m"}, "llama.cpp", "q4_k_m"),
        ({"engine": "mlx-lm", "quant": "8-bit"}, "mlx", "mlx-8bit"), ({"engine": "ollama"}, "ollama", RELEASED),
        ({"hf_id": "mlx-community/Llama-3.3-70B-Instruct-4bit"}, "mlx", "mlx-4bit"),
        ({"hf_id": "bartowski/Llama-3.3-70B-Instruct-GGUF", "quant": "Q5_K_M"}, "llama.cpp", "q5-k-m"),
    ],
)  # fmt: skip
def test_the_engine_that_is_meant(cells: dict[str, str], engine: str, quantization: str) -> None:
    request, notes = request_of({**ROW, **cells})
    assert (request.engine, request.gpu.name) == (engine, "M3-Ultra")
    assert request.quantization.replace("_", "-") == quantization.replace("_", "-")
    assert any("taken as" in note and "Apple silicon" in note for note in notes) == ("engine" not in cells)


def test_memory_and_the_wired_limit() -> None:
    request, _ = request_of({**ROW, "iogpu_wired_limit_mb": "240000", "parallel": "4", "gpu_layers": "20"})
    assert request.gpu.total_memory_bytes == 256 * GIB
    assert request.wired_limit_bytes == 240000 * MIB
    assert (request.parallel, request.gpu_layers) == (4, 20)
    assert request_of({**ROW, "iogpu_wired_limit_mb": "0"})[0].wired_limit_bytes is None  # macOS decides


def test_an_answer() -> None:
    row = answer(quant="4bit")
    assert row["verdict"] == "fits"
    assert row["weights_gib_per_gpu"] == pytest.approx(36.96, abs=0.01)
    assert row["kv_cache_tokens"] == 8192
    assert any("wired limit of this Mac: taken as 192.00 of 256 GiB" in note for note in row["unknown"])
    assert not any("wired limit" in note for note in answer(quant="4bit", iogpu_wired_limit_mb="200000")["unknown"])


def test_memory_that_is_not_given_leaves_doubts() -> None:
    row = answer(quant="4bit", gpu_mem_gib="")
    assert row["verdict"] == "tight"
    assert any("taken as 512 GB" in note for note in row["unknown"])


@pytest.mark.parametrize(
    ("cells", "words"),
    [({"engine": "vllm"}, "vllm does not run on Apple M3 Ultra"), ({"tp": "2"}, "a Mac has one GPU"),
     ({"gpu": "M9 Ultra", "gpu_mem_gib": ""}, "the memory of 'M9 Ultra'"),
     ({"iogpu_wired_limit_mb": "300000"}, "wired limit of '300000' MB"),
     ({"gpu": "H100", "gpu_mem_gib": "", "engine": "mlx"}, "MLX does not run on")],
)  # fmt: skip
def test_rows_that_cannot_be(cells: dict[str, str], words: str) -> None:
    assert words in answer(**cells)["error"]


def test_a_chip_that_the_catalog_lacks() -> None:
    row = answer(gpu="M9 Ultra", gpu_mem_gib="768", quant="4bit")
    assert row["verdict"] == "fits"
    assert any("not in the catalog" in note for note in row["unknown"])
