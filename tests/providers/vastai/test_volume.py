"""The Volume resource."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.resource import Found, Wanted
from providers.vastai.resources import RESOURCES
from providers.vastai.resources.volume import VOLUME, VolumeLifecycle
from tests.providers.vastai.setting import Setting, only
from tests.simulators.virtual_time import run_virtual

T = TypeVar("T")
INPUTS: dict[str, Any] = {"sizeGb": 200.0, "region": "no", "maxUsdPerGbMonth": "0.05"}


def run(setting: Setting, main: Callable[[VolumeLifecycle], Coroutine[Any, Any, T]]) -> T:
    return run_virtual(setting.clock, main(VolumeLifecycle(setting.accounts)))


def create(setting: Setting, inputs: dict[str, Any]) -> Found:
    wanted = Wanted(marker=setting.marker(), inputs=inputs)
    return run(setting, lambda life: life.create(wanted))


def test_life_of_a_volume() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    volume = only(setting.sim.world.volumes)
    assert made.marker is not None
    assert (volume.label, volume.size_gb, volume.place) == (made.marker.name, 200, "Oslo, NO")
    seen = run(setting, lambda life: life.read(made.id))
    assert seen is not None
    assert seen.outputs == {
        "sizeGb": 200,
        "hostMachineId": str(volume.machine_id),
        "status": "available",
        "country": "NO",
        "chargedUsdPerHour": "0.005479",
        "instances": [],
    }
    assert seen.outputs.keys() <= {field.name for field in (*VOLUME.inputs, *VOLUME.outputs)}
    found = run(setting, lambda life: life.find(Wanted(marker=made.marker or setting.marker(), inputs=INPUTS)))
    assert [item.id for item in found] == [made.id]
    assert run(setting, lambda life: life.update(made.id, old={}, new={}, changed=[])).id == made.id
    run(setting, lambda life: life.delete(made.id))
    run(setting, lambda life: life.delete(made.id))
    assert run(setting, lambda life: life.read(made.id)) is None
    with pytest.raises(VendorError, match="does not exist any more"):
        run(setting, lambda life: life.update(made.id, old={}, new={}, changed=[]))
    assert setting.sim.ledger.alive() == []


def test_on_a_machine_of_ones_choice() -> None:
    setting = Setting()
    machine = setting.sim.world.market.hosts[100].machine_id
    made = create(setting, {"sizeGb": 20.0, "hostMachineId": str(machine)})
    assert made.outputs["hostMachineId"] == str(machine)


def test_in_use_is_a_conflict() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    setting.sim.faults.arm("volume_in_use")
    with pytest.raises(VendorError, match="in use") as caught:
        run(setting, lambda life: life.delete(made.id))
    assert caught.value.kind is Kind.CONFLICT


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        ({"sizeGb": 100_000.0}, Kind.CAPACITY),
        ({"sizeGb": 20.0, "maxUsdPerGbMonth": "0.001"}, Kind.CAPACITY),
        ({"sizeGb": 20.0, "hostMachineId": "1"}, Kind.CAPACITY),
        ({"sizeGb": 20.0, "hostMachineId": "abc"}, Kind.INVALID),
        ({"sizeGb": "much"}, Kind.INVALID),
    ],
)
def test_volumes_that_cannot_be_had(inputs: dict[str, Any], kind: Kind) -> None:
    setting = Setting()
    with pytest.raises(VendorError) as caught:
        create(setting, inputs)
    assert caught.value.kind is kind
    assert setting.sim.creates == {}


@pytest.mark.parametrize(
    ("fault", "made"), [("lost_reply", 1), ("error_after", 1), ("error_before", 0), ("slow_accept", 1)]
)
def test_a_doubtful_create(fault: str, made: int) -> None:
    setting = Setting()
    marker = setting.marker()
    setting.sim.faults.arm(fault)
    wanted = Wanted(marker=marker, inputs=INPUTS)
    with pytest.raises(VendorError) as caught:
        run(setting, lambda life: life.create(wanted))
    assert caught.value.kind is Kind.AMBIGUOUS
    assert len(run(setting, lambda life: life.find(wanted))) == made == setting.sim.creates.get(marker.name, 0)


def test_the_next_offer_when_one_is_gone() -> None:
    setting = Setting()
    setting.sim.faults.arm("out_of_stock", times=2)
    create(setting, INPUTS)
    assert sum(setting.sim.creates.values()) == 1
    setting.sim.faults.arm("out_of_stock", times=9)
    with pytest.raises(VendorError) as caught:
        create(setting, INPUTS)
    assert caught.value.kind is Kind.CAPACITY


def test_an_odd_list_is_not_none() -> None:
    setting = Setting()
    made = create(setting, INPUTS)
    setting.sim.faults.arm("malformed_list")
    with pytest.raises(VendorError) as caught:
        run(setting, lambda life: life.read(made.id))
    assert caught.value.kind is Kind.MALFORMED


def test_the_module_exports_its_kinds() -> None:
    setting = Setting()
    assert [kind.token for kind, _ in RESOURCES] == [
        "modelyard-rental:vastai:Instance",
        "modelyard-rental:vastai:Volume",
    ]
    for kind, factory in RESOURCES:
        assert factory(setting.accounts).kind is kind
    assert VolumeLifecycle(setting.accounts).console_url("1") == "https://cloud.vast.ai/volumes/"
