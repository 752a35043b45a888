"""What Verda sells now: its types, by location where there is stock, on demand and as spot."""

from typing import Final

from providers.base.accounts import Accounts
from providers.base.resource import LiveOffer
from providers.verda.client import client_for
from providers.verda.errors import VENDOR
from providers.verda.gpus import catalog_gpu
from providers.verda.replies import InstanceType

TRUST: Final = "secure"


async def live_offers(accounts: Accounts) -> list[LiveOffer]:
    """One offer a type, market and location with stock; without stock anywhere, one of ``any`` region.

    Verda says where there is stock and never how much; a location that it lists counts as ``medium``.

    Raises:
        VendorError: no key, or no usable answer.
    """
    client = client_for(accounts)
    types = [kind for kind in await client.types.fresh() if kind.gpu.number_of_gpus > 0]
    offers: list[LiveOffer] = []
    for spot in (False, True):
        places = await client.availability(spot=spot)
        for kind in types:
            stocked = sorted(p.location_code for p in places if kind.instance_type in p.availabilities)
            offers += [_offer(kind, place, spot=spot, in_stock=bool(stocked)) for place in stocked or ["any"]]
    return offers


def _offer(kind: InstanceType, place: str, *, spot: bool, in_stock: bool) -> LiveOffer:
    return LiveOffer(
        vendor=VENDOR,
        sku=kind.instance_type,
        gpu=catalog_gpu(kind.gpu.description),
        vendor_gpu=kind.gpu.description,
        gpu_count=kind.gpu.number_of_gpus,
        region=place,
        trust=TRUST,
        spot=spot,
        usd_per_hour=kind.price(spot=spot),
        stock="medium" if in_stock else "none",
    )
