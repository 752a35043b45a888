"""What renting needs of a vendor: five calls, and one picture of a machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol

from providers.base.marker import Marker

ANYWHERE: Final = frozenset({"any", "marketplace"})
"""Regions of a candidate that hold no machine to a place; a marketplace has hosts everywhere."""


class Status(StrEnum):
    """Where a machine is in its life, in one vocabulary for all vendors."""

    PENDING = "pending"
    """Being allocated or booting; it may cost money already."""
    RUNNING = "running"
    STOPPED = "stopped"
    """Stopped, outbid or exited; its disk costs money and its GPUs may be lost."""
    FAILED = "failed"
    """Will not come up."""
    ENDING = "ending"
    """Delete was accepted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """One offer to try."""

    vendor: str
    sku: str
    gpu: str
    """Catalog name."""
    gpu_count: int
    tensor_parallel_size: int
    region: str
    """Region, or ``any``."""
    trust: str
    spot: bool
    usd_per_hour: Decimal

    @property
    def label(self) -> str:
        """For people."""
        market = "spot" if self.spot else self.trust
        where = "" if self.region == "any" else f" in {self.region}"
        return f"{self.vendor} {self.gpu_count}× {self.gpu} {market}{where}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineOrder:
    """One create call."""

    marker: Marker
    candidate: Candidate
    image: str
    boot: str
    """Start-up text for this vendor's kind of machine."""
    env: Mapping[str, str]
    """With MODELYARD_DEADLINE, MODELYARD_MARKER and MODELYARD_TENSOR_PARALLEL_SIZE already in it. Secret."""
    ports: Sequence[int]
    disk_gb: int
    network_volume_id: str | None = None
    cache_path: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """A machine as the vendor shows it."""

    machine_id: str
    name: str
    marker: Marker | None
    """None: not ours, never touched."""
    status: Status
    detail: str
    """The vendor's last word on it."""
    gpu: str | None
    """Catalog name where the vendor's own is known, else the vendor's."""
    gpu_count: int | None
    """How many it really has; None while the vendor does not say."""
    region: str | None
    address: str | None
    """Base URL of the gateway, such as ``https://h:443``; None until it is known."""
    ports: Mapping[int, str]
    """Port in the container → ``host:port`` outside."""
    usd_per_hour: Decimal | None
    """What the vendor charges; None when it does not say (never 0 for unknown)."""
    created_at: datetime | None
    spot: bool = False
    image: str | None = None
    network_volume_id: str | None = None
    """The network volume that it mounts; None: none, or the vendor does not say."""

    @property
    def id(self) -> str:
        """The machine's id."""
        return self.machine_id


class MachineVendor(Protocol):
    """A place where machines are rented. Every call raises ``VendorError`` and nothing else when it fails."""

    name: str
    visible_within_seconds: float
    """How long after a create the list may not show the machine yet."""

    async def create(self, order: MachineOrder) -> str:
        """Send one create call and return the machine's id.

        Raises:
            VendorError: CAPACITY → try the next; AMBIGUOUS → it may exist; ``created_id`` set → it exists and is of
                no use.
        """
        ...

    async def get(self, machine_id: str) -> Sighting | None:
        """A machine; None only when the vendor says that it does not exist, to a key that works."""
        ...

    async def list(self) -> list[Sighting]:
        """Every machine of the account, ours or not, over all pages. An odd answer is an error, never an empty list."""
        ...

    async def delete(self, machine_id: str) -> None:
        """Ask for its end once. A machine that does not exist is no error."""
        ...

    async def rename(self, machine_id: str, marker: Marker) -> None:
        """Put another marker on it, without touching what runs on it."""
        ...

    async def logs(self, machine_id: str, *, lines: int = 40) -> Sequence[str]:
        """The last lines that it printed; empty where the vendor has no such thing."""
        ...

    def console_url(self, machine_id: str) -> str:
        """Where a person looks at it."""
        ...

    async def quote(self, candidate: Candidate) -> Decimal | None:
        """What the vendor asks for it now, USD per hour for the whole machine; None: it does not say."""
        ...
