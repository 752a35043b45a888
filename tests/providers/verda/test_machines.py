"""What is particular to Verda: signing in, scripts that are objects, disks in the trash, deletes that must wait."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from providers.base.accounts import Accounts
from providers.base.errors import Kind, Stopped, VendorError
from providers.base.http import UNREADABLE, Reply
from providers.base.machines import Candidate, MachineOrder, Status
from providers.base.marker import Marker
from providers.base.release import release
from providers.verda.errors import judge
from providers.verda.gpus import GPUS, catalog_gpu
from providers.verda.machines import VerdaMachines
from providers.verda.offers import live_offers
from tests.simulators.core import SimClock
from tests.simulators.transport import SimTransport
from tests.simulators.verda import VerdaSimulator
from tests.simulators.verda.catalog import LOCATIONS
from tests.simulators.verda.server import TOKEN_SECONDS
from tests.simulators.virtual_time import VirtualClock, run_virtual


class World:
    """A simulated account and what talks to it."""

    def __init__(self, **environment: str) -> None:
        self.clock = SimClock()
        self.sim = VerdaSimulator(clock=self.clock)
        known = {"VERDA_CLIENT_ID": "test-client", "VERDA_CLIENT_SECRET": "test-client-secret"}
        self.accounts = Accounts(
            environment={**known, **environment},
            home=Path("/nonexistent"),
            clock=VirtualClock(self.clock),
            transport=SimTransport({"api.verda.com": self.sim}),
        )
        self.machines = VerdaMachines(self.accounts)

    def run(self, main: Any) -> Any:
        """Run in virtual time."""
        return run_virtual(self.clock, main)


def order(**changes: Any) -> MachineOrder:
    candidate: dict[str, Any] = {
        "vendor": "verda",
        "sku": "1H200.141S.44V",
        "gpu": "H200",
        "gpu_count": 1,
        "tensor_parallel_size": 1,
        "region": "FIN-03",
        "trust": "secure",
        "spot": False,
        "usd_per_hour": Decimal("3.39"),
    }
    whole: dict[str, Any] = {
        "marker": Marker.new(title="t", owner="o", urn="u", spec={}, deadline=None),
        "image": "vllm",
        "boot": "#cloud-config\nwrite_files: []\nruncmd: [[bash, /etc/modelyard/start.sh]]\n",
        "env": {"VLLM_API_KEY": "sk-very-secret-key-1"},
        "ports": [8080],
        "disk_gb": 20,
    }
    for name, value in changes.items():
        (candidate if name in candidate else whole)[name] = value
    return MachineOrder(candidate=Candidate(**candidate), **whole)


def test_a_create_names_its_script_and_marks_machine_and_disk() -> None:
    world, asked = World(), order()
    machine_id = world.run(world.machines.create(asked))
    body = world.sim.instances[machine_id].body
    (script,) = world.sim.scripts.values()
    assert (body["description"], body["location_code"], body["is_spot"]) == (asked.marker.name, "FIN-03", False)
    assert (body["startup_script_id"], script["name"]) == (script["id"], asked.marker.name)
    assert script["script"].startswith("#!/usr/bin/env bash\n")
    assert script["script"].endswith("bash /etc/modelyard/start.sh\n")
    assert body["os_volume"]["size"] == 50
    assert body["ssh_key_ids"] == ["5ad0e1f2-key"]
    assert len(body["hostname"]) <= 63


def test_it_signs_in_once_and_again_with_the_refresh_token() -> None:
    world = World()
    world.run(world.machines.list())
    world.run(world.machines.list())
    world.clock.advance(TOKEN_SECONDS)
    world.run(world.machines.list())
    world.clock.advance(10_000)  # the refresh token has ended as well
    world.run(world.machines.list())
    assert world.sim.sign_ins == ["client_credentials", "refresh_token", "client_credentials"]


def test_a_token_that_was_revoked_is_replaced_and_the_create_is_sent_once() -> None:
    world = World()
    world.run(world.machines.list())
    world.sim.faults.arm("token_revoked")
    world.run(world.machines.create(order()))
    assert list(world.sim.creates.values()) == [1]


@pytest.mark.parametrize("missing", ["VERDA_CLIENT_ID", "VERDA_CLIENT_SECRET"])
def test_half_a_key_is_none(missing: str) -> None:
    world = World(**{missing: ""})
    with pytest.raises(VendorError, match="VERDA_CLIENT_SECRET") as caught:
        world.run(world.machines.list())
    assert caught.value.kind is Kind.AUTH


def test_a_wrong_secret_is_hidden_in_the_message() -> None:
    world = World(VERDA_CLIENT_SECRET="wrong-client-secret")
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.list())
    assert caught.value.kind is Kind.AUTH
    assert "wrong-client-secret" not in str(caught.value)


def test_a_key_in_config_that_is_not_two_parts() -> None:
    world = World()
    world.accounts.settings = {"verdaApiKey": "only-a-secret"}
    with pytest.raises(VendorError, match="id:secret"):
        world.run(world.machines.list())


def test_release_waits_until_a_machine_may_be_deleted_and_takes_disk_and_script_along() -> None:
    world = World()
    machine_id = world.run(world.machines.create(order()))
    world.clock.advance(20)
    seen = world.run(world.machines.get(machine_id))
    assert seen.detail == "provisioning"
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.delete(machine_id))
    assert caught.value.kind is Kind.CONFLICT
    assert world.run(release(world.machines, machine_id, clock=world.accounts.time()))
    assert world.sim.ledger.alive() == []
    assert world.sim.scripts == {}


def test_a_machine_that_was_only_ordered_goes_at_once() -> None:
    world = World()
    machine_id = world.run(world.machines.create(order()))
    world.run(world.machines.delete(machine_id))
    assert world.run(world.machines.get(machine_id)) is None
    assert world.sim.ledger.alive() == []


@pytest.mark.parametrize("fault", ["out_of_stock", "capacity_lie"])
def test_a_create_that_made_nothing_leaves_no_script(fault: str) -> None:
    world = World()
    world.sim.faults.arm(fault)
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.create(order()))
    assert caught.value.kind is Kind.CAPACITY
    assert world.sim.scripts == {}


def test_no_funds() -> None:
    world = World()
    world.sim.has_funds = False
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.create(order()))
    assert caught.value.kind is Kind.BALANCE
    assert world.sim.scripts == {}


def test_being_asked_to_stop_between_script_and_machine_leaves_no_script() -> None:
    world = World()
    transport = SimTransport({"api.verda.com": world.sim}, after=lambda _, request: _stop_after_script(world, request))
    world.accounts.transport = transport
    with pytest.raises(Stopped):
        world.run(world.machines.create(order()))
    assert (world.sim.scripts, world.sim.instances) == ({}, {})


def _stop_after_script(world: World, request: Any) -> None:
    if (request.method, request.path) == ("POST", "/v1/scripts"):
        world.accounts.stopping.set()


@pytest.mark.parametrize("fault", ["script_lost_reply", "script_error_after", "script_error_before"])
def test_doubt_about_a_script_is_no_doubt_about_a_machine(fault: str) -> None:
    world = World()
    world.sim.faults.arm(fault)
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.create(order()))
    assert caught.value.kind is Kind.TRANSIENT
    assert (world.sim.scripts, world.sim.instances) == ({}, {})


@pytest.mark.parametrize("fault", ["lost_reply", "error_after", "malformed_create"])
def test_doubt_about_a_machine_keeps_the_script_that_it_may_need(fault: str) -> None:
    world = World()
    world.sim.faults.arm(fault)
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.create(order()))
    assert caught.value.kind is Kind.AMBIGUOUS
    assert len(world.sim.scripts) == 1


def test_scripts_of_interrupted_runs_go_with_the_next_machine_and_others_stay() -> None:
    world = World()
    old = order().marker.until(VirtualClock(world.clock).now())
    world.sim.scripts["a"] = {"id": "a", "name": old.name, "script": "x"}
    world.sim.scripts["b"] = {"id": "b", "name": "somebody's", "script": "x"}
    machine_id = world.run(world.machines.create(order()))
    world.run(world.machines.delete(machine_id))
    assert list(world.sim.scripts) == ["b"]


def test_any_region_takes_the_first_with_stock_and_none_costs_no_create() -> None:
    world = World()
    world.sim.stock("1H200.141S.44V", "FIN-01", 0)
    machine_id = world.run(world.machines.create(order(region="any")))
    assert world.sim.instances[machine_id].body["location_code"] == "FIN-02"
    for place in LOCATIONS:
        world.sim.stock("1H200.141S.44V", place, 0)
    calls = len(world.sim.calls)
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.create(order()))
    assert caught.value.kind is Kind.CAPACITY
    assert world.sim.calls[calls:] == ["GET /v1/instance-availability"]


def test_a_spot_machine_and_its_end() -> None:
    world = World()
    machine_id = world.run(world.machines.create(order(spot=True)))
    world.clock.advance(300)
    up = world.run(world.machines.get(machine_id))
    assert (up.status, up.spot, up.usd_per_hour) == (Status.RUNNING, True, Decimal("1.1865"))
    assert up.address == f"https://{up.ports[8080]}"
    world.sim.preempt(machine_id)
    world.clock.advance(5)
    assert world.run(world.machines.get(machine_id)).status is Status.STOPPED


def test_what_cannot_be_done_says_so() -> None:
    world = World()
    with pytest.raises(VendorError, match="keeps its description"):
        world.run(world.machines.rename("x", order().marker))
    with pytest.raises(VendorError, match="network volumes"):
        world.run(world.machines.create(order(network_volume_id="v")))
    with pytest.raises(VendorError, match="#cloud-config"):
        world.run(world.machines.create(order(boot="echo")))
    assert world.sim.calls == []


def test_prices_in_another_currency_are_not_known() -> None:
    world = World()
    world.sim.currency = "eur"
    assert {o.usd_per_hour for o in world.run(live_offers(world.accounts))} == {None}
    assert world.run(world.machines.quote(order().candidate)) is None


def test_offers_by_market_and_location() -> None:
    world = World()
    for place in LOCATIONS[1:]:
        world.sim.stock("1H200.141S.44V", place, 0)
    for place in LOCATIONS:
        world.sim.stock("1B200.30V", place, 0)
    offers = world.run(live_offers(world.accounts))
    h200 = [o for o in offers if o.sku == "1H200.141S.44V"]
    assert [(o.region, o.spot, o.usd_per_hour) for o in h200] == [
        ("FIN-01", False, Decimal("3.3900")),
        ("FIN-01", True, Decimal("1.1865")),
    ]
    assert {(o.region, o.stock) for o in offers if o.sku == "1B200.30V"} == {("any", "none")}
    assert not [o for o in offers if o.sku.startswith("CPU")]
    assert world.run(world.machines.quote(order().candidate)) == Decimal("3.39")


@pytest.mark.parametrize(
    ("description", "gpu"),
    [
        ("8x H100 SXM5 80GB", "H100-SXM"),
        ("1x A100 SXM4 40GB", "A100-40-SXM"),
        ("1x A100 SXM4 80GB", "A100-80-SXM"),
        ("1x RTX 6000 Ada 48GB", "RTX-6000-Ada"),
        ("1x Tesla V100 16GB", None),
        ("1x A100 SXM4", None),
    ],
)
def test_gpu_names(description: str, gpu: str | None) -> None:
    assert catalog_gpu(description) == gpu
    assert gpu is None or gpu in GPUS.values()


@pytest.mark.parametrize(
    ("status", "code", "message", "operation", "kind"),
    [
        (401, "unauthorized_request", "No.", "list instances", Kind.AUTH),
        (403, "forbidden_action", "No.", "create instance", Kind.AUTH),
        (403, "forbidden_action", "Can't discontinue a provisioning instance", "delete instance", Kind.CONFLICT),
        (400, "invalid_request", "Can't discontinue a discontinued instance.", "delete instance", Kind.GONE),
        (404, "not_found", "Invalid instance id", "get instance", Kind.GONE),
        (404, "not_found", "Script not found", "create instance", Kind.INVALID),
        (402, "insufficient_funds", "No.", "create instance", Kind.BALANCE),
        (400, "invalid_request", "Operating system is not valid", "create instance", Kind.INVALID),
        (503, "service_unavailable", "Not enough resources", "create instance", Kind.CAPACITY),
        (503, "service_unavailable", "Try later", "create instance", Kind.TRANSIENT),
        (500, "something_new", "No.", "create instance", Kind.TRANSIENT),
        (400, "something_new", "No.", "create instance", Kind.INVALID),
        (429, "invalid_request", "Too many requests", "create instance", Kind.RATE),
        (410, "invalid_request", "Gone", "list instances", Kind.RETIRED),
    ],
)
def test_refusals(status: int, code: str, message: str, operation: str, kind: Kind) -> None:
    body = {"code": code, "message": message}
    problem = judge(Reply(status=status, body=body, text=json.dumps(body), headers={}), operation)
    assert problem is not None
    assert problem.kind is kind


@pytest.mark.parametrize(
    ("status", "operation", "kind"),
    [
        (404, "get instance", Kind.MALFORMED),
        (502, "get instance", Kind.TRANSIENT),
        (200, "list instances", Kind.MALFORMED),
        (200, "create instance", Kind.MALFORMED),
    ],
)
def test_pages_that_are_not_the_apis(status: int, operation: str, kind: Kind) -> None:
    problem = judge(Reply(status=status, body=UNREADABLE, text="<html>", headers={}), operation)
    assert problem is not None
    assert problem.kind is kind
