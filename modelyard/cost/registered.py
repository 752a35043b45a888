"""The bill of what a program registered: what will be created, not what was asked for.

Every resource type is priced, known to be free, or named as not priced. A component is never priced by itself, because
its children are; the one exception is ``ExistingNodes``, which has no children and carries what the nodes cost.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar, cast

from modelyard.cost.candidates import offer_from_props
from modelyard.cost.cluster import control_plane_parts, load_balancer_part, node_parts, volume_claim_part
from modelyard.cost.free import is_free
from modelyard.cost.lines import bill_parts
from modelyard.cost.machine import bill_machine
from modelyard.cost.reading import (
    UnreadableError,
    need_int,
    need_text,
    read,
    read_date,
    read_decimal,
    read_int,
    read_moment,
    read_size_gb,
    read_text,
)
from modelyard.cost.types import Bill, CostLine, NotPriced
from modelyard.resources import Resource

T = TypeVar("T")
Part = CostLine | NotPriced

MACHINE: Final = "modelyard-rental:index:Machine"
EXISTING_NODES: Final = "modelyard:index:ExistingNodes"
GPU_RESOURCES: Final = frozenset({"nvidia.com/gpu", "amd.com/gpu"})
_MODEL_CACHE: Final = "modelyard:index:ModelCache"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Context:
    """What a resource's price depends on beside its own props."""

    by_urn: Mapping[str, Resource]
    now: datetime | None
    control_plane: str | None
    download_bytes: int | None
    nodes_known: bool
    """Whether the program says what its GPU nodes are."""

    def lifetime(self, resource: Resource) -> int | None:
        """Seconds until the deadline of a resource or of the nearest ancestor that has one; None: no deadline."""
        here: Resource | None = resource
        while here is not None:
            seconds = read_int(here.props, "lifetimeSeconds")
            if seconds is not None:
                return seconds
            deadline = read_moment(here.props, "deadline")
            if deadline is not None:
                return None if self.now is None else max(int((deadline - self.now).total_seconds()), 0)
            here = self.by_urn.get(here.parent) if here.parent else None
        return None


def price_resources(resources: Iterable[Resource], *, now: datetime | None = None) -> Bill:
    """What the registered resources cost.

    Args:
        resources: Everything that a program registered.
        now: Present time, aware UTC. It turns a deadline into a worst case; without it only resources that carry
            their lifetime in seconds have one.
    """
    resources = tuple(resources)
    context = _Context(
        by_urn={r.urn: r for r in resources},
        now=now,
        control_plane=_first(resources, EXISTING_NODES, lambda r: read_text(r.props, "controlPlane")),
        nodes_known=any(r.type == EXISTING_NODES for r in resources),
        download_bytes=_first(resources, _MODEL_CACHE, lambda r: read_int(r.props, "downloadBytes")),
    )
    return bill_parts(part for resource in resources for part in _price(resource, context))


def _price(resource: Resource, context: _Context) -> Iterator[Part]:
    pricer = _PRICERS.get(resource.type)
    if pricer is None:
        if resource.custom and not is_free(resource):
            why = f"no price is known for resources of type {resource.type}"
            yield NotPriced(resource=resource.name, what=resource.type.rpartition(":")[2] or resource.type, why=why)
        return
    try:
        yield from tuple(pricer(resource, context))
    except UnreadableError as error:
        yield NotPriced(resource=resource.name, what=resource.type.rpartition(":")[2], why=str(error))


def _machine(resource: Resource, context: _Context) -> Iterator[Part]:
    candidates = read(resource.props, "candidates")
    if not isinstance(candidates, list) or not candidates:
        raise UnreadableError("it lists no candidates")
    offers = [offer_from_props(c) for c in candidates]
    lifetime = context.lifetime(resource)
    disk, open_disk = _optional_int(resource, "diskGb")
    volume, open_volume = _optional_int(resource, "networkVolumeGb")
    bill = bill_machine(
        offers, resource=resource.name, disk_gb=disk or 0, network_volume_gb=volume, lifetime_seconds=lifetime
    )
    yield from bill.lines
    yield from (*bill.not_priced, *open_disk, *open_volume)


def _optional_int(resource: Resource, key: str) -> tuple[int | None, list[NotPriced]]:
    try:
        return read_int(resource.props, key), []
    except UnreadableError as error:
        return None, [NotPriced(resource=resource.name, what=key, why=str(error))]


def _existing_nodes(resource: Resource, context: _Context) -> Iterator[Part]:
    props = resource.props
    nodes = need_int(props, "nodes")
    lifetime = context.lifetime(resource)
    yield from node_parts(
        resource=resource.name,
        gpu=need_text(props, "gpu"),
        gpus_per_node=need_int(props, "gpusPerNode"),
        nodes=nodes,
        usd_per_hour=read_decimal(props, "usdPerHour"),
        vendor=read_text(props, "vendor"),
        sku=read_text(props, "sku"),
        source=read_text(props, "source"),
        as_of=read_date(props, "asOf"),
        lifetime_seconds=lifetime,
    )
    yield from control_plane_parts(
        resource=resource.name,
        control_plane=read_text(props, "controlPlane"),
        download_bytes=context.download_bytes,
        nodes=nodes,
        behind_nat=read(props, "behindNat") is True,
        lifetime_seconds=lifetime,
    )


def _service(resource: Resource, context: _Context) -> Iterator[Part]:
    if read(resource.props, "spec.type") == "LoadBalancer":
        yield load_balancer_part(
            resource=resource.name,
            control_plane=context.control_plane,
            lifetime_seconds=context.lifetime(resource),
        )


def _volume_claim(resource: Resource, context: _Context) -> Iterator[Part]:
    yield volume_claim_part(
        resource=resource.name,
        size_gb=read_size_gb(resource.props, "spec.resources.requests.storage"),
        storage_class=read_text(resource.props, "spec.storageClassName"),
        control_plane=context.control_plane,
        lifetime_seconds=context.lifetime(resource),
    )


def _gpu_workload(resource: Resource, context: _Context) -> Iterator[Part]:
    """Pods cost nothing beside the nodes that carry them, which somebody has to have named."""
    if context.nodes_known or not _asks_for_gpus(resource.props):
        return
    why = "the GPU nodes that it runs on are not named, so their price is not known"
    yield NotPriced(resource=resource.name, what="GPU nodes", why=why)


def _asks_for_gpus(value: object) -> bool:
    """Whether any container below ``value`` requests or limits GPUs."""
    if isinstance(value, Mapping):
        facts = cast("Mapping[str, object]", value)
        return any(key in GPU_RESOURCES or _asks_for_gpus(item) for key, item in facts.items())
    return isinstance(value, list) and any(_asks_for_gpus(item) for item in cast("list[object]", value))


def _stateful_set(resource: Resource, context: _Context) -> Iterator[Part]:
    yield from _gpu_workload(resource, context)
    if read(resource.props, "spec.volumeClaimTemplates"):
        yield NotPriced(resource=resource.name, what="volumes of its pods", why="volume claim templates are not priced")


_PRICERS: Final[Mapping[str, Callable[[Resource, _Context], Iterator[Part]]]] = {
    MACHINE: _machine,
    EXISTING_NODES: _existing_nodes,
    "kubernetes:core/v1:Service": _service,
    "kubernetes:core/v1:PersistentVolumeClaim": _volume_claim,
    "kubernetes:apps/v1:StatefulSet": _stateful_set,
    **dict.fromkeys(
        (
            "kubernetes:apps/v1:Deployment",
            "kubernetes:apps/v1:DaemonSet",
            "kubernetes:batch/v1:Job",
            "kubernetes:core/v1:Pod",
        ),
        _gpu_workload,
    ),
}


def _first(resources: Sequence[Resource], kind: str, fact: Callable[[Resource], T | None]) -> T | None:
    """The fact of the first resource of a type that states it; unreadable ones state nothing."""
    for resource in resources:
        if resource.type == kind:
            try:
                found = fact(resource)
            except UnreadableError:
                continue
            if found is not None:
                return found
    return None
