"""Pods as rented machines, from create to gone."""

import asyncio
import base64
import gzip
import re
import subprocess
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from providers.base.errors import Kind, VendorError
from providers.base.machines import Sighting, Status
from providers.runpod.boot import ENTRYPOINT, command
from providers.runpod.client import ACCESS
from providers.runpod.machines import create_body
from tests.providers.runpod.lab import H100, Lab, candidate, marker, order
from tests.simulators.core import SimRequest, SimResponse, json_response
from tests.simulators.transport import SimTransport


def _seen(lab: Lab, pod_id: str) -> Sighting:
    sighting = lab.run(lab.machines.get(pod_id))
    assert sighting is not None
    return sighting


def test_a_pod_is_created_boots_serves_and_goes(lab: Lab) -> None:
    wanted = order()
    pod_id = lab.run(lab.machines.create(wanted))

    seen = _seen(lab, pod_id)
    assert (seen.name, seen.marker) == (wanted.marker.name, wanted.marker)
    assert (seen.status, seen.detail) == (Status.PENDING, "PROVISIONING")
    assert (seen.gpu, seen.gpu_count, seen.image) == ("H100-SXM", 8, "vllm/vllm-openai:v0.33.0")
    assert seen.address == f"http://localhost/proxy/{pod_id}/8080"
    assert seen.usd_per_hour == Decimal("31.92")
    assert seen.created_at == datetime.fromtimestamp(1_800_000_000, UTC)

    lab.clock.advance(30)
    assert _seen(lab, pod_id).detail == "STARTING"
    lab.clock.advance(31)
    assert _seen(lab, pod_id).status is Status.RUNNING
    assert lab.sim.creates == {wanted.marker.name: 1}

    lab.run(lab.machines.delete(pod_id))
    assert lab.run(lab.machines.get(pod_id)) is None
    assert lab.run(lab.machines.list()) == []
    lab.run(lab.machines.delete(pod_id))  # again: no error
    assert lab.sim.ledger.alive() == []


def test_the_bill_is_gpus_and_disk_to_the_second(lab: Lab) -> None:
    pod_id = lab.run(lab.machines.create(order(candidate=candidate(gpu_count=1), disk_gb=730)))
    lab.clock.advance(1800)
    lab.run(lab.machines.delete(pod_id))
    # half an hour of 3.99 a GPU and 730 GB at 0.10 / 730 a GB-hour
    assert lab.sim.ledger.total() == Decimal("2.045")


def test_the_body_of_the_create_call(lab: Lab) -> None:
    volume = lab.run(lab.client.create_volume({"name": "v", "size": 100, "dataCenter": "US-KS-2"}))
    wanted = order(candidate=candidate(region="US-KS-2"), network_volume_id=volume.id, cache_path="/cache")
    assert create_body(wanted) == {
        "name": wanted.marker.name,
        "image": "vllm/vllm-openai:v0.33.0",
        "entrypoint": ["bash", "-c"],
        "cmd": ["echo booting"],
        "env": dict(wanted.env),
        "gpu": {"id": H100, "count": 8},
        "cloud": "SECURE",
        "disk": 600,
        "ports": ["8080/http"],
        "dataCenterIds": ["US-KS-2"],
        "mounts": {"network": [{"volumeId": volume.id, "path": "/cache"}]},
    }
    assert _seen(lab, lab.run(lab.machines.create(wanted))).region == "US-KS-2"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"candidate": candidate(spot=True)}, "rents no spot pods"),
        ({"candidate": candidate(trust="cloud")}, "'cloud' is not sold by RunPod; allowed: secure, community"),
        ({"candidate": candidate(trust="community"), "network_volume_id": "v1"}, "in the secure cloud only"),
        ({"ports": tuple(range(8000, 8011))}, "11 ports; RunPod's proxy serves at most 10"),
        ({"env": {"BIG": "x" * 103_000}}, "RunPod takes at most 102,400"),
    ],
)
def test_what_cannot_be_met_is_refused_before_anything_is_sent(lab: Lab, changes: dict[str, object], says: str) -> None:
    with pytest.raises(VendorError) as caught:
        lab.run(lab.machines.create(order(**changes)))
    assert caught.value.kind is Kind.INVALID
    assert says in str(caught.value)
    assert lab.sim.calls == []


def test_a_long_start_up_text_is_packed_and_runs_as_it_is() -> None:
    boot = (
        "echo first\n" + "# padding, to make it long\n" * 1000 + 'read line; echo "got $line $(printf \'%s\' "a\'b")"\n'
    )
    (packed,) = command(boot)
    assert len(packed) < 1000
    encoded = re.search(r"[A-Za-z0-9+/=]{40,}", packed)
    assert encoded is not None
    assert gzip.decompress(base64.b64decode(encoded[0])).decode() == boot
    ran = subprocess.run([*ENTRYPOINT, packed], input="stdin\n", capture_output=True, text=True, check=True)
    assert ran.stdout == "first\ngot stdin a'b\n"


def test_a_short_start_up_text_is_sent_as_it_is() -> None:
    assert command("echo hi") == ["echo hi"]


def test_a_name_is_read_first_and_the_variable_where_the_name_tells_nothing(lab: Lab) -> None:
    wanted = order()
    pod_id = lab.run(lab.machines.create(wanted))
    lab.run(lab.client.patch_pod(pod_id, {"name": "renamed by hand"}))
    assert _seen(lab, pod_id).marker == wanted.marker

    later = wanted.marker.until(datetime(2027, 2, 1, tzinfo=UTC))
    lab.run(lab.machines.rename(pod_id, later))
    assert _seen(lab, pod_id).marker == later
    assert lab.sim.pods.things[pod_id].resets == 0


def test_strangers_are_shown_without_a_marker(lab: Lab) -> None:
    lab.sim.faults.arm("duplicate_name")
    wanted = order(marker=marker(title="my model"))
    lab.run(lab.machines.create(wanted))
    shown = {s.name: s.marker for s in lab.run(lab.machines.list())}
    assert shown == {wanted.marker.name: wanted.marker, "my-model": None}


def test_a_stopped_pod_has_no_price_and_a_restart_may_leave_it_without_gpus(lab: Lab) -> None:
    pod_id = lab.run(lab.machines.create(order()))
    lab.clock.advance(61)
    lab.sim.preempt(pod_id)
    stopped = _seen(lab, pod_id)
    assert (stopped.status, stopped.usd_per_hour) == (Status.STOPPED, None)

    lab.sim.faults.arm("zero_gpu")
    lab.run(
        lab.accounts.http(ACCESS).repeatable(
            "POST", f"/pods/{pod_id}/action", operation="start", json_body={"action": "start"}
        )
    )
    lab.clock.advance(61)
    back = _seen(lab, pod_id)
    assert (back.status, back.gpu_count, back.detail) == (Status.RUNNING, 0, "RUNNING without a GPU")


def test_what_was_delivered_is_shown_not_what_was_asked_for(lab: Lab) -> None:
    lab.sim.faults.arm("capacity_lie", other=1)
    pod_id = lab.run(lab.machines.create(order()))
    assert _seen(lab, pod_id).gpu == "H100-PCIe"


def test_removed_behind_our_back_reads_as_gone(lab: Lab) -> None:
    pod_id = lab.run(lab.machines.create(order()))
    lab.sim.remove_behind_back(pod_id)
    assert lab.run(lab.machines.get(pod_id)) is None


def test_logs_are_the_last_lines_without_secrets(lab: Lab) -> None:
    pod_id = lab.run(lab.machines.create(order()))
    lab.sim.pods.log_lines[pod_id] = ["token is hf_verysecret", "CUDA out of memory"]
    assert lab.run(lab.machines.logs(pod_id, lines=2)) == ["token is [hidden]", "CUDA out of memory"]
    assert lab.run(lab.machines.logs("nosuchpod")) == []


@pytest.mark.parametrize(
    ("changes", "usd"),
    [
        ({}, Decimal("31.92")),
        ({"trust": "community", "gpu_count": 2}, Decimal("5.38")),
        ({"sku": "NVIDIA L4", "trust": "community"}, None),
        ({"sku": "NVIDIA NOPE"}, None),
        ({"spot": True}, None),
    ],
)
def test_quotes_are_the_catalogue_price_of_the_whole_machine(
    lab: Lab, changes: dict[str, object], usd: Decimal | None
) -> None:
    assert lab.run(lab.machines.quote(candidate(**changes))) == usd


def test_where_a_person_looks(lab: Lab) -> None:
    assert lab.machines.console_url("abc") == "https://console.runpod.io/pods?id=abc"


def test_the_proxy_answers_only_when_the_pod_serves(lab: Lab) -> None:
    pod_id = lab.run(lab.machines.create(order()))
    address = _seen(lab, pod_id).address
    assert address is not None

    async def status() -> int:
        async with httpx.AsyncClient(transport=lab.accounts.transport) as client:
            return (await client.get(f"{address}/health")).status_code

    assert lab.run(status()) == 502
    lab.clock.advance(61)  # RUNNING, and the proxy is still warming up
    assert lab.run(status()) == 502
    lab.clock.advance(30)
    assert lab.run(status()) == 200


class _Distant(SimTransport):
    """A simulator that takes a moment to answer."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.2)
        return await super().handle_async_request(request)


def test_many_machines_are_watched_and_proved_gone_with_a_list_or_two(lab: Lab) -> None:
    lab.accounts.transport = _Distant({"localhost": lab.sim})

    async def main() -> tuple[int, int]:
        ids = [await lab.machines.create(order()) for _ in range(20)]
        before = len(lab.sim.calls)
        assert all(await asyncio.gather(*(lab.machines.get(each) for each in ids)))
        watched = len(lab.sim.calls) - before
        await asyncio.gather(*(lab.machines.delete(each) for each in ids))
        before = len(lab.sim.calls)
        assert not any(await asyncio.gather(*(lab.machines.get(each) for each in ids)))
        return watched, len(lab.sim.calls) - before

    watched, proved = lab.run(main())
    assert watched <= 2
    assert proved <= 2


def test_a_pod_that_only_the_list_lacks_is_not_gone(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    pod_id = lab.run(lab.machines.create(order()))
    whole = lab.sim.answer

    def answer(request: SimRequest) -> SimResponse:
        if request.path == "/v2/pods" and request.method == "GET":
            return json_response(200, {"pods": []})
        return whole(request)

    monkeypatch.setattr(lab.sim, "answer", answer)
    assert _seen(lab, pod_id).machine_id == pod_id
