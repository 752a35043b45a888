"""The price table with the prices that vendors tell now: which cells change, which rows come, which stay as they were.

No input or output happens here. Only machine prices of vendors that answered are touched. A row is either wholly of
the answer's day and source, or untouched: a cell that the vendor does not fill any more is left empty, since a price
of another day may not stand beside a new date. A row that the vendor does not list at all keeps its old date.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from modelyard.catalog.gpus import find_gpu
from modelyard.offers.live import Answer, LivePrice
from modelyard.offers.select import ANY_REGION
from modelyard.offers.vendors import Vendor, find_vendor, load_rules
from modelyard.spec import Trust

Change = Literal["changed", "added", "confirmed", "not listed", "held"]
"""``held``: a rule of billing.toml says that the row's price is not what the column says, so a person has to look."""
ON_DEMAND: Final = "on_demand_usd_per_hour"
SECOND: Final = "spot_or_community_usd_per_hour"
_SECOND_MARKETS: Final[Mapping[str, tuple[Trust | None, bool]]] = {
    "spot": (None, True),
    "community": (Trust.COMMUNITY, False),
    "ask": (Trust.COMMUNITY, False),
}
"""What the second price column is: trust tier (None: the vendor's own) and whether it is spot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Move:
    """What a refresh does to one price of the table, or to one row."""

    vendor: str
    sku: str
    gpu_count: int
    market: str
    """As the vendor's rules name the column: ``secure``, ``community``, ``spot`` … ."""
    change: Change
    old: Decimal | None
    new: Decimal | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refreshed:
    """The new table, and what is different."""

    text: str
    moves: tuple[Move, ...]


def refresh(text: str, answers: Iterable[Answer]) -> Refreshed:
    """Lay what vendors answered over the text of a price table.

    Args:
        text: ``prices.csv`` as it is.
        answers: what vendors said; one that did not answer changes nothing.
    """
    reader = csv.DictReader(text.splitlines())
    columns = list(reader.fieldnames or ())
    rows: list[dict[str, str]] = [dict(row) for row in reader]
    moves: list[Move] = []
    for answer in answers:
        if answer.prices is None:
            continue
        prices = _cheapest(answer.prices)
        vendor = find_vendor(answer.vendor)
        _update(rows, vendor, answer, prices, moves)
        _add(rows, columns, vendor, answer, prices, moves)
    return Refreshed(text=_written(columns, rows), moves=tuple(moves))


_Prices = dict[tuple[str, int, Trust, bool], LivePrice]


def _cheapest(prices: Sequence[LivePrice]) -> _Prices:
    """By SKU, size and market; where places differ the one for all of them, else the cheapest."""
    found: _Prices = {}
    for price in prices:
        if price.usd_per_hour is None or price.gpu is None:
            continue
        key = price.sku, price.gpu_count, price.trust, price.spot
        if key not in found or _rank(price) < _rank(found[key]):
            found[key] = price
    return found


def _rank(price: LivePrice) -> tuple[bool, Decimal]:
    return price.region not in ANY_REGION, price.usd_per_hour or Decimal(0)


def _columns(vendor: Vendor, sku: str) -> dict[str, tuple[Trust, bool]]:
    """The price columns that a vendor's rows use, each with its market."""
    found: dict[str, tuple[Trust, bool]] = {}
    if vendor.second_price != "ask":  # an ask is the vendor's whole market
        found[ON_DEMAND] = (vendor.trust, False)
    if vendor.second_price in _SECOND_MARKETS:
        trust, spot = _SECOND_MARKETS[vendor.second_price]
        found[SECOND] = (trust or vendor.trust, spot)
    for rule in load_rules().exceptions:
        column = ON_DEMAND if rule.market == "on_demand" else SECOND
        if rule.vendor == vendor.name and sku in rule.skus:
            found.pop(column, None)  # a rule says that this cell means something else; a person has to look at it
    return found


def _update(rows: list[dict[str, str]], vendor: Vendor, answer: Answer, prices: _Prices, moves: list[Move]) -> None:
    for row in rows:
        if row["provider"] != vendor.name or row["kind"] != "compute" or not row["gpu_count"].isdigit():
            continue
        sku, count, columns = row["sku"], int(row["gpu_count"]), _columns(vendor, row["sku"])
        held = [c for c in (ON_DEMAND, SECOND) if c not in columns and row[c]]
        if held:  # a cell that may not be touched would get a date that is not its own
            was = _decimal(row[held[0]])
            moves.append(_move(vendor, sku, count, (vendor.trust, False), "held", was, was))
            continue
        new = {column: prices.get((sku, count, *market)) for column, market in columns.items()}
        old = {column: _decimal(row[column]) for column in columns}
        if not any(new.values()):
            moves += [
                _move(vendor, sku, count, columns[column], "not listed", was, None)
                for column, was in old.items()
                if was is not None
            ]
            continue
        for column, market in columns.items():
            found = new[column]
            usd = None if found is None else found.usd_per_hour
            if usd != old[column]:
                row[column] = "" if usd is None else _text(usd)
                moves.append(_move(vendor, sku, count, market, "changed", old[column], usd))
            elif usd is not None:
                moves.append(_move(vendor, sku, count, market, "confirmed", usd, usd))
        row["as_of"], row["source_url"] = answer.as_of.isoformat(), answer.source


def _add(  # the table and what is laid over it
    rows: list[dict[str, str]],
    columns: list[str],
    vendor: Vendor,
    answer: Answer,
    prices: _Prices,
    moves: list[Move],
) -> None:
    """Rows for what the table does not have yet, after the vendor's other machines."""
    known = {(row["sku"], row["gpu_count"]) for row in rows if row["provider"] == vendor.name}
    mine = [at for at, row in enumerate(rows) if row["provider"] == vendor.name and row["kind"] == "compute"]
    like = rows[mine[0]] if mine else {}
    fresh: list[dict[str, str]] = []
    for sku, count in sorted({(sku, count) for sku, count, _, _ in prices}):
        markets = _columns(vendor, sku)
        found = {column: prices.get((sku, count, *market)) for column, market in markets.items()}
        first = next((price for price in found.values() if price is not None), None)
        if (sku, str(count)) in known or first is None or (_one_gpu_rows(vendor) and count != 1):
            continue
        gpu = find_gpu(first.gpu or "")
        row = dict.fromkeys(columns, "") | {
            "provider": vendor.name,
            "sku": sku,
            "gpu": gpu.name,
            "gpu_name": gpu.name,
            "gpu_count": str(count),
            "region": first.region if first.region in ANY_REGION else "any",
            "billing_granularity": like.get("billing_granularity", ""),
            "storage_price_facts": like.get("storage_price_facts", ""),
            "as_of": answer.as_of.isoformat(),
            "source_url": answer.source,
            "kind": "compute",
        }
        for column, price in found.items():
            if price is not None and price.usd_per_hour is not None:
                row[column] = _text(price.usd_per_hour)
                moves.append(_move(vendor, sku, count, markets[column], "added", None, price.usd_per_hour))
        fresh.append(row)
    at = mine[-1] + 1 if mine else len(rows)
    rows[at:at] = fresh


def _one_gpu_rows(vendor: Vendor) -> bool:
    """Whether the table holds one GPU's price only: larger machines follow from it, or are not observed."""
    return vendor.per_gpu or vendor.max_gpus == 1


def _move(  # the fields of one line of the report
    vendor: Vendor,
    sku: str,
    count: int,
    market: tuple[Trust, bool],
    change: Change,
    old: Decimal | None,
    new: Decimal | None,
) -> Move:
    trust, spot = market
    return Move(
        vendor=vendor.name,
        sku=sku,
        gpu_count=count,
        market="spot" if spot else trust.value,
        change=change,
        old=old,
        new=new,
    )


def _decimal(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _text(usd: Decimal) -> str:
    """Plain digits without needless zeros, so that an unchanged price is an unchanged cell."""
    return f"{usd.normalize():f}"


def _written(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
