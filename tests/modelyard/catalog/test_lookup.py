"""Whatever the guides and the observed runs name is found without a network: by name, hub id and repackaged hub id."""

import csv
import re
from pathlib import Path

import pytest

from modelyard.catalog.models import Checkpoint, Model, find_model, load_models, repackaging
from modelyard.fit.checkpoints import resolve_precision

OBSERVATIONS = Path(__file__).parents[2] / "fixtures" / "vram_observations.csv"

GUIDES = {
    "meta-llama/Meta-Llama-3-8B-Instruct": "llama-3-8b",
    "meta-llama/Llama-3.3-70B-Instruct": "llama-3.3-70b",
    "meta-llama/Llama-3.1-70B-Instruct": "llama-3.1-70b",
    "meta-llama/Llama-3.1-405B-Instruct": "llama-3.1-405b",
    "meta-llama/Llama-4-Scout-17B-16E-Instruct": "llama-4-scout",
    "deepseek-ai/DeepSeek-V3": "deepseek-v3",
    "deepseek-ai/DeepSeek-V4-Flash": "deepseek-v4-flash",
}
"""The models that the guides size, by hub id."""

OBSERVED = {
    "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic": ("llama-3.3-70b", "fp8"),
    "RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic": ("llama-3.3-70b", "fp8"),
    "RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16": ("llama-3.1-8b", "w4a16"),
    "cyankiwi/gemma-4-31B-it-AWQ-4bit": ("gemma-4-31b", "awq-int4"),
    "Qwen/Qwen3-235B-A22B-FP8": ("qwen3-235b-a22b", "fp8-block"),
    "Qwen/Qwen3-Coder-480B-A35B-Instruct-FP8": ("qwen3-coder-480b-a35b", "fp8-block"),
    "Qwen/Qwen3.8-27B-FP8": ("qwen3.8-27b", "fp8-block"),
    "deepseek-ai/DeepSeek-V4-Flash-0731": ("deepseek-v4-flash", "fp8+fp4"),
}
"""The repackaged checkpoints among the observed runs: which model each is, and at which precision."""

CHECKPOINTS = [
    pytest.param(model, checkpoint, id=checkpoint.hub_id) for model in load_models() for checkpoint in model.checkpoint
]


def observed_ids() -> list[str]:
    """Every hub id among the observed runs, without what is written beside it."""
    with OBSERVATIONS.open(encoding="utf-8", newline="") as file:
        found = (re.match(r"[\w.-]+/[\w.-]+", row["hf_id"]) for row in csv.DictReader(file))
        return sorted({match[0] for match in found if match})


@pytest.mark.parametrize("hub_id", GUIDES)
def test_what_the_guides_size_is_found_by_name_and_hub_id(hub_id: str) -> None:
    assert find_model(hub_id).name == GUIDES[hub_id]
    assert find_model(GUIDES[hub_id]).hub_id == hub_id


@pytest.mark.parametrize("hub_id", observed_ids())
def test_what_was_observed_is_found_in_any_case(hub_id: str) -> None:
    model = find_model(hub_id)
    assert find_model(hub_id.upper()) is model
    own = {model.hub_id.lower(), *(alias.lower() for alias in model.aliases)}
    if hub_id.lower() in own:
        assert repackaging(model, hub_id) is None
    else:
        assert hub_id in OBSERVED


@pytest.mark.parametrize("hub_id", OBSERVED)
def test_a_repackaged_hub_id_says_the_precision_as_well(hub_id: str) -> None:
    name, quantization = OBSERVED[hub_id]
    model = find_model(hub_id)
    assert model.name == name
    named = repackaging(model, hub_id)
    assert named is not None
    assert resolve_precision(model, named).quantization == quantization


@pytest.mark.parametrize(("model", "checkpoint"), CHECKPOINTS)
def test_every_checkpoint_is_found_by_its_hub_id(model: Model, checkpoint: Checkpoint) -> None:
    assert find_model(checkpoint.hub_id) is model
    assert resolve_precision(model, checkpoint.hub_id).checkpoint is checkpoint


def test_a_models_own_name_leaves_the_precision_open() -> None:
    model = find_model("qwen3-32b")
    assert repackaging(model, "qwen3-32b") is None
    assert repackaging(model, "Qwen/Qwen3-32B") is None
    assert repackaging(model, " qwen/qwen3-32b-awq ") == "Qwen/Qwen3-32B-AWQ"
