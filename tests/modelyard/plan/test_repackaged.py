"""A hub id that is a repackaged checkpoint says the precision: what was named is what is downloaded and sized."""

import pytest

from modelyard.plan.request import look_up
from tests.modelyard.plan.specs import trial


@pytest.mark.parametrize(
    ("model", "quantization", "hub_id", "precision"),
    [
        ("Qwen/Qwen3-32B-AWQ", None, "Qwen/Qwen3-32B-AWQ", "awq-int4"),
        ("qwen/qwen3-32b-awq", None, "Qwen/Qwen3-32B-AWQ", "awq-int4"),
        ("Qwen/Qwen3-32B-AWQ", "fp8", "Qwen/Qwen3-32B-FP8", "fp8-block"),
        ("Qwen/Qwen3-32B", None, "Qwen/Qwen3-32B", "bf16"),
        ("qwen3-32b", None, "Qwen/Qwen3-32B", "bf16"),
        ("meta-llama/Llama-3.1-405B-FP8", None, "meta-llama/Llama-3.1-405B-FP8", "fp8"),
    ],
)
def test_the_named_checkpoint_is_the_one(model: str, quantization: str | None, hub_id: str, precision: str) -> None:
    asked = look_up(trial(model=model, quantization=quantization))
    assert (asked.weights.hub_id, asked.precision.quantization) == (hub_id, precision)
    assert asked.precision.checkpoint.hub_id == hub_id
