"""`modelyard fit ORG/NAME-AWQ`: a repackaged hub id is sized as what it is, not as the model it was made from."""

import json

import pytest

from modelyard.cli.main import main

GIB = 1 << 30


@pytest.mark.parametrize(
    ("arguments", "quantization", "gib"),
    [
        (["Qwen/Qwen3-32B-AWQ"], "Qwen/Qwen3-32B-AWQ", 18.1),
        (["Qwen/Qwen3-32B-AWQ", "-q", "bf16"], "bf16", 61.0),
        (["Qwen/Qwen3-32B"], "bf16", 61.0),
    ],
)
def test_the_hub_id_says_the_precision(
    arguments: list[str], quantization: str, gib: float, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *arguments, "--gpu", "H200", "--tp", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["model"], document["quantization"]) == ("qwen3-32b", quantization)
    assert document["per_gpu_bytes"]["weights"] / GIB == pytest.approx(gib, abs=0.1)


def test_the_ranking_takes_it_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "Qwen/Qwen3-32B-AWQ"]) == 0
    shown = capsys.readouterr().out
    assert "19 GB of weights" in shown
    assert "awq-int4" in shown
    assert "bf16" not in shown
