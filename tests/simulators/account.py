"""Served simulators with an environment that points to them: for tests of commands and processes over real HTTP."""

import asyncio
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from modelyard.render.machine import BOOT_KINDS, BootKind
from providers import registry
from providers.base.accounts import Accounts
from providers.base.machines import MachineOrder
from providers.base.marker import Marker
from providers.plugin.machine import candidates
from tests.simulators.core import SimClock, Simulator
from tests.simulators.scenarios import KEYS, SKUS, make_simulators
from tests.simulators.serve import Served, Ticking, serving

SPEED: Final = 100.0
ACCESS_KEY: Final = "bearer-key-of-the-test"
_BOOTS: Final = {
    BootKind.VM: "#cloud-config\nruncmd: []\n",
    BootKind.CONTAINER: "#!/bin/bash\necho start",
}


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
            boot=_BOOTS[BOOT_KINDS[vendor]],
            env={"VLLM_API_KEY": ACCESS_KEY},
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
def vendors_on_loopback(
    names: Sequence[str] = tuple(KEYS), *, speed: float = SPEED, port: int = 0
) -> Generator[Vendors]:
    """Serve the simulators of these vendors until the block ends; their one clock begins now.

    Args:
        names: vendors.
        speed: how many of their seconds pass in one real second.
        port: of the first; the others follow it. 0: any that are free.
    """
    clock = SimClock(time.time())
    ticking = Ticking(clock, speed=speed)
    simulators = {name: made for name, made in make_simulators(clock, seed=1).items() if name in names}
    with ExitStack() as stack:
        served = {
            name: stack.enter_context(
                serving(
                    simulator,
                    speed=speed,
                    port=port and port + at,
                    neighbours=tuple(simulators.values()),
                    ticking=ticking,
                )
            )
            for at, (name, simulator) in enumerate(simulators.items())
        }
        yield Vendors(simulators=simulators, served=served, environment=_environment(served, speed))


def _environment(served: Mapping[str, Served], speed: float) -> dict[str, str]:
    """Variables by which a process finds the simulators, and the gateways of their machines."""
    found: dict[str, str] = {}
    for name, server in served.items():
        access = registry.find(name).access()
        found[access.url_variable] = server.url
        if access.id_variable:
            found[access.id_variable], _, found[access.key_variable] = KEYS[name].partition(":")
        else:
            found[access.key_variable] = KEYS[name]
    if speed > 1:
        found["MODELYARD_PACE"] = f"{1 / speed:g}"
    return found | {"MODELYARD_GATEWAY_URL": next(iter(served.values())).gateway_url}
