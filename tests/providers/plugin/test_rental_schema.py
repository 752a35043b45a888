"""The package schema: what generated SDKs are made of, held to the rules of Pulumi's package metaschema."""

import asyncio
import json
import keyword
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.provider.experimental.provider import GetSchemaRequest

from providers import registry
from providers.base.resource import Change, Field, ResourceType
from providers.plugin.handlers import load_handlers
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.rental_schema import CONFIG, schema
from providers.rental import PACKAGE

SCHEMA: dict[str, Any] = json.loads(asyncio.run(RentalProvider().get_schema(GetSchemaRequest(0))).schema or "")
KINDS = {token: handler.kind for token, handler in load_handlers().items()}
TOKENS = sorted(KINDS)
_TOKEN = re.compile(rf"{PACKAGE}:[a-z]+:[A-Z][A-Za-z0-9]+")
_NAME = re.compile(r"[a-z][A-Za-z0-9]*")
_RESERVED = {"id", "urn", "pulumi", "provider", "project"}
_SCALARS = {"string", "integer", "number", "boolean"}
_KEYS = {"type", "items", "additionalProperties", "$ref", "description", "secret", "replaceOnChanges"}


def properties() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every resource, type, provider and config."""
    for token, resource in SCHEMA["resources"].items():
        for part in ("inputProperties", "properties"):
            yield from ((f"{token}.{name}", facts) for name, facts in resource[part].items())
    for token, kind in SCHEMA["types"].items():
        yield from ((f"{token}.{name}", facts) for name, facts in kind["properties"].items())
    yield from ((f"config.{name}", facts) for name, facts in SCHEMA["config"]["variables"].items())


def check_type(where: str, facts: dict[str, Any]) -> None:
    """A type specification: one of the scalars, a list, a map, or a reference that resolves."""
    if "$ref" in facts:
        reference = facts["$ref"]
        assert "type" not in facts, where
        assert reference == "pulumi.json#/Any" or reference.removeprefix("#/types/") in SCHEMA["types"], where
    elif facts["type"] == "array":
        check_type(f"{where}[]", facts["items"])
    elif facts["type"] == "object":
        check_type(f"{where}{{}}", facts["additionalProperties"])
    else:
        assert facts["type"] in _SCALARS, where


def test_every_type_of_property_resolves() -> None:
    for where, facts in properties():
        assert set(facts) <= _KEYS, where
        check_type(where, facts)


def test_every_property_is_documented_and_well_named() -> None:
    for where, facts in properties():
        name = where.rpartition(".")[2]
        assert len(facts["description"]) >= 5, where
        assert facts["description"].endswith("."), where
        assert _NAME.fullmatch(name), where
        assert name not in _RESERVED or where.startswith(tuple(SCHEMA["types"])), where


def test_tokens_are_well_formed_and_all_there() -> None:
    assert set(SCHEMA["resources"]) == set(KINDS)
    for token in (*SCHEMA["resources"], *SCHEMA["types"]):
        assert _TOKEN.fullmatch(token), token
    assert not set(SCHEMA["resources"]) & set(SCHEMA["types"])
    modules = {token.split(":")[1] for token in SCHEMA["resources"]}
    assert modules <= {"index", *registry.VENDORS}


def test_a_module_that_is_a_python_keyword_has_another_name_there() -> None:
    modules = {token.split(":")[1] for token in SCHEMA["resources"]}
    renamed = SCHEMA["language"]["python"]["moduleNameOverrides"]
    assert set(renamed) == {module for module in modules if keyword.iskeyword(module)}
    assert not any(keyword.iskeyword(name) for name in renamed.values())


@pytest.mark.parametrize("token", TOKENS)
def test_a_resource_says_what_its_table_says(token: str) -> None:
    kind, resource = KINDS[token], SCHEMA["resources"][token]
    assert resource["description"]
    assert resource["requiredInputs"] == [field.name for field in kind.inputs if field.required]
    assert set(resource["required"]) <= set(resource["properties"])
    assert set(resource["properties"]) == {field.name for field in (*kind.inputs, *kind.outputs)}
    for field in kind.inputs:
        facts = resource["inputProperties"][field.name]
        assert facts.get("secret", False) is field.secret, field.name
        assert facts.get("replaceOnChanges", False) is (field.change is Change.REPLACE), field.name
        assert ("wiped" in facts["description"]) >= (field.change is Change.RESET), field.name
    for field in kind.outputs:
        assert resource["properties"][field.name].get("secret", False) is field.secret, field.name
        assert "replaceOnChanges" not in resource["properties"][field.name], field.name


_SECRET_NAMES = re.compile(
    r"password|token|secret|apikey|accesskey|privatekey|userdata|^env$|imagelogin", re.IGNORECASE
)


@pytest.mark.parametrize("token", TOKENS)
def test_what_sounds_secret_is(token: str) -> None:
    kind = KINDS[token]
    open_ones = [f.name for f in (*kind.inputs, *kind.outputs) if _SECRET_NAMES.search(f.name) and not f.secret]
    assert open_ones == []
    if kind.name == "AccessKey":
        assert SCHEMA["resources"][token]["properties"]["value"]["secret"] is True


def test_keys_in_the_config_are_secret_and_none_is_required() -> None:
    assert all(field.secret for field in CONFIG if field.name.endswith("ApiKey"))
    assert not any(field.required for field in CONFIG)
    assert SCHEMA["provider"]["inputProperties"] == SCHEMA["config"]["variables"]
    assert "required" not in SCHEMA["config"]
    for vendor in registry.VENDORS:
        assert {f"{vendor}ApiKey", f"{vendor}Url"} <= {field.name for field in CONFIG}


def test_objects_in_objects_have_types_of_their_own() -> None:
    inner = Field(name="size", kind="integer", description="Size.", required=True)
    box = Field(name="box", kind="object", description="Box.", fields=(inner,))
    outer = Field(name="shelves", kind="array", items="object", description="Shelves.", fields=(box,))
    made = json.loads(schema([ResourceType(module="acme", name="Rack", description="Rack.", inputs=(outer,))]))
    assert set(made["types"]) == {f"{PACKAGE}:acme:RackShelve", f"{PACKAGE}:acme:RackShelveBox"}
    assert (
        made["types"][f"{PACKAGE}:acme:RackShelve"]["properties"]["box"]["$ref"]
        == f"#/types/{PACKAGE}:acme:RackShelveBox"
    )
    assert made["types"][f"{PACKAGE}:acme:RackShelveBox"]["required"] == ["size"]
