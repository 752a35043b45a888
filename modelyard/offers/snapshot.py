"""The dated snapshot as offers and unit prices: which published prices are machines on sale, and which are not.

The rules (each vendor's own are in ``billing.toml``):

* one GPU's price becomes machines of 1 to ``max_gpus`` GPUs only where the vendor sells them so;
* a marketplace ask is offered for what was observed, one GPU, and says that it is no quote;
* "community" is a trust tier, not spot; where the spot price equals on demand no spot offer is made;
* fractions of a GPU, accelerators that no engine of ours runs on, serverless and empty prices are no machine offers;
* of two prices for the same machine the newer one stands, and says what the older one was.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache

from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.errors import CatalogError
from modelyard.offers.links import has_fast_link
from modelyard.offers.rows import FILE, PriceRow, load_rows
from modelyard.offers.types import Offer, UnitPrice
from modelyard.offers.vendors import PriceException, Vendor, find_vendor, load_rules
from modelyard.spec import Trust

_HISTORICAL = "HISTORICAL"


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A priced row that is not offered, and why."""

    row: PriceRow
    why: str


@cache
def load_offers() -> tuple[Offer, ...]:
    """Every machine on sale in the snapshot, cheapest per hour first.

    Raises:
        CatalogError: a row that cannot be trusted.
    """
    return offers_from(load_rows())


@cache
def load_unit_prices() -> tuple[UnitPrice, ...]:
    """Every price that is not a machine's: storage, network, control plane, serverless seconds.

    Raises:
        CatalogError: a row that cannot be trusted.
    """
    return tuple(
        UnitPrice(
            vendor=row.vendor,
            what=row.sku,
            usd=row.unit_price,
            unit=row.unit,
            region=row.region,
            as_of=row.as_of,
            source=row.source,
            notes=row.notes,
        )
        for row in load_rows()
        if row.unit_price is not None and not row.notes.startswith(_HISTORICAL)
    )


def load_left_out() -> tuple[LeftOut, ...]:
    """Compute rows with a price that make no offer, and why."""
    return tuple(left for row in load_rows() if row.kind == "compute" and (left := _left_out(row)) is not None)


def offers_from(rows: Iterable[PriceRow]) -> tuple[Offer, ...]:
    """Make offers of price rows.

    Raises:
        CatalogError: a row of an unknown vendor or GPU, or without a date.
    """
    newest: dict[str, Offer] = {}
    for row in rows:
        if row.kind != "compute" or not row.gpu or row.gpu_count < 1:
            continue
        for offer in _offers_of(row, find_vendor(row.vendor), find_gpu(row.gpu)):
            known = newest.get(offer.key)
            newest[offer.key] = offer if known is None else _newer(known, offer)
    return tuple(sorted(newest.values(), key=lambda o: (o.usd_per_hour, o.gpu_count, o.key)))


def _offers_of(row: PriceRow, vendor: Vendor, gpu: Gpu) -> Iterator[Offer]:
    counts = range(1, vendor.max_gpus + 1) if vendor.per_gpu else (row.gpu_count,)
    for price, trust, spot, note in _markets(row, vendor):
        for count in counts:
            scale = Decimal(count) / row.gpu_count
            yield Offer(
                vendor=vendor.name,
                sku=row.sku,
                gpu=gpu.name,
                gpu_count=count,
                region=row.region or "any",
                trust=trust,
                spot=spot,
                usd_per_hour=price * scale,
                billing=vendor.billing,
                fast_link=has_fast_link(gpu, count),
                as_of=_dated(row),
                source=row.source,
                rentable=vendor.rentable,
                vcpus=None if row.vcpus is None else int(row.vcpus * scale),
                ram_gib=None if row.ram_gib is None else float(row.ram_gib * float(scale)),
                local_nvme_gb=row.local_nvme_gb,
                notes="; ".join(part for part in (note, row.notes) if part),
            )


def _markets(row: PriceRow, vendor: Vendor) -> Iterator[tuple[Decimal, Trust, bool, str]]:
    """Price, trust tier, spot or not, and a note, for each market that the row prices."""
    if row.on_demand is not None:
        rule = _exception(row, "on_demand")
        if rule is None:
            yield row.on_demand, vendor.trust, False, ""
        elif rule.effect == "community":
            yield row.on_demand, Trust.COMMUNITY, False, rule.why
    if row.second is not None:
        match vendor.second_price:
            case "spot":
                yield row.second, vendor.trust, True, ""
            case "community":
                yield row.second, Trust.COMMUNITY, False, ""
            case "ask":
                yield row.second, Trust.COMMUNITY, False, f"cheapest ask observed on {row.as_of}, not a quote"
            case "none":
                pass


def _exception(row: PriceRow, market: str) -> PriceException | None:
    for rule in load_rules().exceptions:
        if rule.vendor == row.vendor and row.sku in rule.skus and rule.market == market:
            return rule
    return None


def _newer(known: Offer, other: Offer) -> Offer:
    new, old = (other, known) if other.as_of > known.as_of else (known, other)
    same = new.usd_per_hour == old.usd_per_hour
    note = "" if same else f"; on {old.as_of} it was ${old.usd_per_hour}/h ({old.source})"
    return replace(
        new,
        vcpus=new.vcpus if new.vcpus is not None else old.vcpus,
        ram_gib=new.ram_gib if new.ram_gib is not None else old.ram_gib,
        local_nvme_gb=new.local_nvme_gb if new.local_nvme_gb is not None else old.local_nvme_gb,
        notes=(new.notes + note).removeprefix("; "),
    )


def _dated(row: PriceRow) -> date:
    if row.as_of is None:
        raise CatalogError(
            f"price of {row.vendor} '{row.sku}' has no date", details=f"where    {FILE}:{row.line}, column as_of"
        )
    return row.as_of


def _left_out(row: PriceRow) -> LeftOut | None:
    if row.on_demand is None and row.second is None:
        return LeftOut(row=row, why="no price is published")
    if row.gpu_count < 1:
        return LeftOut(row=row, why="a fraction of a GPU")
    if not row.gpu:
        return LeftOut(row=row, why="no engine of ours runs on this accelerator")
    rule = _exception(row, "on_demand")
    if rule is not None and rule.effect == "left_out":
        return LeftOut(row=row, why=f"on demand: {rule.why}")
    return None
