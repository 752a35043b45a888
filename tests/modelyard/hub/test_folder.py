"""Local folders: what is missing, cut short, or no model at all."""

import json
from pathlib import Path

import pytest

from modelyard.errors import ModelyardError, UsageError
from modelyard.hub import read_model
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.modelyard.hub.test_read import TODAY
from tests.simulators.hub import SparseFile

SMALL = {**LLAMA_3_1_8B, "num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 128, "vocab_size": 256}


def fill(folder: Path, files: dict[str, object]) -> Path:
    for name, content in files.items():
        if isinstance(content, SparseFile):
            with (folder / name).open("wb") as out:
                out.write(content.head)
                out.truncate(content.size)
        else:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            (folder / name).write_bytes(data)
    return folder


def refused(folder: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_model(str(folder), today=TODAY)
    return caught.value


def test_shards_that_the_index_names_are_missing(tmp_path: Path) -> None:
    files = {"config.json": SMALL, **makers.sharded(makers.dense(SMALL), 3)}
    fill(tmp_path, files)
    (tmp_path / "model-00002-of-00003.safetensors").unlink()
    error = refused(tmp_path)
    assert error.brief.startswith("a weight file of")
    assert "model-00002-of-00003.safetensors" in (error.details or "")
    assert "finish the download" in (error.resolution or "")


def test_shards_are_missing_and_so_is_the_index(tmp_path: Path) -> None:
    files = {"config.json": SMALL, **makers.sharded(makers.dense(SMALL), 3)}
    fill(tmp_path, files)
    for name in ("model-00003-of-00003.safetensors", "model.safetensors.index.json"):
        (tmp_path / name).unlink()
    assert "model-00003-of-00003.safetensors" in (refused(tmp_path).details or "")


@pytest.mark.parametrize("keep", [0, 5, 8, 100, -1])
def test_a_file_that_is_cut_short(tmp_path: Path, keep: int) -> None:
    file = makers.safetensors(makers.dense(SMALL))
    fill(tmp_path, {"config.json": SMALL, "model.safetensors": file})
    with (tmp_path / "model.safetensors").open("r+b") as out:
        out.truncate(keep if keep >= 0 else file.size - 1)
    assert "is cut short" in refused(tmp_path).brief


@pytest.mark.parametrize(
    "data",
    [
        b"\x04\0\0\0\0\0\0\0[1]\n",
        b"\x02\0\0\0\0\0\0\0{]",
        b'\x10\0\0\0\0\0\0\0{"a":{"dtype":1}}',
        b'\x3a\0\0\0\0\0\0\0{"a":{"dtype":"BF16","shape":[-1],"data_offsets":[0,2]}}  ',
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, data: bytes) -> None:
    fill(tmp_path, {"config.json": SMALL, "model.safetensors": data})
    brief = refused(tmp_path).brief
    assert "is not a safetensors file" in brief or "is cut short" in brief


def test_no_config(tmp_path: Path) -> None:
    fill(tmp_path, {"model.safetensors": makers.safetensors(makers.dense(SMALL))})
    error = refused(tmp_path)
    assert error.brief.endswith("has no config.json")


def test_no_weights(tmp_path: Path) -> None:
    fill(tmp_path, {"config.json": SMALL})
    assert "holds no weights that can be sized" in refused(tmp_path).brief


def test_an_adapter_names_its_base(tmp_path: Path) -> None:
    fill(
        tmp_path,
        {
            "adapter_config.json": {"base_model_name_or_path": "meta-llama/Llama-3.1-8B"},
            "adapter_model.safetensors": b"x",
        },
    )
    error = refused(tmp_path)
    assert "is an adapter" in error.brief
    assert "'meta-llama/Llama-3.1-8B'" in (error.resolution or "")


def test_an_image_pipeline(tmp_path: Path) -> None:
    fill(tmp_path, {"model_index.json": {"_class_name": "FluxPipeline"}})
    assert "image or audio pipeline" in (refused(tmp_path).details or "")


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size"])
def test_a_config_without_what_it_takes(tmp_path: Path, key: str) -> None:
    config = {k: v for k, v in SMALL.items() if k != key}
    fill(tmp_path, {"config.json": config, "model.safetensors": makers.safetensors(makers.dense(SMALL))})
    error = refused(tmp_path)
    assert error.brief.startswith("config.json of ")
    assert f" has no '{key}'" in error.brief


@pytest.mark.parametrize(
    "content", [b"", b"not json", b"[]", b"\xff\xfe", b'{"hidden_size": "64"}', b'{"hidden_size": -1}', b"[" * 100_000]
)
def test_a_config_that_is_none(tmp_path: Path, content: bytes) -> None:
    fill(tmp_path, {"config.json": content, "model.safetensors": makers.safetensors(makers.dense(SMALL))})
    assert "config.json" in refused(tmp_path).brief


def test_a_quantization_that_does_not_exist_here(tmp_path: Path) -> None:
    with pytest.raises(ModelyardError, match="no model at"):
        read_model(f"{tmp_path}/nothing", today=TODAY)
