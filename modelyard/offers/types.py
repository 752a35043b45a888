"""What is on sale."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from modelyard.spec import Trust


@dataclass(frozen=True, kw_only=True, slots=True)
class Billing:
    """How time becomes money."""

    granularity_seconds: int
    minimum_seconds: int
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One machine on sale, whole: vendor, SKU, GPUs, region, price, and where the price is from."""

    vendor: str
    sku: str
    gpu: str
    """Catalog name."""
    gpu_count: int
    region: str
    trust: Trust
    spot: bool
    usd_per_hour: Decimal
    """For the whole machine with all its GPUs."""
    billing: Billing
    fast_link: bool
    """Whether all its GPUs share NVLink or Infinity Fabric."""
    as_of: date
    source: str
    rentable: bool
    """Whether modelyard can rent it; otherwise it is shown for comparison."""
    vcpus: int | None = None
    ram_gib: float | None = None
    local_nvme_gb: int | None = None
    notes: str = ""

    @property
    def key(self) -> str:
        """A stable identity within one snapshot."""
        market = "spot" if self.spot else self.trust.value
        return f"{self.vendor}/{self.sku}/{self.gpu_count}/{self.region}/{market}"

    @property
    def label(self) -> str:
        """For people: ``runpod 4× H200 secure``."""
        market = "spot" if self.spot else ("" if self.trust is Trust.CLOUD else self.trust.value)
        return f"{self.vendor} {self.gpu_count}× {self.gpu} {market}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitPrice:
    """A price that is not a machine's: storage, network, control plane."""

    vendor: str
    what: str
    usd: Decimal
    unit: str
    """``USD/GB-month``, ``USD/hour``, ``USD/GB`` …"""
    region: str
    as_of: date | None
    source: str
    notes: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rejection:
    """An offer that was not taken, and why."""

    offer: Offer
    reason: str
