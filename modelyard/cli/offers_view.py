"""What a list of offers looks like: a table, one line of summary, and the facts of the JSON document."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import cast

from modelyard.cli.console import plain, table
from modelyard.offers.live import Answer, Listed, Standing
from modelyard.units import format_usd

_MARKS = {Standing.NOT_LISTED: "not listed now", Standing.STALE: "stale", Standing.NO_PRICE: "no live price"}


def facts(item: Listed, today: date, *, live: bool) -> dict[str, object]:
    """One offer with the age of its price, and with what the vendor says of it when it was asked."""
    document = plain(item.offer)
    known: dict[str, object] = {}
    if isinstance(document, dict):
        known |= cast("dict[str, object]", document)
    known["age_days"] = (today - item.offer.as_of).days
    if not live:
        return known
    return {
        **known,
        "live": item.standing is Standing.LIVE,
        "stale": item.standing is Standing.STALE,
        "standing": item.standing.value,
        "stock": item.stock,
        "places": plain(item.places),
        **({} if item.was_usd_per_hour is None else {"was_usd_per_hour": plain(item.was_usd_per_hour)}),
    }


def answered(answer: Answer) -> dict[str, object]:
    """Whether a vendor answered, and why not."""
    found: dict[str, object] = {"vendor": answer.vendor, "answered": answer.prices is not None, "source": answer.source}
    return found if answer.prices is not None else {**found, "reason": answer.reason}


def as_table(items: Sequence[Listed], today: date, *, live: bool) -> str:
    """Offers as aligned text; with their stock when vendors were asked."""
    rows = [
        (
            format_usd(item.offer.usd_per_hour),
            format_usd(item.offer.usd_per_hour / item.offer.gpu_count),
            f"{item.offer.gpu_count}× {item.offer.gpu}",
            f"{item.offer.vendor}{'*' if item.offer.rentable else ''}",
            item.offer.sku,
            "spot" if item.offer.spot else item.offer.trust.value,
            _region(item),
            *((_stock(item),) if live else ()),
            _age(item, today),
        )
        for item in items
    ]
    headers = ("$/h", "$/GPU-h", "GPUS", "VENDOR", "SKU", "MARKET", "REGION", *(("STOCK",) if live else ()))
    return table((*headers, "AS OF (AGE)"), rows, right=(0, 1), cut=4)


def summary(items: Sequence[Listed], count: int) -> str:
    """What was listed, and how old it is."""
    dates = [item.offer.as_of for item in items]
    oldest, newest = min(dates), max(dates)
    span = f"{oldest}" if oldest == newest else f"{oldest} to {newest}"
    listed = f"{count} offers" if len(items) == count else f"{len(items)} of {count} offers"
    known = Counter(item.standing for item in items)
    standings = [f"{known[s]} {s.value}" for s in Standing if known[s]] if known[Standing.SNAPSHOT] < len(items) else []
    told = f" ({', '.join(standings)})" if standings else ""
    return f"{listed}{told}, prices of {span}; * modelyard can rent it; --json has every source"


def _region(item: Listed) -> str:
    in_stock = [place for place, stock in item.places.items() if stock != "none"]
    if not in_stock:
        return item.offer.region
    return in_stock[0] if len(in_stock) == 1 else f"{len(in_stock)} regions"


def _stock(item: Listed) -> str:
    asked = item.standing in {Standing.LIVE, Standing.NO_PRICE, Standing.NOT_LISTED}
    return item.stock if asked and item.stock != "unknown" else "–"


def _age(item: Listed, today: date) -> str:
    if item.standing is Standing.LIVE:
        was = item.was_usd_per_hour
        return "now" if was is None else f"now (was {format_usd(was)})"
    mark = _MARKS.get(item.standing)
    return f"{item.offer.as_of} ({(today - item.offer.as_of).days}d){f', {mark}' if mark else ''}"
