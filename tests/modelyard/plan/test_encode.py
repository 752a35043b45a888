"""A plan as text: whole, and the same every time."""

import json
from dataclasses import fields

from modelyard.plan import Plan, make_plan, plan_to_json
from tests.modelyard.plan.specs import prod, trial


def test_every_field_is_there_and_the_text_is_stable() -> None:
    for spec in (trial(), prod()):
        text = plan_to_json(make_plan(spec))
        assert text == plan_to_json(make_plan(spec))
        document = json.loads(text)
        assert document["schema"] == "modelyard.plan/1"
        assert set(document) == {f.name for f in fields(Plan)} | {"schema"}


def test_money_is_text_and_rows_are_names() -> None:
    document = json.loads(plan_to_json(make_plan(trial()), indent=2))
    assert document["candidates"][0]["offer"]["usd_per_hour"] == "15.78"
    assert document["candidates"][0]["offer"]["as_of"] == "2026-10-07"
    assert document["fit"]["request"]["gpu"] == "B300"
    assert document["fit"]["request"]["model"] == "llama-3.1-405b"
    assert document["spec"]["place"]["trust"] == "secure"
    assert document["deadline"] is None
