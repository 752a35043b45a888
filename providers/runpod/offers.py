"""What RunPod sells now, from its catalogue: both clouds, every size of pod, with its stock."""

import asyncio
from typing import Final, Literal

from providers.base.accounts import Accounts
from providers.base.resource import LiveOffer
from providers.runpod.client import client_for
from providers.runpod.errors import VENDOR
from providers.runpod.gpus import catalog_name
from providers.runpod.machines import CLOUDS
from providers.runpod.replies import GpuType

Stock = Literal["none", "low", "medium", "high", "unknown"]
COUNTS: Final = (1, 2, 4, 8)
"""Pod sizes that are asked about: the catalogue tells stock for one size at a time."""
_STOCK: Final[dict[str | None, Stock]] = {"NONE": "none", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}


async def live_offers(accounts: Accounts) -> list[LiveOffer]:
    """Every GPU pod on sale, by cloud and size, once for any region and once for each data centre that has it.

    Raises:
        VendorError: the catalogue cannot be read.
    """
    client = client_for(accounts)
    wanted = [(trust, count) for trust in CLOUDS for count in COUNTS]
    answers = await asyncio.gather(*(client.gpu_types(cloud=CLOUDS[trust], count=count) for trust, count in wanted))
    return [
        offer
        for (trust, count), gpus in zip(wanted, answers, strict=True)
        for gpu in gpus
        for offer in _offers(gpu, trust, count)
    ]


def _offers(gpu: GpuType, trust: str, count: int) -> list[LiveOffer]:
    offered, price, most = (
        (gpu.secure, gpu.price.secure, gpu.max_count.secure)
        if trust == "secure"
        else (gpu.community, gpu.price.community, gpu.max_count.community)
    )
    if not offered or count > most:
        return []
    places = [("any", gpu.availability), *((place.id, place.availability) for place in gpu.data_centers or ())]
    return [
        LiveOffer(
            vendor=VENDOR,
            sku=gpu.id,
            gpu=catalog_name(gpu.id),
            vendor_gpu=gpu.name,
            gpu_count=count,
            region=region,
            trust=trust,
            spot=False,
            usd_per_hour=price * count if price else None,
            stock=_STOCK.get(availability, "unknown"),
        )
        for region, availability in places
    ]
