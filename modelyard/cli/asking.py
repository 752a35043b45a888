"""Asking vendors what they have on sale: all at once, each with its own time limit.

Imports ``providers``, so commands import this module when they run, inside a modelyard project.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from modelyard.cli.console import say
from modelyard.cli.vendors import reach
from modelyard.errors import ModelyardError, UsageError
from modelyard.offers.live import Answer, LivePrice
from modelyard.offers.vendors import load_vendors
from modelyard.spec import Trust
from providers import registry
from providers.base.accounts import Accounts
from providers.base.resource import LiveOffer
from providers.registry import Vendor


def ask_for_offers(names: Sequence[str], *, limit_seconds: float) -> list[Answer]:
    """Ask the vendors of these names, or all that there is a key for; tells on stderr which are left out.

    A vendor that we have no client for, or no billing rules, is not asked.

    Raises:
        UsageError: no key for a vendor that was named, or for any.
    """
    accounts = Accounts()
    priced = {vendor.name for vendor in load_vendors()}
    known = [name for name in registry.VENDORS if name in priced]
    rentable = [name for name in names or known if name in known]
    if not rentable:
        raise UsageError(
            f"{', '.join(names)} cannot be asked for live prices",
            details=f"allowed  {', '.join(known)}",
            resolution="Leave --live out: the snapshot has their prices.",
        )
    found = reach(accounts, rentable, strict=bool(names))
    if found.skipped:
        say(found.skipped)
    return ask(found.vendors, accounts, limit_seconds=limit_seconds)


def ask(vendors: Sequence[Vendor], accounts: Accounts, *, limit_seconds: float) -> list[Answer]:
    """What each vendor has on sale; one that does not answer in time, or oddly, is an answer without prices."""

    async def run() -> list[Answer]:
        try:
            return list(await asyncio.gather(*(_one(vendor, accounts, limit_seconds) for vendor in vendors)))
        finally:
            await accounts.close()

    return asyncio.run(run())


async def _one(vendor: Vendor, accounts: Accounts, limit_seconds: float) -> Answer:
    reason, offers = "", None
    try:
        async with asyncio.timeout(limit_seconds):
            offers = await vendor.live_offers(accounts)
    except TimeoutError:
        reason = f"no answer within {limit_seconds:g} s"
    except ModelyardError as error:
        reason = error.brief
    return Answer(
        vendor=vendor.name,
        as_of=datetime.now(UTC).date(),
        source=vendor.access().base_url,
        prices=None if offers is None else [_price(offer) for offer in offers],
        reason=reason,
    )


def _price(offer: LiveOffer) -> LivePrice:
    return LivePrice(
        vendor=offer.vendor,
        sku=offer.sku,
        gpu=offer.gpu,
        gpu_count=offer.gpu_count,
        region=offer.region,
        trust=Trust(offer.trust),
        spot=offer.spot,
        usd_per_hour=offer.usd_per_hour,
        stock=offer.stock,
    )
