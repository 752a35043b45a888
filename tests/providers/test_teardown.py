"""The claims of docs/teardown.md: which layer survives what, each shown alone with the others switched off."""

import asyncio
import os
import subprocess
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.provider import CreateRequest, CreateResponse, DeleteRequest

from modelyard.render.boot import boot_script
from modelyard.render.compose import vm_script
from modelyard.render.machine import BOOT_KINDS, BootKind
from providers import registry
from providers.base.accounts import Accounts
from providers.base.clock import Clock
from providers.base.journal import DiskJournal
from providers.base.reap import Asked, Sweep, sweep
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.values import property_value
from tests.fakes.machines import machine_text
from tests.simulators.account import ACCESS_KEY, Vendors, vendors_on_loopback
from tests.simulators.scenarios import KEYS, SKUS

VENDORS = tuple(KEYS)
URN = "urn:pulumi:trial::modelyard::modelyard-rental:index:Machine::node"
LIFETIME_SECONDS = 3600


@pytest.fixture
def vendors() -> Generator[Vendors]:
    with vendors_on_loopback() as found:
        yield found


class Laptop:
    """Where `up` and `destroy` run: a state, a journal and keys. Lose it, and all of that is gone."""

    def __init__(self, vendors: Vendors, folder: Path) -> None:
        self._accounts = Accounts(environment=vendors.environment, home=folder)
        self._provider = RentalProvider(accounts=self._accounts, journal=DiskJournal(folder / "creates"))

    def up(self, vendor: str) -> CreateResponse:
        """Rent one machine."""
        plain: dict[str, Any] = {
            "candidates": [dict(SKUS[vendor][0])],
            "image": "docker.io/vllm/vllm-openai:v0.33.0",
            "boot": "#cloud-config\nruncmd: []\n" if BOOT_KINDS[vendor] is BootKind.VM else "#!/bin/bash\necho start",
            "env": {"VLLM_API_KEY": ACCESS_KEY},
            "ports": [8080],
            "diskGb": 100,
            "lifetimeSeconds": LIFETIME_SECONDS,
            "owner": "organization/modelyard/trial",
            "labels": {},
        }
        inputs = {name: property_value(value, is_secret=name == "env") for name, value in plain.items()}
        made: CreateResponse = self._run(self._provider.create(CreateRequest(URN, inputs, 0, preview=False)))
        return made

    def destroy(self, made: CreateResponse) -> None:
        """End what the state knows."""
        self._run(self._provider.delete(DeleteRequest(URN, made.resource_id or "", made.properties, 0)))

    def _run(self, work: Any) -> Any:
        async def run() -> Any:
            try:
                return await work
            finally:
                await self._accounts.close()

        return asyncio.run(run())


class Later:
    """A clock that is ahead."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._ahead = clock, timedelta(seconds=seconds)
        self.monotonic, self.sleep = clock.monotonic, clock.sleep

    def now(self) -> datetime:
        return self._clock.now() + self._ahead


def reap(vendors: Vendors, folder: Path, *, later_seconds: float = 0.0) -> Sweep:
    """The reaper on another computer: keys, and nothing else."""
    accounts = Accounts(environment=vendors.environment, home=folder / "elsewhere")
    clock = Later(accounts.time(), later_seconds)

    async def run() -> Sweep:
        try:
            return await sweep([registry.find(name).machines(accounts) for name in VENDORS], Asked(), clock=clock)
        finally:
            await accounts.close()

    return asyncio.run(run())


@pytest.mark.parametrize("vendor", VENDORS)
def test_destroy_alone_ends_the_machine_and_proves_it(vendor: str, vendors: Vendors, tmp_path: Path) -> None:
    laptop = Laptop(vendors, tmp_path)
    made = laptop.up(vendor)
    assert vendors.alive() == [made.resource_id]
    laptop.destroy(made)
    assert vendors.alive() == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_reaper_alone_ends_what_a_lost_laptop_left(vendor: str, vendors: Vendors, tmp_path: Path) -> None:
    made = Laptop(vendors, tmp_path).up(vendor)  # and nobody has this laptop, its state or its journal any more
    assert reap(vendors, tmp_path).is_proved
    assert vendors.alive() == [made.resource_id], "it is still in time"
    assert reap(vendors, tmp_path, later_seconds=LIFETIME_SECONDS + 60).is_proved
    assert vendors.alive() == []


def watchdog(folder: Path, **environment: str) -> None:
    """Run the boot script up to its watchdog, as the machine does, and wait until the watchdog has done its work."""
    head = boot_script(machine_text()).split("# --- 2.", maxsplit=1)[0]
    script = head.replace("/etc/modelyard", str(folder / "etc")).replace("/var/lib/modelyard", str(folder / "var"))
    given = {"PATH": os.environ["PATH"], "MODELYARD_DEADLINE": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", **environment}
    done = subprocess.run(
        ["bash", "-c", script + "\nwait\n"], env=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_watchdog_alone_ends_a_runpod_machine_with_the_key_of_that_pod(vendors: Vendors, tmp_path: Path) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=timedelta(seconds=-1))
    other = vendors.rent("runpod", title="trial", ends_in=timedelta(seconds=-1), urn="other")
    simulator: Any = vendors.simulators["runpod"]
    watchdog(
        tmp_path,
        RUNPOD_POD_ID=machine,
        RUNPOD_API_KEY=simulator.pod_key(machine),
        RUNPOD_REST_URL=vendors.served["runpod"].url,
    )
    assert vendors.alive() == [f"runpod/{other}"]  # its key is good for nothing else


def test_the_watchdog_alone_ends_a_vast_machine(vendors: Vendors, tmp_path: Path) -> None:
    machine = vendors.rent("vastai", title="trial", ends_in=timedelta(seconds=-1))
    watchdog(tmp_path, CONTAINER_ID=machine, CONTAINER_API_KEY=KEYS["vastai"], VAST_URL=vendors.served["vastai"].url)
    assert vendors.alive() == []


def test_a_virtual_machine_stops_its_service_and_calls_no_vendor() -> None:
    """It has no key to end its own bill with, which is what the table says about Lambda and Verda."""
    text = vm_script(machine_text())
    watch = text[text.index('if [[ -n "$deadline" ]]') : text.index("only a delete call ends the bill")]
    assert "--unit=modelyard-watchdog" in watch
    assert "compose" in watch
    reaches = [registry.find(name).access() for name in VENDORS]
    assert [word for access in reaches for word in (access.base_url, access.key_variable) if word in text] == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_create_whose_reply_was_lost_is_found_by_the_reaper(vendor: str, vendors: Vendors, tmp_path: Path) -> None:
    """No state ever knew of it, so destroy cannot help."""
    vendors.rent(vendor, title="trial", ends_in=timedelta(seconds=-1))
    assert reap(vendors, tmp_path).is_proved
    assert vendors.alive() == []
