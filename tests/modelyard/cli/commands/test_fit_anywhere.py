"""`modelyard fit` beyond the catalog and beyond one question: hub ids, tables, explanations, other engines."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session, constants

from modelyard.cli.main import main
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.simulators.hub import HubSimulator, hub_simulator

OBSERVED = Path(__file__).parents[3] / "fixtures" / "vram_observations.csv"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubSimulator]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "nobody"))
    with hub_simulator() as simulator:
        monkeypatch.setenv("HF_ENDPOINT", simulator.endpoint)
        simulator.add("org/My-Model", {"config.json": LLAMA_3_1_8B, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
        yield simulator
        close_session()


@pytest.mark.usefixtures("hub")
def test_a_model_of_the_hub_fits_as_its_twin_in_the_catalog_does(capsys: pytest.CaptureFixture[str]) -> None:
    fits: list[dict[str, Any]] = []
    for name in ("org/My-Model", "llama-3.1-8b"):
        assert main(["fit", name, "--gpu", "H100-SXM", "--tp", "1", "--json"]) == 0
        fits.append(json.loads(capsys.readouterr().out))
    assert fits[0]["verdict"] == fits[1]["verdict"] == "fits"
    assert fits[0]["per_gpu_bytes"] == fits[1]["per_gpu_bytes"]
    assert fits[0]["kv_cache_tokens"] == fits[1]["kv_cache_tokens"]


@pytest.mark.usefixtures("hub")
def test_a_table_takes_models_of_the_hub_and_says_which_rows_it_cannot_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = tmp_path / "runs.csv"
    table.write_text(
        "model,hf_id,quant,gpu,tp,engine,engine_version\n"
        "mine,org/My-Model,bf16,H100-80GB,1,vllm,0.33.0\n"
        "none,org/No-Model,bf16,H100-80GB,1,vllm,0.33.0\n"
        "known,Qwen/Qwen3-8B,bf16,H100-80GB,1,vllm,0.33.0\n",
        encoding="utf-8",
    )
    assert main(["fit", "--from-csv", str(table), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row.get("verdict") for row in rows] == ["fits", None, "fits"]
    assert "org/No-Model" in rows[1]["error"]


def test_the_table_of_published_runs_is_read_whole(capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", "--from-csv", str(OBSERVED), "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(OBSERVED.read_text(encoding="utf-8").splitlines()) - 1
    keys = {"weights_gib_per_gpu", "kv_cache_gib_per_gpu", "kv_cache_tokens", "max_concurrency", "verdict", "unknown"}
    for row in rows:
        assert "error" in row or keys <= set(row)


def test_an_explanation_names_formula_and_source_of_every_term(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["fit", "llama-3.1-8b", "--gpu", "H100-SXM", "--tp", "1", "--explain"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert text.count("    = ") > text.count("    source: ") > 20  # in symbols and in numbers
    assert main([*arguments, "--json"]) == 0
    terms = json.loads(capsys.readouterr().out)["terms"]
    assert all(term["symbols"] and term["formula"] and term["source"] for term in terms)
    mlp = next(term for term in terms if term["name"] == "weights: feed-forward gate, up and down")
    assert mlp["formula"] == "32 * (3 * 4096 * 14336) * 2 / 1"
    assert {"symbol": "F", "meaning": "feed-forward width", "value": 14336} in mlp["inputs"]


@pytest.mark.parametrize("engine", ["sglang", "tensorrt-llm", "tgi", "llama.cpp", "ollama"])
def test_other_engines_answer_by_their_own_rules_and_say_what_they_do_not_know(
    engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fit", "llama-3.1-8b", "--gpu", "H100-SXM", "--tp", "1", "--max-model-len", "8k", "--json"]
    main([*arguments, "--engine", engine])
    other = json.loads(capsys.readouterr().out)
    assert other["verdict"] in {"fits", "tight", "does_not_fit"}
    assert other["unknown"]
    if other["verdict"] == "fits":
        assert [item["concurrency"] for item in other["reach"]] == [1, 8, 32, 128]
    else:
        assert other["advice"]


@pytest.mark.parametrize(
    ("arguments", "lacking"),
    [
        (("llama-3.3-70b", "--gpu", "H100-SXM", "--tp", "1"), "| missing "),
        (("llama-3.1-8b", "--gpu", "T4", "-q", "fp8"), "| not free "),
    ],
)
def test_nothing_is_left_below_zero(
    arguments: tuple[str, ...], lacking: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *arguments]) == 3
    out = capsys.readouterr().out
    assert lacking in out
    assert " -" not in out.split("remains")[0]


def test_ollama_warns_of_no_wired_limit(capsys: pytest.CaptureFixture[str]) -> None:
    main(["fit", "llama-3.3-70b", "-q", "q4_k_m", "--gpu", "RTX-4090", "--tp", "2", "--engine", "ollama"])
    assert "wired limit" not in capsys.readouterr().out


def test_an_unknown_architecture_has_bounds_and_what_to_find_out(
    hub: HubSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**LLAMA_3_1_8B, "model_type": "falcon9"}
    hub.add("org/Falcon", {"config.json": config, **makers.sharded(makers.dense(LLAMA_3_1_8B), 2)})
    assert main(["fit", "org/Falcon", "--gpu", "H100-SXM"]) == 0
    out = capsys.readouterr().out
    assert "\nbounds   weights 14.99 GiB per GPU, exactly; KV cache from 0 to at most 131,072 bytes a token" in out
    assert "remains  at least " in out
    assert "look falcon9 up among the architectures that vLLM" in out
    assert "`modelyard models add org/Falcon`" in out
    assert "max-num-seqs" not in out, "no change of memory makes it certain"
    assert main(["fit", "org/Falcon", "--gpu", "H100-SXM", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["bounds"]["kv_per_token_at_most"] == 131_072
    assert document["remedies"] == document["advice"] == []
    assert len(document["next_steps"]) == 3


def test_an_encoder_says_that_it_has_no_kv_cache(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "bge-m3", "--gpu", "L4", "--max-model-len", "512"]) == 0
    out = capsys.readouterr().out
    assert "unused: an encoder has no KV cache" in out
    assert "reach" not in out


def test_latest_is_said_to_be_the_pinned_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "llama-3.1-8b", "--gpu", "H200", "--engine-version", "latest"]) == 0
    captured = capsys.readouterr()
    assert "engine version 'latest': read as" in captured.err
    assert main(["fit", "llama-3.1-8b", "--gpu", "H200", "--engine-version", "19"]) == 2
    assert "did you mean '0.19'?" in capsys.readouterr().err
