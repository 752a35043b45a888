"""Recommended flags: each frees what it says, and none is there without a reason."""

from dataclasses import replace

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.fit import FitRequest, Verdict, assess
from modelyard.plan.flags import FlagAdvice, recommend_flags
from modelyard.units import gib
from tests.modelyard.plan.requests import request

BOUND = request("llama-3.1-405b", "fp8", "H200", 4, concurrency=8)
"""Fits, and more memory would let its eight requests be longer."""


def flags_of(asked: FitRequest) -> dict[str, FlagAdvice]:
    return {flag.flag: flag for flag in recommend_flags(assess(asked))}


def test_where_memory_bounds_it_flags_gain_memory() -> None:
    flags = flags_of(BOUND)
    assert {name: flag.value for name, flag in flags.items()} == {
        "--tensor-parallel-size": "4",
        "--max-model-len": "16384",
        "--max-num-seqs": "64",
        "--gpu-memory-utilization": "0.95",
        "--kv-cache-dtype": "fp8",
    }
    assert [name for name, flag in flags.items() if flag.optional] == ["--kv-cache-dtype"]
    assert flags["--kv-cache-dtype"].caveat
    assert flags["--max-num-seqs"].spelled == "--max-num-seqs 64"


def test_what_is_said_to_be_freed_is_freed() -> None:
    before = assess(BOUND)
    for name, change in (
        ("--max-num-seqs", replace(BOUND, max_num_seqs=64)),
        ("--gpu-memory-utilization", replace(BOUND, gpu_memory_utilization=0.95)),
    ):
        freed = assess(change).per_gpu.kv_cache - before.per_gpu.kv_cache
        assert f"frees {gib(freed):.2f} GiB per GPU" in flags_of(BOUND)[name].reason
    assert BOUND.gpu.total_memory_bytes * 0.05 == pytest.approx(6.99 * (1 << 30), rel=0.001)
    assert "still leaves 6.99 GiB alone" in flags_of(BOUND)["--gpu-memory-utilization"].reason


def test_all_of_them_together_still_fit() -> None:
    together = replace(BOUND, max_num_seqs=64, gpu_memory_utilization=0.95, kv_cache_dtype="fp8")
    assert assess(together).verdict is Verdict.FITS


def test_max_num_seqs_is_never_below_the_concurrency() -> None:
    asked = request("llama-3.3-70b", "fp8", "H100-SXM", 4, max_model_len=8192, concurrency=70)
    assert assess(asked).verdict is Verdict.FITS
    assert flags_of(asked)["--max-num-seqs"].value == "128"


def test_memory_that_is_not_needed_is_not_hunted() -> None:
    assert list(flags_of(request("llama-3.1-8b", "bf16", "H200", 1))) == ["--max-model-len"]
    whole = request("llama-3.1-8b", "bf16", "H200", 1, max_model_len=131_072)
    assert flags_of(whole) == {}


def test_what_was_asked_for_is_not_recommended_again() -> None:
    asked = replace(BOUND, max_num_seqs=128, gpu_memory_utilization=0.9, kv_cache_dtype="fp8")
    assert list(flags_of(asked)) == ["--tensor-parallel-size", "--max-model-len"]


@pytest.mark.parametrize(
    "changed",
    [replace(BOUND, engine_version="0.19.0"), replace(BOUND, gpu=find_gpu("H200-NVL"))],
    ids=["graphs outside the share", "an estimated total"],
)
def test_a_higher_share_is_not_called_safe_where_it_is_not(changed: FitRequest) -> None:
    assert assess(changed).verdict is Verdict.FITS
    assert "--kv-cache-dtype" in flags_of(changed)
    assert "--gpu-memory-utilization" not in flags_of(changed)


def test_only_for_vllm_and_only_where_it_fits() -> None:
    assert flags_of(replace(BOUND, engine="sglang")) == {}
    assert flags_of(replace(BOUND, concurrency=32)) == {}


def test_a_default_context_that_does_not_start_is_named() -> None:
    asked = request("llama-3.3-70b", "bf16", "H100-SXM", 2, max_model_len=2048)
    assert assess(asked).verdict is Verdict.FITS
    assert flags_of(asked)["--max-model-len"].reason == (
        "left out, the engine takes the model's 128k, and that does not start here"
    )
