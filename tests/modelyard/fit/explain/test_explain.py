"""Every printed formula is evaluated and compared with what was computed: nothing is printed that was not done."""

import re
from collections.abc import Iterator

import pytest

from benchmarks.fit_accuracy import fit_of, load_observations
from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import Model, load_models
from modelyard.errors import ModelyardError
from modelyard.fit import Fit, FitRequest, Term, assess, explain
from modelyard.fit.arithmetic import evaluate
from modelyard.fit.constants import TABLE
from modelyard.fit.engines import LOCAL
from modelyard.fit.terms import to_text
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_request, an_mi300x, deepseek_v32
from tests.modelyard.fit.test_runtime import QWEN3_30B

_ENGINES = {
    "vllm": ("H100-SXM", None), "sglang": ("H200", None), "tensorrt-llm": ("B200", None), "tgi": ("A100-80-SXM", None),
    "llama.cpp": ("RTX-4090", "q4_k_m"), "ollama": ("RTX-4090", "q4_k_m"), "mlx": ("M4-Max", "mlx-4bit"),
}  # fmt: skip
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_FUNCTIONS = {"max", "min", "ceil", "floor", "round"}


def recompute(term: Term) -> None:
    """What a sceptic does: the formula in symbols, with the printed numbers, on a calculator."""
    numbers = {entry.symbol: entry.value for entry in term.inputs}
    assert set(_WORD.findall(term.symbols)) - _FUNCTIONS == set(numbers), term.name
    by_hand = _WORD.sub(lambda m: f"({numbers[m[0]]!r})" if m[0] in numbers else m[0], term.symbols)
    assert evaluate(by_hand) == pytest.approx(term.bytes, abs=1), (term.name, term.symbols)
    assert evaluate(term.formula) == pytest.approx(term.bytes, abs=1), (term.name, term.formula)
    assert all(entry.meaning for entry in term.inputs)
    assert term.source
    assert (term.gib is None) == (term.unit != "bytes")
    if term.gib is not None:
        assert term.gib == pytest.approx(term.bytes / GIB, abs=6e-7)


def check(fit: Fit) -> None:
    terms = explain(fit)
    for term in terms:
        recompute(term)
    by_name = {term.name: term.bytes for term in terms}
    assert len(by_name) == len(terms), "two terms of one name"
    assert by_name["weights"] == fit.per_gpu.weights
    if fit.request.model.encoder:  # nothing is cached between steps
        assert "KV cache" not in by_name or fit.request.engine in LOCAL
        return
    assert by_name["KV cache"] == fit.per_gpu.kv_cache
    if fit.request.engine in LOCAL:
        assert by_name["compute buffer"] == fit.per_gpu.activations
        return
    assert by_name["activations"] == fit.per_gpu.activations
    assert by_name["KV tokens as logged"] == fit.kv_cache_tokens
    assert by_name["KV cache beyond what was asked"] == fit.margin_bytes
    assert by_name["memory of the GPU"] == fit.per_gpu.total
    pieces = [size for name, size in by_name.items() if name.startswith("weights: ")]
    assert sum(pieces) == pytest.approx(fit.per_gpu.weights, abs=len(pieces))


def _fits(model: Model, engine: str) -> Iterator[Fit]:
    gpu, quantization = _ENGINES[engine]
    for precision in (quantization,) if quantization else model.quantizations:
        for tp in (1,) if quantization else (1, 8):
            try:
                yield assess(
                    FitRequest(
                        model=model,
                        quantization=precision,
                        gpu=find_gpu(gpu),
                        max_model_len=min(8192, model.max_position_embeddings),
                        tensor_parallel_size=tp,
                        engine=engine,
                    )
                )
            except ModelyardError:  # a split or a precision that the engine refuses
                continue


@pytest.mark.parametrize("engine", _ENGINES)
def test_every_term_of_every_catalog_model_can_be_recomputed(engine: str) -> None:
    checked: set[str] = set()
    for model in load_models():
        for fit in _fits(model, engine):
            check(fit)
            checked.add(model.name)
    assert len(checked) > 100


@pytest.mark.parametrize("line", range(2, 54))
def test_every_observation(line: int) -> None:
    assert load_observations()[line - 2].line == line
    check(fit_of(line))


@pytest.mark.parametrize(
    "changes",
    [
        {"pipeline_parallel_size": 3},
        {"model": QWEN3_30B, "data_parallel_size": 8, "expert_parallel": True},
        {"model": QWEN3_30B, "data_parallel_size": 2},
        {"model": deepseek_v32(), "quantization": "fp8", "tensor_parallel_size": 8, "decode_context_parallel_size": 8},
        {"model": QWEN3_30B, "gpu": an_mi300x()},
        {"kv_cache_memory_bytes": 5 * GIB},
        {"kv_cache_memory_bytes": 500 * GIB},
        {"enforce_eager": True, "engine_version": "0.33.0", "concurrency": 9},
        {"engine_version": "0.6.0", "max_model_len": 8192},
        {"engine_version": "0.16.0"},
    ],
    ids=["pipeline", "ep", "dp", "latent", "amd", "set outright", "set too high", "eager", "v0", "sorting sampler"],
)
def test_every_kind_of_request(changes: dict[str, object]) -> None:
    check(assess(a_request(**changes)))


def test_shapes_are_not_multiplied_in_advance() -> None:
    # Llama 3.1 8B: every number of the config is there by itself
    terms = {term.name: term for term in explain(assess(a_request(tensor_parallel_size=2)))}
    mlp = terms["weights: feed-forward gate, up and down"]
    assert mlp.symbols == "n * (3 * H * F) * b / tp"
    assert mlp.formula == "32 * (3 * 4096 * 14336) * 2 / 2"
    assert mlp.bytes == 32 * 3 * 4096 * 14336
    keys = terms["weights: attention k and v"]
    assert keys.formula == "32 * (4096 * 2 * 8 * 128) * 2 * max(1, floor(8 / 2)) / 8"
    assert terms["one KV block"].formula == "32 * 16 * 2048"
    assert terms["one token in one full layer"].formula == "round(max(1, floor(8 / 2)) * 2 * 128 * 2)"
    assert terms["KV cache"].formula.startswith("ceil(85029615043 * 0.9) - ")


def test_only_vision_towers_show_a_plain_count() -> None:
    """Every other shape of every model in the catalog is read back as a formula of its config's numbers."""
    plain = {
        term.name
        for model in load_models()
        for fit in _fits(model, "vllm")
        for term in explain(fit)
        if any(entry.symbol == "P" for entry in term.inputs) and not term.name.startswith("weights: parameters beyond")
    }
    assert plain <= {"weights: vision tower"}


def test_what_is_assumed_or_measured_is_named_with_its_runs() -> None:
    names = {constant.name for constant in TABLE}
    text = to_text(explain(assess(a_request(engine_version="0.33.0"))))
    cited = set(re.findall(r"constant ([a-z0-9_]+)", text))
    assert cited <= names
    assert {"sampler_copies", "graphs_per_layer", "fits_share", "non_torch_hopper_018_tp1"} <= cited
    assert "constant sampler_copies, measured on lines 2, 3, 5" in text
    assert "constant fits_share, assumed: " in text


def test_the_text_holds_every_term() -> None:
    terms = explain(assess(a_request()))
    text = to_text(terms)
    assert "not counted by torch: 0.2500 GiB = 268,435,456 bytes\n    = c * 2**30\n    = 0.25 * 2**30\n" in text
    assert all(term.symbols in text and term.formula in text and f"source: {term.source}" in text for term in terms)
    assert "KV blocks: " in text
    assert not re.search(r"\d\.\d{9,}", text), "no float noise"
