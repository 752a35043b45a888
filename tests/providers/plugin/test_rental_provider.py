"""The provider object in the process: check, diff and the lifecycle of resources, on simulators in virtual time."""

import asyncio
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    ConfigureRequest,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    PropertyDiffKind,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
)

from modelyard.errors import UnverifiedError, UsageError
from providers.base.accounts import Accounts
from providers.base.journal import MemoryJournal
from providers.base.marker import read_marker
from providers.plugin.handler import Call
from providers.plugin.handlers import load_handlers
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.values import UNKNOWN_TEXT, plain_map, property_value
from tests.providers.plugin.subjects import MACHINE as MACHINE_INPUTS
from tests.providers.plugin.subjects import SECRET, SUBJECTS
from tests.simulators.core import SimClock
from tests.simulators.scenarios import KEYS, SKUS, make_simulators
from tests.simulators.transport import SimTransport
from tests.simulators.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
KEY = "urn:pulumi:dev::modelyard::modelyard-rental:index:AccessKey::k"
MACHINE = "urn:pulumi:dev::modelyard::modelyard-rental:index:Machine::m"
READY = "urn:pulumi:dev::modelyard::modelyard-rental:index:Ready::r"


class Yard:
    """All simulators, and a provider on them."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.clock = SimClock()
        self.sims = make_simulators(self.clock, seed=1)
        hosts = {f"{vendor}.test": sim for vendor, sim in self.sims.items()}
        urls = {f"{vendor}Url": f"https://{vendor}.test{sim.base_path}" for vendor, sim in self.sims.items()}
        keys = {f"{vendor}ApiKey": key for vendor, key in KEYS.items()}
        self.accounts = Accounts(
            settings={**urls, **keys, **settings},
            environment={},
            home=home,
            clock=VirtualClock(self.clock),
            transport=SimTransport(hosts),
        )
        self.provider = RentalProvider(accounts=self.accounts, journal=MemoryJournal())

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        return run_virtual(self.clock, main)

    def create(self, urn: str, inputs: Mapping[str, Any]) -> CreateResponse:
        return self.run(self.provider.create(CreateRequest(urn, values(inputs), 0, preview=False)))

    def diff(self, urn: str, made: CreateResponse, inputs: Mapping[str, Any]) -> DiffResponse:
        request = DiffRequest(urn, made.resource_id or "", made.properties, values(inputs), [])
        return asyncio.run(self.provider.diff(request))

    def update(self, urn: str, made: CreateResponse, inputs: Mapping[str, Any]) -> dict[str, Any]:
        request = UpdateRequest(urn, made.resource_id or "", made.properties, values(inputs), 0, [], preview=False)
        made.properties = self.run(self.provider.update(request)).properties or {}
        return plain_map(made.properties)

    def read(self, urn: str, object_id: str, state: Mapping[str, PropertyValue] | None = None) -> ReadResponse:
        return self.run(self.provider.read(ReadRequest(urn, object_id, dict(state or {}), {})))

    def delete(self, urn: str, made: CreateResponse) -> None:
        self.run(self.provider.delete(DeleteRequest(urn, made.resource_id or "", made.properties, 0)))

    @property
    def alive(self) -> list[str]:
        return [f"{vendor}/{entry.id}" for vendor, sim in self.sims.items() for entry in sim.ledger.alive()]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def values(plain: Mapping[str, Any]) -> dict[str, PropertyValue]:
    return {name: property_value(value, is_secret=name == "env") for name, value in plain.items()}


def urn_of(kind: str) -> str:
    return f"urn:pulumi:dev::modelyard::modelyard-rental:{kind}::thing"


def machine(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**MACHINE_INPUTS, **changes}.items() if value is not None}


def test_previews_are_left_to_the_engine() -> None:
    request = ConfigureRequest({}, {}, accept_secrets=True, accept_resources=True)
    answer = asyncio.run(RentalProvider().configure(request))
    assert (answer.supports_preview, answer.accept_secrets, answer.accept_outputs) == (False, True, False)


def test_settings_come_from_the_config(tmp_path: Path) -> None:
    accounts = Accounts(environment={}, home=tmp_path)
    args = {"runpodApiKey": PropertyValue("k-1").with_secret(is_secret=True), "runpodUrl": PropertyValue("")}
    asyncio.run(RentalProvider(accounts=accounts).configure(ConfigureRequest({}, args, True, True)))  # noqa: FBT003  # the SDK's form
    assert accounts.settings == {"runpodApiKey": "k-1"}


def test_check_names_the_property() -> None:
    response = asyncio.run(RentalProvider().check(CheckRequest(KEY, {}, values({"length": 4}), b"")))
    assert [(f.property, f.reason) for f in response.failures or []] == [
        ("length", "4 is out of range; allowed: 16 to 128")
    ]


def test_what_is_no_resource_is_refused() -> None:
    urn = "urn:pulumi:dev::modelyard::modelyard-rental:index:Nothing::k"
    response = asyncio.run(RentalProvider().check(CheckRequest(urn, {}, {}, b"")))
    assert [f.reason for f in response.failures or []] == ["'modelyard-rental:index:Nothing' is not a rental resource"]


def test_a_key_is_random_secret_and_long_enough(yard: Yard) -> None:
    made = [yard.create(KEY, {"length": 32}) for _ in range(2)]
    keys = [m.properties["value"] for m in made]
    assert all(k.is_secret and isinstance(k.value, str) and len(k.value) == 43 for k in keys)
    assert keys[0].value != keys[1].value
    assert made[0].resource_id != made[1].resource_id
    assert yard.diff(KEY, made[0], {"length": 32}).changes is False
    assert yard.diff(KEY, made[0], {"length": 64}).replaces == ["length"]
    assert yard.read(KEY, made[0].resource_id or "", made[0].properties).properties == made[0].properties
    yard.delete(KEY, made[0])


def test_a_key_that_was_made_is_hidden_from_every_message(yard: Yard) -> None:
    key = str(yard.create(KEY, {"length": 32}).properties["value"].value)
    assert yard.provider.hide(f"refused: {key}") == "refused: [hidden]"


def test_secrets_of_inputs_and_config_are_hidden_from_every_message(yard: Yard) -> None:
    yard.create(MACHINE, machine())
    args = {"vastaiApiKey": PropertyValue("another-key").with_secret(is_secret=True)}
    asyncio.run(yard.provider.configure(ConfigureRequest({}, args, True, True)))  # noqa: FBT003  # the SDK's form
    assert yard.provider.hide(f"{SECRET} another-key plain") == "[hidden] [hidden] plain"


def test_a_machine_is_rented_with_marker_deadline_and_price(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    out = plain_map(made.properties)
    assert made.resource_id == out["machineId"] == yard.alive[0]
    assert (out["vendor"], out["chosen"], out["gpuCountActual"]) == ("runpod", "runpod 4× H200 secure", 4)
    assert (out["quotedUsdPerHour"], out["chargedUsdPerHour"]) == ("18.36", "18.36")
    marker = read_marker(str(out["marker"]))
    assert marker is not None
    assert marker.deadline is not None
    assert marker.deadline.strftime("%Y-%m-%dT%H:%M:%SZ") == out["deadlineAt"] == "2027-01-15T09:00:00Z"
    assert made.properties["env"].is_secret
    assert yard.diff(MACHINE, made, machine()).changes is False


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"image": "docker.io/vllm/vllm-openai:v0.34.0"}, ["image"]),
        ({"diskGb": 200}, ["diskGb"]),
        ({"env": {"TOKEN": "another-secret"}}, ["env"]),
        ({"boot": "#!/bin/bash\nother"}, ["boot"]),
        ({"ports": [9000]}, ["ports"]),
        ({"labels": {}}, []),
        ({"owner": "somebody/else"}, []),
        ({"name": "new-name"}, []),
        ({"lifetimeSeconds": 7200}, []),
        ({"deadline": "2027-01-15T12:00:00Z"}, []),
        ({"onDrift": "fail"}, []),
        ({"candidates": [dict(SKUS["runpod"][0]), dict(SKUS["lambda"][0])]}, []),
        ({"candidates": [dict(SKUS["lambda"][0]), dict(SKUS["runpod"][0])]}, []),
        ({"candidates": [{**SKUS["runpod"][0], "usdPerHour": "1.00"}]}, []),
        ({"candidates": [dict(SKUS["lambda"][0])]}, ["candidates"]),
        ({"candidates": [{**SKUS["runpod"][0], "gpu": "B200"}]}, ["candidates"]),
        ({"candidates": [{**SKUS["runpod"][0], "gpuCount": 8}]}, ["candidates"]),
        ({"candidates": [{**SKUS["runpod"][0], "region": "XX-1"}]}, ["candidates"]),
        ({"candidates": [{**SKUS["runpod"][0], "spot": True}]}, ["candidates"]),
    ],
)
def test_what_replaces_a_machine(yard: Yard, change: dict[str, Any], replaces: list[str]) -> None:
    made = yard.create(MACHINE, machine())
    found = yard.diff(MACHINE, made, machine(**change))
    assert (found.changes, found.diffs, found.replaces) == (True, list(change), replaces)
    assert found.delete_before_replace is True
    kind = PropertyDiffKind.UPDATE_REPLACE if replaces else PropertyDiffKind.UPDATE
    assert found.detailed_diff[next(iter(change))].kind is kind


def test_an_input_that_is_not_known_yet_replaces_as_its_table_says(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    state, new = made.properties, values(machine())
    for name, replaces in (("env", ["env"]), ("candidates", []), ("name", [])):
        request = DiffRequest(MACHINE, made.resource_id or "", state, {**new, name: PropertyValue(UNKNOWN_TEXT)}, [])
        assert asyncio.run(yard.provider.diff(request)).replaces == replaces


def test_ignored_changes_are_none(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    request = DiffRequest(MACHINE, "id", made.properties, values(machine(image="x:2")), ["image"])
    assert asyncio.run(yard.provider.diff(request)).changes is False


def test_a_deadline_is_moved_in_the_machines_own_name(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    out = yard.update(MACHINE, made, machine(lifetimeSeconds=7200, name="longer"))
    assert out["deadlineAt"] == "2027-01-15T10:00:00Z"
    seen = plain_map(yard.read(MACHINE, made.resource_id or "", made.properties).properties or {})
    assert seen["marker"] == out["marker"]
    assert str(seen["marker"]).startswith("modelyard-longer-")
    assert seen["deadlineAt"] == out["deadlineAt"]
    assert yard.diff(MACHINE, made, machine(lifetimeSeconds=7200, name="longer")).changes is False
    assert len(yard.alive) == 1


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ({}, {"lifetimeSeconds": 600}, "acts not before 2027-01-15T09:00:00Z"),
        ({"lifetimeSeconds": None}, {"lifetimeSeconds": 600}, "it was started without one"),
        ({}, {"lifetimeSeconds": 7200}, None),
        ({}, {"lifetimeSeconds": None}, None),
    ],
)
def test_a_deadline_that_the_watchdog_does_not_keep_is_told(
    yard: Yard, first: dict[str, Any], then: dict[str, Any], told: str | None
) -> None:
    made, said = yard.create(MACHINE, machine(**first)), list[str]()
    call = Call(urn=MACHINE, accounts=yard.accounts, journal=MemoryJournal(), say=said.append, warn=said.append)
    state, new, handler = plain_map(made.properties), machine(**then), load_handlers()["modelyard-rental:index:Machine"]
    yard.run(handler.update(call, made.resource_id or "", state=state, new=new, changed=["lifetimeSeconds"]))
    warned = [text for text in said if "watchdog on the machine" in text]
    assert len(warned) == (told is not None)
    assert all(told is not None and told in text for text in warned)


@pytest.mark.parametrize("seen_by", ["diff", "read"])
def test_a_machine_that_was_retained_is_not_cleared_away_by_its_successor(yard: Yard, seen_by: str) -> None:
    made = yard.create(MACHINE, machine())
    if seen_by == "diff":
        yard.diff(MACHINE, made, machine(image="docker.io/vllm/vllm-openai:v0.34.0"))
    else:
        yard.read(MACHINE, made.resource_id or "", made.properties)
    with pytest.raises(UnverifiedError, match="already runs a machine of this very resource"):
        yard.create(MACHINE, machine(image="docker.io/vllm/vllm-openai:v0.34.0"))
    assert yard.alive == [made.resource_id]


def test_an_input_that_is_taken_away_is_gone(yard: Yard) -> None:
    made = yard.create(MACHINE, machine(name="first", deadline="2027-01-15T20:00:00Z", driftLimit=0.5))
    out = yard.update(MACHINE, made, machine())
    assert not {"name", "deadline", "driftLimit"} & set(out)
    assert out["deadlineAt"] == "2027-01-15T09:00:00Z"
    assert yard.diff(MACHINE, made, machine()).changes is False


def test_a_deadline_that_has_passed_rents_nothing(yard: Yard) -> None:
    with pytest.raises(UsageError, match="has passed; nothing was rented"):
        yard.create(MACHINE, machine(deadline="2026-01-01T00:00:00Z"))
    assert yard.alive == []


def test_a_kind_of_machine_without_a_start_text_rents_nothing(yard: Yard) -> None:
    inputs = machine(otherBoots=None, candidates=[dict(SKUS["runpod"][0]), dict(SKUS["lambda"][0])])
    with pytest.raises(UsageError, match="no start-up text for machines of lambda"):
        yard.create(MACHINE, inputs)
    assert yard.alive == []


def test_a_machine_that_somebody_deleted_reads_as_gone(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    yard.clock.advance(600)
    yard.sims["runpod"].remove_behind_back((made.resource_id or "").partition("/")[2])
    assert yard.read(MACHINE, made.resource_id or "", made.properties).resource_id == ""
    yard.delete(MACHINE, made)


def test_a_machine_of_another_key_is_never_believed_gone(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    yard.clock.advance(600)
    yard.sims["runpod"].remove_behind_back((made.resource_id or "").partition("/")[2])
    made.properties["keyId"] = PropertyValue("0123456789ab")
    with pytest.raises(UnverifiedError, match="another API key"):
        yard.read(MACHINE, made.resource_id or "", made.properties)
    with pytest.raises(UnverifiedError, match="another API key"):
        yard.delete(MACHINE, made)


def test_an_imported_machine_is_not_replaced_for_what_the_vendor_does_not_tell(yard: Yard) -> None:
    made = yard.create(MACHINE, machine())
    found = yard.read(MACHINE, made.resource_id or "")
    imported = CreateResponse(made.resource_id, found.properties or {})
    changed = yard.diff(MACHINE, imported, machine())
    assert "boot" not in (changed.diffs or [])
    assert "env" not in (changed.diffs or [])
    assert changed.replaces == []
    out = yard.update(MACHINE, imported, machine())
    assert out["boot"] == MACHINE_INPUTS["boot"]
    assert yard.diff(MACHINE, imported, machine()).changes is False
    assert yard.diff(MACHINE, imported, machine(boot="other")).replaces == ["boot"]


def test_an_id_of_another_form_is_refused(yard: Yard) -> None:
    with pytest.raises(UsageError, match="not a machine's id"):
        yard.read(MACHINE, "pod-1")


def test_a_wait_that_is_over_stays_over(yard: Yard) -> None:
    state = values({"machineId": "runpod/1", "port": 1, "endpoint": "https://x"})
    assert yard.read(READY, "ready-1", state).properties == state
    with pytest.raises(UsageError, match="cannot be imported"):
        yard.read(READY, "ready-1")


VENDOR_OBJECTS = [kind for kind in SUBJECTS if not kind.startswith("index:")]


@pytest.mark.parametrize("kind", VENDOR_OBJECTS)
def test_a_vendors_resource_is_made_read_changed_and_deleted(yard: Yard, kind: str) -> None:
    subject, urn = SUBJECTS[kind], urn_of(kind)
    before = yard.alive
    made = yard.create(urn, subject.inputs)
    yard.clock.advance(600)
    assert yard.diff(urn, made, subject.inputs).changes is False
    made.properties = yard.read(urn, made.resource_id or "", made.properties).properties or {}
    assert yard.diff(urn, made, subject.inputs).changes is False
    for name in subject.secret:
        assert made.properties[name].is_secret
    if subject.in_place:
        new = {**subject.inputs, **subject.in_place}
        assert yard.diff(urn, made, new).replaces == []
        out = yard.update(urn, made, new)
        assert {name: out[name] for name in subject.in_place} == dict(subject.in_place)
    if subject.in_place and subject.is_reversible:
        yard.update(urn, made, subject.inputs)
        assert yard.diff(urn, made, subject.inputs).changes is False
        made.properties = yard.read(urn, made.resource_id or "", made.properties).properties or {}
        assert yard.diff(urn, made, subject.inputs).changes is False
    yard.delete(urn, made)
    assert yard.alive == before
    assert yard.read(urn, made.resource_id or "", made.properties).resource_id == ""


@pytest.mark.parametrize("kind", VENDOR_OBJECTS)
def test_a_vendors_resource_of_another_key_is_never_believed_gone(yard: Yard, kind: str) -> None:
    urn = urn_of(kind)
    made = yard.create(urn, SUBJECTS[kind].inputs)
    yard.clock.advance(600)
    elsewhere = CreateResponse("999999", {**made.properties, "keyId": PropertyValue("0123456789ab")})
    with pytest.raises(UnverifiedError, match="another API key"):
        yard.read(urn, "999999", elsewhere.properties)
    with pytest.raises(UnverifiedError, match="another API key"):
        yard.delete(urn, elsewhere)
    same = CreateResponse("999999", made.properties)
    assert yard.read(urn, "999999", same.properties).resource_id == ""
    yard.delete(urn, same)


@pytest.mark.parametrize("kind", [kind for kind in VENDOR_OBJECTS if SUBJECTS[kind].replacing])
def test_a_vendors_resource_is_replaced_as_its_table_says(yard: Yard, kind: str) -> None:
    subject = SUBJECTS[kind]
    made = CreateResponse("id", values(subject.inputs))
    assert yard.diff(urn_of(kind), made, {**subject.inputs, **subject.replacing}).replaces == list(subject.replacing)


def test_a_change_that_wipes_the_container_must_be_allowed(yard: Yard) -> None:
    inputs, urn = SUBJECTS["runpod:Pod"].inputs, urn_of("runpod:Pod")
    made = yard.create(urn, inputs)
    changed = {**inputs, "diskGb": 40}
    assert yard.diff(urn, made, changed).replaces == []
    with pytest.raises(UsageError, match="wipes everything"):
        yard.update(urn, made, changed)
    assert yard.update(urn, made, {**changed, "allowReset": True})["diskGb"] == 40


def test_an_optional_input_that_is_given_later_is_a_change(yard: Yard) -> None:
    inputs, urn = SUBJECTS["runpod:Cluster"].inputs, urn_of("runpod:Cluster")
    made = yard.create(urn, inputs)
    assert yard.diff(urn, made, {**inputs, "name": "renamed"}).diffs == ["name"]
