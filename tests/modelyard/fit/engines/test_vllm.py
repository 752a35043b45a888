from dataclasses import replace

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import find_model
from modelyard.errors import UsageError
from modelyard.fit import Verdict, assess
from modelyard.fit.assess import stage_budgets
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.kv_cache import plan_cache
from modelyard.fit.kv_dtype import KvDtype
from modelyard.fit.types import FitRequest
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_gpu, a_model, a_request, an_mi300x, deepseek_v3
from tests.modelyard.fit.test_runtime import QWEN3_30B

V3 = a_request(model=deepseek_v3(), quantization="fp8", tensor_parallel_size=8, gpu=a_gpu(total_memory_bytes=140 * GIB))


def test_kv_cache_memory_bytes_bypasses_the_fraction() -> None:
    fit = assess(a_request(kv_cache_memory_bytes=10 * GIB, gpu_memory_utilization=0.2))
    assert fit.per_gpu.kv_cache == 10 * GIB
    assert fit.kv_cache_tokens == 10 * GIB // (16 * 131_072) * 16
    assert fit.verdict is Verdict.FITS


def test_decode_context_parallel_multiplies_the_tokens() -> None:
    one, eight = (assess(replace(V3, decode_context_parallel_size=size)) for size in (1, 8))
    assert one.per_gpu.kv_cache == eight.per_gpu.kv_cache
    assert eight.kv_cache_tokens == 8 * one.kv_cache_tokens
    assert eight.max_concurrency == pytest.approx(8 * one.max_concurrency, rel=0.01)
    assert eight.kv_bytes_per_token == -(-one.kv_bytes_per_token // 8)
    assert any("decode context" in note for note in eight.unknown)


@pytest.mark.parametrize("size", [0, 3, 16])
def test_context_parallel_divides_the_group(size: int) -> None:
    with pytest.raises(UsageError, match="decode-context-parallel-size"):
        assess(replace(V3, decode_context_parallel_size=size))


def test_context_parallel_needs_copies_of_a_kv_head() -> None:
    with pytest.raises(UsageError, match="decode-context-parallel-size"):
        assess(a_request(tensor_parallel_size=8, decode_context_parallel_size=2))  # 8 KV heads on 8 GPUs: no copies


def test_data_parallel_experts_share_out_and_attention_is_copied() -> None:
    alone, spread = (
        stage_budgets(a_request(model=QWEN3_30B, data_parallel_size=dp, expert_parallel=dp > 1))[0] for dp in (1, 8)
    )
    experts = 48 * 128 * 3 * 2048 * 768 * 2
    assert alone.stage.weights_bytes - spread.stage.weights_bytes == experts - experts // 8
    assert alone.layout == spread.layout


def test_each_rank_holds_its_share_of_the_requests() -> None:
    request = a_request(model=QWEN3_30B, data_parallel_size=4, expert_parallel=True, concurrency=41)
    fit = assess(request)
    need = 11 * 8192 * fit.kv_bytes_per_token  # 41 requests on 4 ranks: 11 on the fullest
    assert fit.margin_bytes == fit.per_gpu.kv_cache - need
    assert request.gpu_count == 4


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expert_parallel": True}, "expert-parallel"),
        ({"data_parallel_size": 0}, "data-parallel-size"),
        ({"model": QWEN3_30B, "data_parallel_size": 7}, "does not divide the expert width"),
        ({"model": QWEN3_30B, "data_parallel_size": 256, "expert_parallel": True}, "128 experts cannot be dealt"),
    ],
)
def test_impossible_spreads_are_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(UsageError) as error:
        assess(a_request(**changes))
    assert why in str(error.value)


def test_data_parallel_dense_models_are_replicas() -> None:
    one, two = (assess(a_request(model=a_model(), data_parallel_size=dp)) for dp in (1, 2))
    assert one.per_gpu.weights == two.per_gpu.weights


def test_rocm_takes_no_graphs_out_of_the_budget() -> None:
    eager, graphs = (
        assess(a_request(gpu=an_mi300x(), engine_version="0.33.0", enforce_eager=flag)) for flag in (True, False)
    )
    assert eager.per_gpu.kv_cache == graphs.per_gpu.kv_cache


@pytest.mark.parametrize(("version", "tokens"), [("0.27.1", 8192), ("0.28.0", 16384)])
def test_gpus_of_160_gib_batch_more_from_0_28(version: str, tokens: int) -> None:
    request = a_request(gpu=a_gpu(total_memory_bytes=178 * GIB), engine_version=version)
    assert resolve_flags(request).max_num_batched_tokens == tokens


def test_kimi_k2_thinking_as_its_recipe_logged() -> None:
    # 46.8 GiB over 61 layers of 576 latent elements: 715,072 tokens at TP8, 5,721,088 with DCP8
    plain, spread = (
        plan_cache(deepseek_v3(), KvDtype(name="bfloat16", element_bytes=2), 8, context_parallel=size)
        for size in (1, 8)
    )
    flags = resolve_flags(a_request(engine_version="0.11.0"))
    assert plain.tokens(round(46.8 * GIB), 8192, flags) == pytest.approx(715_072, rel=2e-4)
    assert spread.tokens(round(46.8 * GIB), 8192, flags) == pytest.approx(5_721_088, rel=2e-4)


def test_qwen3_coder_on_eight_ranks_needs_what_the_recipe_said() -> None:
    # vllm recipes PR 12: 62 layers, 8 KV heads of 128, not divided: 62.00 GiB for one request of 262,144 tokens
    model = a_model(num_hidden_layers=62, num_key_value_heads=8, head_dim=128, max_position_embeddings=262_144)
    layout = plan_cache(model, KvDtype(name="bfloat16", element_bytes=2), 1)
    assert layout.bytes_for(1, 262_144, 8192) == 62 * GIB


def test_a_cache_that_is_set_outright_must_lie_on_the_gpu() -> None:
    request = FitRequest(
        model=find_model("llama-3.3-70b"), quantization="fp8", gpu=find_gpu("H100-SXM"), max_model_len=8192
    )
    for quantization, count in (("bf16", 6_000_000_000), ("fp8", 10**20)):
        fit = assess(replace(request, quantization=quantization, kv_cache_memory_bytes=count))
        assert fit.verdict is Verdict.DOES_NOT_FIT
        assert "the GPU holds beside a KV cache" in fit.reasons[0]
        parts = fit.per_gpu
        assert parts.reserve >= 0
        room = parts.total - parts.weights - parts.activations - parts.cuda_graphs - parts.runtime
        assert parts.kv_cache == room - count  # what is lacking, in full


def test_versions_that_nobody_checked_are_said_to_be() -> None:
    request = FitRequest(
        model=find_model("llama-3.1-8b"), quantization="bf16", gpu=find_gpu("H100-SXM"), max_model_len=8192
    )
    assert "newer than what is modelled" in " ".join(assess(replace(request, engine_version="99.0")).unknown)
    assert "older than any run" in " ".join(assess(replace(request, engine_version="0.1.0")).unknown)
    assert assess(request).unknown == ()
