"""The GPU nodes of a cluster that is already there. Nothing is created; what they cost is written down."""

from typing import NotRequired, TypedDict

import pulumi

from components.base import PACKAGE, whole, without_none
from modelyard.plan.cluster import node_price
from modelyard.plan.types import Plan


class ExistingNodesArgs(TypedDict):
    """What is known of the nodes."""

    gpu: str
    """Catalog name of their GPUs."""
    gpus_per_node: int
    """GPUs of one node."""
    nodes: int
    """Nodes that this stack needs, whole ones."""
    vendor: NotRequired[str]
    """Whose nodes they are."""
    sku: NotRequired[str]
    """The vendor's own name of the node."""
    usd_per_hour: NotRequired[str]
    """Price of one node, a decimal number. Left out: not known, which is not the same as free."""
    source: NotRequired[str]
    """Where the price is from. Left out with a price: the user's own figure."""
    as_of: NotRequired[str]
    """Date of the price, ISO 8601."""
    control_plane: NotRequired[str]
    """``eks``, ``gke`` or ``aks``, when its fee belongs on this stack's bill."""
    behind_nat: NotRequired[bool]
    """Whether the nodes pull the weights through a NAT gateway, which charges for it."""


class ExistingNodes(pulumi.ComponentResource):
    """The nodes that a stack on an existing Kubernetes takes up, whole, with their price."""

    def __init__(self, name: str, args: ExistingNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Write the nodes down."""
        facts = without_none(
            gpu=args["gpu"],
            gpusPerNode=whole(args["gpus_per_node"]),
            nodes=whole(args["nodes"]),
            vendor=args.get("vendor"),
            sku=args.get("sku"),
            usdPerHour=args.get("usd_per_hour"),
            source=args.get("source"),
            asOf=args.get("as_of"),
            controlPlane=args.get("control_plane"),
            behindNat=args.get("behind_nat"),
        )
        super().__init__(f"{PACKAGE}:index:ExistingNodes", name, facts, opts)
        self.register_outputs({})


def args_for(plan: Plan) -> ExistingNodesArgs:
    """The nodes that ``plan`` takes up.

    Raises:
        ValueError: the plan rents machines.
    """
    cluster = plan.spec.place.kubernetes
    if cluster is None:
        raise ValueError("a plan that rents machines takes up no nodes")
    asked = cluster.nodes
    args = ExistingNodesArgs(gpu=asked.gpu, gpus_per_node=asked.gpus_per_node, nodes=plan.nodes)
    if asked.vendor is not None:
        args["vendor"] = asked.vendor
    if asked.sku is not None:
        args["sku"] = asked.sku
    if asked.usd_per_hour is not None:
        args["usd_per_hour"] = str(asked.usd_per_hour)
    elif offer := node_price(asked, plan.spec.place.regions):
        args["usd_per_hour"] = str(offer.usd_per_hour)
        args["source"] = offer.source
        args["as_of"] = offer.as_of.isoformat()
    if cluster.control_plane is not None:
        args["control_plane"] = cluster.control_plane
    if cluster.behind_nat:
        args["behind_nat"] = True
    return args
