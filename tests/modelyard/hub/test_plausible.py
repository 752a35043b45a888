"""Config and weights that do not belong together, and files that are only the beginning of what they should be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from modelyard.errors import UsageError
from modelyard.hub import read_model
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.modelyard.hub.test_folder import fill, refused
from tests.modelyard.hub.test_read import TODAY
from tests.simulators.hub import HubSimulator, SparseFile

SMALL: dict[str, Any] = {
    **LLAMA_3_1_8B, "num_hidden_layers": 4, "hidden_size": 64, "intermediate_size": 128, "vocab_size": 256,
    "num_attention_heads": 8, "num_key_value_heads": 2,
}  # fmt: skip
"""Heads of 8, so that key projections have 16 rows."""
WHOLE = makers.safetensors(makers.dense(SMALL))
BYTES = makers.size_of(makers.dense(SMALL))
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4976698672\n"
NO_END = b"PK\x03\x04" + b"\0" * BYTES


def layers(count: int) -> SparseFile:
    return makers.safetensors(makers.dense({**SMALL, "num_hidden_layers": count}))


@pytest.mark.parametrize(
    ("config", "weights", "said"),
    [
        ({}, layers(3), "its config lists 4 layers, and the weights hold 3"),
        ({}, layers(8), "its config lists 4 layers, and the weights hold 8"),
        ({"model_type": "falcon9"}, layers(3), "its config lists 4 layers, and the weights hold 3"),
        ({"num_key_value_heads": 4}, WHOLE, "4 key/value heads of 8, and the key projections have 16 rows"),
        ({"head_dim": 4}, WHOLE, "2 key/value heads of 4, and the key projections have 16 rows"),
    ],
)  # fmt: skip
def test_config_and_weights_of_two_models(
    tmp_path: Path, config: Mapping[str, object], weights: SparseFile, said: str
) -> None:
    error = refused(fill(tmp_path, {"config.json": {**SMALL, **config}, "model.safetensors": weights}))
    assert error.brief.startswith(f"config and weights of '{str(tmp_path)[:58]}")
    assert "do not belong together: its config " in error.brief
    assert error.brief.endswith(said)
    assert "hf download" in (error.resolution or "")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_nextn_predict_layers": 1},
        {"model_type": "falcon9", "num_key_value_heads": 4},
        {"num_hidden_layers": 3},
        {"num_hidden_layers": 1, "num_nextn_predict_layers": 3},
    ],
)
def test_what_may_differ(tmp_path: Path, config: Mapping[str, object]) -> None:
    """Layers beyond the last are multi-token prediction; heads of an unknown architecture are read off the weights."""
    fill(tmp_path, {"config.json": {**SMALL, **config}, "model.safetensors": WHOLE})
    assert read_model(str(tmp_path), today=TODAY).num_hidden_layers == {**SMALL, **config}["num_hidden_layers"]


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("num_key_value_heads", 0, "a whole number, 1 or more"),
        ("num_key_value_heads", 3, "a divisor of the 8 attention heads"),
        ("num_key_value_heads", 16, "a divisor of the 8 attention heads"),
        ("num_attention_heads", 0, "a whole number, 1 or more"),
        ("head_dim", 0, "a whole number, 1 or more"),
        ("num_hidden_layers", -1, "a whole number, 0 or more"),
        ("num_hidden_layers", "many", "a whole number, 0 or more"),
    ],
)
@pytest.mark.parametrize("model_type", ["llama", "falcon9"])
def test_counts_that_cannot_be(tmp_path: Path, key: str, value: object, allowed: str, model_type: str) -> None:
    config = {**SMALL, "model_type": model_type, key: value}
    error = refused(fill(tmp_path, {"config.json": config, "model.safetensors": WHOLE}))
    assert error.brief.endswith(f"has an impossible {key}: '{value}'")
    assert f"key {key}\nallowed  {allowed}" in (error.details or "")
    assert error.resolution == "correct the key, or fetch the file again"


class TestPickles:
    @pytest.mark.parametrize(
        ("name", "weights", "said"),
        [
            ("pytorch_model.bin", b"x" * 100, "its weights have 100 bytes, and its config describes at least"),
            ("pytorch_model.bin", SparseFile(head=b"\x80", size=BYTES // 8), "its config describes at least"),
            ("pytorch_model.bin", POINTER, "is a Git LFS pointer"),
            ("pytorch_model.bin", NO_END, "'pytorch_model.bin' of"),
        ],
    )
    def test_that_are_not_the_whole_model(self, tmp_path: Path, name: str, weights: object, said: str) -> None:
        assert said in refused(fill(tmp_path, {"config.json": SMALL, name: weights})).brief

    def test_an_archive_without_an_end(self, tmp_path: Path) -> None:
        error = refused(fill(tmp_path, {"config.json": SMALL, "pytorch_model.bin": NO_END}))
        assert error.brief.endswith("is cut short")
        assert f"no end after {len(NO_END):,} bytes" in (error.details or "")

    @pytest.mark.parametrize("head", [b"\x80\x02", b"PK\x03\x04"])
    def test_that_are(self, tmp_path: Path, head: bytes) -> None:
        data = head.ljust(BYTES, b"\0") + b"PK\x05\x06" + b"\0" * 18
        fill(tmp_path, {"config.json": SMALL, "pytorch_model.bin": data, "training_args.bin": b"x"})
        assert read_model(str(tmp_path), today=TODAY).checkpoint[0].bytes == len(data)

    def test_quantized_ones_may_be_smaller(self, tmp_path: Path) -> None:
        config = {**SMALL, "quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
        fill(tmp_path, {"config.json": config, "pytorch_model.bin": SparseFile(head=b"\x80", size=BYTES // 3)})
        assert read_model(str(tmp_path), today=TODAY).native_quantization == "gptq-int4"

    def test_a_part_that_the_index_names_is_missing(self, tmp_path: Path) -> None:
        parts = [f"pytorch_model-0000{i}-of-00002.bin" for i in (1, 2)]
        index = {"metadata": {"total_size": BYTES}, "weight_map": {"a": parts[0], "b": parts[1]}}
        part = SparseFile(head=b"\x80", size=BYTES)
        error = refused(fill(tmp_path, {"config.json": SMALL, "pytorch_model.bin.index.json": index, parts[0]: part}))
        assert error.brief.endswith("is missing")
        assert error.details == f"where    {parts[1]}\nbecause  pytorch_model.bin.index.json speaks of it"

    def test_parts_that_are_shorter_than_the_index_says(self, tmp_path: Path) -> None:
        index = {"metadata": {"total_size": BYTES + 1}, "weight_map": {"a": "pytorch_model-00001-of-00001.bin"}}
        part = SparseFile(head=b"\x80", size=BYTES)
        files = {"pytorch_model.bin.index.json": index, "pytorch_model-00001-of-00001.bin": part}
        assert refused(fill(tmp_path, {"config.json": SMALL, **files})).brief.endswith("is cut short")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "model.safetensors.index.json"])
def test_git_lfs_pointers(tmp_path: Path, name: str) -> None:
    files: dict[str, object] = {"config.json": SMALL, "model.safetensors": WHOLE, name: POINTER}
    error = refused(fill(tmp_path, files))
    assert f"{name}" in error.brief
    assert "is a Git LFS pointer" in error.brief
    assert "git lfs pull" in (error.resolution or "")


def test_a_gguf_pointer(tmp_path: Path) -> None:
    assert "is a Git LFS pointer" in refused(fill(tmp_path, {"model-Q4_K_M.gguf": POINTER})).brief


@pytest.mark.parametrize(
    "name",
    [
        "model-00001-of-00002.safetensors.incomplete", "model.safetensors.part", "model.safetensors.crdownload",
        "model.safetensors.aria2", ".cache/huggingface/download/Ab1=.safetensors.incomplete",
    ],
)  # fmt: skip
@pytest.mark.parametrize("has_config", [True, False])
def test_a_download_that_is_not_finished(tmp_path: Path, name: str, *, has_config: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    if has_config:
        (tmp_path / "config.json").write_text(json.dumps(SMALL))
    error = refused(tmp_path)
    assert error.brief.startswith("the download of '")
    assert error.brief.endswith("is not finished")
    assert error.details == f"where    {name}"


def test_what_a_finished_download_leaves_behind_does_no_harm(tmp_path: Path) -> None:
    fill(tmp_path, {"config.json": SMALL, "model.safetensors": WHOLE, "notes.part": b"x"})
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "config.json").write_text("{}")
    assert read_model(str(tmp_path), today=TODAY).hidden_size == 64


@pytest.mark.parametrize("inside", ["model", "snapshots/0e9e39f249a1"])
def test_the_model_is_one_folder_further_in(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / inside
    folder.mkdir(parents=True)
    fill(folder, {"config.json": SMALL, "model.safetensors": WHOLE})
    error = refused(tmp_path)
    assert error.resolution == f"name that folder: {folder}"
    assert read_model(str(folder), today=TODAY).hidden_size == 64


def test_another_format_is_named(tmp_path: Path) -> None:
    error = refused(fill(tmp_path, {"config.json": SMALL, "model.onnx": b"x"}))
    assert "found    model.onnx" in (error.details or "")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"), (b" \n\0", "is empty"), (b'{"a": 1,}', "is not JSON"), (b"[]", "is not a JSON object"),
        (b"{}", "has no 'num_hidden_layers'"), (b'{"hidden_size": NaN, "num_hidden_layers": 1e999}', "impossible"),
    ],
)  # fmt: skip
def test_a_config_that_is_none_says_where_and_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    error = refused(fill(tmp_path, {"config.json": content, "model.safetensors": WHOLE}))
    assert error.brief.startswith("config.json of '")
    assert said in error.brief
    assert (error.details or "").startswith("where    config.json of '")
    assert error.resolution


def test_the_same_over_the_hub(hub: HubSimulator) -> None:
    hub.add("org/model", {"config.json": SMALL, "model.safetensors": layers(3)})
    with pytest.raises(UsageError, match="'org/model' do not belong together: its config lists 4 layers"):
        read_model("org/model", endpoint=hub.endpoint, today=TODAY)
    hub.add("org/bin", {"config.json": SMALL, "pytorch_model.bin": b"x" * 100})
    with pytest.raises(UsageError, match="'org/bin' do not belong together: its weights have 100 bytes"):
        read_model("org/bin", endpoint=hub.endpoint, today=TODAY)
