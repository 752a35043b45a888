"""The environments that ship: each is read, each is what its schema says, and the committed schema is current."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.cli.project import load_project, load_stack
from modelyard.cli.yamlfile import read_yaml
from modelyard.offers import RENTABLE_VENDORS
from modelyard.offers.vendors import load_rules
from stacks.settings import parse_settings, schema_document

ROOT = Path(__file__).resolve().parents[2]
Validator: Any = importlib.import_module("jsonschema").Draft202012Validator  # it has no types
FILES = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "stacks" / "schema.json").read_text(encoding="utf-8"))
    return document


def test_the_promised_environments_ship() -> None:
    assert {"dev", "staging", "prod", "trial-405b"} <= {f.name.split(".")[1] for f in FILES}


def test_the_committed_schema_is_current(schema: dict[str, Any]) -> None:
    assert schema == json.loads(json.dumps(schema_document())), (
        "run `modelyard schema --output stacks/schema.json` and commit it"
    )


def test_the_schema_is_one(schema: dict[str, Any]) -> None:
    Validator.check_schema(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_stack_file_is_what_its_schema_says(path: Path, schema: dict[str, Any]) -> None:
    validator = Validator(schema)
    problems = [e.message for e in validator.iter_errors(yaml.safe_load(path.read_text(encoding="utf-8")))]
    assert problems == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_stack_file_is_read_and_points_to_the_schema(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=schema.json\n")
    document = read_yaml(path, shown=path.name)
    name = path.name.split(".")[1]
    spec = parse_settings(document.data["config"], file=path.name).to_spec(name)
    assert spec.name == name


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"modelyard:serve": {"model": "llama-3.1-8b", "context": "16k"}}, "concurrency"),
        ({"modelyard:serve": {"model": "m", "context": 1, "concurrency": 1, "modle": 1}}, "modle"),
        ({"modelyard:serve": {"model": "m", "context": "16q", "concurrency": 1}}, "16q"),
        ({"modelyard:serve": {"model": "m", "context": 1, "concurrency": 1, "place": {"vendors": ["x"]}}}, "x"),
        ({"modelyard:serve": {"model": "m", "context": 1, "concurrency": 1}, "modelyard:sreve": {}}, "modelyard:sreve"),
    ],
)
def test_the_schema_refuses_what_the_program_refuses(change: dict[str, Any], word: str, schema: dict[str, Any]) -> None:
    problems = list(Validator(schema).iter_errors({"config": change}))
    assert problems
    assert word in json.dumps([p.message for p in problems])


def test_the_schema_knows_every_vendor_that_can_be_rented_from(schema: dict[str, Any]) -> None:
    vendors = schema["$defs"]["PlaceSettings"]["properties"]["vendors"]["items"]
    assert vendors["enum"] == list(RENTABLE_VENDORS)


def test_the_schema_knows_every_control_plane_that_is_priced(schema: dict[str, Any]) -> None:
    choices = schema["$defs"]["KubernetesSettings"]["properties"]["control-plane"]["anyOf"][0]["enum"]
    assert choices == [plane.name for plane in load_rules().control_planes]


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    definitions = schema["$defs"]
    undescribed = [
        f"{name}.{key}"
        for name, definition in definitions.items()
        for key, field in definition.get("properties", {}).items()
        if "description" not in {**definitions.get(field.get("$ref", "").rsplit("/", 1)[-1], {}), **field}
    ]
    assert undescribed == []


def test_the_editor_is_offered_catalog_names(schema: dict[str, Any]) -> None:
    assert "llama-3.1-405b" in schema["$defs"]["ServeSettings"]["properties"]["model"]["examples"]
    assert "H100-SXM" in schema["$defs"]["NodesSettings"]["properties"]["gpu"]["examples"]


def test_the_project_finds_them() -> None:
    project = load_project(ROOT)
    assert {"dev", "staging", "prod", "trial-405b"} <= set(project.environments())
    assert load_stack(project, "dev").shown == "stacks/Pulumi.dev.yaml"
