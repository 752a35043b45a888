"""The Instance resource."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.journal import MemoryJournal
from providers.base.lifecycle import create_safely, delete_safely
from providers.base.resource import Found, Wanted
from providers.vastai.resources.instance import InstanceLifecycle
from providers.vastai.resources.instance_table import INSTANCE
from tests.providers.vastai.setting import Setting, only
from tests.simulators.virtual_time import run_virtual

T = TypeVar("T")
INPUTS: dict[str, Any] = {
    "gpu": "RTX-4090",
    "gpuCount": 2.0,
    "image": "vllm/vllm-openai:v0.33.0",
    "diskGb": 50.0,
    "maxUsdPerHour": "0.60",
    "ports": [8000.0],
    "env": {"HF_TOKEN": "hf_very_secret"},
    "onstart": "echo hello",
}
SPOT = {**{k: v for k, v in INPUTS.items() if k != "maxUsdPerHour"}, "interruptible": True, "bidUsdPerHour": "0.35"}


def run(setting: Setting, main: Callable[[InstanceLifecycle], Coroutine[Any, Any, T]]) -> T:
    return run_virtual(setting.clock, main(InstanceLifecycle(setting.accounts)))


def create(setting: Setting, inputs: dict[str, Any]) -> Found:
    wanted = Wanted(marker=setting.marker(), inputs=inputs)
    return run(setting, lambda life: life.create(wanted))


def read(setting: Setting, object_id: str) -> Found | None:
    return run(setting, lambda life: life.read(object_id))


def test_create_and_read() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    contract = only(setting.sim.world.contracts)
    assert made.marker is not None
    assert contract.label == contract.env["MODELYARD_MARKER"] == made.marker.name
    assert contract.env["MODELYARD_DEADLINE"] == "2027-01-15T09:00:00Z"
    assert contract.env["HF_TOKEN"] == "hf_very_secret"
    assert (contract.host.count, contract.disk_gb, contract.onstart) == (2, 50, "echo hello")
    setting.clock.advance(61)
    seen = read(setting, made.id)
    assert seen is not None
    assert seen.outputs == {
        "gpu": "RTX-4090",
        "gpuCount": 2,
        "image": "vllm/vllm-openai:v0.33.0",
        "interruptible": False,
        "state": "running",
        "diskGb": 50,
        "status": "running",
        "detail": "running: success, running",
        "hostMachineId": str(contract.host.machine_id),
        "country": "US",
        "publicIp": contract.public_ip,
        "sshHost": "ssh4.vast.ai",
        "sshPort": 20_000 + contract.id % 10_000,
        "portMap": {
            "22": f"{contract.public_ip}:{30_000 + contract.id * 7 % 30_000}",
            "8000": f"{contract.public_ip}:{30_000 + (contract.id * 7 + 1) % 30_000}",
        },
        "chargedUsdPerHour": "0.54137",
        "createdAt": "2027-01-15T08:00:00Z",
        "endsAt": "2027-02-14T08:00:00Z",
        "jupyterToken": f"jupyter-token-{contract.id}",
    }


def test_every_output_is_in_the_schema_and_secrets_are_secret() -> None:
    setting = Setting()
    fields = {field.name: field for field in (*INSTANCE.inputs, *INSTANCE.outputs)}
    for inputs in (INPUTS, SPOT, {**INPUTS, "label": "mine"}):
        assert set(create(setting, inputs).outputs) <= set(fields)
    assert {name for name, field in fields.items() if field.secret} == {"env", "imageLogin", "jupyterToken"}
    assert all(field.description.endswith(".") for field in fields.values())


def test_a_label_of_ones_own_leaves_the_marker_in_the_environment() -> None:
    setting = Setting()
    made = create(setting, {**INPUTS, "label": "my favourite"})
    assert made.outputs["label"] == "my favourite"
    assert made.marker is not None
    wanted = Wanted(marker=made.marker, inputs=INPUTS)
    assert [item.id for item in run(setting, lambda life: life.find(wanted))] == [made.id]

    async def relabel(life: InstanceLifecycle) -> tuple[Found, Found]:
        named = await life.update(made.id, old={}, new={"label": "other"}, changed=["label"])
        return named, await life.update(made.id, old={}, new={}, changed=["label"])

    named, unnamed = run(setting, relabel)
    assert named.outputs["label"] == "other"
    assert "label" not in unnamed.outputs
    assert only(setting.sim.world.contracts).label == made.marker.name


def test_stop_start_and_a_start_without_gpu() -> None:
    setting = Setting()
    made = create(setting, INPUTS)

    async def turn(life: InstanceLifecycle, state: str) -> Found:
        return await life.update(made.id, old={}, new={"state": state}, changed=["state"])

    stopped = run(setting, lambda life: turn(life, "stopped"))
    assert (stopped.outputs["state"], stopped.outputs["status"]) == ("stopped", "stopped")
    assert stopped.outputs["chargedUsdPerHour"] == "0.00137"
    assert run(setting, lambda life: turn(life, "running")).outputs["status"] == "pending"
    run(setting, lambda life: turn(life, "stopped"))
    setting.sim.faults.arm("zero_gpu")
    without = run(setting, lambda life: turn(life, "running"))
    assert without.outputs["status"] == "stopped"
    assert "no free gpu" in without.outputs["detail"]


def test_bids() -> None:
    setting = Setting()
    made = create(setting, SPOT)
    assert (made.outputs["interruptible"], made.outputs["bidUsdPerHour"]) == (True, "0.35")
    setting.clock.advance(61)
    setting.sim.faults.arm("preempted")
    outbid = read(setting, made.id)
    assert outbid is not None
    assert (outbid.outputs["status"], outbid.outputs["state"]) == ("stopped", "stopped")
    more = {**SPOT, "bidUsdPerHour": "0.5"}
    raised = run(setting, lambda life: life.update(made.id, old=SPOT, new=more, changed=["bidUsdPerHour"]))
    assert (raised.outputs["bidUsdPerHour"], raised.outputs["state"]) == ("0.5", "running")


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({**INPUTS, "maxUsdPerHour": None}, "maxUsdPerHour is needed"),
        ({**INPUTS, "maxUsdPerHour": "0"}, "maxUsdPerHour must be more than 0"),
        ({**INPUTS, "maxUsdPerHour": "cheap"}, "maxUsdPerHour must be an amount"),
        ({**INPUTS, "bidUsdPerHour": "1"}, "bidUsdPerHour is for interruptible machines"),
        ({**SPOT, "bidUsdPerHour": None}, "needs bidUsdPerHour"),
        ({**SPOT, "bidUsdPerHour": "130"}, "a bid of"),
        ({**INPUTS, "gpuCount": 1.5}, "gpuCount must be a whole number"),
        ({**INPUTS, "gpu": "MI300X"}, "is not sold at Vast"),
        ({**INPUTS, "volumeId": "5", "mountPath": "models"}, "absolute path"),
        ({**INPUTS, "env": {"A": "x" * 300}}, "variable A holds 300 bytes"),
    ],
)
def test_inputs_that_are_not_sent(inputs: dict[str, Any], told: str) -> None:
    setting = Setting()
    with pytest.raises(VendorError, match=told) as caught:
        create(setting, inputs)
    assert caught.value.kind is Kind.INVALID
    assert setting.sim.calls == []


def test_a_bid_is_not_put_on_a_machine_on_demand() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    new = {**INPUTS, "bidUsdPerHour": "0.5"}
    with pytest.raises(VendorError, match="only such a one"):
        run(setting, lambda life: life.update(made.id, old=INPUTS, new=new, changed=["bidUsdPerHour"]))


def test_a_bid_cannot_be_changed_to_any_height() -> None:
    setting = Setting()
    made = create(setting, SPOT)
    new = {**SPOT, "bidUsdPerHour": "33"}
    with pytest.raises(VendorError, match=r"a bid of \$33/h; allowed: 0\.001 to 32"):
        run(setting, lambda life: life.update(made.id, old=SPOT, new=new, changed=["bidUsdPerHour"]))


def test_the_limit_is_the_limit() -> None:
    setting = Setting()
    with pytest.raises(VendorError, match=r"no ask for vastai 2× RTX-4090 community at up to \$0\.54/h") as caught:
        create(setting, {**INPUTS, "maxUsdPerHour": "0.54"})
    assert caught.value.kind is Kind.CAPACITY


def test_another_gpu_is_named_for_deletion() -> None:
    setting = Setting()
    setting.sim.faults.arm("capacity_lie", delivered=1)
    with pytest.raises(VendorError, match="came with 2× RTX 3060 in place of 2× RTX-4090") as caught:
        create(setting, INPUTS)
    assert caught.value.created_id == str(only(setting.sim.world.contracts).id)


@pytest.mark.parametrize("fault", ["read_error", "delayed_visibility"])
def test_a_read_that_fails_after_the_create_loses_nothing(fault: str) -> None:
    setting = Setting()
    if fault == "delayed_visibility":
        setting.sim.faults.arm(fault, seconds=30)
    made = create(setting, INPUTS)
    assert made.id == str(only(setting.sim.world.contracts).id)
    if fault == "delayed_visibility":
        assert made.outputs["status"] == "pending"
        assert made.outputs["image"] == INPUTS["image"]


@pytest.mark.parametrize("fault", ["lost_reply", "error_after", "error_before", "slow_accept", "contract_in_error"])
def test_a_doubtful_create_ends_in_one_machine_or_none(fault: str) -> None:
    setting = Setting()
    setting.sim.faults.arm(fault)
    wanted = Wanted(marker=setting.marker(), inputs=INPUTS)

    async def main(life: InstanceLifecycle) -> Found:
        return await create_safely(
            life,
            wanted,
            vendor="vastai",
            clock=setting.accounts.time(),
            journal=MemoryJournal(),
            say=lambda _: None,
        )

    if fault == "contract_in_error":
        with pytest.raises(VendorError, match="bid is too low"):
            run(setting, main)
        assert setting.sim.ledger.alive() == []
    else:
        made = run(setting, main)
        assert [entry.id for entry in setting.sim.ledger.alive()] == [made.id]


def test_delete_is_proved() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    setting.sim.faults.arm("delete_fails")

    async def main(life: InstanceLifecycle) -> bool:
        return await delete_safely(life, made.id, clock=setting.accounts.time())

    assert run(setting, main) is True
    assert run(setting, main) is False
    assert read(setting, made.id) is None


def test_an_update_of_a_machine_that_is_gone() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    setting.sim.remove_behind_back(made.id)
    with pytest.raises(VendorError) as caught:
        run(setting, lambda life: life.update(made.id, old={}, new={"label": "x"}, changed=["label"]))
    assert caught.value.kind is Kind.GONE
    assert InstanceLifecycle(setting.accounts).console_url("1") == "https://cloud.vast.ai/instances/"


def test_a_machine_that_starts_stopped_and_waits_with_its_volume() -> None:
    setting = Setting()
    host = next(h for h in setting.sim.world.market.hosts if h.product.sku == "RTX 4090" and h.count == 2)
    volume = setting.sim.world.make_volume(host, size_gb=20, label="cache")
    mount = {"volumeId": str(volume.id), "mountPath": "/models", "imageLogin": "-u me -p pass-word reg.example"}
    made = create(setting, {**INPUTS, **mount, "state": "stopped", "trust": "community", "region": host.country})
    assert made.outputs["status"] == "stopped"
    assert only(setting.sim.world.contracts).volume_id == volume.id
