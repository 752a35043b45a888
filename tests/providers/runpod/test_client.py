"""The client against every way in which RunPod can fail to answer well."""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import httpx
import pytest

from providers.base.accounts import Accounts
from providers.base.errors import Kind, Stopped, VendorError
from providers.runpod.client import ACCESS, RunpodClient
from tests.providers.runpod.lab import H100, KEY, Lab, order
from tests.simulators.core import SimRequest, SimResponse
from tests.simulators.runpod import RunpodSimulator

POD = {"name": "p", "image": "i:1", "gpu": {"id": H100, "count": 1}, "disk": 20, "cloud": "SECURE"}


def _kind(lab: Lab, call: Coroutine[Any, Any, object]) -> VendorError:
    with pytest.raises(VendorError) as caught:
        lab.run(call)
    return caught.value


def _always(status: int, body: str) -> Callable[[SimRequest], SimResponse]:
    def answer(request: SimRequest) -> SimResponse:
        del request
        return SimResponse(status=status, body=body.encode())

    return answer


def test_lists_are_read_over_all_pages(lab: Lab) -> None:
    lab.sim.page_limit = 2
    ids = [lab.run(lab.client.create_pod({**POD, "name": f"p{n}"})).id for n in range(5)]
    before = len(lab.sim.calls)
    assert [pod.id for pod in lab.run(lab.client.list_pods())] == ids
    assert len(lab.sim.calls) - before == 3


def test_pods_of_clusters_are_listed_although_they_make_pages_short(lab: Lab) -> None:
    compute = {"gpuTypeId": H100, "gpuCountPerPod": 8, "podCount": 2}
    cluster = lab.run(lab.client.create_cluster({"name": "c", "type": "TRAINING", "compute": compute, "image": "i:1"}))
    listed = lab.run(lab.client.list_pods())
    assert [pod.cluster.id for pod in listed if pod.cluster] == [cluster.id, cluster.id]
    assert _kind(lab, lab.client.delete_pod(listed[0].id)).kind is Kind.CONFLICT


@pytest.mark.parametrize("seed", range(8))
def test_an_odd_list_is_read_again_and_never_as_empty(lab: Lab, seed: int) -> None:
    lab.sim.random.seed(seed)
    lab.run(lab.client.create_pod(POD))
    lab.sim.faults.arm("malformed_list", times=2)
    assert len(lab.run(lab.client.list_pods())) == 1
    lab.sim.faults.arm("malformed_list", times=1000)
    assert _kind(lab, lab.client.list_pods()).kind is Kind.MALFORMED


@pytest.mark.parametrize(
    "page",
    [
        '{"pods": [], "pagination": {"hasNextPage": true, "nextCursor": null}}',
        '{"pods": [], "pagination": null}',
        '{"pods": [], "pagination": {"hasNextPage": true, "nextCursor": "n7"}}',
        '{"pods": [{"id": "a"}]}',
    ],
)
def test_odd_pages_are_errors(lab: Lab, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab.sim, "answer", _always(200, page))
    assert _kind(lab, lab.client.list_pods()).kind is Kind.MALFORMED


@pytest.mark.parametrize(
    ("fault", "committed"),
    [("error_before", 0), ("error_after", 1), ("lost_reply", 1), ("slow_accept", 1)],
)
def test_a_create_without_a_clear_answer_is_ambiguous_and_sent_once(lab: Lab, fault: str, committed: int) -> None:
    lab.sim.faults.arm(fault)
    assert _kind(lab, lab.client.create_pod(POD)).kind is Kind.AMBIGUOUS
    assert sum(lab.sim.creates.values()) == committed
    assert lab.sim.calls == ["POST /v2/pods"]


def test_a_refused_create_is_sent_again_because_nothing_was_done(lab: Lab) -> None:
    lab.sim.faults.arm("rate_limited", times=3)
    lab.run(lab.client.create_pod(POD))
    assert lab.sim.creates == {"p": 1}
    assert lab.clock.now == 1_800_000_021.0  # three times the seven seconds that were asked for


@pytest.mark.parametrize(
    ("body", "created_id", "kind"),
    [("{}", None, Kind.AMBIGUOUS), ('{"id": "p1"}', "p1", Kind.MALFORMED), ("<html>", None, Kind.AMBIGUOUS)],
)
def test_an_odd_answer_to_a_create_does_not_lose_what_it_made(
    lab: Lab, body: str, created_id: str | None, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lab.sim, "answer", _always(201, body))
    error = _kind(lab, lab.client.create_pod(POD))
    assert (error.kind, error.created_id) == (kind, created_id)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("out_of_stock", Kind.CAPACITY), ("capacity_lie", Kind.CAPACITY), ("retired", Kind.RETIRED)],
)
def test_refusals_of_a_create(lab: Lab, fault: str, kind: Kind) -> None:
    lab.sim.faults.arm(fault)
    assert _kind(lab, lab.client.create_pod(POD)).kind is kind
    assert lab.sim.creates == {}


def test_stock_runs_out_by_data_centre_and_comes_back(lab: Lab) -> None:
    lab.sim.stock(H100, "any", 0)
    assert _kind(lab, lab.client.create_pod(POD)).kind is Kind.CAPACITY
    lab.sim.stock(H100, "any", 5)
    lab.sim.stock(H100, "US-KS-2", 1)
    there = {**POD, "dataCenterIds": ["US-KS-2"]}
    pod = lab.run(lab.client.create_pod(there))
    assert pod.data_center_id == "US-KS-2"
    assert _kind(lab, lab.client.create_pod(there)).kind is Kind.CAPACITY
    lab.run(lab.client.delete_pod(pod.id))
    assert lab.run(lab.client.create_pod(there)).id != pod.id


def test_no_money_a_read_only_key_and_a_wrong_one(lab: Lab) -> None:
    lab.sim.world.balance = Decimal(3)
    assert _kind(lab, lab.client.create_pod(POD)).kind is Kind.BALANCE
    lab.sim.scope = "read"
    error = _kind(lab, lab.client.create_pod(POD))
    assert (error.kind, error.status) == (Kind.AUTH, 403)
    lab.sim.key = "another"
    error = _kind(lab, lab.client.get_pod("x"))
    assert (error.kind, error.status) == (Kind.AUTH, 401)
    assert KEY not in str(error)


def test_a_retired_api_is_named(lab: Lab) -> None:
    lab.sim.retired = True
    error = _kind(lab, lab.client.list_pods())
    assert error.kind is Kind.RETIRED
    assert "switched this API off" in str(error)


def test_deletes_are_repeated_until_they_are_accepted(lab: Lab) -> None:
    pod = lab.run(lab.client.create_pod(POD))
    lab.sim.faults.arm("delete_fails", times=2)
    lab.run(lab.client.delete_pod(pod.id))
    assert lab.sim.ledger.alive() == []


def test_a_deleted_pod_may_show_again_for_a_while(lab: Lab) -> None:
    pod = lab.run(lab.client.create_pod(POD))
    lab.sim.faults.arm("delete_reappears", seconds=20)
    lab.run(lab.client.delete_pod(pod.id))
    assert lab.run(lab.client.get_pod(pod.id)) is not None
    lab.clock.advance(21)
    assert lab.run(lab.client.get_pod(pod.id)) is None


def test_a_new_pod_may_not_be_shown_yet(lab: Lab) -> None:
    lab.sim.faults.arm("delayed_visibility", seconds=20)
    pod = lab.run(lab.client.create_pod(POD))
    assert lab.run(lab.client.get_pod(pod.id)) is None
    assert lab.run(lab.client.list_pods()) == []
    lab.clock.advance(20)
    assert [p.id for p in lab.run(lab.client.list_pods())] == [pod.id]


def test_reads_survive_a_bad_gateway(lab: Lab) -> None:
    lab.sim.faults.arm("read_error", times=3)
    assert lab.run(lab.client.list_pods()) == []


def test_nothing_is_created_once_we_are_asked_to_stop(lab: Lab) -> None:
    lab.accounts.stopping.set()
    with pytest.raises(Stopped):
        lab.run(lab.client.create_pod(POD))
    assert lab.sim.calls == []


def test_unknown_keys_are_told_by_name_and_values_are_not(lab: Lab) -> None:
    error = _kind(lab, lab.client.create_pod({**POD, "gpuTypeId": "hf_verysecret"}, secrets=("hf_verysecret",)))
    assert error.kind is Kind.INVALID
    assert "$: additional properties 'gpuTypeId' not allowed" in str(error)
    assert "hf_verysecret" not in str(error)
    assert error.request_id == "req-000001"


def test_a_wrong_base_url_does_not_read_as_gone(lab: Lab) -> None:
    lab.accounts.transport = httpx.MockTransport(lambda _: httpx.Response(404, text="<html>nginx</html>"))
    assert _kind(lab, lab.client.get_pod("x")).kind is Kind.MALFORMED


@pytest.mark.parametrize("text", ['[default]\napi_key = "from-file"\n', 'apikey = "from-file"\n'])
def test_the_key_is_found_in_the_files_of_runpods_own_tools(lab: Lab, text: str) -> None:
    folder = lab.accounts.home / ".runpod"
    folder.mkdir()
    (folder / "config.toml").write_text(text)
    lab.accounts.settings = {"runpodUrl": "http://localhost/v2"}
    lab.sim.key = "from-file"
    assert lab.run(lab.client.list_pods()) == []


def test_without_a_key_it_says_where_one_is_made(lab: Lab) -> None:
    accounts = Accounts(environment={}, home=lab.accounts.home)
    with pytest.raises(VendorError, match="RUNPOD_API_KEY") as caught:
        RunpodClient(accounts)
    assert caught.value.kind is Kind.AUTH
    assert "console.runpod.io" in str(caught.value)


def test_the_default_address() -> None:
    assert Accounts(environment={}).url(ACCESS) == "https://api.runpod.io/v2"
    assert Accounts(environment={"RUNPOD_REST_URL": "http://127.0.0.1:9/v2/"}).url(ACCESS) == "http://127.0.0.1:9/v2"


def test_many_pods_at_once_are_each_made_once(lab: Lab) -> None:
    orders = [order() for _ in range(40)]

    async def main() -> list[str]:
        return await asyncio.gather(*(lab.machines.create(each) for each in orders))

    assert len(set(lab.run(main()))) == 40
    assert lab.sim.creates == {each.marker.name: 1 for each in orders}


def test_a_pods_own_key_ends_that_pod_and_no_other(lab: Lab) -> None:
    first, second = (lab.run(lab.client.create_pod({**POD, "name": name})) for name in ("a", "b"))
    lab.accounts.settings = {**lab.accounts.settings, "runpodApiKey": lab.sim.pod_key(first.id)}
    assert _kind(lab, lab.client.delete_pod(second.id)).kind is Kind.AUTH
    lab.run(lab.client.delete_pod(first.id))
    assert [e.id for e in lab.sim.ledger.alive()] == [second.id]


def test_the_simulator_is_served_under_v2() -> None:
    assert RunpodSimulator.base_path == "/v2"
