"""Sizes of disks that follow from a plan; the bill and the components both take them from here."""

from modelyard.spec import CacheKind, ServingSpec

ROOM_GB = 20
"""Decimal GB beside the model cache, for packages and logs."""


def disk_gb(spec: ServingSpec, cache_gb: int) -> int:
    """Decimal GB of a rented machine's own disk: the weights lie on it unless a network volume holds them."""
    return ROOM_GB + (0 if spec.cache.kind is CacheKind.NETWORK_VOLUME else cache_gb)


def network_volume_gb(spec: ServingSpec, cache_gb: int) -> int | None:
    """Decimal GB of the network volume; None: there is none."""
    return cache_gb if spec.cache.kind is CacheKind.NETWORK_VOLUME else None
