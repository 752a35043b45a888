"""`modelyard fit`: verdict, bar, ways out, ranking, and exit code 3 when it does not fit."""

import json
from typing import Any

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import find_model
from modelyard.cli import fit_view
from modelyard.cli.main import main
from modelyard.fit import FitRequest, Verdict, assess
from modelyard.fit.types import Fit


def fit(model: str, gpu: str, tp: int, quantization: str = "fp8") -> Fit:
    return assess(
        FitRequest(
            model=find_model(model),
            quantization=quantization,
            gpu=find_gpu(gpu),
            max_model_len=16384,
            tensor_parallel_size=tp,
        )
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    assert main(["fit", *arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_what_fits_is_exit_0(capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "llama-3.1-405b", "-q", "fp8", "--gpu", "H200", "--tp", "4", "--concurrency", "8")
    assert document["schema"] == "modelyard.fit/1"
    assert (document["verdict"], document["gpu_count"], document["concurrency"]) == ("fits", 4, 8)
    parts = document["per_gpu_bytes"]
    assert sum(size for name, size in parts.items() if name != "total") == parts["total"]
    assert document["remedies"] == []


def test_what_does_not_fit_is_exit_3_with_ways_out(capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "llama-3.1-405b", "-q", "fp8", "--gpu", "H100-SXM", "--tp", "4", code=3)
    assert document["verdict"] == "does_not_fit"
    assert document["per_gpu_bytes"]["kv_cache"] < 0
    assert "fits" in {remedy["verdict"] for remedy in document["remedies"]}
    assert all(remedy["change"] and remedy["effect"] for remedy in document["remedies"])


def test_advice_is_priced_by_two_offers_and_sorted_by_what_it_costs(capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "llama-3.1-405b", "-q", "fp8", "--gpu", "H100-SXM", "--tp", "4", code=3)
    advice = {item["kind"]: item for item in document["advice"]}
    more = advice["tensor_parallel_size"]
    assert more["usd_per_hour_delta"] == "15.96"
    assert (more["from_offer"]["usd_per_hour"], more["to_offer"]["usd_per_hour"]) == ("15.96", "31.92")
    assert {"label", "vendor", "sku", "region", "trust", "as_of", "source"} <= set(more["to_offer"])
    deltas = [float(item["usd_per_hour_delta"]) for item in document["advice"]]
    assert deltas == sorted(deltas)
    assert {item["verdict"] for item in document["advice"]} == {"fits"}
    assert (document["reach"], document["flags"]) == ([], [])


def test_advice_without_a_price_is_null_and_last(capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "llama-3.1-405b", "-q", "fp8", "--gpu", "H100-SXM", "--tp", "8", "--concurrency", "32")
    last = document["advice"][-1]
    assert (last["kind"], last["usd_per_hour_delta"], last["to_offer"]) == ("pipeline_parallel_size", None, None)


def test_the_text_of_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "deepseek-r1", "-q", "nvfp4", "--gpu", "H100-SXM", "--tp", "8", "--concurrency", "20"]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = lines[lines.index("ways out, the cheapest first") + 1]
    assert first.split()[:2] == ["✔", "−$16.76/h"]  # $15.16 instead of $31.92
    assert "4× H200-NVL instead of 8× H100-SXM: holds" in first
    assert main(["fit", "llama-3.1-405b", "-q", "fp8", "--gpu", "H100-SXM", "--tp", "8", "--concurrency", "32"]) == 0
    out = capsys.readouterr().out
    assert "      free  kv-cache-dtype auto → fp8" in out
    assert "can cost quality" in out
    assert "not priced  pipeline-parallel-size 1 → 2" in out
    assert "16× H100-SXM is not on sale as one machine; now lambda 8× H100-SXM secure $31.92/h" in out


def test_the_text_where_what_was_asked_for_is_not_on_sale(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "llama-3.3-70b", "-q", "bf16", "--gpu", "A100-40-SXM", "--tp", "2"]) == 3
    out = capsys.readouterr().out
    assert "      free  quantization bf16" in out
    assert "what you asked for is not on sale, so there is no difference; then lambda 8× A100-40-SXM" in out
    assert "$0.00" not in out


def test_the_text_where_no_single_change_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "llama-3.1-8b", "--gpu", "H200", "--tp", "1", "--concurrency", "10000"]) == 0
    assert "no single change is enough; these come closest\n  ~ " in capsys.readouterr().out


def test_what_fits_says_how_far_it_goes_and_how_to_start_it(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("llama-3.1-405b", "-q", "fp8", "--gpu", "H200", "--tp", "4", "--concurrency", "8")
    document = run(capsys, *asked)
    assert document["advice"] == []
    assert [item["concurrency"] for item in document["reach"]] == [1, 8, 32, 128]
    assert document["reach"][0] == {"concurrency": 1, "context_tokens": 131_072, "limited_by": "model"}
    assert document["flags"][0]["flag"] == "--tensor-parallel-size"
    assert all(item["reason"] for item in document["flags"])
    assert main(["fit", *asked]) == 0
    out = capsys.readouterr().out
    (line,) = (line for line in out.splitlines() if line.startswith("reach "))
    assert "128k* × 1 · " in line
    assert line.endswith("* the model's longest")
    assert "  --max-num-seqs 64\n" in out
    assert "  --kv-cache-dtype fp8 (optional)\n" in out


def test_the_text_of_what_does_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "llama-3.1-405b", "-q", "fp8", "--gpu", "H100-SXM", "--tp", "4"]) == 3
    out = capsys.readouterr().out
    assert out.startswith("llama-3.1-405b fp8 on 4× H100-SXM (tp 4) · vLLM 0.33.0 · 16k context × 1\n")
    assert "does not fit" in out
    assert "remains  nothing for the KV cache" in out
    assert "tensor-parallel-size 4 → 8" in out


def test_without_tp_the_least_that_fits_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "llama-3.1-405b", "-q", "fp8", "--gpu", "H200")["tensor_parallel_size"] == 4
    assert run(capsys, "llama-3.1-8b", "--gpu", "H200")["tensor_parallel_size"] == 1


def test_without_gpu_the_configurations_that_hold_it_are_ranked(capsys: pytest.CaptureFixture[str]) -> None:
    document = run(capsys, "llama-3.1-405b", "-q", "fp8")
    rows = document["configurations"]
    assert document["schema"] == "modelyard.fit-ranking/1"
    assert {row["verdict"] for row in rows} <= {"fits", "tight"}
    prices = [float(row["cheapest"]["usd_per_hour"]) for row in rows if row["cheapest"]]
    assert prices == sorted(prices)
    assert [row["cheapest"] is None for row in rows] == sorted(row["cheapest"] is None for row in rows)
    assert (4, "H200") in {(row["gpu_count"], row["gpu"]) for row in rows}
    assert (4, "H100-SXM") not in {(row["gpu_count"], row["gpu"]) for row in rows}


def test_the_ranking_fits_a_screen_unless_all_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "llama-3.1-8b"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 + 1 + 20
    assert "more, dearer or not on sale: --all" in err
    assert main(["fit", "llama-3.1-8b", "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > 23


def test_nothing_that_holds_it_is_exit_3(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    small = (find_gpu("T4"), find_gpu("L4"))
    monkeypatch.setattr("modelyard.catalog.gpus.load_gpus", lambda: small)
    assert main(["fit", "llama-3.1-405b"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "no configuration of one machine in the catalog holds Llama 3.1 405B" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lama-3.1-8b"], "did you mean 'llama-3.1-8b'"),
        (["--from-csv", "no-such.csv", "llama-3.1-8b"], "leave MODEL out"),
        (["--from-csv", "no-such.csv"], "cannot read 'no-such.csv'"),
        (["llama-3.1-8b", "--explain"], "--explain needs --gpu"),
        ([], "missing argument 'MODEL'"),
        (["llama-3.1-8b", "--gpu", "H1000"], "unknown GPU 'H1000'"),
        (["llama-3.1-8b", "-q", "fp3"], "'fp3'"),
        (["llama-3.1-8b", "-q", "fp3", "--gpu", "L4"], "'fp3'"),
        (["llama-3.1-8b", "--gpu", "L4", "--tp", "3"], "tp 3 does not divide 32 attention heads"),
        (["llama-3.1-8b", "--gpu", "L4", "--max-model-len", "1m"], "1,048,576 tokens is beyond Llama 3.1 8B"),
        (["llama-3.1-8b", "--gpu", "L4", "--gpu-memory-utilization", "1.5"], "1.5 is not in the range"),
        (["llama-3.1-8b", "--gpu", "L4", "--engine-version", "new"], "'new' is no version of vllm"),
        (["llama-3.1-8b", "--gpu", "L4", "--concurrency", "0"], "0 is not in the range"),
        (["llama-3.1-8b", "--tp", "2"], "--tensor-parallel-size needs --gpu"),
    ],
)
def test_what_is_refused_is_exit_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_the_bar_is_as_long_as_the_memory() -> None:
    shown = fit_view.bar(fit("llama-3.1-405b", "H200", 4))
    assert len(shown) == fit_view.BAR
    assert shown.startswith("█" * 40)
    assert shown.endswith("░")
    assert list(dict.fromkeys(shown)) == ["█", "▓", "▒", "░"]


def test_the_bar_of_what_overflows_marks_the_end_of_the_memory() -> None:
    answer = fit("llama-3.1-405b", "H100-SXM", 4)
    assert answer.verdict is Verdict.DOES_NOT_FIT
    shown = fit_view.bar(answer)
    assert len(shown) == fit_view.BAR + 1
    per_gpu = answer.per_gpu
    whole = per_gpu.total - min(0, per_gpu.kv_cache)
    assert shown.index("|") == round(per_gpu.total / whole * fit_view.BAR)
