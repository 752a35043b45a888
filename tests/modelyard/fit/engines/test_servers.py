"""SGLang, TensorRT-LLM and TGI: their own fractions, worked by hand."""

import math

import pytest

from modelyard.catalog.models import LinearAttention
from modelyard.errors import UsageError
from modelyard.fit import FitRequest, Verdict, assess
from modelyard.fit.engines.sglang import default_fraction
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_4090, a_gpu, a_model, a_request, gemma3_12b

CONTEXT = round(0.51 * GIB)
NON_TORCH = round(0.25 * GIB)


def parts(request: FitRequest) -> int:
    p = assess(request).per_gpu
    return p.weights + p.activations + p.cuda_graphs + p.runtime + p.kv_cache + p.reserve


@pytest.mark.parametrize("engine", ["sglang", "tensorrt-llm", "tgi"])
def test_the_parts_sum_to_the_total(engine: str) -> None:
    assert parts(a_request(engine=engine)) == a_gpu().total_memory_bytes


@pytest.mark.parametrize("engine", ["sglang", "tensorrt-llm", "tgi"])
def test_each_says_what_it_does_not_know(engine: str) -> None:
    assert assess(a_request(engine=engine)).unknown


class TestSglang:
    def test_default_fraction_by_hand(self) -> None:
        # 81,559 MiB: 512 + 8192 × 1.5 + 1024/8 + 256 × 2 + 58 × 8 = 13,904 MiB reserved
        assert default_fraction(a_request(engine="sglang")) == round((81559 - 13904) / 81559, 3) == 0.83

    def test_small_gpus_reserve_less(self) -> None:
        # 24,564 MiB: 512 + 4096 × 1.5 + 128 + 48 × 2 + 464
        request = a_request(engine="sglang", gpu=a_4090(memory_mib=24564))
        assert default_fraction(request) == round((24564 - 7344) / 24564, 3)

    def test_ten_gib_are_the_least_on_large_gpus(self) -> None:
        request = a_request(engine="sglang", max_num_batched_tokens=2048, enforce_eager=True)
        assert default_fraction(request) == round((81559 - 10240) / 81559, 3)

    def test_the_pool_is_what_the_fraction_leaves_beside_the_weights(self) -> None:
        fit = assess(a_request(engine="sglang", memory_fraction=0.9))
        free = a_gpu().total_memory_bytes - CONTEXT
        assert fit.per_gpu.kv_cache == round(free * 0.9) - fit.per_gpu.weights - NON_TORCH
        assert fit.kv_cache_tokens == fit.per_gpu.kv_cache // 131_072

    def test_windows_keep_eight_tenths(self) -> None:
        # 8 full layers and 40 windowed ones of 2 × 8 × 256 × 2 bytes a token
        fit = assess(a_request(engine="sglang", model=gemma3_12b()))
        assert fit.kv_bytes_per_token == round((8 + 0.8 * 40) * 8192)

    def test_states_take_nine_tenths_of_what_tokens_take(self) -> None:
        linear = LinearAttention(
            layers=24, full_layers=8, num_key_heads=16, num_value_heads=32, key_head_dim=128, value_head_dim=128,
            conv_kernel_dim=4, state_dtype="float32",
        )  # fmt: skip
        fit = assess(a_request(engine="sglang", model=a_model(linear_attention=linear)))
        assert fit.kv_bytes_per_token == round(8 * 4096 * 1.9)

    def test_a_high_fraction_may_run_out_while_serving(self) -> None:
        fit = assess(a_request(engine="sglang", memory_fraction=0.99))
        assert fit.verdict is Verdict.TIGHT
        assert "it may run out while serving" in fit.reasons[0]


def test_tensorrt_llm_takes_its_share_of_what_is_left() -> None:
    fit = assess(a_request(engine="tensorrt-llm", memory_fraction=0.5))
    p = fit.per_gpu
    left = p.total - p.weights - p.activations - p.cuda_graphs - p.runtime
    assert p.kv_cache == round(left * 0.5)
    assert fit.kv_cache_tokens == p.kv_cache // (32 * 131_072) * 32
    assert assess(a_request(engine="tensorrt-llm")).per_gpu.kv_cache == round(left * 0.9)


def test_tgi_counts_against_nine_tenths() -> None:
    fit = assess(a_request(engine="tgi"))
    logits = 4096 * 128256 * 2
    used = fit.per_gpu.weights + logits + NON_TORCH + CONTEXT
    assert fit.per_gpu.activations == logits
    assert fit.per_gpu.kv_cache == math.ceil(a_gpu().total_memory_bytes * 0.9) - used
    assert any("max-batch-prefill-tokens" in note for note in fit.unknown)


@pytest.mark.parametrize("engine", ["sglang", "tensorrt-llm", "tgi"])
@pytest.mark.parametrize("fraction", [0.0, 1.5])
def test_absurd_fractions_are_refused(engine: str, fraction: float) -> None:
    with pytest.raises(UsageError) as error:
        assess(a_request(engine=engine, memory_fraction=fraction))
    assert "where    memory_fraction" in str(error.value)


@pytest.mark.parametrize(
    ("engine", "grants"),
    [("sglang", "mem-fraction-static"), ("tensorrt-llm", "free_gpu_memory_fraction"), ("tgi", "cuda-memory-fraction")],
)
def test_what_does_not_load_names_the_setting(engine: str, grants: str) -> None:
    fit = assess(a_request(engine=engine, gpu=a_4090(), model=a_model(num_hidden_layers=96, total_params=1)))
    assert fit.verdict is Verdict.DOES_NOT_FIT
    assert grants in fit.reasons[0]
