"""The rows of ``data/prices.csv``, read strictly: no source, no price unit, or no number means no row."""

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from modelyard.catalog.rows import data_dir
from modelyard.errors import CatalogError, quote

FILE = "prices.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceRow:
    """One price fact as published. An empty price is None: not known, or not sold; never 0."""

    line: int
    vendor: str
    sku: str
    kind: str
    """``compute``, ``serverless`` or ``storage/network``."""
    gpu: str
    """Catalog name; empty where the row names no single GPU product."""
    gpu_count: int
    region: str
    on_demand: Decimal | None
    """USD per hour."""
    second: Decimal | None
    """USD per hour: spot, community or ask, as the vendor's rules say."""
    unit_price: Decimal | None
    unit: str
    as_of: date | None
    source: str
    notes: str
    vcpus: int | None
    ram_gib: float | None
    local_nvme_gb: int | None


@cache
def load_rows() -> tuple[PriceRow, ...]:
    """Every row of the price snapshot.

    Raises:
        CatalogError: an unreadable file, or a row that cannot be trusted.
    """
    return read_rows(data_dir() / FILE)


def read_rows(path: Path) -> tuple[PriceRow, ...]:
    """Read a price table.

    Raises:
        CatalogError: an unreadable file, or a row that cannot be trusted.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"cannot read {path}", details=f"because  {error}") from error
    reader = csv.DictReader(text.splitlines())
    try:
        return tuple(_row(raw, reader.line_num) for raw in reader)
    except KeyError as error:
        raise CatalogError(f"{path.name} has no column {error}") from error


def _row(raw: dict[str, str | None], line: int) -> PriceRow:
    cell = {key: (value or "").strip() for key, value in raw.items()}
    where = f"{FILE}:{line}"
    if not cell["source_url"].startswith("https://"):
        raise CatalogError(
            f"price of {cell['provider']} {quote(cell['sku'])} has no source",
            details=f"where    {where}, column source_url\nallowed  https://…",
            resolution="add the public page that states the price, or take the row out",
        )
    return PriceRow(
        line=line,
        vendor=cell["provider"],
        sku=cell["sku"],
        kind=cell["kind"],
        gpu=cell["gpu_name"],
        gpu_count=int(_number(cell["gpu_count"], where, "gpu_count") or 0),
        region=cell["region"],
        on_demand=_price(cell["on_demand_usd_per_hour"], where, "on_demand_usd_per_hour"),
        second=_price(cell["spot_or_community_usd_per_hour"], where, "spot_or_community_usd_per_hour"),
        unit_price=_number(cell["unit_price_usd"], where, "unit_price_usd"),
        unit=cell["unit"],
        as_of=_date(cell["as_of"], where),
        source=cell["source_url"],
        notes=cell["notes"],
        vcpus=_whole(cell["vcpus"], where, "vcpus"),
        ram_gib=_real(cell["ram_gib"], where, "ram_gib"),
        local_nvme_gb=_whole(cell["local_nvme_gb"], where, "local_nvme_gb"),
    )


def _number(text: str, where: str, column: str) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise _bad(text, where, column, "a number, or nothing when it is not known") from error
    if not value.is_finite() or value < 0:
        raise _bad(text, where, column, "0 or more")
    return value


def _price(text: str, where: str, column: str) -> Decimal | None:
    value = _number(text, where, column)
    if value is not None and value == 0:
        raise _bad(text, where, column, "more than 0; an unknown price is left empty")
    return value


def _whole(text: str, where: str, column: str) -> int | None:
    value = _number(text, where, column)
    return None if value is None else int(value)


def _real(text: str, where: str, column: str) -> float | None:
    value = _number(text, where, column)
    return None if value is None else float(value)


def _date(text: str, where: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _bad(text, where, "as_of", "a date such as 2026-11-09, or nothing when the page has none") from error


def _bad(text: str, where: str, column: str, allowed: str) -> CatalogError:
    return CatalogError(
        f"{quote(text)} is not allowed", details=f"where    {where}, column {column}\nallowed  {allowed}"
    )
