"""Promise: 64 machines come and go hardly slower than the vendors' rate limits alone allow; and what the plugin weighs.

Machines are created and then deleted, all at once, by the provider on the simulators in virtual time: the seconds are
the vendors', not this computer's. The limits' own time counts one create and one delete a machine and nothing else; all
that makes them safe (looking for leftovers, reading back, proving absence) comes on top of it.
"""

import asyncio
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from pulumi.provider.experimental.provider import CreateRequest, DeleteRequest

from benchmarks.measure import ROOT, SMOKE, emit
from modelyard.render.machine import BOOT_KINDS, BootKind
from providers import registry
from providers.base.accounts import Accounts
from providers.base.journal import DiskJournal
from providers.base.limits import EVERY
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.values import property_value
from tests.simulators.core import SimClock, SimRequest, Simulator
from tests.simulators.runpod.server import LIMITS
from tests.simulators.scenarios import KEYS, SKUS, make_simulators
from tests.simulators.transport import SimTransport
from tests.simulators.virtual_time import VirtualClock, run_virtual

MACHINES: Final = 4 if SMOKE else 64
LATENCY_SECONDS: Final = 0.25
"""Of every answer, as from another continent."""
_IS_ID: Final = re.compile(r"(?=.*[0-9])[0-9a-z-]{7,}")
TARGET: Final = "<= 1.3 for each vendor"


class Lifecycles:
    """Machines of one vendor, all at once."""

    def __init__(self, vendor: str, count: int, folder: Path) -> None:
        self.vendor, self.count = vendor, count
        self.clock = SimClock()
        self.simulator: Simulator = make_simulators(self.clock, seed=1)[vendor]
        self.calls: Counter[str] = Counter()
        host = f"{vendor}.test"
        accounts = Accounts(
            settings={f"{vendor}Url": f"https://{host}{self.simulator.base_path}", f"{vendor}ApiKey": KEYS[vendor]},
            environment={},
            home=folder,
            clock=VirtualClock(self.clock),
            transport=SimTransport({host: self.simulator}, before=self._count, latency_seconds=LATENCY_SECONDS),
        )
        self.provider = RentalProvider(accounts=accounts, journal=DiskJournal(folder / "creates"))

    async def run(self) -> dict[str, float]:
        """Seconds of virtual time: all up, all down."""
        begun = self.clock.now
        made = await self._up()
        up = self.clock.now
        await self._down(made)
        return {"up_s": round(up - begun, 1), "down_s": round(self.clock.now - up, 1)}

    async def _up(self) -> list[Any]:
        inputs = _inputs(self.vendor)
        asked = (CreateRequest(_urn(number), inputs, 0, preview=False) for number in range(self.count))
        return list(await asyncio.gather(*(self.provider.create(request) for request in asked)))

    async def _down(self, made: Sequence[Any]) -> None:
        ends = (
            self.provider.delete(DeleteRequest(_urn(number), machine.resource_id or "", machine.properties, 0))
            for number, machine in enumerate(made)
        )
        await asyncio.gather(*ends)

    def _count(self, simulator: Simulator, request: SimRequest) -> None:
        del simulator
        path = "/".join("ID" if _IS_ID.fullmatch(part) else part for part in request.path.split("/"))
        self.calls[f"{request.method} {path}"] += 1


def _urn(number: int) -> str:
    return f"urn:pulumi:figures::modelyard::modelyard-rental:index:Machine::node-{number}"


def _inputs(vendor: str) -> dict[str, Any]:
    plain = {
        "candidates": [dict(SKUS[vendor][0])],
        "image": "docker.io/vllm/vllm-openai:v0.33.0",
        "boot": "#cloud-config\nruncmd: []\n" if BOOT_KINDS[vendor] is BootKind.VM else "#!/bin/bash\necho start",
        "env": {"VLLM_API_KEY": "bearer-key-of-the-benchmark"},
        "ports": [8080],
        "diskGb": 100,
        "lifetimeSeconds": 3600,
        "owner": "organization/modelyard/figures",
        "labels": {},
    }
    return {name: property_value(value, is_secret=name == "env") for name, value in plain.items()}


def lifecycles(vendor: str, machines: int = MACHINES) -> dict[str, Any]:
    """Seconds and requests of all the machines of one vendor."""
    with tempfile.TemporaryDirectory(prefix="modelyard-figures-") as folder:
        world = Lifecycles(vendor, machines, Path(folder))
        taken = run_virtual(world.clock, world.run())
        if alive := world.simulator.ledger.alive("machine"):
            raise RuntimeError(f"{vendor}: {len(alive)} machines are left")
    total = sum(world.calls.values())
    figures: dict[str, Any] = {
        **taken,
        "requests": total,
        "requests_per_lifecycle": round(total / machines, 2),
        "by_call": dict(world.calls.most_common()),
    }
    least = least_seconds(vendor, machines)
    if least is None:
        return {**figures, "limits_alone_s": None, "ratio": None, "why": "the vendor documents no rate limit"}
    ratio = round((taken["up_s"] + taken["down_s"]) / least, 3) if least else None
    return {**figures, "limits_alone_s": least, "ratio": ratio}


def least_seconds(vendor: str, machines: int) -> float | None:
    """What the rate limits alone ask for: one create and one delete a machine, and nothing else; None: no limits."""
    intervals = registry.find(vendor).access().intervals
    match vendor:
        case "lambda":
            return (machines - 1) * intervals["launch"] + machines * intervals[EVERY]
        case "vastai":
            return (machines - 1) * (intervals["create"] + intervals["destroy"])
        case "runpod":
            calls, seconds = LIMITS["minute"]
            return float(math.ceil(2 * machines / calls) - 1) * seconds
        case _:
            return None


def plugin(runs: int) -> dict[str, Any]:
    """Start the provider process as the engine does, until it has printed its port; and its memory then."""
    command = [sys.executable, str(ROOT / "providers" / "plugin"), "127.0.0.1:9"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    seconds: list[float] = []
    resident: list[float] = []
    for _ in range(1 if SMOKE else runs):
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment)
        try:
            line = process.stdout.readline() if process.stdout else b""
            seconds.append(time.perf_counter() - begun)
            if not line.strip().isdigit():
                raise RuntimeError(f"the plugin printed no port but {line!r}")
            resident.append(_resident_mib(process.pid))
        finally:
            process.kill()
            process.communicate()
    return {
        "start_to_port_s": round(statistics.median(seconds), 3),
        "start_min_s": round(min(seconds), 3),
        "resident_mib": round(statistics.median(resident), 1),
        "runs": len(seconds),
    }


def _resident_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise RuntimeError("the kernel does not say how much memory the plugin has")
    return int(found[1]) / 1024


def run() -> dict[str, Any]:
    """Lifecycles of every vendor, and the plugin's own weight."""
    return {
        "benchmark": "rental_figures",
        "target": {"ratio": TARGET},
        "machines": MACHINES,
        "latency_s": LATENCY_SECONDS,
        "vendors": {vendor: lifecycles(vendor) for vendor in KEYS},
        "plugin": plugin(runs=5),
    }


if __name__ == "__main__":
    emit(run())
