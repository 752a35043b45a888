"""Where the simulated Lambda must be strict, since nothing else would notice a client that is not."""

import json

import pytest

from tests.simulators.core import SimClock, SimRequest
from tests.simulators.lambda_cloud import LambdaSimulator
from tests.simulators.lambda_cloud.instances import LINGER_SECONDS, TERMINATING_SECONDS

LAUNCH = "/api/v1/instance-operations/launch"
GOOD = {"region_name": "us-west-1", "instance_type_name": "gpu_1x_a10", "ssh_key_names": ["k"], "name": "n"}


class Lab:
    """A simulator with one SSH key, and requests with time between them."""

    def __init__(self) -> None:
        self.sim = LambdaSimulator(clock=SimClock())
        self.sim.keys["a" * 32] = {"id": "a" * 32, "name": "k", "public_key": "p"}

    def ask(
        self, method: str, path: str, body: object = None, *, after: float = 12.0, key: str = ""
    ) -> tuple[int, str]:
        self.sim.clock.advance(after)
        headers = [("Authorization", f"Bearer {key or self.sim.key}")]
        request = SimRequest.of(method, path, headers, b"" if body is None else json.dumps(body).encode())
        response = self.sim.handle(request)
        return response.status, response.body.decode()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"quantity": 1}, "quantity"),
        ({"name": "x" * 65}, "name"),
        ({"ssh_key_names": []}, "ssh_key_names"),
        ({"ssh_key_names": ["k", "k"]}, "ssh_key_names"),
        ({"region_name": "mars"}, "region_name"),
        ({"instance_type_name": "gpu_9x"}, "instance_type_name"),
        ({"region_name": None}, "region_name"),
        ({"user_data": "x" * 1_000_001}, "user_data"),
        ({"tags": [{"key": "Bad", "value": "x"}]}, "tags"),
        ({"tags": {"a": "b"}}, "tags"),
        ({"file_system_mounts": [{"mount_point": "/models", "file_system_id": "x"}]}, "file_system_mounts"),
        ({"image": {}}, "image"),
        ({"firewall_rulesets": ["x"]}, "firewall_rulesets"),
    ],
)
def test_launch_bodies(change: dict[str, object], field: str) -> None:
    lab = Lab()
    status, text = lab.ask("POST", LAUNCH, {**GOOD, **change})
    assert status == 400
    assert json.loads(text)["error"]["code"] == "global/invalid-parameters"
    assert field in json.loads(text)["error"]["suggestion"]
    assert lab.sim.creates == {}


@pytest.mark.parametrize("key", ["region_name", "instance_type_name", "ssh_key_names"])
def test_required_keys(key: str) -> None:
    assert Lab().ask("POST", LAUNCH, {k: v for k, v in GOOD.items() if k != key})[0] == 400


def test_names_of_nothing_are_refused() -> None:
    assert Lab().ask("POST", LAUNCH, {**GOOD, "ssh_key_names": ["other"]})[0] == 404
    assert Lab().ask("POST", LAUNCH, {**GOOD, "file_system_names": ["other"]})[0] == 404
    assert Lab().ask("POST", LAUNCH, {**GOOD, "firewall_rulesets": [{"id": "other"}]})[0] == 404


def test_limits_are_exact() -> None:
    lab = Lab()
    assert lab.ask("POST", LAUNCH, GOOD)[0] == 200
    assert lab.ask("GET", "/api/v1/instances", after=0.9)[0] == 429
    assert lab.ask("GET", "/api/v1/instances", after=0.1)[0] == 200
    assert lab.ask("POST", LAUNCH, GOOD, after=10.9)[0] == 429
    assert lab.ask("POST", LAUNCH, GOOD, after=0.1)[0] == 200
    assert lab.sim.limited == ["any", "launch"]
    assert lab.sim.creates == {"n": 2}


def test_the_key_is_asked_for_first() -> None:
    status, text = Lab().ask("GET", "/api/v1/instances", key="wrong", after=0)
    assert (status, json.loads(text)["error"]["code"]) == (401, "global/invalid-api-key")


def test_the_bill_runs_from_launch_to_terminate_to_the_second() -> None:
    lab = Lab()
    machine_id = json.loads(lab.ask("POST", LAUNCH, GOOD)[1])["data"]["instance_ids"][0]
    lab.ask("POST", "/api/v1/instance-operations/terminate", {"instance_ids": [machine_id]}, after=1800)
    lab.sim.clock.advance(3600)
    assert str(lab.sim.ledger.total()) == "0.645"  # half an hour of $1.29
    assert lab.sim.ledger.alive() == []


def test_the_end_of_an_instance_shows_for_a_while() -> None:
    lab = Lab()
    machine_id = json.loads(lab.ask("POST", LAUNCH, GOOD)[1])["data"]["instance_ids"][0]
    path = f"/api/v1/instances/{machine_id}"
    lab.ask("POST", "/api/v1/instance-operations/terminate", {"instance_ids": [machine_id]})
    shown = [json.loads(lab.ask("GET", path, after=1)[1])["data"]["status"]]
    shown.append(json.loads(lab.ask("GET", path, after=TERMINATING_SECONDS)[1])["data"]["status"])
    assert shown == ["terminating", "terminated"]
    assert lab.ask("GET", path, after=LINGER_SECONDS)[0] == 404


def test_stock_is_used_up_and_given_back() -> None:
    lab = Lab()
    lab.sim.stock("gpu_1x_a10", "us-west-1", 1)
    machine_id = json.loads(lab.ask("POST", LAUNCH, GOOD)[1])["data"]["instance_ids"][0]
    assert lab.ask("POST", LAUNCH, GOOD)[0] == 400
    lab.ask("POST", "/api/v1/instance-operations/terminate", {"instance_ids": [machine_id]})
    assert lab.ask("POST", LAUNCH, GOOD)[0] == 200


def test_a_preempted_instance_stays_and_costs_nothing_more() -> None:
    lab = Lab()
    machine_id = json.loads(lab.ask("POST", LAUNCH, GOOD)[1])["data"]["instance_ids"][0]
    lab.sim.preempt(machine_id)
    assert json.loads(lab.ask("GET", "/api/v1/instances")[1])["data"][0]["status"] == "preempted"
    assert lab.sim.ledger.alive() == []
