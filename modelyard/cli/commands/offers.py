"""`modelyard offers`: what is on sale, cheapest first, and how old the price is."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from modelyard.cli.options import json_option, usd

if TYPE_CHECKING:
    from modelyard.offers import Offer

_SAFETY = ("community", "secure", "cloud")


@click.command("offers", short_help="List machines for rent, cheapest first.")
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor; may be repeated.")
@click.option("--gpu", "gpus", multiple=True, help="Only this GPU; may be repeated.")
@click.option("--region", "regions", multiple=True, help="Only this region; may be repeated.")
@click.option("--max-usd-per-hour", type=usd, help="Nothing dearer, for the whole machine.")
@click.option(
    "--trust", type=click.Choice(_SAFETY), default="community", show_default=True, help="The least to accept."
)
@click.option("--spot/--no-spot", "spot", default=None, help="Only spot machines, or none.")
@click.option("--min-gpus", type=click.IntRange(1, 64), help="At least this many GPUs in the machine.")
@click.option("--rentable", is_flag=True, help="Only what modelyard can rent itself.")
@click.option("--limit", type=click.IntRange(1), help="Show only the first so many.")
@json_option
def command(  # noqa: PLR0913  # one parameter per option
    *,
    vendors: Sequence[str],
    gpus: Sequence[str],
    regions: Sequence[str],
    max_usd_per_hour: Decimal | None,
    trust: str,
    spot: bool | None,
    min_gpus: int | None,
    rentable: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """List machines on sale in the price snapshot, cheapest first.

    \b
    Examples:
      modelyard offers --gpu H100-SXM --min-gpus 8 --trust secure
      modelyard offers --vendor runpod --max-usd-per-hour 2 --json
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.catalog.gpus import find_gpu
    from modelyard.cli.console import emit, emit_json, say
    from modelyard.offers import find_vendor, load_offers, select
    from modelyard.spec import Place

    wanted_vendors = {find_vendor(name).name for name in vendors}
    wanted_gpus = {find_gpu(name).name for name in gpus}
    if regions:
        select(load_offers(), Place(regions=tuple(regions)))  # refuses a region that nobody has, with the nearest
    found = [
        offer
        for offer in load_offers()
        if (not wanted_vendors or offer.vendor in wanted_vendors)
        and (not wanted_gpus or offer.gpu in wanted_gpus)
        and (not regions or _is_in(offer, regions))
        and (max_usd_per_hour is None or offer.usd_per_hour <= max_usd_per_hour)
        and _SAFETY.index(offer.trust.value) >= _SAFETY.index(trust)
        and spot in (None, offer.spot)
        and offer.gpu_count >= (min_gpus or 1)
        and (offer.rentable or not rentable)
    ]
    found.sort(key=lambda offer: (offer.usd_per_hour, offer.key))
    shown = found[:limit]
    today = date.today()  # noqa: DTZ011  # the age of a price in days, where the user is
    if as_json:
        emit_json({"schema": "modelyard.offers/1", "count": len(found), "offers": [facts(o, today) for o in shown]})
        return
    if not found:
        say("no offer in the snapshot matches; `modelyard offers` lists them all")
        return
    emit(as_table(shown, today))
    say(summary(shown, len(found)))


def facts(offer: "Offer", today: date) -> dict[str, object]:
    """One offer with the age of its price."""
    from modelyard.cli.console import plain

    document = plain(offer)
    return {**(document if isinstance(document, dict) else {}), "age_days": (today - offer.as_of).days}


def as_table(offers: Sequence["Offer"], today: date) -> str:
    """Offers as aligned text."""
    from modelyard.cli.console import table
    from modelyard.units import format_usd

    rows = [
        (
            format_usd(offer.usd_per_hour),
            format_usd(offer.usd_per_hour / offer.gpu_count),
            f"{offer.gpu_count}× {offer.gpu}",
            f"{offer.vendor}{'*' if offer.rentable else ''}",
            offer.sku,
            "spot" if offer.spot else offer.trust.value,
            offer.region,
            f"{offer.as_of} ({(today - offer.as_of).days}d)",
        )
        for offer in offers
    ]
    headers = ("$/h", "$/GPU-h", "GPUS", "VENDOR", "SKU", "MARKET", "REGION", "AS OF (AGE)")
    return table(headers, rows, right=(0, 1), cut=4)


def summary(offers: Sequence["Offer"], count: int) -> str:
    """What was listed, and how old it is."""
    oldest, newest = min(o.as_of for o in offers), max(o.as_of for o in offers)
    span = f"{oldest}" if oldest == newest else f"{oldest} to {newest}"
    listed = f"{count} offers" if len(offers) == count else f"{len(offers)} of {count} offers"
    return f"{listed}, prices of {span}; * modelyard can rent it; --json has every source"


def _is_in(offer: "Offer", regions: Sequence[str]) -> bool:
    return offer.region.lower() in {region.lower() for region in regions} or offer.region in ("any", "marketplace")
