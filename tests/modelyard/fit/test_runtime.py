import pytest

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model, MoE, Vision
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.runtime import (
    Runtime,
    Shape,
    estimate_runtime,
    gpu_class,
    graph_gib,
    moe_workspace_bytes,
    non_torch_gib,
    sampler_bytes,
)
from modelyard.fit.types import FitRequest
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_4090, a_gpu, a_model, a_request, an_a100, an_mi300x, qwen25_72b

QWEN3_14B = a_model(
    hidden_size=5120, num_hidden_layers=40, num_attention_heads=40, vocab_size=151936, intermediate_size=17408
)
QWEN3_30B = a_model(
    hidden_size=2048, num_hidden_layers=48, num_attention_heads=32, num_key_value_heads=4, vocab_size=151936,
    intermediate_size=0, moe=MoE(num_experts=128, experts_per_token=8, moe_intermediate_size=768),
)  # fmt: skip
CODELLAMA_7B = a_model(vocab_size=32016, intermediate_size=11008)


def estimate(request: FitRequest, *, is_last: bool = True, moe_workspace: bool = True) -> Runtime:
    shape = Shape(
        tp=request.tensor_parallel_size,
        pp=request.pipeline_parallel_size,
        is_last=is_last,
        eager=request.enforce_eager,
        moe_workspace=moe_workspace,
    )
    return estimate_runtime(request.model, request.gpu, resolve_flags(request), shape)


@pytest.mark.parametrize(
    ("model", "version", "logged"),
    [
        pytest.param(a_model(), "0.19.0", 1.89, id="llama-8b"),
        pytest.param(qwen25_72b(), "0.19.0", 2.29, id="kimi-dev-72b"),
        pytest.param(QWEN3_14B, "0.16.0", 5.64, id="qwen3-14b before 0.17"),
        pytest.param(QWEN3_14B, "0.17.0", 2.23, id="qwen3-14b from 0.17"),
        pytest.param(CODELLAMA_7B, "0.19.0", 0.77, id="codellama-7b: small vocabulary, forward pass dominates"),
        pytest.param(QWEN3_30B, "0.19.0", 2.68, id="qwen3-30b-a3b"),
    ],
)
def test_activations_match_the_logs(model: Model, version: str, logged: float) -> None:
    # S 1024, T 8192, one H100: activation peak in GiB from the run logs that vram.md cites
    activations = estimate(a_request(model=model, engine_version=version)).activations
    assert activations / GIB == pytest.approx(logged, rel=0.01 if logged > 1 else 0.07)


def test_fewer_seqs_free_what_the_guide_says() -> None:
    many, few = (resolve_flags(a_request(max_num_seqs=seqs)) for seqs in (1024, 256))
    freed = sampler_bytes(a_model(), many) - sampler_bytes(a_model(), few)
    assert freed == pytest.approx(3.63 * 768 * 128256 * 4)
    assert freed / GIB == pytest.approx(1.33, abs=0.01)


def test_a_stage_that_does_not_sample_needs_less() -> None:
    request = a_request(pipeline_parallel_size=2)
    last, first = (estimate(request, is_last=flag).activations / GIB for flag in (True, False))
    assert last == pytest.approx(1.885, abs=0.01)
    assert first == pytest.approx(1.047, abs=0.01)  # 0.656 + 0.25 + 0.015 + 2 × 0.0625: hidden state and residual


def test_moe_workspace_by_hand() -> None:
    flags = resolve_flags(a_request())
    assert moe_workspace_bytes(QWEN3_30B, flags, Shape()) == 8192 * 8 * (2048 + 2048) * 2
    old = resolve_flags(a_request(engine_version="0.16.0"))
    assert moe_workspace_bytes(QWEN3_30B, old, Shape()) == 8192 * 8 * (2048 + 768) * 2
    # eight data-parallel ranks gather 65,536 tokens and work through 16,384 at a time; whole experts stay 768 wide
    spread = Shape(dp=8, expert_parallel=True)
    assert moe_workspace_bytes(QWEN3_30B, flags, spread) == 16384 * 8 * (2048 + 2048) * 2
    assert estimate(a_request(model=QWEN3_30B), moe_workspace=False).activations == round(
        sampler_bytes(QWEN3_30B, flags)
    )


def test_a_vision_model_holds_the_encoders_output() -> None:
    plain, seeing = (estimate(a_request(model=a_model(vision=v))).activations for v in (None, Vision(params=1)))
    assert seeing - plain == 8192 * (4096 * 2 + 28 * 28 * 3 * 2)


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        (a_gpu(), "hopper"),
        (a_gpu(compute_capability="10.0"), "hopper"),
        (a_gpu(compute_capability="12.0"), "other"),
        (an_a100(), "other"),
        (an_mi300x(), "amd"),
    ],
)
def test_gpu_class(gpu: Gpu, expected: str) -> None:
    assert gpu_class(gpu) == expected


@pytest.mark.parametrize(
    ("gpu", "version", "tp", "pp", "expected"),
    [
        (a_gpu(), (0, 19), 1, 1, 0.25),
        (a_gpu(), (0, 19), 2, 1, 2.08),
        (a_gpu(), (0, 33), 16, 1, 2.25),
        (a_gpu(), (0, 17), 2, 1, 0.55),
        (a_gpu(), (0, 6), 1, 1, 1.79),
        (a_gpu(), (0, 19), 1, 2, 0.07),
        (a_4090(), (0, 33), 2, 1, 0.35),
        (an_mi300x(), (0, 19), 8, 1, 2.5),
    ],
)
def test_non_torch(gpu: Gpu, version: tuple[int, int], tp: int, pp: int, expected: float) -> None:
    assert non_torch_gib(gpu, version, tp, pp) == expected


@pytest.mark.parametrize(
    ("model", "gpu", "tp", "expected"),
    [
        (a_model(), a_gpu(), 8, 0.9),
        (QWEN3_30B, a_gpu(), 4, 1.2),
        (QWEN3_30B, a_gpu(), 8, 2.1),
        (a_model(), an_mi300x(), 1, 7.0),
    ],
)
def test_graphs(model: Model, gpu: Gpu, tp: int, expected: float) -> None:
    assert graph_gib(model, gpu, tp) == expected


def test_eager_has_no_graphs() -> None:
    assert estimate(a_request(enforce_eager=True)).cuda_graphs == 0
