"""An order for a machine, and a run of it on fake vendors."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from providers.base.errors import Kind, VendorError
from providers.base.journal import Journal, MemoryJournal
from providers.base.machines import Candidate
from providers.base.marker import Marker
from providers.base.rent import Rented, Renting, RentOrder
from tests.fakes.vendor import FakeVendor
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import VirtualClock, run_virtual

FIRST = Marker.new(title="node", owner="o/p/s", urn="urn:node", spec={"image": "a:1"}, deadline=None)


def candidate(vendor: str = "runpod", **changes: Any) -> Candidate:
    facts: dict[str, Any] = {
        "vendor": vendor,
        "sku": "NVIDIA H200",
        "gpu": "H200",
        "gpu_count": 4,
        "tensor_parallel_size": 4,
        "region": "any",
        "trust": "secure",
        "spot": False,
        "usd_per_hour": Decimal("18.36"),
        **changes,
    }
    return Candidate(**facts)


def other_request(marker: Marker = FIRST) -> Marker:
    """A marker of the same resource that asked for something else."""
    changed = Marker.new(title="node", owner="o/p/s", urn="urn:node", spec={"image": "a:2"}, deadline=None)
    assert changed.resource == marker.resource
    return changed


@dataclass(kw_only=True)
class Market:
    """Two vendors, a computer's journal, and what was said."""

    clock: SimClock = field(default_factory=SimClock)
    journal: Journal = field(default_factory=MemoryJournal)
    without_key: set[str] = field(default_factory=set[str])
    said: list[str] = field(default_factory=list[str])
    warned: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.runpod = FakeVendor(clock=self.clock)
        self.lambda_ = FakeVendor(clock=self.clock, name="lambda")
        self.vendors = {"runpod": self.runpod, "lambda": self.lambda_}

    def vendor(self, name: str) -> FakeVendor:
        if name in self.without_key:
            raise VendorError(name, Kind.AUTH, "no API key", resolution=f"Set {name.upper()}_API_KEY.")
        return self.vendors[name]

    def renting(self, *candidates: Candidate, marker: Marker = FIRST, **changes: Any) -> Renting:
        wanted = candidates or (candidate(),)
        order = RentOrder(
            marker=marker,
            candidates=wanted,
            image="a:1",
            boots=dict.fromkeys(self.vendors, "#!/bin/bash"),
            env={"TOKEN": "secret"},
            ports=[8080],
            disk_gb=100,
            **changes,
        )
        return Renting(
            order=order,
            vendor_named=self.vendor,
            clock=VirtualClock(self.clock),
            journal=self.journal,
            say=self.said.append,
            warn=self.warned.append,
        )

    def rent(self, *candidates: Candidate, **changes: Any) -> Rented:
        """One run to its end."""
        return run_virtual(self.clock, self.renting(*candidates, **changes).rent())

    @property
    def alive(self) -> list[str]:
        """What costs money."""
        return [*self.runpod.alive, *self.lambda_.alive]
