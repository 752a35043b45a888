"""How many nodes of an existing Kubernetes a stack needs: the smallest split that fits, on whole nodes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.catalog.gpus import find_gpu
from modelyard.cost import Bill, bill_parts, control_plane_parts, node_parts
from modelyard.errors import NotPossibleError
from modelyard.fit import Fit, Verdict, allowed_tps, assess, check_parallelism, find_remedies
from modelyard.offers import Offer, find_vendor, load_offers
from modelyard.plan.request import Asked
from modelyard.spec import KubernetesNodes, KubernetesPlace

NODES = "nodes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where the replicas go."""

    fit: Fit
    nodes: int


def place_on(asked: Asked, place: KubernetesPlace) -> Placement:
    """The smallest tensor-parallel size that fits, and the whole nodes that all replicas take.

    Raises:
        NotPossibleError: the nodes do not hold it, or there are too few of them.
        UnknownNameError: a GPU that is not known.
    """
    gpu = find_gpu(place.nodes.gpu)
    refused = asked.why_not(gpu)
    if refused:
        raise NotPossibleError(
            f"{asked.model.title} {asked.precision.quantization} cannot run on {gpu.name}",
            details=f"where    key modelyard:serve.place.kubernetes.nodes.gpu\nbecause  {refused}",
            resolution="choose another precision, or nodes with another GPU",
        )
    fits = [
        assess(asked.fit_request(gpu, tensor_parallel_size=size))
        for size in allowed_tps(asked.model)
        if size <= place.nodes.gpus_per_node and not _why_not_split(asked, size)
    ]
    fit = next((f for f in fits if f.verdict is Verdict.FITS), None) or next(
        (f for f in fits if f.verdict is Verdict.TIGHT), None
    )
    if fit is None:
        raise _does_not_hold(asked, place.nodes, fits[-1] if fits else None)
    per_node = place.nodes.gpus_per_node // fit.request.gpu_count
    nodes = math.ceil(asked.spec.replicas / per_node)
    if nodes > place.nodes.count:
        raise NotPossibleError(
            f"{asked.spec.replicas} replicas of {fit.request.gpu_count} {gpu.name} need {nodes} nodes",
            details=f"where    key modelyard:serve.place.kubernetes.nodes.count\nallowed  {place.nodes.count}",
            resolution="ask for fewer replicas, or raise the count when the cluster has more nodes",
        )
    return Placement(fit=fit, nodes=nodes)


def node_price(nodes: KubernetesNodes, regions: Sequence[str] = ()) -> Offer | None:
    """The offer that the nodes are, by vendor and SKU; None: not in the price snapshot.

    Where the price depends on the region and none is named, the dearest stands: a bill must not promise too little.

    Args:
        nodes: the cluster's nodes.
        regions: where they may be; empty: not known.

    Raises:
        UnknownNameError: a vendor that is not known.
    """
    if nodes.vendor is None or nodes.sku is None:
        return None
    vendor, gpu = find_vendor(nodes.vendor).name, find_gpu(nodes.gpu).name
    found = [
        offer
        for offer in load_offers()
        if (offer.vendor, offer.sku.lower(), offer.gpu) == (vendor, nodes.sku.lower(), gpu)
        and offer.gpu_count == nodes.gpus_per_node
        and not offer.spot
    ]
    wanted = {region.lower() for region in regions}
    there = [offer for offer in found if offer.region.lower() in wanted] or found
    return max(there, key=lambda offer: (offer.usd_per_hour, offer.key), default=None)


def bill_nodes(asked: Asked, place: KubernetesPlace, nodes: int, *, lifetime_seconds: int | None) -> Bill:
    """What the nodes cost, as far as that is known."""
    offer = node_price(place.nodes, asked.spec.place.regions) if place.nodes.usd_per_hour is None else None
    price = place.nodes.usd_per_hour if offer is None else offer.usd_per_hour
    return bill_parts(
        [
            *node_parts(
                resource=NODES,
                gpu=find_gpu(place.nodes.gpu).name,
                gpus_per_node=place.nodes.gpus_per_node,
                nodes=nodes,
                usd_per_hour=price,
                vendor=place.nodes.vendor,
                sku=place.nodes.sku,
                source=offer.source if offer else None,
                as_of=offer.as_of if offer else None,
                lifetime_seconds=lifetime_seconds,
            ),
            *control_plane_parts(
                resource=NODES,
                control_plane=place.control_plane,
                download_bytes=asked.download_bytes,
                nodes=nodes,
                behind_nat=place.behind_nat,
                lifetime_seconds=lifetime_seconds,
            ),
        ]
    )


def _why_not_split(asked: Asked, size: int) -> str | None:
    """Engines of GGUF files place whole layers, so that nothing has to be divisible."""
    if asked.precision.scheme.family == "gguf":
        return None
    return check_parallelism(asked.model, size, 1, quantization=asked.precision.quantization)


def _does_not_hold(asked: Asked, nodes: KubernetesNodes, largest: Fit | None) -> NotPossibleError:
    reason = largest.reasons[0] if largest and largest.reasons else "no allowed split has so few GPUs"
    remedies = find_remedies(largest) if largest else ()
    cheapest = f"{remedies[0].change}: {remedies[0].effect}" if remedies else "use nodes with more or larger GPUs"
    return NotPossibleError(
        f"{asked.model.title} {asked.precision.quantization} does not fit on one node of "
        f"{nodes.gpus_per_node}× {find_gpu(nodes.gpu).name}",
        details=f"where    key modelyard:serve.place.kubernetes.nodes\nbecause  {reason}",
        resolution=cheapest,
    )
