"""Models that are no decoders: encoders have no KV cache, and what is not modelled is refused with what is known."""

from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.models import Model
from modelyard.hub import read_model
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.modelyard.hub.test_folder import fill, refused
from tests.modelyard.hub.test_plausible import SMALL, WHOLE
from tests.modelyard.hub.test_read import TODAY

BERT: dict[str, Any] = {
    "architectures": ["BertModel"], "model_type": "bert", "hidden_size": 1024, "num_hidden_layers": 2,
    "num_attention_heads": 16, "intermediate_size": 4096, "vocab_size": 30522, "max_position_embeddings": 512,
    "torch_dtype": "float16",
}  # fmt: skip


def bert_tensors() -> makers.Tensors:
    tensors: makers.Tensors = {
        "embeddings.word_embeddings.weight": ("F16", (30522, 1024)),
        "embeddings.position_embeddings.weight": ("F16", (512, 1024)),
    }
    for layer in range(2):
        at = f"encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            tensors[f"{at}.attention.self.{name}.weight"] = ("F16", (1024, 1024))
        tensors[f"{at}.attention.output.dense.weight"] = ("F16", (1024, 1024))
        tensors[f"{at}.intermediate.dense.weight"] = ("F16", (4096, 1024))
        tensors[f"{at}.output.dense.weight"] = ("F16", (1024, 4096))
    return tensors


def read(folder: Path, config: dict[str, Any], tensors: makers.Tensors) -> Model:
    fill(folder, {"config.json": config, "model.safetensors": makers.safetensors(tensors)})
    return read_model(str(folder), today=TODAY)


@pytest.mark.parametrize("model_type", ["bert", "xlm-roberta", "roberta", "modernbert", "new", "nomic_bert", "mpnet"])
def test_an_encoder_is_read_with_its_exact_weights(tmp_path: Path, model_type: str) -> None:
    model = read(tmp_path, {**BERT, "model_type": model_type}, bert_tensors())
    assert model.encoder
    assert "architecture" not in model.unknown
    assert model.checkpoint[0].bytes == makers.size_of(bert_tensors())
    assert model.total_params == (30522 + 512) * 1024 + 2 * (4 * 1024 * 1024 + 2 * 4096 * 1024)


def test_the_names_of_distilbert(tmp_path: Path) -> None:
    config = {
        "model_type": "distilbert", "dim": 1024, "n_layers": 2, "n_heads": 16, "hidden_dim": 4096,
        "vocab_size": 30522, "max_position_embeddings": 512,
    }  # fmt: skip
    model = read(tmp_path, config, bert_tensors())
    assert (model.hidden_size, model.num_hidden_layers, model.intermediate_size) == (1024, 2, 4096)


@pytest.mark.parametrize("key", [{"is_causal": False}, {"use_bidirectional_attention": True}])
def test_a_decoder_that_reads_both_ways_is_an_encoder(tmp_path: Path, key: dict[str, bool]) -> None:
    assert read(tmp_path, {**SMALL, **key}, makers.dense(SMALL)).encoder


@pytest.mark.parametrize("key", [{}, {"is_causal": True}, {"is_decoder": True, "is_causal": False}])
def test_a_decoder_stays_one(tmp_path: Path, key: dict[str, bool]) -> None:
    """An embedding model such as Qwen3-Embedding is a decoder to the engine, and caches like one."""
    assert not read(tmp_path, {**SMALL, "model_type": "qwen3", **key}, makers.dense(SMALL)).encoder


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"model_type": "t5", "d_model": 1024, "num_heads": 16}, "an encoder-decoder (t5)"),
        ({"model_type": "whisper", "is_encoder_decoder": True}, "an encoder-decoder (whisper)"),
        ({**LLAMA_3_1_8B, "model_type": "new_thing", "is_encoder_decoder": True}, "an encoder-decoder (new_thing)"),
        ({"model_type": "clip", "text_config": BERT}, "a model of images or sounds, not of text (clip)"),
        ({"model_type": "wav2vec2"}, "a model of images or sounds, not of text (wav2vec2)"),
        ({"model_type": "mamba2"}, "a model without attention (mamba2)"),
    ],
)
def test_what_is_not_modelled_is_refused_with_what_is_known(tmp_path: Path, config: dict[str, Any], what: str) -> None:
    error = refused(fill(tmp_path, {"config.json": config, "model.safetensors": WHOLE}))
    assert error.brief.endswith(f"is {what}: its memory is not modelled")
    assert "because  it" in (error.details or "")
    assert "known    its weight files have 0.00 GB" in (error.details or "")
    assert "log of a test run" in (error.resolution or "")
