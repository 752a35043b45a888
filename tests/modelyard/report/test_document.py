"""The document: keys, figures, and the schema that every document keeps to."""

import importlib
import json
from dataclasses import replace
from datetime import date, timedelta, timezone
from decimal import Decimal
from importlib import resources
from typing import Any, cast

import pytest

from modelyard.report import Document, preview_document
from modelyard.report.reader import Reader, money_text
from modelyard.resources import SECRET, UNKNOWN, Resource, Value
from tests.fixtures.resources import trial_405b
from tests.modelyard.report.documents import NO_BILL, NOW, TRIAL_BILL, make, prod, rule, trial

# It ships no types, and its validator is all that is used of it.
jsonschema: Any = importlib.import_module("jsonschema")

SCHEMA: dict[str, Any] = json.loads(
    (resources.files("modelyard") / "data" / "preview-1.schema.json").read_text(encoding="utf-8")
)
STRANGER = Resource(urn="urn:x", type="aws:s3/bucket:Bucket", name="x", props={"a": UNKNOWN}, custom=True)


CURVED: dict[str, Value] = {
    "verdict": "fits",
    "maxContextTokens": 131_072,
    "maxNumSeqs": 1024,
    "reach": [
        {"concurrency": 1, "contextTokens": 131_072, "limitedBy": "model"},
        {"concurrency": 128, "limitedBy": "memory"},
    ],
    "kvCurve": [
        {"contextTokens": 1024, "requests": 227.02, "requestsFp8Kv": 454.03},
        {"contextTokens": 131_072, "requests": 1.77},
    ],
}


def _validate(document: Document) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    errors = [error.message for error in validator.iter_errors(json.loads(json.dumps(document)))]
    assert errors == []


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(trial(), id="a trial"),
        pytest.param(trial(rule("fail"), rule("unknown"), rule("skipped")), id="broken rules"),
        pytest.param(prod(), id="unpriced"),
        pytest.param(trial(gpu=UNKNOWN, fit=UNKNOWN, startup=UNKNOWN, engine=UNKNOWN, offers=UNKNOWN), id="unknown"),
        pytest.param(trial(fit=CURVED), id="a curve"),
        pytest.param(trial(gpu=7, fit={"perGpu": []}, startup=[], engine="x", offers={"candidates": 3}), id="odd"),
        pytest.param(make((STRANGER,), NO_BILL), id="no Serving"),
        pytest.param(make((), NO_BILL), id="nothing"),
    ],
)
def test_every_document_keeps_to_the_schema(document: Document) -> None:
    _validate(document)


def test_the_schema_itself_is_one_and_allows_no_extra_keys() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    with_extra = {**trial(), "surprise": 1}
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(with_extra)
    objects = [node for node in _walk(SCHEMA) if "properties" in node]
    assert len(objects) > 15
    assert all(node["additionalProperties"] is False for node in objects)
    assert all(sorted(node["required"]) == sorted(node["properties"]) for node in objects)


def _walk(node: object) -> list[dict[str, Any]]:
    """Every map in a JSON value."""
    if isinstance(node, list):
        return [found for item in cast("list[object]", node) for found in _walk(item)]
    if not isinstance(node, dict):
        return []
    here = cast("dict[str, Any]", node)
    return [here, *(found for value in here.values() for found in _walk(value))]


def test_plan_fit_and_cost_of_the_trial() -> None:
    doc = Reader(trial())
    plan, fit, cost = doc.part("plan"), doc.part("fit"), doc.part("cost")
    assert (plan.text("model"), plan.text("label"), plan.whole("gpu_count")) == (
        "llama-3.1-405b",
        "runpod 4× H200 secure",
        4,
    )
    assert plan.texts("engine.argv")[:2] == ["--model", "meta-llama/Llama-3.1-405B-Instruct-FP8"]
    assert plan.whole("startup.timeout_seconds") == 2224
    assert [offer.text("usd_per_hour") for offer in plan.parts("candidates")] == ["18.36", "31.92"]
    assert plan.parts("losers")[0].text("reason") == "over your $30.00/h"
    assert (fit.text("verdict"), fit.whole("per_gpu.weights_bytes")) == ("fits", 103_900_000_000)
    assert (cost.text("hourly_usd"), cost.text("max_spend_usd"), cost.text("monthly_usd")) == (
        "18.424521",
        "20.31",
        "13449.90",
    )
    assert (cost.flag("stale"), cost.whole("oldest_price_days"), cost.text("oldest_price")) == (True, 93, "2026-08-20")


def test_parts_of_a_gpus_memory_sum_to_its_total() -> None:
    parts = Reader(trial()).get("fit.per_gpu")
    assert isinstance(parts, dict)
    sizes = {key: value for key, value in parts.items() if isinstance(value, int)}
    assert sizes.pop("total_bytes") == sum(sizes.values())


def test_ok_and_summary_follow_the_rules() -> None:
    good = trial(rule("pass"), rule("warn"), rule("skipped"))
    assert (good["ok"], good["summary"]) == (True, {"pass": 1, "warn": 1, "fail": 0, "unknown": 0, "skipped": 1})
    assert trial(rule("fail"))["ok"] is False
    assert trial(rule("unknown"))["ok"] is False


def test_a_stack_without_a_serving_still_has_cost_rules_and_resources() -> None:
    document = make((STRANGER,), TRIAL_BILL, (rule("pass"),))
    assert (document["plan"], document["fit"], document["servings"]) == (None, None, [])
    assert Reader(document).text("cost.hourly_usd") == "18.424521"
    assert [item.text("name") for item in Reader(document).parts("resources")] == ["x"]


def test_several_servings_are_listed_and_the_first_is_the_plan() -> None:
    second = replace(trial_405b(model="llama-3.1-8b")[0], name="small", urn="urn:small")
    doc = Reader(make((*trial_405b(), second), TRIAL_BILL))
    assert [item.text("plan.name") for item in doc.parts("servings")] == ["llama-405b", "small"]
    assert doc.get("plan") == doc.parts("servings")[0].get("plan")


def test_what_is_not_known_is_null_and_named() -> None:
    plan = Reader(trial(gpu=UNKNOWN, budget={"maxSpendUsd": UNKNOWN})).part("plan")
    assert plan.get("gpu") is None
    assert plan.texts("unknown") == ["gpu", "budget.maxSpendUsd"]


def test_no_secret_reaches_the_document() -> None:
    assert SECRET not in json.dumps(trial())
    assert "echo boot" not in json.dumps(trial())


def test_time_is_told_in_utc() -> None:
    document = preview_document(
        stack="s",
        project="p",
        resources=(),
        bill=NO_BILL,
        rules=(),
        generated_at=NOW.astimezone(timezone(timedelta(hours=9))),
        price_age_warning_days=60,
    )
    assert document["generated_at"] == "2026-11-21T02:00:00Z"


@pytest.mark.parametrize(("days", "stale"), [(60, False), (61, True)])
def test_a_price_is_stale_from_the_day_after_the_limit(days: int, *, stale: bool) -> None:
    old = replace(TRIAL_BILL.lines[0], as_of=date(2026, 11, 21) - timedelta(days=days))
    assert Reader(make((), replace(TRIAL_BILL, lines=(old,)))).flag("cost.stale") is stale


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("30", "30.00"),
        ("18.360", "18.36"),
        ("0.0645205479", "0.064521"),
        ("1E+3", "1000.00"),
        ("0", "0.00"),
        ("0.0000004", "0.00"),
    ],
)
def test_money_is_a_decimal_string_without_an_exponent(amount: str, text: str) -> None:
    assert money_text(Decimal(amount)) == text


def test_how_far_it_goes() -> None:
    fit = Reader(trial(fit=CURVED)).part("fit")
    assert (fit.whole("max_context_tokens"), fit.whole("max_num_seqs")) == (131_072, 1024)
    assert fit.get("reach") == [
        {"concurrency": 1, "context_tokens": 131_072, "limited_by": "model"},
        {"concurrency": 128, "context_tokens": None, "limited_by": "memory"},
    ]
    assert fit.get("kv_curve") == [
        {"context_tokens": 1024, "requests": 227.02, "requests_fp8_kv": 454.03},
        {"context_tokens": 131_072, "requests": 1.77, "requests_fp8_kv": None},
    ]
