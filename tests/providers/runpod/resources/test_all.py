"""What holds for each of RunPod's resources."""

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.lifecycle import delete_safely
from providers.base.resource import Field, Lifecycle, Plain, ResourceType
from providers.runpod.resources import RESOURCES
from tests.providers.runpod.lab import Lab
from tests.providers.runpod.resources.cases import LEAST, NAMES, lifecycle, made, wanted

KINDS = [kind for kind, _ in RESOURCES]


@pytest.mark.parametrize("name", NAMES)
def test_create_read_find_delete(lab: Lab, name: str) -> None:
    calls, asked = lifecycle(lab.accounts, name), wanted(name, name="My Thing")
    created = lab.run(calls.create(asked))
    read = lab.run(calls.read(created.id))
    assert read is not None
    assert (read.id, read.outputs["vendorName"]) == (created.id, created.outputs["vendorName"])
    assert read.marker is not None
    assert read.marker.family == asked.marker.family
    assert [item.id for item in lab.run(calls.find(asked))] == [created.id]
    assert lab.run(calls.find(wanted(name))) != []  # another attempt at the same resource finds it too
    assert lab.run(delete_safely(calls, created.id, clock=lab.accounts.time())) is True
    assert lab.run(calls.read(created.id)) is None
    assert lab.run(calls.find(asked)) == []
    lab.run(calls.delete(created.id))  # again: no error
    assert lab.sim.ledger.alive() == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_what_was_asked_for(lab: Lab, name: str) -> None:
    read = lab.run(lifecycle(lab.accounts, name).read(made(lab, name).id))
    assert read is not None
    kind = next(kind for kind in KINDS if kind.name == name)
    kept = {f.name for f in kind.inputs if not f.write_only}
    assert {k: read.outputs[k] for k in LEAST[name] if k in kept} == {k: v for k, v in LEAST[name].items() if k in kept}


@pytest.mark.parametrize("name", NAMES)
def test_strangers_are_not_found(lab: Lab, name: str) -> None:
    lab.sim.faults.arm("duplicate_name")
    created = made(lab, name, name="trial")
    found = lab.run(lifecycle(lab.accounts, name).find(wanted(name)))
    assert [item.id for item in found] == [created.id]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lost_reply", "error_after", "slow_accept"])
def test_an_ambiguous_create_is_found_by_its_marker(lab: Lab, name: str, fault: str) -> None:
    asked = wanted(name)
    lab.sim.faults.arm(fault)
    with pytest.raises(VendorError) as caught:
        lab.run(lifecycle(lab.accounts, name).create(asked))
    assert caught.value.kind is Kind.AMBIGUOUS
    (found,) = lab.run(lifecycle(lab.accounts, name).find(asked))
    assert found.marker is not None
    assert found.marker.nonce == asked.marker.nonce
    assert len(lab.sim.creates) == 1


@pytest.mark.parametrize("name", NAMES)
def test_an_update_of_what_is_gone_says_so(lab: Lab, name: str) -> None:
    calls: Lifecycle = lifecycle(lab.accounts, name)
    inputs: Plain = LEAST[name]
    with pytest.raises(VendorError) as caught:
        lab.run(calls.update("nosuchid", old=inputs, new=inputs, changed=[]))
    assert caught.value.kind is Kind.GONE


@pytest.mark.parametrize("name", [n for n in NAMES if n not in {"Pod", "RegistryAuth"}])
def test_a_new_name_keeps_the_marker(lab: Lab, name: str) -> None:
    created = made(lab, name, name="old name")
    assert created.outputs["vendorName"].startswith("modelyard-old-name-")
    calls = lifecycle(lab.accounts, name)
    new = {**LEAST[name], "name": "New Name!"}
    changed = lab.run(calls.update(created.id, old={**LEAST[name], "name": "old name"}, new=new, changed=["name"]))
    assert changed.outputs["vendorName"].startswith("modelyard-new-name-")
    assert changed.marker is not None
    assert created.marker is not None
    assert (changed.marker.family, changed.marker.nonce) == (created.marker.family, created.marker.nonce)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_property_is_documented(kind: ResourceType) -> None:
    def walk(fields: tuple[Field, ...]) -> None:
        assert len({field.name for field in fields}) == len(fields)
        for field in fields:
            assert field.description.endswith("."), field.name
            walk(field.fields)

    walk(kind.inputs)
    walk(kind.outputs)
    assert kind.description.endswith(".")
    assert kind.module == "runpod"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_secrets_are_marked(kind: ResourceType) -> None:
    secret = {field.name for field in (*kind.inputs, *kind.outputs) if field.secret}
    known = {"env", "password", "jupyterPassword", "jupyterUrl", "sshProxyUsername"}
    assert secret == known & {field.name for field in (*kind.inputs, *kind.outputs)}


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_all_declared(lab: Lab, name: str) -> None:
    kind = next(kind for kind in KINDS if kind.name == name)
    declared = {field.name for field in (*kind.inputs, *kind.outputs)}
    assert set(made(lab, name).outputs) <= declared


@pytest.mark.parametrize("name", NAMES)
def test_a_person_finds_it_in_the_console(lab: Lab, name: str) -> None:
    assert lifecycle(lab.accounts, name).console_url("abc").startswith("https://console.runpod.io/")
