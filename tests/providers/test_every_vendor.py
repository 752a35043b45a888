"""What holds for every vendor of the registry. A new one gets these tests with its entries, without another line."""

import asyncio
import inspect
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.render.machine import BOOT_KINDS, BootKind
from providers import registry
from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.journal import MemoryJournal
from providers.base.machines import MachineOrder, MachineVendor, Sighting, Status
from providers.base.marker import Marker
from providers.base.reconcile import Creation, create_once
from providers.base.release import release
from providers.plugin.machine import candidates
from tests.simulators.core import SimClock, Simulator
from tests.simulators.scenarios import FAULTS, KEYS, SKUS, make_simulators
from tests.simulators.transport import SimTransport
from tests.simulators.virtual_time import VirtualClock, run_virtual

VENDORS = sorted(registry.VENDORS)
SECRET = "sk-not-in-any-message-1"
BOOTS = {BootKind.VM: "#cloud-config\nruncmd: []\n", BootKind.CONTAINER: "#!/bin/bash\necho start\n"}


class Place:
    """One vendor on its simulator."""

    def __init__(self, vendor: str, *, key: str | None = None) -> None:
        self.clock = SimClock()
        self.sim: Simulator = make_simulators(self.clock, seed=1)[vendor]
        settings = {f"{vendor}Url": f"https://{vendor}.test{self.sim.base_path}"}
        if key != "":
            settings[f"{vendor}ApiKey"] = key or KEYS[vendor]
        self.accounts = Accounts(
            settings=settings,
            environment={},
            home=Path("/nonexistent"),
            clock=VirtualClock(self.clock),
            transport=SimTransport({f"{vendor}.test": self.sim}),
        )
        self.vendor = registry.find(vendor)
        self.marker = Marker.new(title="t", owner="o", urn="u", spec={}, deadline=None)

    @property
    def machines(self) -> MachineVendor:
        """Its machines."""
        return self.vendor.machines(self.accounts)

    def order(self, marker: Marker) -> MachineOrder:
        """An order of the vendor's first SKU."""
        return MachineOrder(
            marker=marker,
            candidate=candidates([SKUS[self.vendor.name][0]])[0],
            image="docker.io/vllm/vllm-openai:v0.33.0",
            boot=BOOTS[BOOT_KINDS[self.vendor.name]],
            env={"VLLM_API_KEY": SECRET, "MODELYARD_MARKER": marker.name},
            ports=[8080],
            disk_gb=100,
        )

    async def create(self) -> Sighting:
        """Created once, as the plugin does it."""

        async def send(marker: Marker) -> Sighting:
            machine_id = await self.machines.create(self.order(marker))
            found = await self.machines.get(machine_id)
            if found is None:
                raise AssertionError("a new machine is shown")
            return found

        said: list[str] = []
        creation = Creation(
            vendor=self.vendor.name,
            what="machine",
            marker=self.marker,
            send=send,
            listing=self.machines.list,
            discard=lambda machine_id: release(self.machines, machine_id, clock=self.accounts.time()),
            clock=self.accounts.time(),
            journal=MemoryJournal(),
            say=said.append,
            visible_within_seconds=self.machines.visible_within_seconds,
        )
        return await create_once(creation)

    def run(self, main: Any) -> Any:
        """Run in virtual time."""
        return run_virtual(self.clock, main)


@pytest.mark.parametrize("name", VENDORS)
def test_how_it_is_reached(name: str) -> None:
    access = registry.find(name).access()
    assert access.vendor == name
    assert access.base_url.startswith("https://")
    assert access.key_variable.isupper()
    assert access.url_variable.isupper()
    assert access.title
    assert access.where_to_get
    assert all(seconds > 0 for seconds in access.intervals.values())


@pytest.mark.parametrize("name", VENDORS)
def test_its_parts_are_there(name: str) -> None:
    place = Place(name)
    assert place.machines.name == name
    assert 0 < place.machines.visible_within_seconds <= 600
    assert place.machines.console_url("x").startswith("https://")
    assert name in BOOT_KINDS
    assert {name} <= set(SKUS) & set(FAULTS) & set(KEYS)
    assert inspect.iscoroutinefunction(place.vendor.live_offers)


@pytest.mark.parametrize("name", VENDORS)
def test_its_resources_are_its_own_and_described(name: str) -> None:
    kinds = [kind for kind, _ in registry.find(name).resources()]
    assert len({kind.token for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert kind.module == name
        assert kind.description
        assert all(field.description for field in (*kind.inputs, *kind.outputs))


@pytest.mark.parametrize("name", VENDORS)
def test_one_vendor_does_not_load_the_others(name: str) -> None:
    others = [registry.find(other).folder for other in VENDORS if other != name]
    code = (
        "import sys\nfrom providers import registry\n"
        f"vendor = registry.find({name!r})\nvendor.access()\n"
        f"print([m for m in sys.modules if m.startswith('providers.') and m.split('.')[1] in {others!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", VENDORS)
def test_without_a_key_nothing_is_asked(name: str) -> None:
    place = Place(name, key="")

    async def look() -> None:
        await place.machines.list()

    for call in (look, lambda: place.vendor.live_offers(place.accounts)):
        with pytest.raises(VendorError, match=registry.find(name).access().key_variable) as caught:
            place.run(call())
        assert caught.value.kind is Kind.AUTH
    assert place.sim.calls == []


@pytest.mark.parametrize("name", VENDORS)
def test_a_wrong_key_is_never_an_empty_account(name: str) -> None:
    place = Place(name, key="some:other-key")
    for call in (place.machines.list, lambda: place.machines.get("0" * 32)):
        with pytest.raises(VendorError) as caught:
            place.run(call())
        assert caught.value.kind is Kind.AUTH


@pytest.mark.parametrize("name", VENDORS)
def test_a_delete_that_is_taken_and_not_done_is_not_believed(name: str) -> None:
    place = Place(name)

    async def main() -> bool:
        made = await place.create()
        await asyncio.sleep(900)
        place.sim.faults.arm("delete_ignored", times=3)
        return await release(place.machines, made.machine_id, clock=place.accounts.time())

    assert place.run(main())
    assert place.sim.faults.happened["delete_ignored"] == 3
    assert [entry.id for entry in place.sim.ledger.alive() if entry.kind == "machine"] == []


@pytest.mark.parametrize("name", VENDORS)
def test_a_machine_comes_and_goes(name: str) -> None:
    place = Place(name)

    async def main() -> tuple[Sighting, list[str], Sighting | None]:
        made = await place.create()
        listed = [s.machine_id for s in await place.machines.list() if s.marker == place.marker]
        await asyncio.sleep(900)
        up = await place.machines.get(made.machine_id)
        await release(place.machines, made.machine_id, clock=place.accounts.time())
        return made, listed, up

    made, listed, up = place.run(main())
    assert (made.marker, listed) == (place.marker, [made.machine_id])
    assert up.status is Status.RUNNING
    assert up.address.startswith("http")
    assert (up.gpu, up.gpu_count) == (SKUS[name][0]["gpu"], SKUS[name][0]["gpuCount"])
    assert [entry.id for entry in place.sim.ledger.alive() if entry.kind == "machine"] == []


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("fault", ["lost_reply", "slow_accept", "error_after", "error_before"])
def test_an_unclear_create_ends_in_one_machine(name: str, fault: str) -> None:
    place = Place(name)
    place.sim.faults.arm(fault)
    made = place.run(place.create())
    assert [entry.id for entry in place.sim.ledger.alive("machine")] == [made.machine_id]
    assert place.sim.faults.happened == {fault: 1}


@pytest.mark.parametrize("name", VENDORS)
def test_an_odd_list_is_never_an_empty_one(name: str) -> None:
    place = Place(name)
    place.run(place.create())
    place.sim.faults.arm("malformed_list", times=10_000)
    with pytest.raises(VendorError) as caught:
        place.run(place.machines.list())
    assert caught.value.kind is Kind.MALFORMED


@pytest.mark.parametrize("name", VENDORS)
def test_no_stock_is_a_matter_of_capacity(name: str) -> None:
    place = Place(name)
    place.sim.faults.arm("out_of_stock", times=10)
    with pytest.raises(VendorError) as caught:
        place.run(place.create())
    assert caught.value.kind is Kind.CAPACITY
    assert place.sim.ledger.alive("machine") == []


@pytest.mark.parametrize("name", VENDORS)
def test_no_message_holds_a_secret(name: str) -> None:
    place = Place(name)
    place.sim.faults.arm("error_before", times=10_000)
    with pytest.raises(VendorError) as caught:
        place.run(place.create())
    for secret in (SECRET, *KEYS[name].split(":")):
        assert secret not in str(caught.value)


@pytest.mark.parametrize("name", VENDORS)
def test_live_offers_use_the_catalogs_names_and_know_no_free_machine(name: str) -> None:
    place = Place(name)
    offers = place.run(place.vendor.live_offers(place.accounts))
    assert offers
    for offer in offers:
        assert offer.vendor == name
        assert offer.gpu is None or find_gpu(offer.gpu).name == offer.gpu
        assert offer.usd_per_hour is None or offer.usd_per_hour > Decimal(0)
        assert offer.gpu_count >= 1
    first = SKUS[name][0]
    assert any((o.sku, o.gpu, o.gpu_count) == (first["sku"], first["gpu"], first["gpuCount"]) for o in offers)
