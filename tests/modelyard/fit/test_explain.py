"""Every printed formula is evaluated and compared with what was computed: nothing is printed that was not done."""

import pytest

from benchmarks.fit_accuracy import fit_of, load_observations
from modelyard.fit import Fit, assess
from modelyard.fit.arithmetic import evaluate
from modelyard.fit.explain import explain, to_text
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_request, an_mi300x, deepseek_v32, gemma3_12b
from tests.modelyard.fit.test_runtime import QWEN3_30B


def check(fit: Fit) -> None:
    terms = explain(fit)
    for term in terms:
        assert evaluate(term.formula) == pytest.approx(term.bytes, abs=1), term.name
        assert term.source
    by_name = {term.name: term.bytes for term in terms}
    if fit.gpu_layers is None:
        assert by_name["weights"] == fit.per_gpu.weights
        assert by_name["KV cache"] == fit.per_gpu.kv_cache
        assert by_name["activations"] == fit.per_gpu.activations
        assert by_name["KV tokens as logged"] == fit.kv_cache_tokens
        assert by_name["KV cache beyond what was asked"] == fit.margin_bytes
        pieces = [size for name, size in by_name.items() if name.startswith("weights: ")]
        assert sum(pieces) == pytest.approx(fit.per_gpu.weights, abs=len(pieces))


@pytest.mark.parametrize("line", range(2, 54))
def test_every_observation(line: int) -> None:
    assert load_observations()[line - 2].line == line
    check(fit_of(line))


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm", "tgi", "llama.cpp", "ollama"])
def test_every_engine(engine: str) -> None:
    check(assess(a_request(engine=engine)))
    check(assess(a_request(engine=engine, model=gemma3_12b(), max_model_len=4096)))


@pytest.mark.parametrize(
    "changes",
    [
        {"pipeline_parallel_size": 3},
        {"model": QWEN3_30B, "data_parallel_size": 8, "expert_parallel": True},
        {"model": deepseek_v32(), "quantization": "fp8", "tensor_parallel_size": 8, "decode_context_parallel_size": 8},
        {"model": QWEN3_30B, "gpu": an_mi300x()},
        {"kv_cache_memory_bytes": 5 * GIB},
        {"enforce_eager": True, "engine_version": "0.33.0", "concurrency": 9},
    ],
    ids=["pipeline", "experts", "latent", "amd", "set outright", "eager"],
)
def test_every_kind_of_request(changes: dict[str, object]) -> None:
    check(assess(a_request(**changes)))


def test_the_first_terms_by_hand() -> None:
    # Llama 3.1 8B: 32 layers of q and k/v (fused), o, MLP; embedding and head
    terms = {term.name: term for term in explain(assess(a_request()))}
    assert terms["weights: mlp"].formula == "32 * 176160768 * 1 * 2.0"
    assert terms["weights: mlp"].bytes == 32 * 3 * 4096 * 14336 * 2
    assert terms["not counted by torch"].formula == "0.25 * 2**30"
    assert terms["KV cache"].formula.startswith("ceil(85029615043 * 0.9) - ")
    assert terms["blocks of one request of 8192 tokens"].bytes == 512


def test_the_text_holds_every_term() -> None:
    terms = explain(assess(a_request()))
    text = to_text(terms)
    assert "not counted by torch: 0.2500 GiB = 268,435,456 bytes\n    = 0.25 * 2**30\n" in text
    assert all(term.formula in text and f"source: {term.source}" in text for term in terms)
