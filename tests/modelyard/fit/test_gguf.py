"""GGUF file types against published files: llama.cpp's own table, and repositories of the common repackagers."""

from dataclasses import replace

import pytest

from modelyard.catalog.models import TensorBytes, find_model
from modelyard.fit.gguf import AVERAGE_BITS, BASE_TYPE, file_type, mixed_bytes
from modelyard.fit.schemes import find_scheme
from modelyard.fit.weights import file_layers
from tests.modelyard.fit.builders import a_checkpoint, a_model

WITHIN = 0.003
"""Files hold the vocabulary as well: 8 MB for Llama 3."""

# https://github.com/ggml-org/llama.cpp/tree/master/tools/quantize: bits per weight of Llama 3.1 8B (8,030,261,248)
LLAMA_8B_BITS = {
    "iq1_s": 2.0042, "iq1_m": 2.1460, "iq2_xxs": 2.3824, "iq2_xs": 2.5882, "iq2_s": 2.7403, "iq2_m": 2.9294,
    "iq3_xxs": 3.2548, "iq3_xs": 3.4977, "iq3_s": 3.6606, "iq3_m": 3.7628, "q2_k_s": 2.9697, "q2_k": 3.1593,
    "q3_k_s": 3.6429, "q3_k_l": 4.2979, "q4_k_s": 4.6672, "q4_k_m": 4.8944, "q5_k_s": 5.5704, "q5_k_m": 5.7036,
    "q6_k": 6.5633, "q8_0": 8.5008,
}  # fmt: skip

# https://huggingface.co/bartowski: bytes of files, in GB; those of Mixtral and Mistral 7B by MaziyarPanahi
PUBLISHED = {
    "llama-3.1-8b": {
        "q2_k": 3.179136416, "q3_k_m": 4.018922912, "q4_k_m": 4.920739232, "q5_k_m": 5.732992416, "q6_k": 6.596011424,
        "q8_0": 8.540775840, "iq4_xs": 4.45,
    },
    "llama-3.3-70b": {
        "iq1_m": 16.75, "iq2_xxs": 19.10, "iq2_xs": 21.14, "iq2_s": 22.24, "iq2_m": 24.12, "q2_k": 26.38,
        "iq3_xs": 29.31, "q3_k_s": 30.91, "iq3_m": 31.94, "q3_k_m": 34.27, "q3_k_l": 37.14, "iq4_xs": 37.90,
        "q4_k_s": 40.35, "q4_k_m": 42.52,
    },
    "mistral-7b": {"iq1_m": 1.757663392, "q2_k": 2.722877600, "q4_k_m": 4.372811936, "q6_k": 5.947248800},
    "mixtral-8x7b": {"q2_k": 17.309173632, "q3_k_m": 22.544394112, "q4_k_m": 28.446410624, "q8_0": 49.624262528},
    "mistral-small-3": {"q2_k": 8.890324672, "q4_k_m": 14.333908672, "q6_k": 19.345938112},
    "qwen3-32b": {"q4_k_m": 19.762149024},
    "qwen3-30b-a3b": {"q4_k_m": 18.5566},
    "qwen3-next-80b-a3b": {"q4_k_m": 48.4, "q5_k_m": 56.7, "q6_k": 65.5, "q8_0": 84.8},
    "deepseek-v3": {"q4_k_m": 404.4},
    "gemma-3-27b": {"q4_k_m": 16.546404736},
    "phi-4": {"q4_k_m": 9.0532},
}  # fmt: skip


@pytest.mark.parametrize(("preset", "bits"), LLAMA_8B_BITS.items())
def test_llama_cpps_own_table(preset: str, bits: float) -> None:
    layers, embedding, head = mixed_bytes(find_model("llama-3.1-8b"), preset)
    assert sum(layers) + embedding + head == pytest.approx(bits * 8_030_261_248 / 8, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "preset", "gigabytes"), [(name, *item) for name, files in PUBLISHED.items() for item in files.items()]
)
def test_published_files(name: str, preset: str, gigabytes: float) -> None:
    layers, embedding, head = mixed_bytes(find_model(name), preset)
    total = sum(layers) + embedding + (0 if find_model(name).tie_word_embeddings else head)
    assert total / 1e9 == pytest.approx(gigabytes, rel=WITHIN)


def test_gpt_oss_keeps_its_blocks() -> None:
    layers, embedding, head = mixed_bytes(find_model("gpt-oss-20b"), "mxfp4")
    assert (sum(layers) + embedding + head) / 1e9 == pytest.approx(12.109565632, rel=0.005)


def test_rows_that_are_no_multiple_of_256_take_other_types() -> None:
    # gpt-oss: 2880 columns; Q4_K becomes Q5_0, Q6_K becomes Q8_0
    _, embedding, head = mixed_bytes(find_model("gpt-oss-20b"), "q4_k_m")
    model = find_model("gpt-oss-20b")
    assert embedding == model.vocab_size * 2880 * 5.5 / 8
    assert head == model.vocab_size * 2880 * 8.5 / 8 + 2880 * 4


def test_the_first_and_last_layers_are_kept_better() -> None:
    layers, _, _ = mixed_bytes(find_model("llama-3.1-8b"), "q4_k_m")
    hidden, width, keys = 4096, 14336, 1024
    plain = (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * width) * 4.5 / 8 + 2 * hidden * 4
    better = plain + (hidden * keys + hidden * width) * (6.5625 - 4.5) / 8
    assert layers[0] == layers[31] == layers[6] == better  # the 6th: every third after the first eighth
    assert layers[4] == layers[5] == plain


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Q4_K_M", "q4_k_m"), ("gguf-q4-k-m", "q4_k_m"), ("q4_k", "q4_k_m"), ("IQ2_XXS", "iq2_xxs"), ("q3_k", "q3_k_m"),
        ("gguf-mxfp4", "mxfp4"), ("mxfp4", None), ("fp8", None), ("bf16", None), ("q7_k", None),
    ],
)  # fmt: skip
def test_names(name: str, found: str | None) -> None:
    assert file_type(name) == found


@pytest.mark.parametrize("name", BASE_TYPE)
def test_every_type_has_an_average_and_a_size(name: str) -> None:
    scheme = find_scheme(f"gguf-{name}")
    assert scheme is not None
    assert (scheme.family, scheme.linear_bytes) == ("gguf", AVERAGE_BITS[name] / 8)
    files = file_layers(a_model(), f"gguf-{name}")
    assert len(files.layers) == 32
    assert min(files.layers) > 0


def test_a_header_that_was_read_decides() -> None:
    read = TensorBytes(
        sharded=3_000_000_000, kv_heads=100_000_000, replicated=1_000_000, embed_tokens=300_000_000, lm_head=400_000_000
    )
    model = a_model(checkpoint=(replace(a_checkpoint("q4_k_m"), tensors=read),))
    files = file_layers(model, "q4_k_m")
    assert sum(files.layers) == pytest.approx(3_101_000_000, abs=32)
    assert (files.embedding, files.output) == (300_000_000, 400_000_000)
    assert files.layers[0] > files.layers[4]  # shared out as the type mixes
    assert sum(file_layers(model, "q8_0").layers) > 7e9  # another file than the one that was read
