"""Volumes, templates, credentials, endpoints and clusters: what a change does to each."""

from typing import Any

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.lifecycle import delete_safely
from providers.runpod.resources.cluster import CLUSTER
from providers.runpod.resources.endpoint import ENDPOINT
from providers.runpod.resources.template import TEMPLATE
from tests.providers.runpod.lab import H100, Lab
from tests.providers.runpod.resources.cases import LEAST, lifecycle, made, updated

QUEUE_COUNT = {"type": "REQUEST_COUNT", "requestCount": 2}


def test_a_volume_grows_and_does_not_shrink(lab: Lab) -> None:
    volume = made(lab, "NetworkVolume")
    assert updated(lab, "NetworkVolume", volume, {}, sizeGb=200).outputs["sizeGb"] == 200
    with pytest.raises(VendorError, match="cannot shrink from 100 to 50"):
        updated(lab, "NetworkVolume", volume, {}, sizeGb=50)


def test_a_volume_that_is_in_use_is_deleted_once_it_is_free(lab: Lab) -> None:
    volume = made(lab, "NetworkVolume")
    lab.sim.faults.arm("volume_in_use", times=3)
    assert lab.run(delete_safely(lifecycle(lab.accounts, "NetworkVolume"), volume.id, clock=lab.accounts.time()))
    assert lab.sim.faults.happened == {"volume_in_use": 3}
    assert lab.sim.ledger.alive() == []


def test_a_data_centre_without_volumes_is_named(lab: Lab) -> None:
    with pytest.raises(VendorError, match="supported in the data centers: US-KS-2") as caught:
        made(lab, "NetworkVolume", dataCenter="AP-JP-1")
    assert caught.value.kind is Kind.INVALID


def test_a_template_changes_in_place_and_what_is_taken_away_is_emptied(lab: Lab) -> None:
    old: dict[str, Any] = {"allowedCudaVersions": ["12.8"], "ports": ["80/http"]}
    template = made(lab, "Template", **old)
    changed = updated(
        lab, "Template", template, old, image="i:2", allowedCudaVersions=None, ports=None, volumeGb=20, volumePath="/v"
    )
    assert {k: changed.outputs[k] for k in ("image", "allowedCudaVersions", "ports", "volumeGb", "volumePath")} == {
        "image": "i:2",
        "allowedCudaVersions": [],
        "ports": [],
        "volumeGb": 20,
        "volumePath": "/v",
    }
    with pytest.raises(VendorError, match="its volume cannot be taken away"):
        updated(lab, "Template", changed, {"volumeGb": 20, "volumePath": "/v"}, volumeGb=None, volumePath=None)
    with pytest.raises(VendorError, match="category cannot be taken away"):
        updated(lab, "Template", changed, {"category": "AMD"}, category=None)


def test_a_template_in_use_is_kept(lab: Lab) -> None:
    template = made(lab, "Template", serverless=True)
    endpoint = made(lab, "Endpoint", templateId=template.id, image=None)
    assert endpoint.outputs["image"] == "i:1"
    with pytest.raises(VendorError) as caught:
        lab.run(lifecycle(lab.accounts, "Template").delete(template.id))
    assert caught.value.kind is Kind.CONFLICT


def test_a_credential_is_never_shown_and_never_changed(lab: Lab) -> None:
    auth = made(lab, "RegistryAuth")
    assert set(auth.outputs) == {"vendorName"}
    with pytest.raises(VendorError, match="password cannot change in place"):
        updated(lab, "RegistryAuth", auth, {}, password="another")
    pod = made(lab, "Pod", registryId=auth.id)
    calls = lifecycle(lab.accounts, "RegistryAuth")
    with pytest.raises(VendorError) as caught:
        lab.run(calls.delete(auth.id))
    assert caught.value.kind is Kind.CONFLICT
    lab.run(lifecycle(lab.accounts, "Pod").delete(pod.id))
    lab.run(calls.delete(auth.id))


def test_a_password_stays_out_of_errors(lab: Lab) -> None:
    with pytest.raises(VendorError) as caught:
        made(lab, "RegistryAuth", password="p" * 20_000)
    assert caught.value.kind is Kind.INVALID
    assert "ppp" not in str(caught.value)


def test_flex_active_and_paused(lab: Lab) -> None:
    endpoint = made(lab, "Endpoint", gpu={"pools": ["HOPPER_141"], "count": 2})
    assert endpoint.outputs["status"] == "flex"
    assert lab.sim.ledger.entries[endpoint.id].usd_per_hour == 0
    old = {"gpu": {"pools": ["HOPPER_141"], "count": 2}}
    active = updated(lab, "Endpoint", endpoint, old, workersMin=1, workersMax=4)
    assert (active.outputs["status"], active.outputs["workersMax"]) == ("active", 4)
    assert str(lab.sim.ledger.entries[endpoint.id].usd_per_hour) == "9.18"  # two H200 of 4.59
    summary = lab.run(lab.client.endpoint_workers(endpoint.id))
    assert (summary.idle, summary.total) == (1, 1)
    paused = updated(lab, "Endpoint", endpoint, old, workersMin=0, workersMax=0)
    assert paused.outputs["status"] == "paused"


def test_an_endpoints_gpus_change_whole(lab: Lab) -> None:
    gpu = {"pools": ["ADA_80_PRO"], "excludedTypes": ["NVIDIA H100 PCIe"], "minCudaVersion": "12.4", "count": 2}
    endpoint = made(lab, "Endpoint", gpu=gpu)
    assert endpoint.outputs["gpu"] == gpu
    changed = updated(lab, "Endpoint", endpoint, {"gpu": gpu}, gpu={"pools": ["ADA_80_PRO", "AMPERE_80"]})
    assert changed.outputs["gpu"] == {"pools": ["ADA_80_PRO", "AMPERE_80"]}
    with pytest.raises(VendorError, match="cannot turn from gpu to cpu"):
        updated(lab, "Endpoint", endpoint, {}, gpu=None, cpu=[{"id": "cpu5c", "vcpuCount": 4}])


def test_a_cpu_endpoint(lab: Lab) -> None:
    cpu = [{"id": "cpu5c", "vcpuCount": 4}]
    endpoint = made(lab, "Endpoint", gpu=None, cpu=cpu)
    assert (endpoint.outputs["cpu"], endpoint.outputs["gpu"]) == (cpu, None)


def test_a_load_balancer_and_a_queue_that_scales_by_count(lab: Lab) -> None:
    balancer = made(lab, "Endpoint", type="LOAD_BALANCER", scaling=QUEUE_COUNT, idleTimeoutSeconds=30)
    assert balancer.outputs["requestUrls"]["base"] == f"https://{balancer.id}.api.runpod.ai"
    assert balancer.outputs["idleTimeoutSeconds"] == 30
    queue = made(lab, "Endpoint", scaling=QUEUE_COUNT)
    assert queue.outputs["idleTimeoutSeconds"] is None
    assert queue.outputs["scaling"] == QUEUE_COUNT


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"gpu": None}, ("gpu", "or cpu is needed: exactly one of them")),
        ({"image": None}, ("image", "is required without templateId")),
        (
            {"scaling": {"type": "QUEUE_DELAY", "requestCount": 1}},
            ("scaling", "of type QUEUE_DELAY takes queueDelay and nothing else"),
        ),
        (
            {"type": "LOAD_BALANCER"},
            ("scaling", "of a LOAD_BALANCER endpoint must be of type REQUEST_COUNT"),
        ),
        (
            {"scaling": QUEUE_COUNT, "idleTimeoutSeconds": 5},
            ("idleTimeoutSeconds", "does not apply to a QUEUE endpoint that scales by REQUEST_COUNT"),
        ),
        ({"workersMin": 4}, ("workersMin", "is above workersMax (default 3)")),
    ],
)
def test_rules_of_endpoints(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    assert list(ENDPOINT.check({**LEAST["Endpoint"], **changes})) == [problem]


def test_rules_of_templates_and_clusters() -> None:
    assert list(TEMPLATE.check({"volumeGb": 10})) == [
        ("image", "is required"),
        ("volumeGb", "and volumePath go together"),
    ]
    assert list(CLUSTER.check({**LEAST["Cluster"], "templateId": "t"})) == [
        ("image", "is not taken beside templateId"),
    ]


def test_a_cluster_comes_up_is_renamed_and_goes_whole(lab: Lab) -> None:
    cluster = made(lab, "Cluster", startSsh=True)
    assert cluster.outputs["status"] == "2 PROVISIONING"
    lab.clock.advance(61)
    calls = lifecycle(lab.accounts, "Cluster")
    read = lab.run(calls.read(cluster.id))
    assert read is not None
    assert (read.outputs["status"], read.outputs["primarySshEndpoint"]) == ("RUNNING", "203.0.113.7:40022")
    assert len(lab.run(lab.client.cluster_pods(cluster.id))) == 2
    assert len(lab.sim.ledger.alive("machine")) == 2
    lab.run(calls.delete(cluster.id))
    assert lab.sim.ledger.alive() == []


def test_a_cluster_takes_all_its_pods_or_none(lab: Lab) -> None:
    lab.sim.stock(H100, "any", 1)
    with pytest.raises(VendorError) as caught:
        made(lab, "Cluster")
    assert caught.value.kind is Kind.CAPACITY
    assert lab.sim.ledger.alive() == []
