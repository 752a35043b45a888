"""The embedded preview and `pulumi preview --json` of the same stack list the same resources with the same cost."""

from pathlib import Path
from typing import Any, cast

import pytest

from modelyard.cli.embedded import run_program
from modelyard.cost import price_resources
from modelyard.resources import UNKNOWN, Resource, Value

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ("dev", "prod", "staging", "trial-405b")
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def plain(value: object) -> Value:
    """A JSON value of the engine as one of ours: its sentinel for unknown, and whole doubles as integers."""
    if value == UNKNOWN_STRING:
        return UNKNOWN
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [plain(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("dict[str, object]", value).items()}
    assert value is None or isinstance(value, bool | int | float | str)
    return value


def as_resources(steps: list[dict[str, Any]]) -> tuple[Resource, ...]:
    states = [step["newState"] for step in steps]
    return tuple(
        Resource(
            urn=state["urn"],
            type=state["type"],
            name=state["urn"].rsplit("::", 1)[1],
            props={k: plain(v) for k, v in state.get("inputs", {}).items() if not k.startswith("__")},
            custom=bool(state.get("custom")),
            parent=state.get("parent"),
        )
        for state in states
        if not state["type"].startswith("pulumi:")
    )


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_same_resources(name: str, stacks: dict[str, list[dict[str, Any]]]) -> None:
    real = {(r.urn, r.custom) for r in as_resources(stacks[name])}
    embedded = {(r.urn, r.custom) for r in run_program(ROOT, name) if not r.type.startswith("pulumi:")}
    assert embedded == real


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_same_bill(name: str, stacks: dict[str, list[dict[str, Any]]]) -> None:
    real = price_resources(as_resources(stacks[name]))
    embedded = price_resources(run_program(ROOT, name))
    assert embedded.lines or embedded.not_priced
    assert (embedded.hourly_usd, embedded.monthly_usd, embedded.max_spend_usd) == (
        real.hourly_usd,
        real.monthly_usd,
        real.max_spend_usd,
    )
    assert sorted(line.what for line in embedded.lines) == sorted(line.what for line in real.lines)
    assert len(embedded.not_priced) == len(real.not_priced)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_no_secret_in_the_preview(name: str, stacks: dict[str, list[dict[str, Any]]]) -> None:
    for resource in as_resources(stacks[name]):
        if resource.type == "modelyard-rental:index:Machine":
            assert resource.props["env"] == "[secret]"
