"""A Machine with a network volume, on the simulators: one volume at a time, where the machine is, gone after it."""

from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.provider import CreateResponse

from modelyard.errors import NotPossibleError, UnverifiedError
from providers.base.errors import VendorError
from providers.base.marker import read_marker
from providers.base.reap import Asked, Outcome, Why, sweep
from providers.plugin.values import plain_map
from providers.registry import VENDORS
from tests.providers.plugin.test_rental_provider import MACHINE, READY, Yard, machine
from tests.simulators.core import Entry
from tests.simulators.lambda_cloud import LambdaSimulator
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.scenarios import SKUS

RUNPOD, LAMBDA, VAST = SKUS["runpod"][0], SKUS["lambda"][0], SKUS["vastai"][0]
WITH_VOLUME: dict[str, Any] = {"networkVolumeGb": 100, "cachePath": "/data/models"}


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def runpod(yard: Yard) -> RunpodSimulator:
    simulator = yard.sims["runpod"]
    assert isinstance(simulator, RunpodSimulator)
    return simulator


def of_kind(yard: Yard, kind: str) -> list[Entry]:
    """Everything of a kind that was ever billed, in order of its creation."""
    entries = [entry for sim in yard.sims.values() for entry in sim.ledger.entries.values() if entry.kind == kind]
    return sorted(entries, key=lambda entry: entry.created)


def rent(yard: Yard, *candidates: dict[str, Any], **changes: Any) -> tuple[CreateResponse, dict[str, Any]]:
    made = yard.create(MACHINE, machine(candidates=[dict(c) for c in candidates or (RUNPOD,)], **WITH_VOLUME | changes))
    return made, plain_map(made.properties)


@pytest.mark.parametrize(("candidate", "vendor"), [(RUNPOD, "runpod"), (LAMBDA, "lambda")])
def test_the_volume_is_made_where_the_machine_is_and_goes_after_it(
    yard: Yard, candidate: dict[str, Any], vendor: str
) -> None:
    made, state = rent(yard, candidate)
    (volume,), (node,) = of_kind(yard, "volume"), of_kind(yard, "machine")
    assert (state["vendor"], state["networkVolumeId"]) == (vendor, volume.id)
    marker, machines = read_marker(volume.name), read_marker(node.name)
    assert marker is not None
    assert machines is not None
    assert (marker.family, marker.deadline) == (machines.family, machines.deadline)
    assert marker.nonce != machines.nonce
    yard.delete(MACHINE, made)
    assert yard.alive == []
    assert node.ended is not None
    assert volume.ended is not None
    assert node.ended <= volume.ended


def test_the_machine_mounts_it_at_the_cache_path(yard: Yard) -> None:
    _, state = rent(yard)
    (pod,) = runpod(yard).pods.things.values()
    assert pod.asked["mounts"] == {"network": [{"volumeId": state["networkVolumeId"], "path": "/data/models"}]}
    assert runpod(yard).volumes.things[state["networkVolumeId"]].asked["size"] == 100
    lam = yard.sims["lambda"]
    assert isinstance(lam, LambdaSimulator)
    made = yard.create(MACHINE + "2", machine(candidates=[dict(LAMBDA)], **WITH_VOLUME))
    (instance,) = lam.instances.values()
    volume_id = plain_map(made.properties)["networkVolumeId"]
    assert instance.body["file_system_mounts"] == [{"mount_point": "/data/models", "file_system_id": volume_id}]


def test_without_capacity_the_volume_goes_before_the_next_place(yard: Yard) -> None:
    runpod(yard).faults.arm("out_of_stock", times=2)
    _, state = rent(yard)
    first, second, third = of_kind(yard, "volume")
    assert (third.id, third.ended) == (state["networkVolumeId"], None)
    assert first.ended is not None
    assert second.ended is not None
    assert first.ended <= second.created
    assert second.ended <= third.created
    assert [line.partition(": ")[0] for line in state["attempts"]] == [
        "runpod 4× H200 secure in CA-MTL-3",
        "runpod 4× H200 secure in EU-RO-1",
    ]
    assert state["chosen"] == "runpod 4× H200 secure"


def test_only_places_with_stock_and_volumes_are_tried(yard: Yard) -> None:
    runpod(yard).stock("NVIDIA H200", "any", 0)
    _, state = rent(yard, RUNPOD, LAMBDA)
    assert state["vendor"] == "lambda"
    assert "no data centre has it in stock and network volumes too" in state["attempts"][0]
    assert [entry.id for entry in of_kind(yard, "volume")] == [state["networkVolumeId"]]


def test_a_region_without_volumes_is_no_place(yard: Yard) -> None:
    with pytest.raises(VendorError, match="EU-SE-1 is not one that has it in stock and network volumes"):
        rent(yard, {**RUNPOD, "region": "EU-SE-1"})
    assert of_kind(yard, "volume") == []
    _, state = rent(yard, {**RUNPOD, "region": "EUR-IS-1"})
    assert state["region"] == "EUR-IS-1"


def test_vendors_without_volumes_are_left_out_with_the_reason(yard: Yard) -> None:
    _, state = rent(yard, VAST, RUNPOD)
    assert state["vendor"] == "runpod"
    assert state["attempts"] == ["vastai 4× H200 secure: modelyard makes no network volumes at vastai"]


@pytest.mark.parametrize(
    ("candidates", "changes", "reason"),
    [
        ((VAST,), {}, "no network volumes at vastai"),
        (({**RUNPOD, "trust": "community"}, VAST), {}, "secure machines only"),
        ((LAMBDA,), {"cachePath": "/models"}, "below /home, /lambda/nfs or /data only"),
    ],
)
def test_when_none_can_have_one_nothing_is_created(
    yard: Yard, candidates: tuple[dict[str, Any], ...], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(NotPossibleError) as caught:
        rent(yard, *candidates, **changes)
    assert reason in str(caught.value)
    assert [sim.ledger.entries for sim in yard.sims.values()] == [{}] * len(yard.sims)


def test_when_no_machine_can_be_had_no_volume_stays(yard: Yard) -> None:
    runpod(yard).faults.arm("out_of_stock", times=99)
    with pytest.raises(VendorError, match="none of the 1 candidates"):
        rent(yard)
    assert len(of_kind(yard, "volume")) == 5
    assert yard.alive == []


def test_an_error_that_ends_the_run_takes_the_volume_with_it(yard: Yard) -> None:
    runpod(yard).world.balance = yard.sims["runpod"].ledger.total()
    with pytest.raises(VendorError, match="insufficient balance"):
        rent(yard)
    assert len(of_kind(yard, "volume")) == 1
    assert yard.alive == []


@pytest.mark.parametrize("fault", ["lost_reply", "error_after", "error_before", "delayed_visibility", "slow_accept"])
@pytest.mark.parametrize("candidate", [RUNPOD, LAMBDA])
def test_doubt_makes_no_second_volume(yard: Yard, fault: str, candidate: dict[str, Any]) -> None:
    yard.sims[candidate["vendor"]].faults.arm(fault)
    made, state = rent(yard, candidate)
    assert [entry.id for entry in of_kind(yard, "volume")] == [state["networkVolumeId"]]
    yard.delete(MACHINE, made)
    assert yard.alive == []


@pytest.mark.parametrize("candidate", [RUNPOD, LAMBDA])
def test_a_volume_that_a_machine_may_mount_is_left_to_the_next_run(
    yard: Yard, candidate: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = yard.sims[candidate["vendor"]]
    taken = vendor.faults.take

    def lose_the_machines_answer(name: str) -> Any:
        """The answer to the second create is lost, and the API is switched off while it is looked for."""
        if name == "lost_reply" and of_kind(yard, "machine") and not vendor.faults.happened:
            vendor.faults.arm("retired")
            vendor.faults.arm("lost_reply")
        return taken(name)

    monkeypatch.setattr(vendor.faults, "take", lose_the_machines_answer)
    with pytest.raises(UnverifiedError, match="may have been created"):
        rent(yard, candidate)
    (volume,), (node,) = of_kind(yard, "volume"), of_kind(yard, "machine")
    assert (volume.ended, node.ended) == (None, None)
    _, state = rent(yard, candidate)
    assert (state["machineId"], state["networkVolumeId"]) == (f"{vendor.name}/{node.id}", volume.id)


def test_what_an_interrupted_run_left_is_taken_over(yard: Yard) -> None:
    _, first = rent(yard)
    _, again = rent(yard)  # the engine died before it wrote the answer down
    assert (again["machineId"], again["networkVolumeId"]) == (first["machineId"], first["networkVolumeId"])
    runpod(yard).remove_behind_back(first["machineId"].partition("/")[2])
    _, anew = rent(yard)
    assert anew["machineId"] != first["machineId"]
    assert anew["networkVolumeId"] == first["networkVolumeId"], "its weights are still there"


def test_a_volume_of_another_shape_goes_before_anything_is_created(yard: Yard) -> None:
    _, first = rent(yard)
    _, other = rent(yard, image="docker.io/vllm/vllm-openai:v0.34.0")
    old, new = of_kind(yard, "volume")
    assert (old.id, new.id) == (first["networkVolumeId"], other["networkVolumeId"])
    assert old.ended is not None
    assert old.ended <= new.created
    made, state = rent(yard, image="docker.io/vllm/vllm-openai:v0.34.0", networkVolumeGb=None, cachePath=None)
    assert "networkVolumeId" not in state
    yard.delete(MACHINE, made)
    assert yard.alive == []


def test_it_grows_in_place_and_shrinking_takes_another_machine(yard: Yard) -> None:
    made, state = rent(yard)
    inputs = machine(candidates=[dict(RUNPOD)], **WITH_VOLUME)
    assert yard.diff(MACHINE, made, inputs).changes is False
    assert yard.diff(MACHINE, made, {**inputs, "networkVolumeGb": 50}).replaces == ["networkVolumeGb"]
    without = {name: value for name, value in inputs.items() if name not in WITH_VOLUME}
    assert yard.diff(MACHINE, made, without).replaces == ["cachePath", "networkVolumeGb"]
    larger = {**inputs, "networkVolumeGb": 200}
    assert yard.diff(MACHINE, made, larger).replaces == []
    yard.update(MACHINE, made, larger)
    assert runpod(yard).volumes.things[state["networkVolumeId"]].asked["size"] == 200
    assert yard.diff(MACHINE, made, larger).changes is False


def test_at_lambda_its_size_only_informs(yard: Yard) -> None:
    made, _ = rent(yard, LAMBDA)
    smaller = machine(candidates=[dict(LAMBDA)], **WITH_VOLUME | {"networkVolumeGb": 50})
    assert yard.diff(MACHINE, made, smaller).replaces == []
    assert yard.update(MACHINE, made, smaller)["networkVolumeGb"] == 50


def test_a_moved_deadline_moves_the_volumes_as_well(yard: Yard) -> None:
    made, state = rent(yard)
    moved = yard.update(MACHINE, made, machine(candidates=[dict(RUNPOD)], **WITH_VOLUME | {"lifetimeSeconds": 7200}))
    marker = read_marker(runpod(yard).volumes.things[state["networkVolumeId"]].name)
    assert marker is not None
    assert marker.deadline is not None
    assert f"{marker.deadline:%Y-%m-%dT%H:%M:%SZ}" == moved["deadlineAt"]


def test_a_volume_that_went_behind_the_back_is_seen(yard: Yard) -> None:
    made, state = rent(yard)
    simulator = runpod(yard)
    volume = simulator.volumes.things[state["networkVolumeId"]]
    volume.deleted = True
    simulator.ledger.close(volume.id)
    read = yard.read(MACHINE, made.resource_id or "", made.properties)
    made.properties = read.properties
    assert plain_map(read.properties)["networkVolumeId"] == ""
    assert yard.diff(MACHINE, made, machine(candidates=[dict(RUNPOD)], **WITH_VOLUME)).replaces == ["networkVolumeId"]


def test_a_machine_that_is_gone_keeps_its_volume_in_the_state(yard: Yard) -> None:
    made, state = rent(yard)
    runpod(yard).remove_behind_back(state["machineId"].partition("/")[2])
    yard.clock.advance(120)
    read = yard.read(MACHINE, made.resource_id or "", made.properties)
    assert read.resource_id == made.resource_id
    made.properties = read.properties
    assert plain_map(read.properties)["status"] == "failed"
    assert yard.diff(MACHINE, made, machine(candidates=[dict(RUNPOD)], **WITH_VOLUME)).replaces == ["status"]
    yard.delete(MACHINE, made)
    assert yard.alive == []
    assert yard.read(MACHINE, made.resource_id or "", made.properties).resource_id == ""


def test_an_import_knows_the_volume_that_was_made_for_it(yard: Yard) -> None:
    made, state = rent(yard)
    found = plain_map(yard.read(MACHINE, made.resource_id or "").properties)
    assert (found["networkVolumeId"], found["networkVolumeGb"]) == (state["networkVolumeId"], 100)


def test_a_volume_in_use_is_asked_again(yard: Yard) -> None:
    made, _ = rent(yard)
    runpod(yard).faults.arm("volume_in_use", times=3)
    yard.delete(MACHINE, made)
    assert yard.alive == []


def test_a_machine_that_never_gets_ready_takes_its_volume_with_it(yard: Yard) -> None:
    runpod(yard).faults.arm("never_ready")
    _, state = rent(yard)
    wait = {
        "machineId": state["machineId"],
        "port": 8080,
        "healthPath": "/health",
        "timeoutSeconds": 120,
        "phases": [{"name": "boot", "seconds": 120, "why": "it boots"}],
        "deleteOnFailure": True,
    }
    with pytest.raises(Exception, match=r"not ready|within|budget"):
        yard.create(READY, wait)
    assert yard.alive == []


def reap(yard: Yard, **asked: Any) -> dict[str, tuple[Why, Outcome]]:
    """One sweep of RunPod and Lambda: what became of machine and volume."""
    vendors = [VENDORS[name] for name in ("runpod", "lambda")]
    volumes = {v.name: made for v in vendors if (made := v.volumes(yard.accounts)) is not None}
    found = yard.run(
        sweep([v.machines(yard.accounts) for v in vendors], Asked(**asked), clock=yard.accounts.time(), volumes=volumes)
    )
    assert found.is_proved
    return {row.kind: (row.why, row.outcome) for row in found.rows}


@pytest.mark.parametrize("candidate", [RUNPOD, LAMBDA])
def test_reap_ends_a_volume_after_its_machine(yard: Yard, candidate: dict[str, Any]) -> None:
    rent(yard, candidate)
    kept = (Why.IN_TIME, Outcome.KEPT)
    assert reap(yard) == {"machine": kept, "volume": kept}
    yard.clock.advance(3601)
    goes = Outcome.WOULD_DELETE
    assert reap(yard, delete=False) == {"machine": (Why.EXPIRED, goes), "volume": (Why.ITS_MACHINE, goes)}
    assert reap(yard) == {
        "machine": (Why.EXPIRED, Outcome.DELETED),
        "volume": (Why.ITS_MACHINE, Outcome.DELETED),
    }
    assert yard.alive == []


def test_reap_ends_a_volume_whose_machine_is_gone_only_past_its_deadline(yard: Yard) -> None:
    _, state = rent(yard)
    runpod(yard).remove_behind_back(state["machineId"].partition("/")[2])
    assert reap(yard) == {"volume": (Why.IN_TIME, Outcome.KEPT)}
    yard.clock.advance(3601)
    assert reap(yard, grace_seconds=60) == {"volume": (Why.IN_TIME, Outcome.KEPT)}
    assert reap(yard) == {"volume": (Why.EXPIRED, Outcome.DELETED)}


def test_reap_leaves_the_volume_of_a_machine_whose_deadline_moved(yard: Yard) -> None:
    made, _ = rent(yard, LAMBDA)  # whose filesystems cannot be renamed
    yard.update(MACHINE, made, machine(candidates=[dict(LAMBDA)], **WITH_VOLUME | {"lifetimeSeconds": 7200}))
    yard.clock.advance(3601)
    kept = (Why.IN_TIME, Outcome.KEPT)
    assert reap(yard) == {"machine": kept, "volume": kept}
    assert reap(yard, everything=True)["volume"] == (Why.ITS_MACHINE, Outcome.DELETED)


def test_reap_ends_a_volume_by_its_id_and_leaves_those_of_others(yard: Yard) -> None:
    made = yard.create(
        "urn:pulumi:dev::modelyard::modelyard-rental:runpod:NetworkVolume::weights",
        {"sizeGb": 100, "dataCenter": "US-KS-2"},
    )
    assert reap(yard, everything=True) == {"volume": (Why.NO_DEADLINE, Outcome.KEPT)}
    asked = frozenset({f"runpod/{made.resource_id}"})
    assert reap(yard, machines=asked) == {"volume": (Why.ASKED, Outcome.DELETED)}
