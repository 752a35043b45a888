"""How far a configuration goes, recomputed from the bytes that are left for the KV cache."""

import math
from dataclasses import replace

import pytest

from modelyard.fit import Verdict, assess
from modelyard.plan.reach import Bound, kv_curve, max_num_seqs, reach, with_fp8_cache
from modelyard.units import GIB
from tests.modelyard.plan.requests import request

SMALL = request("llama-3.1-8b", "bf16", "H200", 1, max_model_len=8192)
"""32 layers × 2 × 8 heads × 128 × 2 bytes = 131,072 bytes of KV cache per token."""
PER_TOKEN = 131_072
LONGEST = 131_072


def kv_bytes() -> int:
    left = assess(SMALL).per_gpu.kv_cache
    assert left > 100 * GIB
    return left


@pytest.mark.parametrize("requests", [8, 32, 128])
def test_the_longest_context_is_what_97_percent_of_the_cache_holds(requests: int) -> None:
    (found,) = reach(SMALL, (requests,))
    by_hand = math.floor(0.97 * kv_bytes() / (requests * PER_TOKEN * 1024)) * 1024
    assert (found.concurrency, found.context_tokens, found.limited_by) == (requests, by_hand, Bound.MEMORY)


def test_the_model_bounds_it_where_memory_does_not() -> None:
    (one, six) = reach(SMALL, (1, 6))
    assert (one.context_tokens, one.limited_by) == (LONGEST, Bound.MODEL)
    assert 0.97 * kv_bytes() > 6 * LONGEST * PER_TOKEN
    assert (six.context_tokens, six.limited_by) == (LONGEST, Bound.MODEL)


def test_the_longest_fits_and_the_next_step_does_not() -> None:
    for found in reach(request("gemma-3-27b", "bf16", "H200", 1)):
        if found.limited_by is Bound.MEMORY and found.context_tokens:
            asked = replace(
                request("gemma-3-27b", "bf16", "H200", 1),
                concurrency=found.concurrency,
                max_model_len=found.context_tokens,
            )
            assert assess(asked).verdict is Verdict.FITS
            assert assess(replace(asked, max_model_len=found.context_tokens + 1024)).verdict is not Verdict.FITS


def test_what_does_not_load_reaches_nothing() -> None:
    found = reach(request("llama-3.1-405b", "fp8", "H100-SXM", 4))
    assert [item.concurrency for item in found] == [1, 8, 32, 128]
    assert {item.context_tokens for item in found} == {None}


def test_an_engine_told_to_run_fewer_bounds_it() -> None:
    found = reach(replace(SMALL, max_num_seqs=64))
    assert [item.limited_by for item in found] == [Bound.MODEL, Bound.MEMORY, Bound.MEMORY, Bound.MAX_NUM_SEQS]
    assert max_num_seqs(replace(SMALL, max_num_seqs=64)) == 64
    assert max_num_seqs(SMALL) == 1024
    assert max_num_seqs(replace(SMALL, engine="sglang")) is None
    assert max_num_seqs(replace(SMALL, engine="tensorrt-llm")) == 2048


@pytest.mark.parametrize(("engine", "quantization", "gpu"), [("ollama", "q4_k_m", "L4"), ("mlx", "mlx-4bit", "M4-Max")])
def test_engines_of_one_machine_share_the_context_among_their_requests(
    engine: str, quantization: str, gpu: str
) -> None:
    one, two = reach(request("llama-3.1-8b", quantization, gpu, 1, engine=engine), (1, 8))
    assert max_num_seqs(request("llama-3.1-8b", quantization, gpu, 1, engine=engine)) is None
    assert one.context_tokens is not None
    assert two.context_tokens is not None
    assert two.context_tokens < one.context_tokens
    asked = request(
        "llama-3.1-8b", quantization, gpu, 1, engine=engine, concurrency=8, parallel=8, max_model_len=two.context_tokens
    )
    assert assess(asked).verdict is Verdict.FITS
    assert assess(replace(asked, max_model_len=two.context_tokens + 1024)).verdict is not Verdict.FITS


def test_the_curve_counts_blocks_of_16_tokens() -> None:
    points = kv_curve(SMALL)
    blocks, fp8_blocks = kv_bytes() // (16 * PER_TOKEN), kv_bytes() // (16 * PER_TOKEN // 2)
    for point in points:
        assert point.requests == round(blocks / (point.context_tokens / 16), 2)
        assert point.requests_fp8_kv == round(fp8_blocks / (point.context_tokens / 16), 2)
    lengths = [point.context_tokens for point in points]
    assert lengths[:5] == [1024, 1536, 2048, 3072, 4096]
    assert lengths[-1] == LONGEST
    assert len(lengths) == 15


def test_the_asked_length_is_on_the_curve() -> None:
    lengths = [point.context_tokens for point in kv_curve(replace(SMALL, max_model_len=600))]
    assert lengths[:2] == [600, 1024]


def test_an_fp8_cache_is_no_second_curve_where_it_is_used_or_refused() -> None:
    assert {p.requests_fp8_kv for p in kv_curve(replace(SMALL, kv_cache_dtype="fp8"))} == {None}
    old = request("llama-3.1-8b", "bf16", "T4", 2)
    assert with_fp8_cache(old) is None
    assert {p.requests_fp8_kv for p in kv_curve(old)} == {None}


def test_nothing_left_is_no_curve() -> None:
    assert kv_curve(request("llama-3.1-405b", "fp8", "H100-SXM", 4)) == ()
