"""Machines at Lambda: one launch, what it names, what is seen of it, and its end."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
import yaml

from modelyard.errors import UnverifiedError
from providers.base.errors import Kind, VendorError
from providers.base.machines import Status
from providers.base.release import release
from tests.providers.lambda_cloud.world import BOOT, World, marker, order


def test_a_launch_carries_marker_key_ruleset_tags_and_start_up_text() -> None:
    world, asked = World(), order()
    machine_id = world.create(asked)
    body = world.only()
    (ruleset,) = world.sim.rulesets.values()
    assert list(world.sim.instances) == [machine_id]
    assert body["name"] == asked.marker.name
    assert body["ssh_key_names"] == ["modelyard"]
    assert "quantity" not in body
    assert {tag["key"]: tag["value"] for tag in body["tags"]} == {
        "modelyard:marker": asked.marker.name,
        "modelyard:ports": "8080",
        "modelyard-environment": "trial-405b",
        "modelyard:stack": "org/project/stack",
        "modelyard:owner-name": "ada",
    }
    assert body["firewall_rulesets"] == [{"id": ruleset["id"]}]
    assert ruleset["name"] == "modelyard-us-east-1-8080"
    assert [(rule["protocol"], rule["port_range"]) for rule in ruleset["rules"]] == [("tcp", [8080, 8080])]
    start, env = yaml.safe_load(body["user_data"])["write_files"]
    assert start["path"] == "/etc/modelyard/start.sh"
    assert (env["path"], env["permissions"], env["owner"]) == ("/etc/modelyard/env", "0600", "root:root")
    assert env["content"] == "VLLM_API_KEY=sk-very-secret-key-1\nMODELYARD_DEADLINE=2027-01-15T10:00:00Z\n"


def test_a_second_launch_uses_the_same_key_and_ruleset() -> None:
    world = World()

    async def both() -> None:
        await asyncio.gather(
            world.machines.create(order()), world.machines.create(order(marker=marker(urn="urn:another")))
        )

    world.run(both())
    assert len(world.sim.instances) == 2
    assert (len(world.sim.keys), len(world.sim.rulesets)) == (1, 1)
    assert world.sim.limited == []


def test_other_ports_and_regions_have_rulesets_of_their_own() -> None:
    world = World()
    world.create(order())
    world.create(order(ports=[9000, 8080]))
    world.create(order(region="us-west-1"))
    names = sorted(ruleset["name"] for ruleset in world.sim.rulesets.values())
    assert names == ["modelyard-us-east-1-8080", "modelyard-us-east-1-8080-9000", "modelyard-us-west-1-8080"]


def test_a_ruleset_that_somebody_changed_is_set_right() -> None:
    world = World()
    world.create(order())
    (ruleset,) = world.sim.rulesets.values()
    as_made = ruleset["rules"]
    ruleset["rules"] = []
    world.clock.advance(61)
    world.create(order())
    assert ruleset["rules"] == as_made


@pytest.mark.parametrize(("region", "ports"), [("us-south-1", [8080]), ("us-east-1", [])])
def test_no_ruleset_where_none_applies_or_no_port_is_asked_for(region: str, ports: list[int]) -> None:
    world = World()
    world.create(order(region=region, ports=ports))
    assert "firewall_rulesets" not in world.only()
    assert world.sim.rulesets == {}


@pytest.mark.parametrize(
    ("settings", "environment"),
    [({"lambdaSshKeyName": "laptop"}, {}), ({}, {"LAMBDA_SSH_KEY_NAME": "laptop"})],
)
def test_the_ssh_key_that_was_asked_for_is_named_and_none_is_made(
    settings: dict[str, str], environment: dict[str, str]
) -> None:
    world = World(settings=settings, environment={"LAMBDA_API_KEY": "test-account-key", **environment})
    world.sim.keys["a" * 32] = {"id": "a" * 32, "name": "laptop", "public_key": "ssh-ed25519 AAAA"}
    world.create(order())
    assert world.only()["ssh_key_names"] == ["laptop"]
    assert len(world.sim.keys) == 1


def test_the_key_that_lambda_makes_for_us_leaves_no_private_half_behind() -> None:
    world = World()
    world.create(order())
    (key,) = world.sim.keys.values()
    assert key["name"] == "modelyard"
    assert "private_key" not in key


@pytest.mark.parametrize(
    "fault", ["shared_lost_reply", "shared_error_after", "shared_error_before", "shared_malformed_create"]
)
def test_doubt_about_a_shared_object_is_no_doubt_about_a_machine(fault: str) -> None:
    world = World()
    world.sim.faults.arm(fault)
    if fault == "shared_error_before":  # nothing was made, and that is certain
        with pytest.raises(VendorError) as caught:
            world.create(order())
        assert caught.value.kind is Kind.TRANSIENT
    world.create(order())
    assert len(world.sim.instances) == 1
    assert (len(world.sim.keys), len(world.sim.rulesets)) == (1, 1)


def test_a_ruleset_that_conflicts_is_no_doubt_about_a_machine() -> None:
    world = World()
    world.sim.faults.arm("ruleset_conflict")
    with pytest.raises(VendorError) as caught:
        world.create(order())
    assert caught.value.kind is Kind.TRANSIENT
    assert world.sim.instances == {}


def test_any_region_takes_the_first_with_stock_and_launches_once() -> None:
    world = World()
    for region in ("us-west-1", "us-east-1", "us-south-1"):
        world.sim.stock("gpu_8x_h100_sxm5", region, 0)
    world.create(order(region="any"))
    assert world.only()["region_name"] == "us-south-3"
    assert sum("launch" in call for call in world.sim.calls) == 1


@pytest.mark.parametrize("region", ["any", "us-east-1"])
def test_no_stock_in_the_catalogue_costs_no_launch(region: str) -> None:
    world = World()
    for name in ("us-west-1", "us-east-1", "us-south-1", "us-south-3", "europe-central-1", "asia-northeast-1"):
        world.sim.stock("gpu_8x_h100_sxm5", name, 0)
    with pytest.raises(VendorError) as caught:
        world.create(order(region=region))
    assert caught.value.kind is Kind.CAPACITY
    assert world.sim.calls == ["GET /api/v1/instance-types"]


def test_a_type_that_is_not_sold_any_more_moves_on() -> None:
    with pytest.raises(VendorError) as caught:
        World().create(order(sku="gpu_1x_unheard_of"))
    assert caught.value.kind is Kind.CAPACITY


def test_a_catalogue_that_lied_is_read_anew() -> None:
    world = World()
    world.sim.faults.arm("capacity_lie")
    with pytest.raises(VendorError) as caught:
        world.create(order())
    assert caught.value.kind is Kind.CAPACITY
    world.create(order())
    assert world.sim.calls.count("GET /api/v1/instance-types") == 2


def test_spot_is_refused_before_anything_is_sent() -> None:
    world = World()
    with pytest.raises(VendorError, match="no spot") as caught:
        world.create(order(spot=True))
    assert caught.value.kind is Kind.INVALID
    assert world.sim.calls == []


@pytest.mark.parametrize(
    ("boot", "env", "why"),
    [
        ("#!/bin/bash\n", {}, "begins with #cloud-config"),
        (BOOT, {"BAD-NAME": "x"}, "name"),
        (BOOT, {"TWO": "a\nb"}, "value of TWO"),
        (BOOT, {"BIG": "x" * 1_000_001}, "1,000,000"),
    ],
)
def test_start_up_text_that_cannot_be_sent_is_refused_before_anything_is(
    boot: str, env: dict[str, str], why: str
) -> None:
    world = World()
    with pytest.raises(VendorError, match=why) as caught:
        world.create(order(boot=boot, env=env))
    assert caught.value.kind is Kind.INVALID
    assert world.sim.calls == []


@pytest.mark.parametrize(
    ("facts", "fault", "kind"),
    [
        ({"quota": 0}, None, Kind.QUOTA),
        ({"is_active": False}, None, Kind.BALANCE),
        ({"has_address": False}, None, Kind.BALANCE),
        ({"key": "another"}, None, Kind.AUTH),
        ({}, "out_of_stock", Kind.CAPACITY),
        ({}, "retired", Kind.RETIRED),
        ({}, "lost_reply", Kind.AMBIGUOUS),
        ({}, "slow_accept", Kind.AMBIGUOUS),
        ({}, "error_before", Kind.AMBIGUOUS),
        ({}, "error_after", Kind.AMBIGUOUS),
        ({}, "malformed_create", Kind.AMBIGUOUS),
    ],
)
def test_what_a_failed_launch_means(facts: dict[str, object], fault: str | None, kind: Kind) -> None:
    world = World()
    for name, value in facts.items():
        setattr(world.sim, name, value)
    if fault:
        world.sim.faults.arm(fault)
    with pytest.raises(VendorError) as caught:
        world.create(order())
    assert caught.value.kind is kind
    assert "sk-very-secret-key-1" not in str(caught.value)


def test_a_429_is_waited_for_and_the_launch_is_sent_again() -> None:
    world = World()
    world.create(order())
    world.sim.faults.arm("rate_limited")
    begun = world.clock.now
    world.create(order(marker=marker(urn="urn:b")))
    assert len(world.sim.instances) == 2
    assert world.clock.now - begun >= 10


def test_launches_are_twelve_seconds_apart_and_do_not_hold_up_reads() -> None:
    world = World()
    looked: list[float] = []

    async def look_meanwhile() -> None:
        await world.accounts.time().sleep(13)
        await world.machines.list()
        looked.append(world.clock.now)

    async def five() -> None:
        orders = [order(marker=marker(urn=f"urn:{n}")) for n in range(5)]
        await asyncio.gather(*(world.machines.create(one) for one in orders), look_meanwhile())

    begun = world.clock.now
    world.run(five())
    launches = sorted(instance.created for instance in world.sim.instances.values())
    assert [round(b - a) for a, b in pairwise(launches)] == [12, 12, 12, 12]
    assert looked[0] - begun < 16
    assert world.sim.limited == []


def test_a_filesystem_is_named_mounted_and_decides_the_region() -> None:
    world = World()
    world.sim.filesystems["f" * 32] = {
        "id": "f" * 32,
        "name": "weights",
        "region": "us-west-1",
        "mount_point": "/lambda/nfs/weights",
        "created": "2026-11-20T10:00:00+00:00",
    }
    world.create(order(region="any", network_volume_id="f" * 32, cache_path="/data/models"))
    body = world.only()
    assert (body["region_name"], body["file_system_names"]) == ("us-west-1", ["weights"])
    assert body["file_system_mounts"] == [{"mount_point": "/data/models", "file_system_id": "f" * 32}]
    with pytest.raises(VendorError, match="is in us-west-1") as caught:
        world.create(order(region="us-east-1", network_volume_id="weights"))
    assert caught.value.kind is Kind.INVALID
    with pytest.raises(VendorError, match="no filesystem"):
        world.create(order(network_volume_id="nowhere"))


def test_a_machine_from_launch_to_end() -> None:
    world, asked = World(), order()
    machine_id = world.create(asked)
    booting = world.run(world.machines.get(machine_id))
    world.clock.advance(400)
    active = world.run(world.machines.get(machine_id))
    assert booting is not None
    assert active is not None
    assert (booting.status, booting.address, booting.ports) == (Status.PENDING, None, {})
    assert (active.status, active.marker, active.name) == (Status.RUNNING, asked.marker, asked.marker.name)
    assert (active.gpu, active.gpu_count, active.region) == ("H100-SXM", 8, "us-east-1")
    assert active.usd_per_hour == Decimal("31.92")
    ip = world.sim.instances[machine_id].ip
    assert (active.address, active.ports) == (f"https://{ip}:8080", {8080: f"{ip}:8080"})
    assert world.sim.answers(machine_id, 8080)
    assert not world.sim.answers(machine_id, 9090)
    assert world.run(release(world.machines, machine_id, clock=world.accounts.time()))
    assert world.sim.ledger.alive() == []
    assert world.sim.calls.count("POST /api/v1/instance-operations/terminate") == 1


@pytest.mark.parametrize(
    ("fault", "status"), [("never_ready", Status.PENDING), ("preempted", Status.FAILED), ("unhealthy", Status.PENDING)]
)
def test_states_that_are_not_active(fault: str, status: Status) -> None:
    world = World()
    world.sim.faults.arm(fault)
    machine_id = world.create(order())
    world.clock.advance(3600)
    seen = world.run(world.machines.get(machine_id))
    assert seen is not None
    assert seen.status is status


def test_a_dearer_machine_and_one_without_gpus() -> None:
    world = World()
    world.sim.faults.arm("price_drift", factor=2)
    world.sim.faults.arm("zero_gpu")
    machine_id = world.create(order())
    world.clock.advance(600)
    seen = world.run(world.machines.get(machine_id))
    assert seen is not None
    assert seen.usd_per_hour == Decimal("63.84")
    assert not world.sim.answers(machine_id, 8080)


def test_a_machine_that_somebody_else_ended_is_gone() -> None:
    world = World()
    machine_id = world.create(order())
    world.sim.remove_behind_back(machine_id)
    assert world.run(world.machines.get(machine_id)) is None
    world.run(world.machines.delete(machine_id))
    assert not world.run(release(world.machines, machine_id, clock=world.accounts.time()))


def test_a_terminated_machine_that_lingers_is_gone() -> None:
    world = World()
    machine_id = world.create(order())
    world.run(world.machines.delete(machine_id))
    ending = world.run(world.machines.get(machine_id))
    assert ending is not None
    assert ending.status is Status.ENDING
    world.clock.advance(30)
    assert world.sim.instances[machine_id].status(world.clock.now) == "terminated"
    assert world.run(world.machines.get(machine_id)) is None
    assert world.run(world.machines.list()) == []


@pytest.mark.parametrize(
    ("fault", "params"),
    [
        ("delete_fails", {}),
        ("delete_ignored", {}),
        ("lost_delete_reply", {}),
        ("delete_reappears", {"seconds": 40}),
        ("read_error", {}),
        ("malformed_list", {}),
        ("rate_limited", {}),
    ],
)
def test_release_does_not_believe_until_it_is_gone(fault: str, params: dict[str, float]) -> None:
    world = World()
    machine_id = world.create(order())
    world.sim.faults.arm(fault, times=2, **params)
    assert world.run(release(world.machines, machine_id, clock=world.accounts.time()))
    assert world.sim.ledger.alive() == []
    assert world.run(world.machines.list()) == []


def test_release_says_so_when_it_cannot_be_proved() -> None:
    world = World()
    machine_id = world.create(order())
    world.sim.faults.arm("delete_ignored", times=1000)
    with pytest.raises(UnverifiedError, match="could not be proved gone"):
        world.run(release(world.machines, machine_id, clock=world.accounts.time()))
    assert len(world.sim.ledger.alive()) == 1


@pytest.mark.parametrize("odd", [{"data": {}}, {}, [], None, {"data": [{"id": "x"}]}, {"data": None}])
def test_an_odd_list_is_never_an_empty_one(odd: object) -> None:
    world = World()
    world.create(order())
    world.sim.malformed = odd
    world.sim.faults.arm("malformed_list", times=1000)
    with pytest.raises(VendorError) as caught:
        world.run(world.machines.list())
    assert caught.value.kind is Kind.MALFORMED


def test_a_new_machine_that_the_list_does_not_show_yet() -> None:
    world, asked = World(), order()
    world.sim.faults.arm("delayed_visibility", seconds=30)
    machine_id = world.create(asked)
    assert world.run(world.machines.list()) == []
    world.clock.advance(31)
    assert [s.machine_id for s in world.run(world.machines.list())] == [machine_id]
    assert world.machines.visible_within_seconds >= 30


def test_rename_moves_the_deadline_and_the_name_wins_over_the_tag() -> None:
    world, asked = World(), order()
    machine_id = world.create(asked)
    later = asked.marker.until(None)
    world.run(world.machines.rename(machine_id, later))
    seen = world.run(world.machines.get(machine_id))
    assert seen is not None
    assert seen.marker == later
    assert asked.marker.name in str(world.only()["tags"])


def test_a_machine_that_a_person_renamed_is_known_by_its_tag() -> None:
    world, asked = World(), order()
    machine_id = world.create(asked)
    world.sim.instances[machine_id].name = "my favourite"
    seen = world.run(world.machines.get(machine_id))
    assert seen is not None
    assert seen.marker == asked.marker


def test_a_strangers_machine_is_listed_without_a_marker() -> None:
    world = World()
    world.sim.faults.arm("duplicate_name")
    machine_id = world.create(order())
    seen = world.run(world.machines.list())
    assert [(s.machine_id == machine_id, s.marker is not None) for s in seen] == [(True, True), (False, False)]


def test_many_machines_are_polled_with_few_lists() -> None:
    world = World()
    ids = [world.create(replace(order(), marker=marker(urn=f"urn:{n}"))) for n in range(6)]
    world.clock.advance(100)
    before = len(world.sim.calls)

    async def poll() -> None:
        await asyncio.gather(*(world.machines.get(machine_id) for machine_id in ids))

    world.run(poll())
    assert len(world.sim.calls) - before == 1
    assert world.sim.limited == []


def test_a_list_from_before_a_delete_says_nothing_about_after() -> None:
    world = World()
    machine_id = world.create(order())

    async def end() -> list[Status | None]:
        seen = [await world.machines.get(machine_id)]
        await world.machines.delete(machine_id)
        seen.append(await world.machines.get(machine_id))
        return [s.status if s else None for s in seen]

    assert world.run(end()) == [Status.PENDING, Status.ENDING]


def test_quote_logs_and_console() -> None:
    world = World()
    assert world.run(world.machines.quote(order().candidate)) == Decimal("31.92")
    assert world.run(world.machines.quote(order(sku="gpu_1x_none").candidate)) is None
    assert world.run(world.machines.logs("x")) == ()
    assert world.machines.console_url("x").startswith("https://cloud.lambda.ai/")
