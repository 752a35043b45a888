"""`modelyard offers`: what is on sale, cheapest first, and how old the price is."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from modelyard.cli.options import json_option, usd

if TYPE_CHECKING:
    from modelyard.offers.live import Answer, Listed

_SAFETY = ("community", "secure", "cloud")
_TIMEOUT_SECONDS = 20.0


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
@click.option("--live", is_flag=True, help="Ask the vendors that there is a key for: prices and stock of now.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=_TIMEOUT_SECONDS,
    show_default=True,
    help="With --live: seconds that each vendor has to answer.",
)
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
    live: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """List machines on sale, cheapest first: of the price snapshot, or with --live of the vendors now.

    \b
    Examples:
      modelyard offers --gpu H100-SXM --min-gpus 8 --trust secure
      modelyard offers --vendor runpod --max-usd-per-hour 2 --json
      modelyard offers --live --gpu H200 --rentable
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.catalog.gpus import find_gpu
    from modelyard.cli import offers_view
    from modelyard.cli.console import emit, emit_json, say
    from modelyard.offers import find_vendor

    wanted_vendors = {find_vendor(name).name for name in vendors}
    wanted_gpus = {find_gpu(name).name for name in gpus}
    listed, asked = _listed(sorted(wanted_vendors), live=live, timeout=timeout, say=say)
    if regions:
        _refuse_unknown(regions, listed)
    found = [
        item
        for item in listed
        if (not wanted_vendors or item.offer.vendor in wanted_vendors)
        and (not wanted_gpus or item.offer.gpu in wanted_gpus)
        and (not regions or _is_in(item, regions))
        and (max_usd_per_hour is None or item.offer.usd_per_hour <= max_usd_per_hour)
        and _SAFETY.index(item.offer.trust.value) >= _SAFETY.index(trust)
        and spot in (None, item.offer.spot)
        and item.offer.gpu_count >= (min_gpus or 1)
        and (item.offer.rentable or not rentable)
    ]
    shown = found[:limit]
    today = date.today()  # noqa: DTZ011  # the age of a price in days, where the user is
    if as_json:
        rows = [offers_view.facts(item, today, live=live) for item in shown]
        told = {"vendors": [offers_view.answered(answer) for answer in asked]} if live else {}
        emit_json({"schema": "modelyard.offers/1", "count": len(found), **told, "offers": rows})
        return
    if not found:
        say(f"no offer {'' if live else 'in the snapshot '}matches; `modelyard offers` lists them all")
        return
    emit(offers_view.as_table(shown, today, live=live))
    say(offers_view.summary(shown, len(found)))


def _listed(
    vendors: Sequence[str], *, live: bool, timeout: float, say: Callable[[str], None]
) -> tuple[list["Listed"], list["Answer"]]:
    """Everything on sale, and what the vendors that were asked answered."""
    from modelyard.offers import load_offers
    from modelyard.offers.live import Listed, Standing, merge

    if not live:
        return [Listed(offer=offer, standing=Standing.SNAPSHOT) for offer in load_offers()], []
    from modelyard.cli.project import import_project_module

    import_project_module("providers.registry")
    from modelyard.cli.asking import ask_for_offers

    answers = ask_for_offers(vendors, limit_seconds=timeout)
    for answer in answers:
        if answer.prices is None:
            say(f"{answer.vendor} did not answer, so its prices are the snapshot's: {answer.reason}")
    merged = merge(load_offers(), answers)
    for count, why in ((merged.unknown_gpus, "of GPUs that the catalog lacks"), (merged.unpriced, "without a price")):
        if count:
            say(f"left out: {count} live offers {why}")
    return list(merged.listed), answers


def _refuse_unknown(regions: Sequence[str], listed: Sequence["Listed"]) -> None:
    """Refuse a region that nobody has, naming the nearest."""
    from modelyard.offers import select
    from modelyard.spec import Place

    places = {place.lower() for item in listed for place in item.places}
    unlisted = tuple(region for region in regions if region.lower() not in places)
    if unlisted:
        select((item.offer for item in listed), Place(regions=unlisted))


def _is_in(item: "Listed", regions: Sequence[str]) -> bool:
    wanted = {region.lower() for region in regions}
    if item.places:
        return bool(wanted & {place.lower() for place in item.places})
    return item.offer.region.lower() in wanted or item.offer.region in ("any", "marketplace")
