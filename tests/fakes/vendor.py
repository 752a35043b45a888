"""A vendor of machines whose every misstep is written down beforehand, on a simulator's clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from providers.base.errors import Kind, VendorError
from providers.base.machines import Candidate, MachineOrder, Sighting, Status
from providers.base.marker import Marker
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import VirtualClock

Step = Callable[["FakeVendor", MachineOrder], str]
"""What one create call does: an id, or an error raised."""


def sighting(machine_id: str, marker: Marker | None, **changes: Any) -> Sighting:
    """A running machine with four H200."""
    facts: dict[str, Any] = {
        "machine_id": machine_id,
        "name": marker.name if marker else "somebody-elses",
        "marker": marker,
        "status": Status.RUNNING,
        "detail": "",
        "gpu": "H200",
        "gpu_count": 4,
        "region": "EU-1",
        "address": f"https://{machine_id}.example",
        "ports": {8080: f"{machine_id}.example:443"},
        "usd_per_hour": Decimal("18.36"),
        "created_at": datetime(2027, 1, 15, 8, tzinfo=UTC),
        **changes,
    }
    return Sighting(**facts)


@dataclass(kw_only=True)
class FakeVendor:
    """Machines in a dictionary.

    Attributes:
        steps: what the next creates do; after them every create works.
        get_steps: errors that the next reads raise; None lets one through. ``list_steps`` and ``delete_steps`` too.
        hidden_seconds: how long neither list nor reads show a new machine.
        haunting_seconds: how long a deleted machine is still shown.
        log: what every machine printed.
        sent: every order that arrived.
        deletes: ids of every delete call.
    """

    clock: SimClock = field(default_factory=SimClock)
    name: str = "runpod"
    visible_within_seconds: float = 60.0
    steps: list[Step] = field(default_factory=list[Step])
    get_steps: list[VendorError | None] = field(default_factory=list[VendorError | None])
    list_steps: list[VendorError | None] = field(default_factory=list[VendorError | None])
    delete_steps: list[VendorError | None] = field(default_factory=list[VendorError | None])
    hidden_seconds: float = 0.0
    haunting_seconds: float = 0.0
    log: list[str] = field(default_factory=list[str])
    machines: dict[str, Sighting] = field(default_factory=dict[str, Sighting])
    sent: list[MachineOrder] = field(default_factory=list[MachineOrder])
    deletes: list[str] = field(default_factory=list[str])
    _shown_from: dict[str, float] = field(default_factory=dict[str, float])
    _shown_until: dict[str, float] = field(default_factory=dict[str, float])

    def time(self) -> VirtualClock:
        """The providers' clock on this vendor's time."""
        return VirtualClock(self.clock)

    def add(self, order: MachineOrder, **changes: Any) -> str:
        """A machine that an order made."""
        machine_id = f"{self.name}-{len(self.sent)}"
        candidate = order.candidate
        facts = {
            "gpu": candidate.gpu,
            "gpu_count": candidate.gpu_count,
            "spot": candidate.spot,
            "usd_per_hour": candidate.usd_per_hour,
            "created_at": datetime.fromtimestamp(self.clock.now, UTC),
            **changes,
        }
        self.machines[machine_id] = sighting(machine_id, order.marker, **facts)
        self._shown_from[machine_id] = self.clock.now + self.hidden_seconds
        return machine_id

    def hide(self, machine_id: str, *, seconds: float) -> None:
        """Show a machine only after a time."""
        self._shown_from[machine_id] = self.clock.now + seconds

    @property
    def alive(self) -> list[str]:
        """What costs money."""
        return [machine_id for machine_id in self.machines if machine_id not in self._shown_until]

    async def create(self, order: MachineOrder) -> str:
        """The next step."""
        self.sent.append(order)
        return self.steps.pop(0)(self, order) if self.steps else self.add(order)

    async def get(self, machine_id: str) -> Sighting | None:
        """A machine, if it is shown."""
        _raise_next(self.get_steps)
        return self.machines.get(machine_id) if self._is_shown(machine_id) else None

    async def list(self) -> list[Sighting]:
        """Every machine that is shown."""
        _raise_next(self.list_steps)
        return [seen for machine_id, seen in self.machines.items() if self._is_shown(machine_id)]

    async def delete(self, machine_id: str) -> None:
        """End it."""
        self.deletes.append(machine_id)
        _raise_next(self.delete_steps)
        self._shown_until.setdefault(machine_id, self.clock.now + self.haunting_seconds)

    async def rename(self, machine_id: str, marker: Marker) -> None:
        """Another marker."""
        self.machines[machine_id] = replace(self.machines[machine_id], name=marker.name, marker=marker)

    async def logs(self, machine_id: str, *, lines: int = 40) -> Sequence[str]:
        """What it printed."""
        del machine_id
        return self.log[-lines:]

    def console_url(self, machine_id: str) -> str:
        """Where a person looks at it."""
        return f"https://console.example/{self.name}/{machine_id}"

    async def quote(self, candidate: Candidate) -> Decimal | None:
        """What was planned."""
        return candidate.usd_per_hour

    def _is_shown(self, machine_id: str) -> bool:
        now = self.clock.now
        ends = self._shown_until.get(machine_id)
        return (
            machine_id in self.machines
            and now >= self._shown_from.get(machine_id, 0.0)
            and (ends is None or now < ends)
        )


def _raise_next(steps: list[VendorError | None]) -> None:
    error = steps.pop(0) if steps else None
    if error is not None:
        raise error


def failing(kind: Kind, detail: str = "no") -> Step:
    """A create that does nothing."""

    def step(vendor: FakeVendor, order: MachineOrder) -> str:
        del order
        raise VendorError(vendor.name, kind, detail)

    return step


def lost_reply(vendor: FakeVendor, order: MachineOrder) -> str:
    """A create that works, and nobody hears of it."""
    vendor.add(order)
    raise VendorError(vendor.name, Kind.AMBIGUOUS, "no answer: ReadTimeout")


def half_made(vendor: FakeVendor, order: MachineOrder) -> str:
    """An error that carries the id of what it made all the same."""
    made = vendor.add(order, status=Status.STOPPED)
    raise VendorError(vendor.name, Kind.CAPACITY, "the bid is too low", created_id=made)


def delivering(**changes: Any) -> Step:
    """A create that yields something else than was ordered."""
    return lambda vendor, order: vendor.add(order, **changes)
