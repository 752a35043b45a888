"""Checkpoints in MLX's own format: packed words that are called like the weights, scales and biases beside them."""

from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.models import Model
from modelyard.fit.weights import file_layers
from modelyard.hub import read_model
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.modelyard.hub.test_folder import fill
from tests.modelyard.hub.test_read import TODAY


def packed(tensors: makers.Tensors, bits: int, group: int) -> makers.Tensors:
    """The tensors as ``mlx_lm.convert`` writes them."""
    found: makers.Tensors = {}
    for name, (dtype, shape) in tensors.items():
        if len(shape) < 2:
            found[name] = (dtype, shape)
            continue
        owner = name.removesuffix(".weight")
        *rows, columns = shape
        found[name] = ("U32", (*rows, columns * bits // 32))
        found[f"{owner}.scales"] = found[f"{owner}.biases"] = ("BF16", (*rows, columns // group))
    return found


def read(folder: Path, tensors: makers.Tensors, **config: Any) -> Model:
    fill(folder, {"config.json": {**LLAMA_3_1_8B, **config}, "model.safetensors": makers.safetensors(tensors)})
    return read_model(str(folder), today=TODAY)


@pytest.mark.parametrize(("bits", "group"), [(4, 64), (8, 64), (4, 32), (6, 64)])
@pytest.mark.parametrize("keys", [("quantization",), ("quantization", "quantization_config")])
def test_a_converted_model(tmp_path: Path, bits: int, group: int, keys: tuple[str, ...]) -> None:
    tensors = packed(makers.dense(LLAMA_3_1_8B), bits, group)
    section = {"group_size": group, "bits": bits}
    model = read(tmp_path, tensors, **dict.fromkeys(keys, section))
    checkpoint = model.checkpoint[0]
    assert (checkpoint.quantization, checkpoint.group_size) == (f"mlx-{bits}bit", group)
    assert model.total_params == 8_030_261_248
    files = file_layers(model, checkpoint.quantization)
    assert sum(files.layers) + files.embedding + files.output == pytest.approx(makers.size_of(tensors), abs=32)
    assert checkpoint.bytes == makers.size_of(tensors)


def test_other_modes_have_names_of_their_own(tmp_path: Path) -> None:
    tensors = packed(makers.dense(LLAMA_3_1_8B), 4, 32)
    section = {"group_size": 32, "bits": 4, "mode": "mxfp4"}
    model = read(tmp_path, tensors, quantization=section)
    assert model.checkpoint[0].quantization == "mxfp4-all"


def test_a_method_of_another_tool_is_not_mlx(tmp_path: Path) -> None:
    section = {"bits": 4, "group_size": 128, "quant_method": "gptq", "sym": True}
    tensors = makers.dense(LLAMA_3_1_8B)
    model = read(tmp_path, tensors, quantization=section, quantization_config=section)
    assert model.checkpoint[0].quantization == "gptq-int4"
