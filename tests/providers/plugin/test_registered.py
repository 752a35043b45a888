"""What the components register is what the provider process takes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckRequest, CreateRequest, DiffRequest

from modelyard.render.machine import BOOT_KINDS
from modelyard.render.nginx import access_conf
from providers import registry
from providers.plugin.handlers import load_handlers
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.values import UNKNOWN_TEXT
from providers.rental import PACKAGE
from tests.components.builders import trial
from tests.components.running import TOKEN, run_serving
from tests.fakes.engine import Secret

ROOT = Path(__file__).parents[3]


def value(raw: Any) -> PropertyValue:
    if isinstance(raw, Secret):
        return value(raw.value).with_secret(is_secret=True)
    if isinstance(raw, dict):
        return PropertyValue({key: value(item) for key, item in cast("dict[str, Any]", raw).items()})
    if isinstance(raw, list):
        items: Sequence[Any] = cast("Sequence[Any]", raw)
        return PropertyValue([value(item) for item in items])
    return PropertyValue(raw)


@pytest.mark.parametrize("kind", ["Machine", "Ready", "AccessKey"])
def test_registered_inputs_pass_the_check(kind: str) -> None:
    registered = run_serving(trial(), token=TOKEN).one(f"{PACKAGE}:index:{kind}")
    inputs = {name: value(raw) for name, raw in registered.props.items()}
    answer = asyncio.run(RentalProvider().check(CheckRequest(registered.urn, {}, inputs, b"")))
    assert [(failure.property, failure.reason) for failure in answer.failures or []] == []
    assert set(registered.props) <= {field.name for field in load_handlers()[registered.type].kind.inputs}


def test_in_a_preview_unknown_inputs_are_not_judged() -> None:
    registered = run_serving(trial()).one(f"{PACKAGE}:index:Machine")
    inputs = {name: value(raw) for name, raw in registered.props.items()} | {"env": PropertyValue(UNKNOWN_TEXT)}
    answer = asyncio.run(RentalProvider().check(CheckRequest(registered.urn, {}, inputs, b"")))
    assert answer.failures == []


def test_the_gateway_takes_every_key_that_the_provider_makes() -> None:
    urn = f"urn:pulumi:dev::modelyard::{PACKAGE}:index:AccessKey::k"
    for length in (16.0, 32.0, 128.0):
        request = CreateRequest(urn, {"length": PropertyValue(length)}, 0, preview=False)
        made = asyncio.run(RentalProvider().create(request))
        key = made.properties["value"].value
        assert isinstance(key, str)
        assert key in access_conf(key)


def test_every_vendor_that_can_be_rented_from_has_a_way_to_start() -> None:
    assert set(registry.VENDORS) == set(BOOT_KINDS)


def test_pulumi_yaml_runs_the_plugin_from_its_folder() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    plugin = project["plugins"]["providers"][0]
    assert plugin["name"] == PACKAGE
    assert (ROOT / plugin["path"] / "__main__.py").is_file()
    runtime = yaml.safe_load((ROOT / plugin["path"] / "PulumiPlugin.yaml").read_text(encoding="utf-8"))["runtime"]
    assert runtime == project["runtime"]


def test_a_child_of_a_component_is_diffed_like_any_other() -> None:
    registered = run_serving(trial()).one(f"{PACKAGE}:index:Machine")
    inputs = {name: value(raw) for name, raw in registered.props.items()}
    answer = asyncio.run(RentalProvider().diff(DiffRequest(registered.urn, "id", inputs, inputs, [])))
    assert answer.changes is False
