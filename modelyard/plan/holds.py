"""Whether one offer's whole machine can serve what was asked, and in words why not."""

from functools import cache

from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.fit import Fit, Verdict, assess, check_parallelism
from modelyard.offers import Offer, find_vendor
from modelyard.plan.request import Asked
from modelyard.plan.sizes import disk_gb, network_volume_gb

_SUPERCHIP = "superchip"

UNPACKED_ANYWAY = ("int4", "mxfp4", "fp8-fp4")
"""Families that people serve unpacked as a matter of course: int4 everywhere, MXFP4 experts on Hopper."""


def fit_on(asked: Asked, offer: Offer) -> Fit | str:
    """The fit on the whole of an offer's machine, or why it cannot serve this."""
    gpu = find_gpu(offer.gpu)
    refused = (
        asked.why_not(gpu)
        or _why_not_unnamed(asked, gpu)
        or _why_not_storage(asked, offer)
        or check_parallelism(asked.model, offer.gpu_count, 1, quantization=asked.precision.quantization)
    )
    if refused:
        return refused
    fit = assess(asked.fit_request(gpu, tensor_parallel_size=offer.gpu_count))
    if fit.verdict is Verdict.DOES_NOT_FIT:
        return fit.reasons[0] if fit.reasons else "does not fit"
    return fit


def _why_not_unnamed(asked: Asked, gpu: Gpu) -> str | None:
    """Why a GPU is taken only by name: it would do, but not as one expects."""
    if gpu.name in _named(asked.spec.place.gpus):
        return None
    support = asked.support(gpu)
    if support.kind == "weight-only" and asked.precision.scheme.family not in UNPACKED_ANYWAY:
        return f"{support.why}; name {gpu.name} in place.gpus to accept that"
    if gpu.form == _SUPERCHIP:
        unsure = f"its CPU is arm64, and an arm64 image of {asked.engine.title} {asked.engine.version} is not confirmed"
        return f"{unsure}; name {gpu.name} in place.gpus to accept that"
    return None


def _why_not_storage(asked: Asked, offer: Offer) -> str | None:
    """Why the weights have nowhere to lie."""
    vendor = find_vendor(offer.vendor)
    volume_gb = network_volume_gb(asked.spec, asked.cache_gb)
    if volume_gb is not None:
        if not vendor.volume:
            return f"modelyard has no network volumes on {vendor.name}; ask for cache.kind: local-nvme"
        if vendor.volume_trust not in (None, offer.trust):
            return f"{vendor.name} attaches network volumes to {vendor.volume_trust} machines only"
        if vendor.volume_max_gb is not None and volume_gb > vendor.volume_max_gb:
            return f"{vendor.name}'s network volumes hold {vendor.volume_max_gb:,} GB, {volume_gb:,} are needed"
        if vendor.volume_below and not asked.spec.cache.path.startswith(tuple(f"{f}/" for f in vendor.volume_below)):
            return f"{vendor.name} mounts network volumes below {', '.join(vendor.volume_below)} only; set cache.path"
    disk = disk_gb(asked.spec, asked.cache_gb)
    if vendor.disk == "included" and offer.local_nvme_gb is not None and offer.local_nvme_gb < disk:
        return f"its disk holds {offer.local_nvme_gb:,} GB, {disk:,} are needed"
    return None


@cache
def _named(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(find_gpu(name).name for name in names)
