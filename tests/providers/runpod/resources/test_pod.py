"""Pods as resources: what a change does, and what RunPod adds by itself."""

from typing import Any

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.resource import Change
from providers.runpod.resources.pod import POD
from tests.providers.runpod.lab import H100, Lab
from tests.providers.runpod.resources.cases import LEAST, lifecycle, made, updated


def _read(lab: Lab, pod_id: str) -> dict[str, Any]:
    found = lab.run(lifecycle(lab.accounts, "Pod").read(pod_id))
    assert found is not None
    return dict(found.outputs)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", Change.UPDATE),
        ("locked", Change.UPDATE),
        ("image", Change.RESET),
        ("env", Change.RESET),
        ("volumeGb", Change.RESET),
        ("networkVolumePath", Change.RESET),
        ("globalNetworking", Change.RESET),
        ("gpu", Change.REPLACE),
        ("cloud", Change.REPLACE),
        ("networkVolumeId", Change.REPLACE),
        ("templateId", Change.REPLACE),
        ("allowReset", Change.STATE),
    ],
)
def test_what_a_change_does(field: str, change: Change) -> None:
    assert next(f.change for f in POD.inputs if f.name == field) is change


def test_a_users_name_is_the_name_and_the_marker_stays_in_the_environment(lab: Lab) -> None:
    created = made(lab, "Pod", name="notebook", env={"HF_TOKEN": "t"})
    assert created.outputs["name"] == "notebook"
    assert created.outputs["env"] == {"HF_TOKEN": "t"}
    assert created.marker is not None
    assert lab.sim.pods.things[created.id].asked["env"]["MODELYARD_MARKER"] == created.marker.name
    assert made(lab, "Pod").outputs["name"] is None  # a name of ours is no input of the user's


def test_new_variables_keep_the_marker_and_start_the_container_anew(lab: Lab) -> None:
    created = made(lab, "Pod", name="notebook", env={"A": "1"})
    changed = updated(lab, "Pod", created, {"name": "notebook", "env": {"A": "1"}}, env={"B": "2"})
    assert changed.outputs["env"] == {"B": "2"}
    assert changed.marker == created.marker
    assert lab.sim.pods.things[created.id].resets == 1
    emptied = updated(lab, "Pod", changed, {"name": "notebook"}, env=None, ports=None)
    assert (emptied.outputs["env"], emptied.outputs["ports"]) == ({}, [])


def test_a_name_and_a_lock_change_without_a_reset(lab: Lab) -> None:
    created = made(lab, "Pod")
    changed = updated(lab, "Pod", created, {}, name="mine", locked=True)
    assert (changed.outputs["name"], changed.outputs["locked"]) == ("mine", True)
    back = updated(lab, "Pod", changed, {"name": "mine", "locked": True}, name=None)
    assert back.outputs["name"] is None
    assert back.marker == created.marker
    assert lab.sim.pods.things[created.id].resets == 0


def test_what_runpod_adds_is_not_taken_for_a_change(lab: Lab) -> None:
    inputs = {"startSsh": True, "startJupyter": True, "env": {"A": "1"}, "ports": ["8888/http", "22/tcp"]}
    created = made(lab, "Pod", **inputs)
    assert created.outputs["env"] == {"A": "1"}
    lab.clock.advance(61)
    shown = _read(lab, created.id)
    token = lab.sim.pods.things[created.id].asked["env"]["JUPYTER_PASSWORD"]
    assert shown["jupyterPassword"] == token
    assert shown["jupyterUrl"] == f"http://localhost/proxy/{created.id}/8888/lab?token={token}"
    assert (shown["sshHost"], shown["sshProxyUsername"]) == ("203.0.113.7", f"{created.id}-64411eb2")
    assert shown["publicPorts"]["22"] == f"203.0.113.7:{shown['sshPort']}"
    changed = updated(lab, "Pod", created, inputs, env={"B": "2"})
    assert changed.outputs["env"] == {"B": "2"}
    assert changed.outputs["jupyterPassword"] == token


def test_a_users_own_jupyter_password_is_the_users(lab: Lab) -> None:
    created = made(lab, "Pod", startJupyter=True, env={"JUPYTER_PASSWORD": "mine"})
    assert created.outputs["env"] == {"JUPYTER_PASSWORD": "mine"}


def test_entrypoint_and_cmd_come_back_from_args(lab: Lab) -> None:
    created = made(lab, "Pod", entrypoint=["bash", "-c"], cmd=["sleep 1"])
    shown = _read(lab, created.id)
    assert (shown["entrypoint"], shown["cmd"], shown["args"]) == (["bash", "-c"], ["sleep 1"], None)
    assert _read(lab, made(lab, "Pod", args="--port 1").id)["args"] == "--port 1"


def test_a_volume_grows_and_does_not_shrink(lab: Lab) -> None:
    old = {"volumeGb": 50, "volumePath": "/data"}
    created = made(lab, "Pod", **old)
    assert updated(lab, "Pod", created, old, volumeGb=80).outputs["volumeGb"] == 80
    with pytest.raises(VendorError, match="cannot shrink from 50 to 20"):
        updated(lab, "Pod", created, old, volumeGb=20)
    with pytest.raises(VendorError, match="cannot be added to or taken from"):
        updated(lab, "Pod", created, old, volumeGb=None, volumePath=None)


def test_a_network_volume_is_in_use_until_its_pod_is_gone(lab: Lab) -> None:
    volume = made(lab, "NetworkVolume")
    pod = made(lab, "Pod", networkVolumeId=volume.id, networkVolumePath="/cache")
    assert (pod.outputs["networkVolumeId"], pod.outputs["dataCenterId"]) == (volume.id, "US-KS-2")
    volumes = lifecycle(lab.accounts, "NetworkVolume")
    with pytest.raises(VendorError) as caught:
        lab.run(volumes.delete(volume.id))
    assert caught.value.kind is Kind.CONFLICT
    lab.run(lifecycle(lab.accounts, "Pod").delete(pod.id))
    lab.run(volumes.delete(volume.id))
    assert lab.sim.ledger.alive() == []


def test_a_pod_of_a_template_and_one_without_gpus(lab: Lab) -> None:
    template = made(lab, "Template", env={"FROM": "template"}, ports=["80/http"])
    inputs = {**LEAST["Pod"], "templateId": template.id, "image": None}
    pod = made(lab, "Pod", **inputs)
    assert (pod.outputs["image"], pod.outputs["env"], pod.outputs["ports"]) == (
        "i:1",
        {"FROM": "template"},
        ["80/http"],
    )
    cpu = made(lab, "Pod", gpu=None, cpu={"id": "cpu5c", "vcpuCount": 4})
    assert (cpu.outputs["cpu"], cpu.outputs["gpuId"]) == ({"id": "cpu5c", "vcpuCount": 4}, None)


def test_drift_is_told(lab: Lab) -> None:
    pod = made(lab, "Pod", gpu={"id": H100, "count": 8})
    lab.sim.preempt(pod.id)
    shown = _read(lab, pod.id)
    assert (shown["status"], shown["usdPerHour"]) == ("EXITED", None)
    assert (shown["gpuId"], shown["gpuCountActual"]) == (H100, 8)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"gpu": None}, ("gpu", "or cpu is needed: exactly one of them")),
        ({"cpu": {"id": "cpu5c", "vcpuCount": 4}}, ("gpu", "or cpu is needed: exactly one of them")),
        ({"image": None}, ("image", "is required without templateId")),
        ({"volumeGb": 10}, ("volumeGb", "and volumePath go together")),
        (
            {"volumeGb": 10, "volumePath": "/a", "networkVolumeId": "v", "networkVolumePath": "/b"},
            ("volumeGb", "and networkVolumeId exclude each other"),
        ),
        (
            {"cloud": "COMMUNITY", "networkVolumeId": "v", "networkVolumePath": "/b"},
            ("networkVolumeId", "needs cloud SECURE"),
        ),
        (
            {"gpu": None, "cpu": {"id": "c", "vcpuCount": 2}, "volumeGb": 10, "volumePath": "/a"},
            ("volumeGb", "does not exist on CPU pods"),
        ),
    ],
)
def test_rules_that_span_inputs(lab: Lab, changes: dict[str, Any], problem: tuple[str, str]) -> None:
    inputs = {**LEAST["Pod"], **changes}
    assert list(POD.check(inputs)) == [problem]
    with pytest.raises(VendorError, match=problem[1]):
        made(lab, "Pod", **changes)
    assert lab.sim.calls == []
