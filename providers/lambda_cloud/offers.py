"""What Lambda sells now: its list of types, by region where there is stock."""

from typing import Final

from providers.base.accounts import Accounts
from providers.base.resource import LiveOffer
from providers.lambda_cloud.client import client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.gpus import catalog_gpu
from providers.lambda_cloud.replies import TypeOnSale

TRUST: Final = "secure"


async def live_offers(accounts: Accounts) -> list[LiveOffer]:
    """One offer a type and region with stock; a type without stock anywhere is one offer of ``any`` region.

    Lambda says where there is stock and never how much; a region that it lists counts as ``medium``.

    Raises:
        VendorError: no key, or no usable answer.
    """
    types = await client_for(accounts).types.fresh()
    return [offer for name in sorted(types) for offer in _offers(types[name])]


def _offers(on_sale: TypeOnSale) -> list[LiveOffer]:
    regions = sorted(region.name for region in on_sale.regions_with_capacity_available)
    kind, specs = on_sale.instance_type, on_sale.instance_type.specs
    extra = {"vcpus": str(specs.vcpus), "ram_gib": str(specs.memory_gib)}
    if specs.storage_gib is not None:
        extra["local_nvme_gib"] = str(specs.storage_gib)
    return [
        LiveOffer(
            vendor=VENDOR,
            sku=kind.name,
            gpu=catalog_gpu(kind.gpu_description),
            vendor_gpu=kind.gpu_description,
            gpu_count=specs.gpus,
            region=region,
            trust=TRUST,
            spot=False,
            usd_per_hour=kind.usd_per_hour,
            stock="medium" if regions else "none",
            extra=extra,
        )
        for region in regions or ["any"]
    ]
