"""`models`, `gpus` and `offers` list the catalog: aligned text for people, everything for programs."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from modelyard.catalog.gpus import load_gpus
from modelyard.catalog.models import load_models
from modelyard.cli.main import main
from modelyard.offers import load_offers

Row = dict[str, Any]

FILTERS: list[tuple[list[str], Callable[[Row], bool]]] = [
    (["--vendor", "RunPod"], lambda o: o["vendor"] == "runpod"),
    (["--vendor", "aws", "--vendor", "gcp"], lambda o: o["vendor"] in ("aws", "gcp")),
    (["--gpu", "h100 sxm"], lambda o: o["gpu"] == "H100-SXM"),
    (["--max-usd-per-hour", "$2"], lambda o: Decimal(o["usd_per_hour"]) <= 2),
    (["--trust", "cloud"], lambda o: o["trust"] == "cloud"),
    (["--trust", "secure"], lambda o: o["trust"] in ("cloud", "secure")),
    (["--spot"], lambda o: o["spot"]),
    (["--no-spot"], lambda o: not o["spot"]),
    (["--min-gpus", "8"], lambda o: o["gpu_count"] >= 8),
    (["--rentable"], lambda o: o["rentable"] and o["vendor"] in ("runpod", "lambda", "vastai")),
    (["--region", "US-EAST-1"], lambda o: o["region"] in ("us-east-1", "any", "marketplace")),
]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "schema", "count"),
    [
        ("models", "modelyard.models/1", len(load_models())),
        ("gpus", "modelyard.gpus/1", len(load_gpus())),
        ("offers", "modelyard.offers/1", len(load_offers())),
    ],
)
def test_json_holds_every_row_with_its_source(
    name: str, schema: str, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, name)
    assert document["schema"] == schema
    assert len(document[name]) == count
    assert all(row["source"] and row["as_of"] for row in document[name])


@pytest.mark.parametrize(("command", "pattern"), [("models", "qwen3"), ("gpus", "hopper")])
def test_a_pattern_narrows(command: str, pattern: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = run(capsys, command, pattern)[command]
    assert 0 < len(rows) < len(load_gpus())
    key = {"models": "name", "gpus": "generation"}[command]
    assert all(pattern in row[key] for row in rows)


@pytest.mark.parametrize("command", ["models", "gpus"])
def test_a_pattern_without_a_match_is_an_unknown_name(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "zzz"]) == 2
    assert "'zzz'" in capsys.readouterr().err


def test_text_is_aligned_and_talk_is_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpus", "hopper"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split()[:2] == ["GPU", "GiB"]
    column = lines[0].index("GENERATION")
    assert all(line[column:].startswith("hopper") for line in lines[1:])
    assert "GPUs;" in err


def test_offers_come_cheapest_first_with_their_age(capsys: pytest.CaptureFixture[str]) -> None:
    rows = run(capsys, "offers")["offers"]
    prices = [Decimal(row["usd_per_hour"]) for row in rows]
    assert prices == sorted(prices)
    assert all(isinstance(row["usd_per_hour"], str) and isinstance(row["age_days"], int) for row in rows)


@pytest.mark.parametrize(("arguments", "holds"), FILTERS)
def test_offers_are_filtered(
    arguments: list[str], holds: Callable[[Row], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    document = run(capsys, "offers", *arguments)
    assert 0 < document["count"] < len(load_offers())
    assert all(holds(row) for row in document["offers"])


def test_a_limit_says_how_many_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--limit", "2"]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 3
    assert err.startswith(f"2 of {len(load_offers())} offers, prices of ")


def test_no_match_is_said_and_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--max-usd-per-hour", "0.0001"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "no offer in the snapshot matches" in err


def test_an_unknown_vendor_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--vendor", "lamda"]) == 2
    assert "did you mean 'lambda'" in capsys.readouterr().err
