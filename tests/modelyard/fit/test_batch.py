import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fit_accuracy import OBSERVATIONS
from modelyard.catalog.models import Model
from modelyard.fit.batch import assess_rows, fit_csv, request_of
from modelyard.fit.table import read_rows
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_model

KEYS = {
    "row", "model", "weights_gib_per_gpu", "kv_cache_gib_per_gpu", "kv_cache_tokens", "max_concurrency", "verdict",
    "reasons", "unknown",
}  # fmt: skip
ROW = {
    "hf_id": "meta-llama/Llama-3.1-8B-Instruct", "quant": "bf16", "gpu": "H100-80GB-SXM", "gpu_mem_gib": "79.19",
    "tp": "1", "pp": "1", "gmu": "0.95", "max_model_len": "8192", "engine": "vllm", "engine_version": "0.19.0",
}  # fmt: skip


def one(**changes: str) -> dict[str, Any]:
    return assess_rows([{**ROW, **changes}])[0]


def test_a_row_as_logged() -> None:
    result = one()
    assert set(result) == KEYS
    assert result["weights_gib_per_gpu"] == pytest.approx(14.99, abs=0.01)
    assert result["kv_cache_gib_per_gpu"] == pytest.approx(58.11, abs=0.02)
    assert result["kv_cache_tokens"] == pytest.approx(476_016, rel=0.001)
    assert result["max_concurrency"] == pytest.approx(58.11, abs=0.02)
    assert (result["verdict"], result["unknown"], result["row"]) == ("fits", [], 1)


def test_every_observation_is_answered_in_order() -> None:
    text = OBSERVATIONS.read_text(encoding="utf-8")
    results = fit_csv(text)
    assert [r["row"] for r in results] == list(range(1, 53))
    assert all(set(r) == KEYS for r in results)
    assert {r["verdict"] for r in results} <= {"fits", "tight", "does_not_fit"}
    json.dumps(results)


def test_a_row_that_cannot_be_read_does_not_stop_the_rest() -> None:
    rows = [ROW, {**ROW, "tp": "x"}, {**ROW, "hf_id": "no/such"}, {}, ROW]
    results = assess_rows(rows)
    assert [("error" in r) for r in results] == [False, True, True, True, False]
    assert "column tp" in results[1]["error"]
    assert "unknown model 'no/such'" in results[2]["error"]
    assert "no model" in results[3]["error"]


ABSURD: list[dict[str, str]] = [
    {"gmu": "7"},
    {"gpu": "Voodoo 2", "gpu_mem_gib": ""},
    {"gpu_mem_gib": "-3"},
    {"max_model_len": "-5"},
    {"tp": "3"},
    {"tp": "0"},
    {"pp": "0"},
    {"max_model_len": "0"},
    {"ep": "perhaps"},
    {"gpu_mem_gib": "80 furlongs"},
    {"pp": "99"},
    {"kv_dtype": "int3"},
    {"hf_id": "llama-3.1-8b", "quant": "q99"},
    {"max_num_seqs": "1.5"},
    {"tp": "9" * 30},
    {"engine": "mlx"},
    {"gmu": "inf"},
    {"engine": "sglang", "memory_fraction": "2"},
]


@pytest.mark.parametrize("changes", ABSURD, ids=str)
def test_absurd_cells_become_errors(changes: dict[str, str]) -> None:
    assert one(**changes).get("error")


def test_blank_means_default() -> None:
    request, notes = request_of({"hf_id": ROW["hf_id"], "gpu": "H100-80GB"})
    assert (request.tensor_parallel_size, request.pipeline_parallel_size) == (1, 1)
    assert request.quantization == "meta-llama/Llama-3.1-8B-Instruct"
    assert request.max_model_len == 131072
    assert request.engine_version == "0.33.0"
    assert request.gpu_memory_utilization is None
    assert request.max_num_seqs is None
    assert request.kv_cache_dtype == "auto"
    assert notes == ()


def test_set_up_without_a_column_is_read_from_notes() -> None:
    row = {
        "hf_id": "Qwen/Qwen3-30B-A3B", "gpu": "H100", "engine_version": "0.19.0",
        "notes": "8xH20, DP8 + expert parallel (tp=1 per replica); --enforce-eager; activation 1.89 GiB",
    }  # fmt: skip
    request, _ = request_of(row)
    assert (request.data_parallel_size, request.expert_parallel, request.enforce_eager) == (8, True, True)
    advice, _ = request_of({**row, "notes": "OOM in capture unless --enforce-eager"})
    assert (advice.data_parallel_size, advice.expert_parallel, advice.enforce_eager) == (1, False, False)


def test_columns_for_what_the_file_has_none() -> None:
    row = {**ROW, "hf_id": "Qwen/Qwen3-30B-A3B", "dp": "4", "ep": "yes", "enforce_eager": "true"}
    request, _ = request_of({**row, "kv_cache_memory_gib": "10"})
    assert (request.data_parallel_size, request.expert_parallel, request.enforce_eager) == (4, True, True)
    assert request.kv_cache_memory_bytes == 10 * GIB


def test_decode_context_parallel() -> None:
    row = {"hf_id": "moonshotai/Kimi-K2-Thinking", "gpu": "H200", "tp": "8"}
    plain, _ = request_of(row)
    spread, _ = request_of({**row, "notes": "decode-context-parallel 8 (DCP8)"})
    assert (plain.decode_context_parallel_size, spread.decode_context_parallel_size) == (1, 8)


def test_the_resolver_finds_what_the_catalog_lacks() -> None:
    asked: list[str] = []

    def resolver(hub_id: str) -> Model | None:
        asked.append(hub_id)
        return a_model(hub_id=hub_id) if hub_id == "me/mine-8b" else None

    found, missed = assess_rows([{**ROW, "hf_id": "me/mine-8b"}, {**ROW, "hf_id": "me/other"}], resolver)
    assert found["verdict"] == "fits"
    assert "error" in missed
    assert asked == ["me/mine-8b", "me/other"]


def test_a_context_beyond_the_model_never_plainly_fits() -> None:
    at_limit, beyond, far = (one(max_model_len=n) for n in ("131072", "262144", "999999"))
    assert "asked 999,999 tokens, model reads 131,072: computed at 999,999" in far["unknown"]
    assert (at_limit["verdict"], beyond["verdict"], far["verdict"]) == ("fits", "tight", "does_not_fit")
    assert beyond["max_concurrency"] == pytest.approx(at_limit["max_concurrency"] / 2, rel=0.01)
    assert "refuse" in beyond["reasons"][0]


def test_a_stand_in_never_plainly_fits() -> None:
    result = one(gpu="Voodoo 2")
    assert result["verdict"] == "tight"
    assert result["reasons"] == [n for n in result["unknown"] if "taken for a H100-SXM" in n]


def test_no_kernel_is_said() -> None:
    result = one(gpu="T4", gpu_mem_gib="", quant="mxfp4")
    assert result["verdict"] == "does_not_fit"
    assert "kernel" in result["reasons"][0]


@pytest.mark.parametrize(
    ("written", "gib"), [("80 GB", 80e9 / GIB), ("81559 MiB", 81559 / 1024), ("79.19GiB", 79.19), ("79.19", 79.19)]
)
def test_units_of_gpu_memory(written: str, gib: float) -> None:
    assert request_of({**ROW, "gpu_mem_gib": written})[0].gpu.total_memory_bytes == round(gib * GIB)


@pytest.mark.parametrize(
    ("engine", "name"),
    [("sglang", "sglang"), ("tgi", "tgi"), *((n, "tensorrt-llm") for n in ("trtllm", "trt-llm", "tensorrt_llm"))],
)
def test_gmu_is_the_fraction_of_that_engine(engine: str, name: str) -> None:
    request, notes = request_of({**ROW, "engine": engine, "gmu": "0.8"})
    assert (request.engine, request.memory_fraction, request.gpu_memory_utilization) == (name, 0.8, None)
    assert notes
    assert request_of({**ROW, "engine": engine, "memory_fraction": ".7"})[0].memory_fraction == 0.7


def test_mlx_lm_is_mlx() -> None:
    assert request_of({**ROW, "engine": "mlx-lm"})[0].engine == "mlx"


@pytest.mark.parametrize(
    ("notes", "dp", "ep", "eager"),
    [
        ("compared with DP8 elsewhere", 1, False, False),
        ("enforce_eager=False", 1, False, False),
        ("enforce_eager=True; data_parallel_size=4", 4, False, True),
        ("--data-parallel-size 2 --enable-expert-parallel", 2, True, False),
        ("the expert parallel run failed, enforce-eager", 1, False, True),
        ("dp=0", 1, False, False),
    ],
)
def test_notes_that_state_set_up(notes: str, dp: int, *, ep: bool, eager: bool) -> None:
    request, _ = request_of({"hf_id": "Qwen/Qwen3-30B-A3B", "gpu": "H100", "notes": notes})
    assert (request.data_parallel_size, request.expert_parallel, request.enforce_eager) == (dp, ep, eager)


@pytest.mark.parametrize(("ep", "on"), [("16", True), ("no", False), ("0", False), ("", False), ("yes", True)])
def test_expert_parallel_is_a_size_or_a_switch(ep: str, *, on: bool) -> None:
    assert request_of({"hf_id": "Qwen/Qwen3-30B-A3B", "gpu": "H100", "ep": ep})[0].expert_parallel is on


class TestReading:
    def test_extra_columns_blank_lines_and_missing_cells(self) -> None:
        text = "\ufeffHF_ID,Quant,whatever\n\na/b,bf16\n c/d , fp8 , x, y\n"
        assert list(read_rows(text)) == [
            {"hf_id": "a/b", "quant": "bf16", "whatever": ""},
            {"hf_id": "c/d", "quant": "fp8", "whatever": "x"},
        ]

    def test_a_record_of_blank_cells_keeps_its_place(self) -> None:
        results = fit_csv("hf_id,gpu,tp\nQwen/Qwen3-8B,H200,1\n,,\n\nQwen/Qwen3-8B,H200,1\n")
        assert [("error" in r) for r in results] == [False, True, False]

    def test_an_empty_table(self) -> None:
        assert fit_csv("") == []
        assert fit_csv("hf_id,gpu\n") == []

    def test_a_cell_that_no_csv_reader_takes(self) -> None:
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=list(ROW))
        writer.writeheader()
        writer.writerows([{**ROW, "hf_id": "x" * 200_000}, ROW])
        broken, fine = fit_csv(out.getvalue())
        assert broken["error"].startswith("no CSV")
        assert fine["verdict"] == "fits"


_WRITTEN = (
    "", "1", "8", "0", "-1", "1e9", "0.5", "99999999999999", "fp8", "bf16", "H200", "x", "\x00", "é", "inf", "vllm",
    "tgi", "llama.cpp", "mlx", "0.33.0", "Qwen/Qwen3-8B", "deepseek-ai/DeepSeek-R1", "DP8 expert parallel DCP8",
    "1,000", "5%",
)  # fmt: skip
_MORE = ("model", "max_num_seqs", "max_batched_tokens", "kv_dtype", "notes", "dp", "ep", "dcp", "memory_fraction")


@given(row=st.fixed_dictionaries(dict.fromkeys((*ROW, *_MORE), st.sampled_from(_WRITTEN))), sound=st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_row_ever_crashes(row: dict[str, str], *, sound: bool) -> None:
    asked = {**row, "hf_id": "Qwen/Qwen3-8B", "gpu": "H200", "gpu_mem_gib": ""} if sound else row
    first, second = assess_rows([asked, ROW])
    assert ("error" in first) != (set(first) == KEYS)
    assert second["verdict"] == "fits"
    json.dumps(first, allow_nan=False)


@given(text=st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_no_text_ever_crashes(text: str) -> None:
    assert all("error" in result or set(result) == KEYS for result in fit_csv("hf_id,gpu,tp\n" + text))
