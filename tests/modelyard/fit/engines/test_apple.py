"""What macOS lets the GPU of a Mac keep, and which engines run there."""

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.errors import UsageError
from modelyard.fit import FitRequest, Verdict, assess, explain, find_remedies, precision_support, rank
from modelyard.fit.arithmetic import evaluate
from modelyard.fit.engines.apple import default_limit, engine_for, newer_limit, wired_limit
from modelyard.units import GIB, MIB
from tests.modelyard.fit.builders import a_mac, a_model, a_request, gemma3_12b, qwen25_72b


@pytest.mark.parametrize(
    ("memory", "limit"), [(16, 16 * 2 / 3), (32, 32 * 2 / 3), (36, 27), (64, 48), (96, 72), (128, 96), (192, 144)]
)
def test_logs_of_older_releases(memory: int, limit: float) -> None:
    # recommendedMaxWorkingSetSize: 10922.67, 21845.34, 27648, 49152, 73728, 98304, 147456 MiB
    assert default_limit(memory * GIB) == pytest.approx(limit * GIB, abs=1)


@pytest.mark.parametrize(
    ("memory", "megabytes"),
    [(16, 12713.12), (18, 14302.25), (24, 19069.67), (32, 26800.60), (36, 30150.67), (48, 40200.90), (64, 55662.79),
     (128, 115448.73)],
)  # fmt: skip
def test_logs_of_newer_releases(memory: int, megabytes: float) -> None:
    assert newer_limit(memory * GIB) / 1e6 == pytest.approx(megabytes, rel=1e-4)


class TestTheLimit:
    def test_as_given(self) -> None:
        wired = wired_limit(a_request(engine="mlx", gpu=a_mac(64), wired_limit_bytes=60000 * MIB))
        assert wired.bytes == wired.newer_bytes == 60000 * MIB == evaluate(wired.formula)
        assert wired.assumed == ()

    def test_of_macos(self) -> None:
        wired = wired_limit(a_request(engine="mlx", gpu=a_mac(64)))
        assert wired.bytes == 48 * GIB == evaluate(wired.formula)
        assert "48.00 of 64 GiB" in wired.assumed[0]
        assert "51.84" in wired.assumed[0]

    @pytest.mark.parametrize("limit", [0, 65 * GIB])
    def test_beyond_the_memory(self, limit: int) -> None:
        with pytest.raises(UsageError, match="wired limit of"):
            wired_limit(a_request(engine="mlx", gpu=a_mac(64), wired_limit_bytes=limit))


class TestEngines:
    @pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm", "tgi"])
    def test_that_do_not_run_there(self, engine: str) -> None:
        with pytest.raises(UsageError, match=f"{engine} does not run on Apple M3 Ultra") as caught:
            assess(a_request(engine=engine, gpu=a_mac(512)))
        assert "mlx, llama.cpp, ollama" in (caught.value.details or "")

    def test_mlx_runs_nowhere_else(self) -> None:
        with pytest.raises(UsageError, match="MLX does not run on"):
            assess(a_request(engine="mlx"))

    def test_a_mac_has_one_gpu(self) -> None:
        with pytest.raises(UsageError, match="a Mac has one GPU, 2 are asked for"):
            assess(a_request(engine="mlx", gpu=a_mac(512), tensor_parallel_size=2))

    @pytest.mark.parametrize(
        ("gpu", "quantization", "engine"),
        [("M3-Ultra", "mlx-4bit", "mlx"), ("M3-Ultra", "bf16", "mlx"), ("M3-Ultra", "q4_k_m", "llama.cpp"),
         ("H100-SXM", "q4_k_m", "vllm")],
    )  # fmt: skip
    def test_that_are_meant(self, gpu: str, quantization: str, engine: str) -> None:
        assert engine_for(find_gpu(gpu), quantization) == engine

    def test_no_ranking_proposes_a_mac(self) -> None:
        fits = rank(a_model(), gpus=(find_gpu("M3-Ultra"), find_gpu("H100-SXM")), max_model_len=8192)
        assert {fit.request.gpu.name for fit in fits} == {"H100-SXM"}

    def test_vllm_has_no_kernels_there(self) -> None:
        support = precision_support(find_gpu("M3-Ultra"), "bf16")
        assert not support.ok
        assert "does not run on Apple M3 Ultra" in support.why


class TestVerdicts:
    def of(self, memory: int, **changes: object) -> FitRequest:
        # Qwen2.5 72B at 4 bits of MLX: 38.1 GiB of weights, 2.5 GiB of cache at 8k, 0.9 GiB of buffers
        return a_request(
            engine="mlx", gpu=a_mac(memory), model=qwen25_72b(), quantization="mlx-4bit", **changes
        )  # fmt: skip

    def test_fits(self) -> None:
        fit = assess(self.of(64))
        assert fit.verdict is Verdict.FITS
        assert fit.gpu_layers is None
        assert fit.host_bytes == 0

    def test_only_with_the_limit_of_newer_releases(self) -> None:
        need = sum(getattr(assess(self.of(64)).per_gpu, part) for part in ("weights", "kv_cache", "activations"))
        memory = -(-need * 4 // 3 // GIB)  # three quarters of it are just enough, the band is not
        fit = assess(self.of(memory))
        assert fit.verdict is Verdict.TIGHT
        assert "macOS 26" in fit.reasons[0]

    def test_a_limit_that_can_be_raised(self) -> None:
        fit = assess(self.of(64, wired_limit_bytes=30 * GIB))
        assert fit.verdict is Verdict.DOES_NOT_FIT
        assert "sudo sysctl iogpu.wired_limit_mb=" in fit.reasons[0]
        assert fit.warnings == ("MLX warns of weights above 90% of the wired limit: it can be slow",)
        raised = next(r for r in find_remedies(fit) if r.kind == "wired_limit")
        assert (raised.change, raised.verdict) == ("sudo sysctl iogpu.wired_limit_mb=57344", Verdict.FITS)

    def test_not_in_the_machine(self) -> None:
        fit = assess(self.of(32))
        assert fit.verdict is Verdict.DOES_NOT_FIT
        assert "and the Mac has 32" in fit.reasons[0]

    def test_more_memory_is_a_remedy_and_more_gpus_are_not(self) -> None:
        remedies = find_remedies(assess(self.of(36)), gpus=(find_gpu("H200"),))
        assert {"memory", "quantization"} & {r.kind for r in remedies}
        assert not {"gpu", "tensor_parallel_size"} & {r.kind for r in remedies}

    def test_llama_cpp_leaves_layers_to_the_cpu_of_the_same_memory(self) -> None:
        request = a_request(engine="llama.cpp", gpu=a_mac(48), model=qwen25_72b(), quantization="q4_k_m")
        fit = assess(request)
        assert fit.verdict is Verdict.TIGHT
        assert "main memory" in fit.reasons[0]
        assert not any("main memory of the machine" in note for note in fit.unknown)

    @pytest.mark.parametrize(
        ("engine", "quantization", "words"),
        [("mlx", "q4_k_m", "MLX does not read q4_k_m"), ("llama.cpp", "fp8", "llama.cpp does not read fp8"),
         ("ollama", "mlx-4bit", "Ollama does not read mlx-4bit")],
    )  # fmt: skip
    def test_weights_of_other_formats(self, engine: str, quantization: str, words: str) -> None:
        fit = assess(a_request(engine=engine, gpu=a_mac(128), quantization=quantization))
        assert fit.verdict is Verdict.DOES_NOT_FIT
        assert fit.reasons[0].startswith(words)


@pytest.mark.parametrize("engine", ["mlx", "llama.cpp", "ollama"])
@pytest.mark.parametrize("wired_limit_bytes", [None, 40 * GIB])
def test_every_term_can_be_recomputed(engine: str, wired_limit_bytes: int | None) -> None:
    model = gemma3_12b() if engine == "ollama" else a_model()
    fit = assess(a_request(engine=engine, model=model, gpu=a_mac(64), wired_limit_bytes=wired_limit_bytes))
    terms = explain(fit)
    for term in terms:
        assert round(evaluate(term.formula)) == term.bytes, term.name
    named = {term.name: term.bytes for term in terms}
    assert named["wired limit"] == wired_limit_bytes or 48 * GIB
    assert named["weights"] == fit.per_gpu.weights
    assert named["KV cache"] == fit.per_gpu.kv_cache
