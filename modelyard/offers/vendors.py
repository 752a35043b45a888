"""How each vendor bills and what of its price rows is on sale: the rules of ``data/billing.toml`` as types.

Prices change weekly, rules of billing rarely; keeping them apart keeps a price refresh from touching a rule.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final, Literal

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import CatalogError, UnknownNameError, quote
from modelyard.offers.types import Billing
from modelyard.spec import Trust

RENTABLE_VENDORS: Final = ("runpod", "lambda", "vastai")
"""Vendors that modelyard has a client for. A data test keeps ``billing.toml`` to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """One vendor's rules."""

    name: str
    title: str
    rentable: bool
    trust: Trust
    second_price: Literal["spot", "community", "ask", "none"]
    """What the second price column means: spot, a trust tier, or an observed marketplace ask."""
    per_gpu: bool
    """Whether the price is one GPU's, so that machines of 1 to ``max_gpus`` GPUs follow from it."""
    max_gpus: int
    granularity_seconds: int
    minimum_seconds: int
    billing_note: str
    disk: Literal["billed", "included", "unknown"]
    regions: tuple[str, ...]
    """Regions that may be asked for although no price row names them."""
    source: Source
    as_of: date
    disk_price: str | None = None
    disk_note: str = ""
    transfer_note: str = ""
    """Why traffic, and so the pull of the weights, is not priced; empty: it is free."""
    volume: tuple[str, ...] = ()
    """Price rows of its network volume, one a tier; empty: modelyard has no network volume there."""
    volume_first_gb: int | None = None
    volume_trust: Trust | None = None
    """The only trust tier that can attach a network volume; None: all."""
    volume_max_gb: int | None = None
    volume_below: tuple[str, ...] = ()
    """Folders below which a machine can mount it; empty: anywhere."""
    volume_granularity_seconds: int = 3600
    hourly_limit: str | None = None
    """The row that holds the spend limit of a fresh account, USD per hour."""
    use_instead: str = ""
    notes: str = ""

    @property
    def billing(self) -> Billing:
        """Its rule for machine time."""
        return Billing(
            granularity_seconds=self.granularity_seconds, minimum_seconds=self.minimum_seconds, note=self.billing_note
        )

    @property
    def why_not_rentable(self) -> str:
        """Why no machine can be rented there, and what to do; empty when it can."""
        return "" if self.rentable else f"modelyard cannot rent from {self.name} yet; {self.use_instead}"


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceException:
    """A price fact that is not an offer as it stands."""

    vendor: str
    skus: tuple[str, ...]
    market: Literal["on_demand", "second"]
    effect: Literal["left_out", "community"]
    why: str
    source: Source
    as_of: date


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlPlane:
    """A managed Kubernetes and the price rows that belong to it."""

    name: str
    vendor: str
    price: str
    load_balancer: str | None = None
    nat_per_gb: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StorageClass:
    """A storage class of managed clusters whose price follows from its name."""

    control_planes: tuple[str, ...]
    name: str
    vendor: str
    price: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BillingRules:
    """The whole of ``billing.toml``."""

    vendors: tuple[Vendor, ...]
    exceptions: tuple[PriceException, ...]
    control_planes: tuple[ControlPlane, ...]
    storage_classes: tuple[StorageClass, ...]


@cache
def load_rules() -> BillingRules:
    """The rules of every vendor.

    Raises:
        CatalogError: a row that cannot be trusted, or a vendor named twice.
    """
    file = "billing.toml"
    raw = read_toml(data_dir() / file)
    rules = BillingRules(
        vendors=parse_rows(Vendor, raw.get("vendor", []), file=file, label="vendor"),
        exceptions=parse_rows(PriceException, raw.get("exception", []), file=file, label="exception"),
        control_planes=parse_rows(ControlPlane, raw.get("control_plane", []), file=file, label="control plane"),
        storage_classes=parse_rows(StorageClass, raw.get("storage_class", []), file=file, label="storage class"),
    )
    names = [v.name for v in rules.vendors]
    for name in names:
        if names.count(name) > 1:
            raise CatalogError(f"vendor {quote(name)} has two sets of rules", details=f"where    {file}")
    return rules


def load_vendors() -> tuple[Vendor, ...]:
    """Every vendor that prices are known of, those that modelyard can rent from first."""
    return load_rules().vendors


def find_vendor(name: str) -> Vendor:
    """The vendor called ``name``.

    Raises:
        UnknownNameError: no such vendor; names the nearest.
    """
    for vendor in load_vendors():
        if vendor.name == name.strip().lower():
            return vendor
    raise UnknownNameError(
        "vendor", name, (v.name for v in load_vendors()), see="`modelyard offers` lists what they sell."
    )
