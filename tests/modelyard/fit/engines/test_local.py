"""llama.cpp, Ollama and MLX: layers, contexts and unified memory, worked by hand."""

from dataclasses import replace

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import LinearAttention, find_model
from modelyard.errors import UsageError
from modelyard.fit import FitRequest, Verdict, assess, find_remedies
from modelyard.fit.engines.mlx import mlx_quantization
from modelyard.units import GIB, MIB
from tests.modelyard.fit.builders import a_4090, a_gpu, a_mac, a_model, a_request, gemma3_12b, qwen25_72b

LAYER = 218_112_000 * 2
KV_PER_LAYER = 8192 * 2 * 8 * 128 * 2
HEAD = 128256 * 4096 * 2
COMPUTE = 512 * (128256 + 4096) * 4


def llama(**changes: object) -> FitRequest:
    return a_request(engine="llama.cpp", gpu=a_4090(), **changes)


def test_all_layers_fit() -> None:
    fit = assess(llama())
    assert fit.verdict is Verdict.FITS
    assert fit.gpu_layers == 33
    assert fit.per_gpu.weights == 32 * LAYER + HEAD + 4096 * 2
    assert fit.per_gpu.kv_cache == 32 * KV_PER_LAYER
    assert fit.per_gpu.activations == COMPUTE
    assert fit.host_bytes == HEAD  # the embedding stays in main memory
    assert fit.unknown


def test_the_compute_buffer_of_llama_3_8b_is_as_logged() -> None:
    assert pytest.approx(258.5, abs=0.01) == COMPUTE / MIB


def test_the_context_is_reserved_whole_for_every_request() -> None:
    one, four = assess(llama()), assess(llama(parallel=4))
    assert four.per_gpu.kv_cache == 4 * one.per_gpu.kv_cache
    assert four.max_concurrency == 4
    assert four.kv_cache_tokens == 4 * 8192


def test_what_does_not_fit_stays_behind() -> None:
    # Qwen2.5 72B at 4.5 bits: 80 layers of 0.46 GB; the output head first
    fit = assess(llama(model=qwen25_72b(), quantization="q4_0"))
    assert fit.verdict is Verdict.TIGHT
    assert fit.gpu_layers is not None
    assert 35 < fit.gpu_layers < 50
    room = round(23.55 * GIB) - round(0.51 * GIB) - 1024 * MIB - fit.per_gpu.activations
    layer = (fit.per_gpu.weights + fit.per_gpu.kv_cache) / fit.gpu_layers
    assert 0 <= room - fit.per_gpu.weights - fit.per_gpu.kv_cache < 1.2 * layer
    assert "main memory" in fit.reasons[0]


def test_layers_asked_for_that_do_not_fit() -> None:
    fit = assess(llama(model=qwen25_72b(), quantization="q4_0", gpu_layers=81))
    assert fit.verdict is Verdict.DOES_NOT_FIT
    assert "of the 81 layers asked for fit" in fit.reasons[0]


def test_fewer_layers_as_asked() -> None:
    fit = assess(llama(gpu_layers=10))
    assert fit.gpu_layers == 10
    assert fit.per_gpu.weights == 9 * LAYER + HEAD + 4096 * 2
    assert fit.verdict is Verdict.TIGHT


def test_not_one_layer() -> None:
    request = a_request(engine="llama.cpp", gpu=a_gpu(total_memory_bytes=2 * GIB), quantization="q4_0")
    fit = assess(replace(request, model=qwen25_72b()))
    assert fit.verdict is Verdict.DOES_NOT_FIT
    assert fit.gpu_layers == 0


def test_windows_are_cached_for_their_size_and_a_batch() -> None:
    fit = assess(a_request(engine="llama.cpp", model=gemma3_12b()))
    row = 2 * 8 * 256 * 2
    window = 1536  # 1024 + 512, already whole 256s
    assert fit.per_gpu.kv_cache == 8 * 8192 * row + 40 * window * row


@pytest.mark.parametrize(("dtype", "share"), [("q8_0", 34 / 64), ("q4_0", 18 / 64), ("f16", 1.0)])
def test_quantized_caches(dtype: str, share: float) -> None:
    fit = assess(llama(kv_cache_dtype=dtype))
    assert fit.per_gpu.kv_cache == round(KV_PER_LAYER * share) * 32


def test_an_unknown_cache_type() -> None:
    with pytest.raises(UsageError, match="no KV cache type"):
        assess(llama(kv_cache_dtype="int3"))


def test_several_gpus_share_the_layers() -> None:
    one, two = assess(llama()), assess(llama(tensor_parallel_size=2))
    assert two.per_gpu.weights == -(-one.per_gpu.weights // 2)


class TestOllama:
    def test_parallel_multiplies_the_context(self) -> None:
        one, three = (assess(a_request(engine="ollama", parallel=n)) for n in (1, 3))
        assert three.per_gpu.kv_cache == 3 * one.per_gpu.kv_cache

    def test_one_request_unless_told(self) -> None:
        fit = assess(a_request(engine="ollama", concurrency=4))
        assert fit.max_concurrency == 1
        assert fit.verdict is Verdict.TIGHT
        assert fit.reasons == ("Ollama serves one request at once, you asked for 4",)

    def test_hybrids_take_one_request_at_a_time(self) -> None:
        linear = LinearAttention(
            layers=24, full_layers=8, num_key_heads=16, num_value_heads=32, key_head_dim=128, value_head_dim=128,
            conv_kernel_dim=4, state_dtype="float32",
        )  # fmt: skip
        fit = assess(a_request(engine="ollama", model=a_model(linear_attention=linear), parallel=4))
        assert fit.max_concurrency == 1
        assert "one request at a time" in fit.unknown[-1]


class TestMlx:
    def request(self, memory: int = 36, **changes: object) -> FitRequest:
        return a_request(engine="mlx", gpu=a_mac(memory), quantization="mlx-4bit", **changes)

    def test_what_is_resident(self) -> None:
        fit = assess(self.request())
        assert fit.verdict is Verdict.FITS
        packed = ((218_112_000 - 2 * 4096) * 32 + 2 * 128256 * 4096) * (
            4 / 8 + 4 / 64
        )  # 4 bits, and a scale and bias per 64
        assert fit.per_gpu.weights == pytest.approx(packed + (32 * 2 + 1) * 4096 * 2, abs=32)
        assert fit.per_gpu.kv_cache == 32 * KV_PER_LAYER
        assert fit.per_gpu.activations == 2048 * (3 * 14336 + 4 * 4096) * 2 + 512 * MIB
        assert fit.per_gpu.reserve == 36 * GIB - fit.per_gpu.weights - fit.per_gpu.kv_cache - fit.per_gpu.activations
        assert "wired limit" in fit.unknown[0]

    def test_the_published_repackaging(self) -> None:
        # mlx-community/Llama-3.3-70B-Instruct-4bit: eight files, 5.27 + 6 × 5.29 + 2.65 GB
        fit = assess(self.request(128, model=find_model("llama-3.3-70b")))
        assert fit.per_gpu.weights / 1e9 == pytest.approx(5.27 + 6 * 5.29 + 2.65, rel=0.002)

    def test_a_tied_head_is_loaded_once(self) -> None:
        head = 128256 * 4096
        model = a_model(tie_word_embeddings=True, total_params=a_model().total_params - head)
        saved = assess(self.request()).per_gpu.weights - assess(self.request(model=model)).per_gpu.weights
        assert saved == head * 9 // 16

    @pytest.mark.parametrize(
        ("written", "name"),
        [("4bit", "mlx-4bit"), ("8-bit", "mlx-8bit"), ("4bit-gs32", "mlx-4bit-gs32"), ("bf16", "bf16")],
    )
    def test_names_of_its_formats(self, written: str, name: str) -> None:
        assert mlx_quantization(written) == name

    def test_the_memory_that_was_not_given(self) -> None:
        fit = assess(a_request(engine="mlx", gpu=find_gpu("M3-Ultra")))
        assert "taken as 512 GB" in fit.unknown[1]
        assert "96, 256, 512" in fit.unknown[1]


def test_what_is_left_to_the_cpu_needs_main_memory_that_is_not_known() -> None:
    fit = assess(llama(model=qwen25_72b(), quantization="q4_0"))
    assert "main memory of the machine" in fit.unknown[-1]
    assert not any("main memory" in note for note in assess(llama()).unknown)


def test_a_vision_projector_is_a_file_of_its_own() -> None:
    notes = assess(a_request(engine="llama.cpp", model=gemma3_12b())).unknown
    assert any("mmproj" in note for note in notes)


def test_states_of_linear_attention_do_not_grow_with_the_context() -> None:
    linear = LinearAttention(
        layers=24, full_layers=8, num_key_heads=16, num_value_heads=32, key_head_dim=128, value_head_dim=128,
        conv_kernel_dim=4, state_dtype="float32",
    )  # fmt: skip
    fit = assess(llama(model=a_model(linear_attention=linear)))
    state = 4 * ((2 * 16 * 128 + 32 * 128) * 3 + 32 * 128 * 128)
    assert fit.per_gpu.kv_cache == 8 * KV_PER_LAYER + 24 * state


def test_remedies_stay_within_the_family() -> None:
    fit = assess(llama(model=qwen25_72b(), quantization="q8_0"))
    remedies = find_remedies(fit, gpus=(a_gpu(),))
    assert ("quantization", "quantization q8_0 → q3_k_m") in {(r.kind, r.change) for r in remedies}
    assert any(r.kind == "tensor_parallel_size" and r.verdict is Verdict.FITS for r in remedies)
