"""The simulated RunPod is as strict as the vendor, and says no in its words."""

import json
from typing import Any

import httpx
import pytest

from tests.simulators.core import SimClock, SimRequest
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.serve import serving

GPU = {"id": "NVIDIA L40S", "count": 1}
POD = {"name": "p", "image": "i:1", "gpu": GPU, "disk": 20}


@pytest.fixture
def sim() -> RunpodSimulator:
    return RunpodSimulator(clock=SimClock())


def _call(sim: RunpodSimulator, method: str, path: str, body: object = None) -> tuple[int, Any]:
    raw = b"" if body is None else json.dumps(body).encode()
    headers = [("Authorization", f"Bearer {sim.key}")]
    response = sim.handle(SimRequest.of(method, f"/v2{path}", headers, raw))
    return response.status, json.loads(response.body) if response.body else None


@pytest.mark.parametrize(
    ("body", "violation"),
    [
        ({**POD, "gpuTypeId": "x"}, "$: additional properties 'gpuTypeId' not allowed"),
        ({"image": "i:1", "gpu": GPU}, "$: missing property 'name'"),
        ({"name": "p", "gpu": GPU}, "$: missing property 'image'"),
        ({**POD, "disk": "20"}, "$.disk: got string, want integer"),
        ({**POD, "disk": True}, "$.disk: got boolean, want integer"),
        ({**POD, "disk": 0}, "$.disk: must be >= 1, got 0"),
        ({**POD, "env": {"A": 1}}, "$.env.A: got integer, want string"),
        ({**POD, "ports": ["8080"]}, r"$.ports[0]: does not match pattern '^\d+/(http|tcp)$'"),
        ({**POD, "gpu": {**GPU, "type": "x"}}, "$.gpu: additional properties 'type' not allowed"),
        ({**POD, "cloud": "ALL"}, "$.cloud: value must be one of 'SECURE', 'COMMUNITY'"),
        ({**POD, "locked": True}, "$: additional properties 'locked' not allowed"),
        ({**POD, "mounts": {"network": [{"volumeId": "v"}]}}, "$.mounts.network[0]: missing property 'path'"),
        ([], "$: got array, want object"),
    ],
)
def test_bodies_are_strict(sim: RunpodSimulator, body: object, violation: str) -> None:
    status, answer = _call(sim, "POST", "/pods", body)
    assert (status, answer["detail"], answer["errors"]) == (422, "Request validation failed.", [violation])
    assert sim.ledger.entries == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"cpu": {"id": "cpu5c", "vcpuCount": 4}},
        {"gpu": {**GPU, "minCudaVersion": "12.4", "allowedCudaVersions": ["12.8"]}},
        {"mounts": {"persistent": {"size": 10, "path": "/a"}, "network": [{"volumeId": "v", "path": "/b"}]}},
        {"mounts": {"network": [{"volumeId": "nosuch", "path": "/b"}]}},
        {"ports": [f"{port}/http" for port in range(8000, 8011)]},
        {"registry": "nosuch"},
    ],
)
def test_rules_between_fields_are_a_bare_400(sim: RunpodSimulator, changes: dict[str, object]) -> None:
    status, answer = _call(sim, "POST", "/pods", {**POD, **changes})
    assert (status, answer["detail"]) == (400, "request could not be processed")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/pods?limit=0", None, 422),
        ("GET", "/pods?limit=1001", None, 422),
        ("GET", "/pods?cursor=zzz", None, 422),
        ("PUT", "/pods", None, 405),
        ("GET", "/nosuch", None, 404),
        ("PATCH", "/registries/x", {"name": "y"}, 404),
        ("GET", "/catalog/gpus?count=2", None, 400),
        ("GET", "/catalog/gpus?include=AVAILABILITY", None, 400),
        ("GET", "/catalog/gpus?include=AVAILABILITY&product=POD&cloud=ALL", None, 422),
        ("GET", "/catalog/gpus/NVIDIA%20L40S", None, 200),
        ("POST", "/pods", {**POD, "env": {"A": "x" * 103_000}}, 413),
        ("POST", "/pods", {**POD, "templateId": "nosuch"}, 404),
        ("POST", "/pods", {**POD, "gpu": {"id": "NVIDIA NOPE"}}, 400),
        ("POST", "/pods", {**POD, "gpu": {**GPU, "count": 9}}, 400),
    ],
)
def test_statuses(sim: RunpodSimulator, method: str, path: str, body: object, status: int) -> None:
    assert _call(sim, method, path, body)[0] == status


def test_without_a_key_nothing_is_counted_or_told(sim: RunpodSimulator) -> None:
    response = sim.handle(SimRequest.of("GET", "/v2/pods", [], b""))
    assert response.status == 401
    assert json.loads(response.body)["detail"] == "missing bearer token"
    assert "ratelimit" not in response.headers
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-request-id"]


def test_limits_are_told_on_every_answer_and_refused_beyond(sim: RunpodSimulator) -> None:
    headers = [("Authorization", f"Bearer {sim.key}")]
    sim.limits = {"minute": (2, 60), "hour": (3000, 3600)}
    told = [sim.handle(SimRequest.of("GET", "/v2/pods", headers, b"")) for _ in range(3)]
    assert [r.status for r in told] == [200, 200, 429]
    assert told[0].headers["ratelimit"] == '"minute";r=1;t=60, "hour";r=2999;t=3600'
    assert told[1].headers["ratelimit"].startswith('"minute";r=0;t=60')
    assert told[2].headers["retry-after"] == "60"
    sim.clock.advance(60)
    assert _call(sim, "GET", "/pods")[0] == 200


def test_a_pods_life_and_its_actions(sim: RunpodSimulator) -> None:
    pod_id = _call(sim, "POST", "/pods", {**POD, "ports": ["22/tcp"]})[1]["id"]
    path = f"/pods/{pod_id}"
    assert _call(sim, "POST", f"{path}/action", {"action": "start"})[0] == 409
    sim.clock.advance(61)
    running = _call(sim, "GET", path)[1]
    assert (running["status"], running["cost"]) == ("RUNNING", 1.09)
    first = running["runtime"]["ports"][0]["public"]
    stopped = _call(sim, "POST", f"{path}/action", {"action": "stop"})[1]
    assert (stopped["status"], stopped["cost"], stopped["runtime"]) == ("EXITED", 0.0, None)
    assert _call(sim, "POST", f"{path}/action", {"action": "start"})[1]["status"] == "PROVISIONING"
    sim.clock.advance(61)
    assert _call(sim, "GET", path)[1]["runtime"]["ports"][0]["public"] != first  # mapped anew
    assert _call(sim, "PATCH", path, {"locked": True})[0] == 200
    assert _call(sim, "PATCH", path, {"image": "i:2"})[0] == 409
    assert _call(sim, "POST", f"{path}/action", {"action": "terminate"})[0] == 204
    assert _call(sim, "GET", path)[0] == 404


def test_at_balance_0_pods_without_a_network_volume_are_lost(sim: RunpodSimulator) -> None:
    volume = _call(sim, "POST", "/network-volumes", {"name": "v", "size": 10, "dataCenter": "US-KS-2"})[1]["id"]
    mounts = {"network": [{"volumeId": volume, "path": "/v"}]}
    kept, lost = (_call(sim, "POST", "/pods", body)[1]["id"] for body in ({**POD, "mounts": mounts}, POD))
    sim.world.balance = sim.ledger.total()
    assert _call(sim, "GET", f"/pods/{lost}")[0] == 404
    assert _call(sim, "GET", f"/pods/{kept}")[1]["status"] == "EXITED"


def test_it_is_reached_over_http_and_told_to_fail(sim: RunpodSimulator) -> None:
    with serving(sim, speed=1000.0) as served, httpx.Client(trust_env=False) as client:
        client.post(f"{served.origin}/__sim/faults", json={"name": "retired"})
        headers = {"Authorization": f"Bearer {sim.key}"}
        assert client.get(f"{served.url}/pods", headers=headers).status_code == 410
        assert client.get(f"{served.url}/pods", headers=headers).status_code == 200
