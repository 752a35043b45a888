"""Every catalog model on every catalog GPU: the answer holds together, whatever the facts are."""

import pytest

from modelyard.catalog.gpus import find_gpu, load_server_gpus
from modelyard.catalog.models import Model, load_models
from modelyard.fit import Fit, FitRequest, Verdict, assess, check_parallelism, precision_support, rank
from modelyard.fit.weights import weigh

MODELS = [pytest.param(model, id=model.name) for model in load_models()]


def fits_of(model: Model) -> list[Fit]:
    """Every published precision on every GPU, alone and by eight where the model divides."""
    length = min(8192, model.max_position_embeddings)
    return [
        assess(
            FitRequest(model=model, quantization=quantization, gpu=gpu, max_model_len=length, tensor_parallel_size=tp)
        )
        for quantization in model.quantizations
        for tp in (1, 8)
        if check_parallelism(model, tp, quantization=quantization) is None
        for gpu in load_server_gpus()
    ]


@pytest.mark.parametrize("model", MODELS)
def test_the_answer_holds_together(model: Model) -> None:
    for fit in fits_of(model):
        p = fit.per_gpu
        assert p.weights + p.activations + p.cuda_graphs + p.runtime + p.kv_cache + p.reserve == p.total
        assert (fit.verdict is Verdict.FITS) == (not fit.reasons)
        assert (fit.kv_bytes_per_token > 0) == (not model.encoder)
        if fit.verdict is Verdict.FITS:
            assert fit.max_concurrency >= 1
            assert fit.margin_bytes > 0
            assert precision_support(fit.request.gpu, fit.request.quantization).ok


@pytest.mark.parametrize("model", MODELS)
def test_weights_lie_between_four_and_sixteen_bits(model: Model) -> None:
    for quantization in model.quantizations:
        size = weigh(model, quantization, 1).fullest.weights_bytes
        assert 0.5 * model.total_params < size < 2.1 * model.total_params + 3 * 2**30


@pytest.mark.parametrize(
    ("name", "gpu", "count", "fits"),
    [
        # what the project's guides say a model needs (their "minimum"), judged with today's arithmetic
        pytest.param("llama-3.1-405b", "H200", 4, True, id="405B FP8 on 4 H200"),
        pytest.param("llama-3.1-405b", "H100-SXM", 8, True, id="405B FP8 on 8 H100"),
        pytest.param("llama-3.1-405b", "H100-SXM", 4, False, id="405B FP8 not on 4 H100"),
        pytest.param("deepseek-v3", "H100-SXM", 8, False, id="V3 FP8 not on 8 H100 80 GB"),
        pytest.param("deepseek-v3", "H200", 8, True, id="V3 FP8 on 8 H200"),
        pytest.param("deepseek-v4-flash", "H200", 1, False, id="V4 Flash not on one H200"),
        pytest.param("llama-3.3-70b", "H100-SXM", 2, True, id="70B FP8 on 2 H100"),
    ],
)
def test_the_guides_configurations(name: str, gpu: str, count: int, *, fits: bool) -> None:
    (model,) = (m for m in load_models() if m.name == name)
    wanted = next(q for q in model.quantizations if "fp8" in q)
    held = rank(model, gpus=(find_gpu(gpu),), max_model_len=8192, quantizations=(wanted,), gpu_counts=(count,))
    assert bool(held) is fits
