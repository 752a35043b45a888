"""Served simulators with an environment that points to them: for tests of commands and processes over real HTTP."""

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from providers import registry
from providers.base.accounts import Accounts
from providers.base.machines import MachineOrder
from providers.base.marker import Marker
from providers.plugin.machine import candidates
from tests.simulators.core import SimClock, Simulator
from tests.simulators.scenarios import KEYS, SKUS, make_simulators
from tests.simulators.serve import Served, serving

SPEED: Final = 100.0


@dataclass(kw_only=True, slots=True)
class Vendors:
    """Vendors that answer on this machine.

    Attributes:
        simulators: by vendor.
        served: their ports.
        environment: what a process needs to reach them.
    """

    simulators: Mapping[str, Simulator]
    served: Mapping[str, Served]
    environment: dict[str, str]

    def rent(self, vendor: str, *, title: str, ends_in: timedelta | None, urn: str = "node", sku: int = 0) -> str:
        """Make a machine with our marker, as the provider would, and return its id."""
        accounts = Accounts(environment=self.environment, home=Path("/nonexistent"))
        deadline = None if ends_in is None else datetime.now(UTC) + ends_in
        candidate = candidates([SKUS[vendor][sku]])[0]
        order = MachineOrder(
            marker=Marker.new(title=title, owner="o/p/s", urn=urn, spec={"image": "x"}, deadline=deadline),
            candidate=candidate,
            image="docker.io/vllm/vllm-openai:v0.33.0",
            boot="#cloud-config\nruncmd: []\n" if vendor == "lambda" else "#!/bin/bash\necho start",
            env={"VLLM_API_KEY": "bearer-key-of-the-test"},
            ports=[8080],
            disk_gb=100,
        )

        async def create() -> str:
            try:
                return await registry.find(vendor).machines(accounts).create(order)
            finally:
                await accounts.close()

        return asyncio.run(create())

    def alive(self) -> list[str]:
        """``vendor/id`` of every machine that costs money."""
        return sorted(
            f"{name}/{entry.id}"
            for name, simulator in self.simulators.items()
            for entry in simulator.ledger.alive("machine")
        )


@contextmanager
def vendors_on_loopback(names: Sequence[str] = tuple(KEYS), *, speed: float = SPEED) -> Generator[Vendors]:
    """Serve the simulators of these vendors until the block ends; their clocks begin now."""
    simulators = {
        name: simulator
        for name, simulator in make_simulators(SimClock(time.time()), seed=1).items()
        if name in names
    }
    with ExitStack() as stack:
        served = {name: stack.enter_context(serving(s, speed=speed)) for name, s in simulators.items()}
        yield Vendors(
            simulators=simulators, served=served, environment=environment({n: s.url for n, s in served.items()}, speed)
        )


def environment(urls: Mapping[str, str], speed: float) -> dict[str, str]:
    """Variables by which a process finds simulators at these URLs."""
    found = {"MODELYARD_PACE": f"{1 / speed:g}"}
    for name, url in urls.items():
        access = registry.find(name).access()
        found |= {access.key_variable: KEYS[name], access.url_variable: url}
    return found
