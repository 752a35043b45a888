"""The package schema, made from the tables of the resources: what generated SDKs show and type."""

import json
from collections.abc import Sequence
from typing import Any, Final

from providers import registry
from providers.base.resource import Change, Field, ResourceType
from providers.rental import PACKAGE, VERSION


def _settings(vendor: registry.Vendor) -> tuple[Field, ...]:
    """What is asked for one vendor."""
    access = vendor.access()
    variables = f"{access.id_variable} and {access.key_variable}" if access.id_variable else access.key_variable
    key = f"{access.title} client id and secret as id:secret" if access.id_variable else f"{access.title} API key"
    return (
        Field(name=f"{vendor.name}ApiKey", kind="string", secret=True, description=f"{key}; else {variables}."),
        Field(name=f"{vendor.name}Url", kind="string", description=f"Base URL of {access.title}'s API."),
        *(Field(name=name, kind="string", description=text) for name, text in access.more_settings.items()),
    )


CONFIG: Final = (
    *(field for vendor in registry.VENDORS.values() for field in _settings(vendor)),
    Field(
        name="journalFolder", kind="string", description="Folder of the notes on creates in flight; else ~/.modelyard."
    ),
)
"""What the provider may be configured with. Nothing of it is needed for a preview."""


def schema(types: Sequence[ResourceType]) -> str:
    """The Pulumi package schema as JSON."""
    nested: dict[str, Any] = {}
    resources = {kind.token: _resource(kind, nested) for kind in types}
    variables = {field.name: _property(field, PACKAGE, nested) for field in CONFIG}
    for facts in variables.values():
        facts.pop("replaceOnChanges", None)
    return json.dumps(
        {
            "name": PACKAGE,
            "version": VERSION,
            "displayName": "modelyard rental",
            "description": "GPU machines, volumes and endpoints of rental vendors, with deadlines and proven teardown",
            "keywords": ["pulumi", "category/cloud", "gpu", "llm"],
            "license": "Apache-2.0",
            "language": {"python": {"respectSchemaVersion": True, "moduleNameOverrides": {"lambda": "lambda_"}}},
            "config": {"variables": variables},
            "provider": {"inputProperties": variables},
            "types": nested,
            "resources": resources,
        }
    )


def _resource(kind: ResourceType, nested: dict[str, Any]) -> dict[str, Any]:
    inputs = {field.name: _property(field, kind.token, nested) for field in kind.inputs}
    outputs = {field.name: _property(field, kind.token, nested) for field in kind.outputs}
    for facts in outputs.values():
        facts.pop("replaceOnChanges", None)
    required = [field.name for field in kind.inputs if field.required]
    return {
        "description": kind.description,
        "inputProperties": inputs,
        "requiredInputs": required,
        "properties": {**inputs, **outputs},
        "required": [*required, *(field.name for field in kind.outputs)],
    }


def _property(field: Field, owner: str, nested: dict[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {**_shape(field, owner, nested), "description": _described(field)}
    if field.change is Change.REPLACE:
        facts["replaceOnChanges"] = True
    if field.secret:
        facts["secret"] = True
    return facts


def _shape(field: Field, owner: str, nested: dict[str, Any]) -> dict[str, Any]:
    if field.kind == "array":
        return {"type": "array", "items": _item(field, owner, nested)}
    if field.kind == "map":
        return {"type": "object", "additionalProperties": _item(field, owner, nested)}
    if field.kind == "object":
        return _object(field, owner, nested)
    return {"type": field.kind}


def _item(field: Field, owner: str, nested: dict[str, Any]) -> dict[str, Any]:
    return _object(field, owner, nested) if field.items == "object" else {"type": field.items}


def _object(field: Field, owner: str, nested: dict[str, Any]) -> dict[str, Any]:
    if not field.fields:
        return {"$ref": "pulumi.json#/Any"}
    _, module, name = owner.split(":") if ":" in owner else (PACKAGE, "index", owner)
    singular = field.name.removesuffix("s") if field.kind == "array" else field.name
    token = f"{PACKAGE}:{module}:{name}{singular[0].upper()}{singular[1:]}"
    nested[token] = {
        "type": "object",
        "description": field.description,
        "properties": {
            inner.name: {**_shape(inner, token, nested), "description": inner.description} for inner in field.fields
        },
        "required": [inner.name for inner in field.fields if inner.required],
    }
    return {"$ref": f"#/types/{token}"}


def _described(field: Field) -> str:
    parts = [field.description]
    if field.choices:
        parts.append(f"One of {', '.join(field.choices)}.")
    if field.change is Change.RESET:
        parts.append("A change starts the container anew: everything outside of its volumes is wiped.")
    return " ".join(parts)
