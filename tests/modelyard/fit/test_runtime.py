import pytest

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model, MoE, Vision
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.runtime import (
    Runtime,
    Shape,
    captured_graphs,
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


def estimate(
    request: FitRequest, *, is_first: bool = True, is_last: bool = True, moe_workspace: bool = True
) -> Runtime:
    shape = Shape(
        tp=request.tensor_parallel_size,
        pp=request.pipeline_parallel_size,
        is_first=is_first,
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


@pytest.mark.parametrize(
    ("is_first", "is_last", "logged"),
    [
        (True, False, 1.10),  # 0.656 + 0.25 + 0.015 + 3 × 0.0625: embedding, hidden state and residual
        (False, False, 1.05),  # without the embedding
        (False, True, 1.89),  # the sampler
    ],
)
def test_stages_of_a_pipeline(*, is_first: bool, is_last: bool, logged: float) -> None:
    request = a_request(pipeline_parallel_size=2)
    assert estimate(request, is_first=is_first, is_last=is_last).activations / GIB == pytest.approx(logged, abs=0.01)


def test_v0_held_three_hidden_states_and_prefilled_long_contexts_in_chunks() -> None:
    # RTX 3090, Llama 3.1 8B (vllm#10517): torch peaks 2.07 GiB above the weights at 20,000 tokens, 2.99 at 29,000
    peaks = [
        estimate(a_request(gpu=a_4090(), engine_version="0.6.0", max_model_len=n)).activations / GIB
        for n in (20000, 29000, 35000)
    ]
    assert peaks[:2] == pytest.approx([2.07, 2.99], abs=0.015)
    assert peaks[2] < 1.3


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
        (a_4090(), (0, 6), 1, 1, 0.35),
        (a_4090(), (0, 19), 1, 1, 0.09),
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
        (a_model(), a_gpu(), 8, 0.22 + 32 * 102 * 173 / 2**20),
        (QWEN3_30B, a_gpu(), 4, 0.64 + 48 * 102 * 173 / 2**20),
        (QWEN3_30B, a_gpu(), 8, 2.1),
        (a_model(), an_mi300x(), 1, 7.0),
    ],
)
def test_graphs(model: Model, gpu: Gpu, tp: int, expected: float) -> None:
    flags = resolve_flags(a_request(max_num_seqs=1024))
    assert graph_gib(model, gpu, flags, tp) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("seqs", "family", "expected"),
    [
        (1024, "llama", 51 + 51),  # as logged on H100 with the default max-num-seqs
        (256, "llama", 51 + 35),  # as logged on an RTX 5090
        (128, "llama", 35 + 19),
        (2, "llama", 3 + 2),  # as logged by 0.20.2 with max-num-seqs 2
        (1, "llama", 2 + 1),
        (1024, "gpt-oss", 83 + 83),
    ],
)
def test_captured_graphs_follow_max_num_seqs(seqs: int, family: str, expected: int) -> None:
    flags = resolve_flags(a_request(max_num_seqs=seqs))
    assert captured_graphs(a_model(family=family), flags) == expected


def test_eager_has_no_graphs() -> None:
    assert estimate(a_request(enforce_eager=True)).cuda_graphs == 0
