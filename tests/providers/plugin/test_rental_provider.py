import asyncio
import json

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    ConfigureRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    GetSchemaRequest,
    PropertyDiffKind,
)

from providers.plugin.rental_provider import RentalProvider

KEY = "urn:pulumi:dev::modelyard::modelyard-rental:index:AccessKey::k"
MACHINE = "urn:pulumi:dev::modelyard::modelyard-rental:index:Machine::m"


def values(**plain: float | str) -> dict[str, PropertyValue]:
    return {key: PropertyValue(value) for key, value in plain.items()}


def test_the_schema_documents_every_property_and_hides_secrets() -> None:
    response = asyncio.run(RentalProvider().get_schema(GetSchemaRequest(0)))
    schema = json.loads(response.schema or "")
    assert set(schema["resources"]) == {f"modelyard-rental:index:{kind}" for kind in ("Machine", "Ready", "AccessKey")}
    for resource in schema["resources"].values():
        assert all(facts["description"] for facts in resource["properties"].values())
        assert set(resource["requiredInputs"]) <= set(resource["inputProperties"])
    machine = schema["resources"]["modelyard-rental:index:Machine"]["inputProperties"]
    assert machine["env"]["secret"] is True
    assert machine["image"]["replaceOnChanges"] is True
    assert "replaceOnChanges" not in machine["labels"]
    assert schema["resources"]["modelyard-rental:index:AccessKey"]["properties"]["value"]["secret"] is True


def test_previews_are_left_to_the_engine() -> None:
    request = ConfigureRequest({}, {}, accept_secrets=True, accept_resources=True)
    assert asyncio.run(RentalProvider().configure(request)).supports_preview is False


def test_check_names_the_property() -> None:
    response = asyncio.run(RentalProvider().check(CheckRequest(KEY, {}, values(length=4.0), b"")))
    assert [(f.property, f.reason) for f in response.failures or []] == [
        ("length", "4 is out of range; allowed: 16 to 128")
    ]


def test_a_key_is_random_secret_and_long_enough() -> None:
    provider = RentalProvider()
    made = [asyncio.run(provider.create(CreateRequest(KEY, values(length=32.0), 0, preview=False))) for _ in range(2)]
    keys = [m.properties["value"] for m in made]
    assert all(k.is_secret and isinstance(k.value, str) and len(k.value) == 43 for k in keys)
    assert keys[0].value != keys[1].value
    assert made[0].resource_id != made[1].resource_id
    asyncio.run(provider.delete(DeleteRequest(KEY, made[0].resource_id or "", made[0].properties, 0)))


def test_renting_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(NotImplementedError, match="Nothing was sent to any vendor and nothing was spent"):
        asyncio.run(RentalProvider().create(CreateRequest(MACHINE, {}, 0, preview=False)))


def test_a_new_image_replaces_the_machine_and_a_label_does_not() -> None:
    old = values(image="a:1", owner="me", machineId="pod-1")
    new = values(image="a:2", owner="you")
    response = asyncio.run(RentalProvider().diff(DiffRequest(MACHINE, "pod-1", old, new, [])))
    assert response.changes is True
    assert response.replaces == ["image"]
    assert response.diffs == ["image", "owner"]
    assert response.delete_before_replace is True
    assert response.detailed_diff["owner"].kind is PropertyDiffKind.UPDATE


def test_nothing_changed_is_no_diff() -> None:
    old = values(length=32.0, value="token")
    response = asyncio.run(RentalProvider().diff(DiffRequest(KEY, "key-1", old, values(length=32.0), [])))
    assert response.changes is False
    assert response.replaces == []
