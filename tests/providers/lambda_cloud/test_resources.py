"""Lambda's own resources: create, find, read, update, delete of each."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from modelyard.errors import UnverifiedError
from providers.base.errors import Kind, VendorError
from providers.base.journal import MemoryJournal
from providers.base.lifecycle import create_safely, delete_safely
from providers.base.marker import read_marker
from providers.base.resource import Found, Lifecycle, Wanted
from providers.lambda_cloud.resources import RESOURCES
from providers.lambda_cloud.resources.filesystem import Filesystems
from providers.lambda_cloud.resources.firewall_ruleset import FirewallRulesets
from providers.lambda_cloud.resources.instance import Instances
from providers.lambda_cloud.resources.ssh_key import SshKeys
from tests.providers.lambda_cloud.world import World, marker, order

INPUTS: dict[str, dict[str, Any]] = {
    "Instance": {
        "region": "us-west-1",
        "instanceType": "gpu_1x_a10",
        "userData": "#cloud-config\nsecret: hunter2-hunter2\n",
        "hostname": "box",
        "imageFamily": "lambda-stack-24-04",
        "tags": {"team": "ml"},
    },
    "Filesystem": {"name": "weights", "region": "us-west-1"},
    "SshKey": {"name": "laptop", "publicKey": "ssh-ed25519 AAAA"},
    "FirewallRuleset": {
        "name": "web",
        "region": "us-west-1",
        "rules": [
            {"protocol": "tcp", "firstPort": 443, "sourceNetwork": "0.0.0.0/0", "description": "https"},
            {"protocol": "udp", "firstPort": 5000, "lastPort": 5010, "sourceNetwork": "10.0.0.0/8"},
            {"protocol": "icmp", "sourceNetwork": "0.0.0.0/0"},
        ],
    },
}
NAMES = list(INPUTS)


def opened(world: World, name: str) -> Lifecycle:
    """The lifecycle of a resource type."""
    (make,) = [make for kind, make in RESOURCES if kind.name == name]
    return make(world.accounts)


def wanted(name: str, inputs: Mapping[str, Any] | None = None, **changes: Any) -> Wanted:
    mark = marker(title="thing", urn=f"urn:{name}", spec=name, **changes)
    return Wanted(marker=mark, inputs=INPUTS[name] if inputs is None else inputs, secrets=("hunter2-hunter2",))


def created(world: World, lifecycle: Lifecycle, want: Wanted) -> Found:
    """As the plugin creates it."""
    said: list[str] = []
    clock, journal = world.accounts.time(), MemoryJournal()
    return world.run(create_safely(lifecycle, want, vendor="lambda", clock=clock, journal=journal, say=said.append))


@pytest.mark.parametrize("name", NAMES)
def test_create_read_find_delete(name: str) -> None:
    world = World()
    lifecycle, want = opened(world, name), wanted(name)
    made = created(world, lifecycle, want)
    world.clock.advance(600)
    read = world.run(lifecycle.read(made.id))
    assert read is not None
    write_only = {field.name for field in lifecycle.kind.inputs if field.write_only}
    assert {k: v for k, v in read.outputs.items() if k in want.inputs} == {
        k: v for k, v in want.inputs.items() if k not in write_only
    }
    assert read.marker is not None
    assert read.marker.resource == want.marker.resource
    assert [found.id for found in world.run(lifecycle.find(want))] == [made.id]
    assert world.run(lifecycle.find(wanted(name, owner="org/project/another"))) == []
    world.run(delete_safely(lifecycle, made.id, clock=world.accounts.time()))
    assert world.run(lifecycle.read(made.id)) is None
    assert world.run(lifecycle.find(want)) == []
    world.run(lifecycle.delete(made.id))
    assert world.sim.ledger.alive() == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", ["lost_reply", "slow_accept", "error_after", "error_before", "malformed_create"])
def test_an_unclear_create_is_made_once(name: str, fault: str) -> None:
    world = World()
    lifecycle = opened(world, name)
    world.sim.faults.arm(fault)
    made = created(world, lifecycle, wanted(name))
    assert [found.id for found in world.run(lifecycle.find(wanted(name)))] == [made.id]


@pytest.mark.parametrize("name", NAMES)
def test_an_unclear_create_that_does_not_show_yet(name: str) -> None:
    world = World()
    lifecycle = opened(world, name)
    world.sim.faults.arm("lost_reply")
    world.sim.faults.arm("delayed_visibility", seconds=45)
    made = created(world, lifecycle, wanted(name))
    assert [found.id for found in world.run(lifecycle.find(wanted(name)))] == [made.id]


@pytest.mark.parametrize("name", NAMES)
def test_odd_lists_are_errors(name: str) -> None:
    world = World()
    world.sim.faults.arm("malformed_list", times=1000)
    with pytest.raises(VendorError) as caught:
        world.run(opened(world, name).find(wanted(name)))
    assert caught.value.kind is Kind.MALFORMED


@pytest.mark.parametrize("name", NAMES)
def test_what_the_outputs_hold_is_described(name: str) -> None:
    world = World()
    lifecycle = opened(world, name)
    made = created(world, lifecycle, wanted(name))
    world.clock.advance(600)
    read = world.run(lifecycle.read(made.id))
    assert read is not None
    described = {field.name for field in (*lifecycle.kind.inputs, *lifecycle.kind.outputs)}
    assert set(read.outputs) <= described
    assert lifecycle.console_url(made.id).startswith("https://cloud.lambda.ai/")


@pytest.mark.parametrize(("kind", "make"), RESOURCES)
def test_every_field_is_described_and_lives_in_the_module(kind: Any, make: Any) -> None:
    del make
    assert kind.token.startswith("modelyard-rental:lambda:")
    assert all(field.description for field in (*kind.inputs, *kind.outputs))


def test_an_instance_tells_its_notebook_as_a_secret() -> None:
    world = World()
    instances = Instances(world.accounts)
    made = created(world, instances, wanted("Instance"))
    assert "ip" not in made.outputs
    world.clock.advance(600)
    read = world.run(instances.read(made.id))
    assert read is not None
    assert (read.outputs["status"], read.outputs["gpuCount"], read.outputs["usdPerHour"]) == ("active", 1, "1.29")
    secret = {field.name for field in instances.kind.outputs if field.secret}
    assert secret == {"jupyterToken", "jupyterUrl"} <= set(read.outputs)


def test_an_instance_with_everything() -> None:
    world = World()
    filesystem = created(world, Filesystems(world.accounts), wanted("Filesystem"))
    ruleset = created(world, FirewallRulesets(world.accounts), wanted("FirewallRuleset"))
    key = created(world, SshKeys(world.accounts), wanted("SshKey"))
    inputs = {
        **INPUTS["Instance"],
        "name": "my-box",
        "sshKeyName": key.outputs["keyName"],
        "fileSystemNames": [filesystem.outputs["filesystemName"]],
        "fileSystemMounts": [{"mountPoint": "/data/w", "fileSystemId": filesystem.id}],
        "firewallRulesetIds": [ruleset.id],
    }
    instances = Instances(world.accounts)
    made = created(world, instances, wanted("Instance", inputs))
    world.clock.advance(600)
    read = world.run(instances.read(made.id))
    assert read is not None
    assert {k: read.outputs[k] for k in inputs if k not in {"userData", "imageFamily"}} == {
        k: v for k, v in inputs.items() if k not in {"userData", "imageFamily"}
    }
    busy = world.run(Filesystems(world.accounts).read(filesystem.id))
    assert busy is not None
    assert busy.outputs["status"] == "in-use"
    for lifecycle, object_id in (
        (Filesystems(world.accounts), filesystem.id),
        (FirewallRulesets(world.accounts), ruleset.id),
        (SshKeys(world.accounts), key.id),
    ):
        with pytest.raises(VendorError) as caught:
            world.run(lifecycle.delete(object_id))
        assert caught.value.kind is Kind.CONFLICT
    world.run(delete_safely(instances, made.id, clock=world.accounts.time()))
    world.run(delete_safely(Filesystems(world.accounts), filesystem.id, clock=world.accounts.time()))
    assert world.sim.ledger.alive() == []


def test_an_instance_is_renamed_and_named_after_its_marker_again() -> None:
    world = World()
    instances, want = Instances(world.accounts), wanted("Instance")
    made = created(world, instances, want)
    named = world.run(instances.update(made.id, old={}, new={"name": "box-1"}, changed=["name"]))
    assert (named.outputs["name"], named.marker) == ("box-1", want.marker)
    unnamed = world.run(instances.update(made.id, old={"name": "box-1"}, new={}, changed=["name"]))
    assert "name" not in unnamed.outputs
    assert world.sim.instances[made.id].name == want.marker.name


@pytest.mark.parametrize("name", ["Instance", "Filesystem", "SshKey"])
def test_what_cannot_change_says_so(name: str) -> None:
    with pytest.raises(VendorError, match="cannot change its region") as caught:
        World().run(opened(World(), name).update("x", old={}, new={}, changed=["region"]))
    assert caught.value.kind is Kind.INVALID


def test_an_image_by_id_and_family_is_refused_by_lambda() -> None:
    world = World()
    inputs = {**INPUTS["Instance"], "imageId": "i", "imageFamily": "f"}
    with pytest.raises(VendorError, match="image") as caught:
        created(world, Instances(world.accounts), wanted("Instance", inputs))
    assert caught.value.kind is Kind.INVALID
    assert "hunter2" not in str(caught.value)


def test_filesystem_names_fit_lambdas_sixty_characters() -> None:
    world = World()
    inputs = {"name": "fourteen-chars", "region": "us-west-1"}
    made = created(world, Filesystems(world.accounts), wanted("Filesystem", inputs))
    name = str(made.outputs["filesystemName"])
    assert len(name) <= 60
    assert read_marker(name) is not None
    assert made.outputs["name"] == "fourteen-chars"


def test_a_volume_in_use_is_waited_for() -> None:
    world = World()
    filesystems = Filesystems(world.accounts)
    made = created(world, filesystems, wanted("Filesystem"))
    world.sim.faults.arm("volume_in_use", times=3)
    world.sim.faults.arm("delete_fails", times=2)
    assert world.run(delete_safely(filesystems, made.id, clock=world.accounts.time()))
    assert world.sim.filesystems == {}


def test_a_volume_in_use_for_ever_is_not_called_gone() -> None:
    world = World()
    filesystems = Filesystems(world.accounts)
    made = created(world, filesystems, wanted("Filesystem"))
    world.sim.faults.arm("volume_in_use", times=1000)
    with pytest.raises(UnverifiedError):
        world.run(delete_safely(filesystems, made.id, clock=world.accounts.time()))


def test_a_persons_objects_are_imported_under_their_own_names() -> None:
    world = World()
    world.sim.keys["a" * 32] = {"id": "a" * 32, "name": "Old Key", "public_key": "ssh-rsa AAAA"}
    read = world.run(SshKeys(world.accounts).read("a" * 32))
    assert read is not None
    assert (read.outputs["name"], read.outputs["keyName"], read.marker) == ("Old Key", "Old Key", None)


def test_a_rulesets_rules_and_name_change_in_place() -> None:
    world = World()
    rulesets, want = FirewallRulesets(world.accounts), wanted("FirewallRuleset")
    made = created(world, rulesets, want)
    rules = [{"protocol": "tcp", "firstPort": 80, "sourceNetwork": "0.0.0.0/0"}]
    changed = world.run(
        rulesets.update(made.id, old=want.inputs, new={"rules": rules, "name": "api"}, changed=["rules", "name"])
    )
    assert (changed.id, changed.outputs["rules"], changed.outputs["name"]) == (made.id, rules, "api")
    assert changed.marker is not None
    assert changed.marker.resource == want.marker.resource


def test_a_strangers_ruleset_keeps_its_name() -> None:
    world = World()
    world.sim.rulesets["a" * 32] = {"id": "a" * 32, "name": "theirs", "region": "us-west-1", "rules": [], "created": ""}
    with pytest.raises(VendorError, match="keeps its name"):
        world.run(FirewallRulesets(world.accounts).update("a" * 32, old={}, new={"name": "x"}, changed=["name"]))


@pytest.mark.parametrize(
    "rule",
    [
        {"protocol": "icmp", "firstPort": 1, "sourceNetwork": "0.0.0.0/0"},
        {"protocol": "tcp", "sourceNetwork": "0.0.0.0/0"},
    ],
)
def test_ports_belong_to_every_protocol_but_icmp(rule: dict[str, Any]) -> None:
    world = World()
    with pytest.raises(VendorError, match="firstPort") as caught:
        created(
            world, FirewallRulesets(world.accounts), wanted("FirewallRuleset", {"region": "us-west-1", "rules": [rule]})
        )
    assert caught.value.kind is Kind.INVALID
    assert world.sim.rulesets == {}


def test_the_account_wide_rules_are_never_touched() -> None:
    world = World()
    world.create(order())
    created(world, FirewallRulesets(world.accounts), wanted("FirewallRuleset"))
    assert not any("firewall-rules " in f"{call} " for call in world.sim.calls)
    assert json.dumps(world.sim.calls).count("/firewall-rulesets/global") == 0
