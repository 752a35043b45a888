"""The simulated Vast is at least as strict as the vendor."""

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.simulators.core import SimClock, SimRequest, SimResponse
from tests.simulators.serve import serving
from tests.simulators.vastai import VastSimulator

BODY: dict[str, Any] = {
    "client_id": "me",
    "image": "i:1",
    "disk": 10,
    "label": "m",
    "runtype": "ssh_direc ssh_proxy",
    "cancel_unavail": True,
}


def simulator() -> VastSimulator:
    return VastSimulator(clock=SimClock())


def call(sim: VastSimulator, method: str, target: str, body: object = None, *, key: str | None = None) -> SimResponse:
    headers = [("Authorization", f"Bearer {key or sim.key}"), ("Host", "console.vast.ai")]
    data = b"" if body is None else json.dumps(body).encode()
    return sim.handle(SimRequest.of(method, target, headers, data))


def ask(sim: VastSimulator, **filters: object) -> dict[str, Any]:
    wanted = {"gpu_name": {"eq": "RTX 4090"}, "order": [["dph_total", "asc"]], **filters}
    offers: list[dict[str, Any]] = json.loads(call(sim, "POST", "/api/v0/bundles/", wanted).body)["offers"]
    return offers[0]


def rent(sim: VastSimulator, **changes: object) -> SimResponse:
    sim.clock.advance(15)
    return call(sim, "PUT", f"/api/v0/asks/{ask(sim)['id']}/", {**BODY, **changes})


def told(response: SimResponse) -> tuple[int, str]:
    return response.status, json.loads(response.body).get("error", "")


def test_the_old_list_is_gone_and_a_wrong_key_is_wrong() -> None:
    sim = simulator()
    assert told(call(sim, "GET", "/api/v0/instances/")) == (410, "deprecated_endpoint")
    assert told(call(sim, "GET", "/api/v1/instances/", key="other")) == (401, "auth_error")
    assert call(sim, "GET", "/api/v2/nothing/").status == 404


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"surprise": 1}, "invalid_args"),
        ({"client_id": "you"}, "invalid_args"),
        ({"disk": 7}, "invalid_args"),
        ({"disk": "10"}, "invalid_args"),
        ({"runtype": "ssh_direct"}, "invalid_args"),
        ({"label": "x" * 257}, "invalid_args"),
        ({"onstart": "x" * 4049}, "invalid_args"),
        ({"env": {"A": "x" * 257}}, "invalid_args"),
        ({"env": {f"A{n}": "x" * 250 for n in range(140)}}, "invalid_args"),
        ({"env": {"-p 80": "1"}}, "invalid_args"),
        ({"env": "-e A=1"}, "invalid_args"),
        ({"price": 0.0001}, "invalid_price"),
        ({"volume_info": {"volume_id": 1}}, "invalid_args"),
    ],
)
def test_bodies_are_strict(changes: dict[str, object], error: str) -> None:
    sim = simulator()
    assert told(rent(sim, **changes)) == (400, error)
    assert sim.ledger.alive() == []


def test_what_is_missing_is_named() -> None:
    sim = simulator()
    response = call(sim, "PUT", f"/api/v0/asks/{ask(sim)['id']}/", {"client_id": "me"})
    assert "'image' is required" in response.body.decode()


def test_asks_vanish() -> None:
    sim = simulator()
    first = ask(sim)["id"]
    assert call(sim, "PUT", f"/api/v0/asks/{first}/", BODY).status == 200
    sim.clock.advance(5)
    assert "no_such_ask" in call(sim, "PUT", f"/api/v0/asks/{first}/", BODY).body.decode()
    second = ask(sim)["id"]
    sim.clock.advance(601)
    assert told(call(sim, "PUT", f"/api/v0/asks/{second}/", BODY))[0] == 404


@pytest.mark.parametrize(
    ("filters", "status"),
    [
        ({"num_gpus": 3}, 400),
        ({"num_gpus": {"is": 3}}, 400),
        ({"colour": {"eq": "red"}}, 400),
        ({"type": "free"}, 400),
        ({"order": [["beauty", "asc"]]}, 400),
        ({"num_gpus": {"in": [1, 2]}, "gpu_name": {"notin": ["H200"]}}, 200),
    ],
)
def test_searches_are_strict(filters: dict[str, object], status: int) -> None:
    assert call(simulator(), "POST", "/api/v0/bundles/", filters).status == status


def test_no_search_shows_more_than_64() -> None:
    sim = simulator()
    body = json.loads(call(sim, "POST", "/api/v0/bundles/", {"limit": 5000}).body)
    assert len(body["offers"]) == 64


def test_a_create_that_comes_early_waits_longer() -> None:
    sim = simulator()
    assert rent(sim).status == 200
    offer = ask(sim)["id"]
    sim.clock.advance(4)
    early = call(sim, "PUT", f"/api/v0/asks/{offer}/", BODY)
    assert early.status == 429
    assert "threshold=4.5" in early.body.decode()
    sim.clock.advance(11)
    assert call(sim, "PUT", f"/api/v0/asks/{offer}/", BODY).status == 429
    sim.clock.advance(12)
    assert call(sim, "PUT", f"/api/v0/asks/{offer}/", BODY).status == 200


def test_a_bid_that_is_too_low_makes_a_stopped_contract_unless_told_not_to() -> None:
    sim = simulator()
    assert told(rent(sim, price=0.01)) == (410, "no_such_ask")
    response = rent(sim, price=0.01, cancel_unavail=False)
    made = json.loads(response.body)["new_contract"]
    assert response.status == 400
    assert [entry.id for entry in sim.ledger.alive()] == [str(made)]
    assert sim.world.contracts[made].state == "stopped"


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("after_token=nonsense", "invalid_token"),
        ("limit=many", "invalid_args"),
        ("owner=me", "invalid_request"),
        ("order_by=%5B%5D", "invalid_request"),
        ("select_filters=%7B%22dph_total%22%3A%7B%22eq%22%3A1%7D%7D", "invalid_request"),
    ],
)
def test_lists_are_strict(query: str, error: str) -> None:
    assert told(call(simulator(), "GET", f"/api/v1/instances/?{query}")) == (400, error)


def test_pages_and_filters() -> None:
    sim = simulator()
    for number in range(3):
        assert rent(sim, label=f"m{number}").status == 200
    page = json.loads(call(sim, "GET", "/api/v1/instances/?limit=2").body)
    assert (page["instances_found"], page["total_instances"]) == (2, 3)
    sim.clock.advance(1)
    rest = json.loads(call(sim, "GET", f"/api/v1/instances/?limit=2&after_token={page['next_token']}").body)
    assert ([row["label"] for row in rest["instances"]], rest["next_token"]) == (["m2"], None)
    sim.clock.advance(1)
    chosen = json.loads(call(sim, "GET", '/api/v1/instances/?select_filters={"label":{"eq":"m1"}}').body)
    assert [row["label"] for row in chosen["instances"]] == ["m1"]


def test_the_bill_runs_by_the_second_and_stopped_disks_cost() -> None:
    sim = simulator()
    made = json.loads(rent(sim).body)["new_contract"]
    sim.clock.advance(3600)
    assert sim.ledger.total() == Decimal("0.270274")  # 0.27 and 10 GB of disk
    call(sim, "PUT", f"/api/v0/instances/{made}/", {"state": "stopped"})
    sim.clock.advance(3600)
    assert sim.ledger.total() == Decimal("0.270548")
    call(sim, "DELETE", f"/api/v0/instances/{made}/", {})
    sim.clock.advance(3600)
    assert sim.ledger.total() == Decimal("0.270548")


def test_no_money_stops_what_runs() -> None:
    sim = simulator()
    made = json.loads(rent(sim).body)["new_contract"]
    sim.world.credit = sim.ledger.total()
    assert told(rent(sim)) == (400, "insufficient_credit")
    assert sim.world.contracts[made].state == "stopped"


def test_stock_by_country() -> None:
    sim = simulator()
    sim.stock("RTX 4090", "any", 0)
    sim.stock("RTX 4090", "DE", 1)
    assert ask(sim)["geolocation"] == "Frankfurt, DE"
    assert rent(sim).status == 200
    assert json.loads(call(sim, "POST", "/api/v0/bundles/", {"gpu_name": {"eq": "RTX 4090"}}).body)["offers"] == []
    with pytest.raises(KeyError):
        sim.stock("RTX 9090", "any", 1)


def test_logs_refuse_the_key() -> None:
    sim = simulator()
    made = json.loads(rent(sim).body)["new_contract"]
    answer = json.loads(call(sim, "PUT", f"/api/v0/instances/request_logs/{made}/", {"tail": "5"}).body)
    path = httpx.URL(answer["result_url"]).path
    assert call(sim, "GET", path).status == 400
    assert sim.handle(SimRequest.of("GET", path, [], b"")).status == 404
    sim.clock.advance(2)
    assert sim.handle(SimRequest.of("GET", path, [], b"")).status == 200


def test_over_http() -> None:
    sim = simulator()
    with serving(sim, speed=1000) as served:
        headers = {"Authorization": f"Bearer {sim.key}"}
        with httpx.Client(base_url=served.url, headers=headers, trust_env=False) as client:
            offers = client.post("/api/v0/bundles/", json={"gpu_name": {"eq": "H200"}}).json()["offers"]
            made = client.put(f"/api/v0/asks/{offers[0]['id']}/", json=BODY).json()["new_contract"]
            assert client.get(f"/api/v0/instances/{made}/", params={"owner": "me"}).json()["instances"]["id"] == made
            url = client.put(f"/api/v0/instances/request_logs/{made}/", json={"tail": "5"}).json()["result_url"]
            assert url.startswith(served.origin)
            assert client.get("/__sim/orphans", params={"prefix": "m"}).json() == {"alive": [str(made)]}
