"""The bill that a plan was chosen by is the bill of the resources that come of it."""

from dataclasses import replace

from modelyard.cost import price_resources
from modelyard.cost.registered import EXISTING_NODES, MACHINE
from modelyard.cost.types import Bill
from modelyard.offers import Offer
from modelyard.plan import make_plan
from modelyard.plan.cluster import NODES, node_price
from modelyard.plan.sizes import disk_gb, network_volume_gb
from modelyard.resources import Resource, Value
from modelyard.spec import Cache, CacheKind, KubernetesNodes, KubernetesPlace, Place, ServingSpec
from tests.modelyard.plan.specs import prod, trial


def candidate(offer: Offer) -> dict[str, Value]:
    return {
        "vendor": offer.vendor, "sku": offer.sku, "gpu": offer.gpu, "gpuCount": offer.gpu_count, "region": offer.region,
        "trust": offer.trust.value, "spot": offer.spot, "usdPerHour": str(offer.usd_per_hour), "source": offer.source,
        "granularitySeconds": offer.billing.granularity_seconds, "minimumSeconds": offer.billing.minimum_seconds,
        "asOf": offer.as_of.isoformat(),
    }  # fmt: skip


def registered(spec: ServingSpec) -> Bill:
    """What the machines of a plan cost once they are resources."""
    plan = make_plan(spec)
    candidates: list[Value] = [candidate(c.offer) for c in plan.candidates]
    props: dict[str, Value] = {"candidates": candidates, "diskGb": disk_gb(spec, plan.cache_gb)}
    volume = network_volume_gb(spec, plan.cache_gb)
    if volume is not None:
        props["networkVolumeGb"] = volume
    if plan.lifetime_seconds is not None:
        props["lifetimeSeconds"] = plan.lifetime_seconds
    machines = [
        Resource(urn=f"urn:{i}", type=MACHINE, name="machine", props=props, custom=True) for i in range(plan.nodes)
    ]
    return price_resources(machines)


def test_rented_machines() -> None:
    for spec in (
        trial(),
        trial(replicas=2, place=Place(vendors=("runpod", "lambda"), nvlink=True)),
        trial(cache=Cache(kind=CacheKind.NETWORK_VOLUME)),
        trial(place=Place(vendors=("runpod",), gpus=("H200",))),
    ):
        assert registered(spec) == make_plan(spec).bill


def test_existing_nodes() -> None:
    nodes = KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=2, vendor="aws", sku="p5.48xlarge")
    cluster = KubernetesPlace(namespace="llm", nodes=nodes, control_plane="eks", behind_nat=True)
    plan = make_plan(prod(place=Place(kubernetes=cluster)))
    offer = node_price(nodes)
    assert offer is not None
    props: dict[str, Value] = {
        "gpu": "H100-SXM", "gpusPerNode": 8, "nodes": plan.nodes, "vendor": "aws", "sku": "p5.48xlarge",
        "usdPerHour": str(offer.usd_per_hour), "source": offer.source, "asOf": offer.as_of.isoformat(),
        "controlPlane": "eks", "behindNat": True,
    }  # fmt: skip
    made = [
        Resource(urn="urn:n", type=EXISTING_NODES, name=NODES, props=props, custom=False),
        Resource(
            urn="urn:c",
            type="modelyard:index:ModelCache",
            name="cache",
            props={"downloadBytes": plan.weights.download_bytes},
            custom=False,
        ),
    ]
    assert price_resources(made) == plan.bill


def test_nodes_priced_by_region_are_the_dearest_unless_one_is_named() -> None:
    nodes = KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=1, vendor="azure", sku="Standard_ND96isr_H100_v5")
    dearest, east = node_price(nodes), node_price(nodes, ("eastus",))
    assert dearest is not None
    assert east is not None
    assert (dearest.region, str(dearest.usd_per_hour)) == ("swedencentral", "127.816")
    assert (east.region, str(east.usd_per_hour)) == ("eastus", "98.32")
    assert node_price(replace(nodes, sku="p5")) is None
