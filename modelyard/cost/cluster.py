"""What a stack on an existing Kubernetes costs: whole nodes, the control plane, what its objects make the cloud bill.

Hosts are not divisible: a pod with one GPU of an eight-GPU node is charged the node, because the other pods on it are
not known.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from modelyard.cost.lines import hourly_line, once_line, storage_line
from modelyard.cost.prices import unit_price
from modelyard.cost.types import CostLine, NotPriced
from modelyard.offers.types import UnitPrice
from modelyard.offers.vendors import ControlPlane, load_rules
from modelyard.units import GB

_YOURS = "your stack file"


def node_parts(  # noqa: PLR0913  # the facts of ExistingNodes, all keyword-only
    *,
    resource: str,
    gpu: str,
    gpus_per_node: int,
    nodes: int,
    usd_per_hour: Decimal | None,
    vendor: str | None,
    sku: str | None,
    source: str | None,
    as_of: date | None,
    lifetime_seconds: int | None,
) -> Iterator[CostLine | NotPriced]:
    """The GPU nodes of a cluster, whole.

    Args:
        resource: Name of the resource that the lines are for.
        gpu: Catalog name.
        gpus_per_node: GPUs of one node.
        nodes: Nodes that this stack needs.
        usd_per_hour: Price of one node; None: not known.
        vendor: Whose nodes they are, when known.
        sku: The vendor's name of the node, when known.
        source: Where the price is from; None: the user's own figure.
        as_of: Date of the price.
        lifetime_seconds: Seconds until the deadline; None: there is none.
    """
    label = " ".join(part for part in (vendor, sku or f"{gpus_per_node}× {gpu}") if part)
    if usd_per_hour is None:
        hint = "name place.kubernetes.nodes.vendor and sku, or usd-per-hour"
        why = f"{label} is not in the price snapshot" if vendor and sku else "the price of your nodes is not known"
        yield NotPriced(resource=resource, what=f"{nodes} {label} node{'s'[: nodes > 1]}", why=f"{why}: {hint}")
        return
    yield hourly_line(
        resource=resource,
        what=f"{label} node, whole",
        usd_per_hour=usd_per_hour,
        quantity=Decimal(nodes),
        source=source or _YOURS,
        as_of=as_of,
        lifetime_seconds=lifetime_seconds,
        note="nodes are charged whole" if source else "your own figure; nodes are charged whole",
    )
    if source and vendor in _disks_apart():
        yield NotPriced(
            resource=resource, what="root disks of the nodes", why="billed beside the node, sizes not known"
        )


def control_plane_parts(
    *,
    resource: str,
    control_plane: str | None,
    download_bytes: int | None,
    nodes: int,
    behind_nat: bool,
    lifetime_seconds: int | None,
) -> Iterator[CostLine | NotPriced]:
    """The cluster's fee, and the pull of the weights through a NAT gateway.

    Args:
        resource: Name of the resource that the lines are for.
        control_plane: ``eks``, ``gke``, ``aks`` …; None: its fee is not on this stack's bill.
        download_bytes: Size of the weight files; None: not known.
        nodes: Nodes that pull them.
        behind_nat: Whether the nodes reach the internet through a NAT gateway.
        lifetime_seconds: Seconds until the deadline; None: there is none.
    """
    if control_plane is None:
        return
    plane = find_control_plane(control_plane)
    price = unit_price(plane.vendor, plane.price) if plane else None
    if plane is None or price is None:
        yield NotPriced(resource=resource, what=f"control plane {control_plane}", why="no price of it is known")
        return
    nat = unit_price(plane.vendor, plane.nat_per_gb) if plane.nat_per_gb else None
    if price.usd > 0:
        note = "" if nat is None or behind_nat else f"assumes that nodes pull the weights past NAT (${nat.usd}/GB)"
        yield hourly_line(
            resource=resource,
            what=price.what,
            usd_per_hour=price.usd,
            source=price.source,
            as_of=price.as_of,
            lifetime_seconds=lifetime_seconds,
            note=note,
        )
    if behind_nat:
        yield _nat_part(resource, nat, download_bytes, nodes, lifetime_seconds)


def load_balancer_part(
    *, resource: str, control_plane: str | None, lifetime_seconds: int | None
) -> CostLine | NotPriced:
    """A Service of type LoadBalancer."""
    plane = find_control_plane(control_plane) if control_plane else None
    price = unit_price(plane.vendor, plane.load_balancer) if plane and plane.load_balancer else None
    if price is None:
        where = control_plane or "a cluster whose control plane is not named"
        return NotPriced(resource=resource, what="load balancer", why=f"its price on {where} is not known")
    return hourly_line(
        resource=resource,
        what="load balancer",
        usd_per_hour=price.usd,
        source=price.source,
        as_of=price.as_of,
        lifetime_seconds=lifetime_seconds,
        note="without what it charges for traffic (capacity units)",
    )


def volume_claim_part(
    *, resource: str, size_gb: int, storage_class: str | None, control_plane: str | None, lifetime_seconds: int | None
) -> CostLine | NotPriced:
    """A PersistentVolumeClaim, priced where its storage class says what kind of disk it is.

    Args:
        resource: Name of the resource that the line is for.
        size_gb: Decimal GB.
        storage_class: None: the cluster's default.
        control_plane: ``eks``, ``gke`` …; None: not named.
        lifetime_seconds: Seconds until the deadline; None: there is none.
    """
    for known in load_rules().storage_classes:
        if known.name == storage_class and control_plane in known.control_planes:
            price: UnitPrice | None = unit_price(known.vendor, known.price)
            if price is not None:
                note = f"storage class {storage_class} is taken to be {price.what}"
                return storage_line(
                    resource=resource,
                    what=price.what,
                    gb=size_gb,
                    price=price,
                    lifetime_seconds=lifetime_seconds,
                    note=note,
                )
    kind = f"storage class {storage_class}" if storage_class else "the cluster's default storage class"
    where = f" on {control_plane}" if control_plane else ""
    return NotPriced(resource=resource, what=f"volume, {size_gb} GB", why=f"the price of {kind}{where} is not known")


def find_control_plane(name: str) -> ControlPlane | None:
    """The managed Kubernetes called ``name``; None: not one whose prices are known."""
    return next((c for c in load_rules().control_planes if c.name == name.strip().lower()), None)


def _nat_part(
    resource: str, nat: UnitPrice | None, download_bytes: int | None, nodes: int, lifetime_seconds: int | None
) -> CostLine | NotPriced:
    what = "pulling the weights through NAT"
    if nat is None or download_bytes is None:
        missing = "price per GB" if nat is None else "size of the weights"
        return NotPriced(resource=resource, what=what, why=f"the {missing} is not known")
    return once_line(
        resource=resource,
        what=what,
        quantity=Decimal(download_bytes) * nodes / GB,
        price=nat,
        lifetime_seconds=lifetime_seconds,
        note="once per node; again whenever a node is replaced",
    )


def _disks_apart() -> set[str]:
    return {v.name for v in load_rules().vendors if v.disk == "unknown" and not v.rentable}
