"""What holds for every component, read off the classes themselves."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, is_typeddict

import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider

import components
from components.base import PACKAGE
from tests.components.builders import prod, trial
from tests.components.running import run_serving

ROOT = Path(__file__).parents[2]
COMPONENTS: list[type[pulumi.ComponentResource]] = [getattr(components, name) for name in components.__all__]


def documented(cls: type[Any]) -> set[str]:
    """Names of annotated fields that a string literal follows."""
    tree = ast.parse(inspect.getsource(cls).lstrip()).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: set[str] = set()
    for field, text in zip(tree.body, tree.body[1:], strict=False):
        is_text = (
            isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
        )
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            found.add(field.target.id)
    return found


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
def test_constructor_takes_name_args_and_options(component: type[pulumi.ComponentResource]) -> None:
    parameters = list(inspect.signature(component.__init__).parameters.values())
    assert [p.name for p in parameters] == ["self", "name", "args", "opts"]
    args = inspect.get_annotations(component.__init__)["args"]
    assert is_typeddict(args)
    assert args.__name__ == f"{component.__name__}Args"


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
def test_every_field_and_output_is_documented(component: type[pulumi.ComponentResource]) -> None:
    args = inspect.get_annotations(component.__init__)["args"]
    module = inspect.getmodule(component)
    for cls in {
        args,
        *(c for _, c in inspect.getmembers(module, is_typeddict) if c.__module__ == component.__module__),
    }:
        assert documented(cls) == set(inspect.get_annotations(cls)), cls.__name__
    assert documented(component) == set(inspect.get_annotations(component)), component.__name__
    assert component.__doc__


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda c: c.__name__)
def test_each_module_has_one_component_and_the_bridge_from_a_plan(component: type[pulumi.ComponentResource]) -> None:
    module = inspect.getmodule(component)
    assert module is not None
    own = [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    assert [c for c in own if issubclass(c, pulumi.ComponentResource)] == [component]
    assert list(inspect.signature(module.args_for).parameters) == ["plan"]


@pytest.mark.parametrize("plan", [trial(), prod()], ids=["rented", "cluster"])
def test_every_registered_component_has_our_token_and_plain_props(plan: Any) -> None:
    engine = run_serving(plan)
    ours = [r for r in engine.registered if not r.custom]
    names = {f"{PACKAGE}:index:{c.__name__}" for c in COMPONENTS}
    assert {r.type for r in ours} <= names
    for registered in ours:
        assert registered.props, registered.name
        assert json.loads(json.dumps(registered.props)) == registered.props
        assert registered.urn in engine.outputs, f"{registered.name} registered no outputs"


def test_both_plans_together_use_every_component() -> None:
    seen = {r.type for plan in (trial(), prod()) for r in run_serving(plan).registered if not r.custom}
    assert seen == {f"{PACKAGE}:index:{c.__name__}" for c in COMPONENTS}


def test_names_are_unique_and_the_same_every_time() -> None:
    for plan in (trial(), prod()):
        first, second = run_serving(plan), run_serving(plan)
        urns = [r.urn for r in first.registered]
        assert len(urns) == len(set(urns))
        assert sorted(urns) == sorted(r.urn for r in second.registered)


def test_hosting_infers_a_schema() -> None:
    schema = json.loads(ComponentProvider(components=COMPONENTS, name=PACKAGE).schema or "{}")
    assert set(schema["resources"]) == {f"{PACKAGE}:index:{c.__name__}" for c in COMPONENTS}
    gateway = schema["resources"][f"{PACKAGE}:index:Gateway"]
    assert gateway["inputProperties"]["auth"]["description"].startswith("``bearer``")
    assert "hostname" not in gateway["requiredInputs"]
    assert gateway["isComponent"] is True


def test_importing_components_does_not_import_the_kubernetes_sdk() -> None:
    code = "import sys, components; print(any(m.startswith('pulumi_kubernetes') for m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


def test_no_module_postpones_its_annotations() -> None:
    for path in (ROOT / "components").rglob("*.py"):
        assert "from __future__ import annotations" not in path.read_text(encoding="utf-8"), path.name
