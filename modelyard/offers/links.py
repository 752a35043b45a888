"""Whether the GPUs of one machine share a fast link, as far as the catalog and the board's form can tell."""

from modelyard.catalog.gpus import Gpu

_FABRICS = ("nvlink", "infinity-fabric")
_PAIR = 2


def has_fast_link(gpu: Gpu, count: int) -> bool:
    """Whether ``count`` of these GPUs in one machine talk over NVLink or Infinity Fabric.

    A single GPU needs no link, so it counts as linked. Of the boards with a bridge connector only the NVL products,
    sold as bridged pairs, are taken to be linked, and only as a pair: no vendor states that others have a bridge.

    Args:
        gpu: The product.
        count: GPUs of the machine.
    """
    if count <= 1:
        return True
    if gpu.link in _FABRICS:
        return count <= gpu.link_between
    return gpu.link == "nvlink-bridge" and gpu.form == "nvl" and count <= _PAIR
