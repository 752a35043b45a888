"""The bill of registered resources: priced, known to be free, or named as not priced; never 0 by silence."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.cost import bill_machine, price_resources
from modelyard.resources import SECRET, UNKNOWN, Resource, Value
from tests.modelyard.cost.builders import candidate, machine, nodes, offer, resource

H200 = offer("runpod", "H200", 4)
B200 = offer("lambda", "B200", 4)


def test_a_machine_costs_what_the_offer_functions_say() -> None:
    bill = price_resources([machine(H200, B200, lifetimeSeconds=3600)])
    assert bill == bill_machine([H200, B200], resource="it", disk_gb=510, lifetime_seconds=3600)
    assert bill.max_spend_usd == Decimal("29.43")


def test_numbers_may_arrive_as_floats() -> None:
    # The policy engine hands every number over as a float.
    props = candidate(H200) | {"gpuCount": 4.0, "granularitySeconds": 1.0, "minimumSeconds": 1.0}
    made = resource(
        "modelyard-rental:index:Machine", {"candidates": [props], "diskGb": 510.0, "lifetimeSeconds": 3600.0}
    )
    assert price_resources([made]) == price_resources([machine(H200, lifetimeSeconds=3600)])


def test_a_machine_inherits_the_lifetime_of_its_component() -> None:
    serving = resource("modelyard:index:Serving", {"lifetimeSeconds": 3600}, name="s", custom=False)
    child = machine(H200)
    inside = Resource(
        urn=child.urn, type=child.type, name=child.name, props=child.props, custom=True, parent=serving.urn
    )
    assert price_resources([serving, inside]).max_spend_usd == Decimal("19.97")
    assert price_resources([inside]).max_spend_usd is None


def test_a_deadline_needs_the_present_time() -> None:
    made = machine(H200, deadline="2026-11-21T10:00:00Z")
    assert price_resources([made]).max_spend_usd is None
    assert price_resources([made], now=datetime(2026, 11, 21, 9, tzinfo=UTC)).max_spend_usd == Decimal("19.97")


@pytest.mark.parametrize(
    ("props", "why"),
    [
        ({"candidates": UNKNOWN}, "candidates is not known before it exists"),
        ({"candidates": []}, "it lists no candidates"),
        ({"candidates": [UNKNOWN]}, "a candidate is not known before it exists"),
        ({"candidates": [candidate(H200) | {"usdPerHour": UNKNOWN}]}, "usdPerHour is not known before it exists"),
        ({"candidates": [candidate(H200) | {"usdPerHour": SECRET}]}, "usdPerHour is a secret"),
        ({"candidates": [candidate(H200) | {"usdPerHour": "free"}]}, "usdPerHour is not a number"),
        ({"candidates": [candidate(H200) | {"usdPerHour": "0"}]}, "usdPerHour is not set"),
        ({"candidates": [candidate(H200) | {"usdPerHour": None}]}, "usdPerHour is not set"),
        ({"candidates": [candidate(H200) | {"source": None}]}, "source is not set"),
        ({"candidates": [candidate(H200) | {"asOf": "soon"}]}, "asOf is not a date"),
        ({"candidates": [candidate(H200) | {"trust": "mine"}]}, "trust is not a trust tier"),
        ({"candidates": [candidate(H200) | {"gpuCount": 4.5}]}, "gpuCount is not a whole number"),
    ],
)
def test_a_machine_that_cannot_be_read_is_not_priced(props: dict[str, Value], why: str) -> None:
    bill = price_resources([resource("modelyard-rental:index:Machine", props)])
    assert bill.lines == ()
    assert [(item.resource, item.what, item.why) for item in bill.not_priced] == [("it", "Machine", why)]
    assert bill.is_lower_bound


def test_an_unknown_disk_leaves_the_machine_priced() -> None:
    bill = price_resources([machine(H200, disk_gb=UNKNOWN)])
    assert bill.hourly_usd == Decimal("18.36")
    assert [(item.what, item.why) for item in bill.not_priced] == [("diskGb", "diskGb is not known before it exists")]


def test_existing_nodes_are_charged_whole_with_their_control_plane() -> None:
    bill = price_resources([nodes(nodes=2, controlPlane="eks")])
    # 2 x 55.04 + 0.10
    assert [(line.what, line.hourly_usd, line.as_of) for line in bill.lines] == [
        ("aws p5.48xlarge node, whole", Decimal("110.08"), date(2026, 7, 20)),
        ("eks control plane (standard support)", Decimal("0.1"), date(2025, 7, 4)),
    ]
    assert bill.monthly_usd == Decimal("80431.4")  # 730 x 110.18
    assert "assumes that nodes pull the weights past NAT ($0.045/GB)" in bill.lines[1].note
    assert [item.what for item in bill.not_priced] == ["root disks of the nodes"]


def test_pulling_through_nat_is_charged_once_per_node() -> None:
    cache = resource("modelyard:index:ModelCache", {"downloadBytes": 140 * 10**9}, name="c", custom=False)
    bill = price_resources([nodes(nodes=2, controlPlane="eks", behindNat=True, lifetimeSeconds=3600), cache])
    (nat,) = [line for line in bill.lines if line.once_usd]
    # 2 nodes x 140 GB x 0.045 = 12.60
    assert (nat.quantity, nat.once_usd, nat.max_spend_usd, nat.hourly_usd) == (
        Decimal(280),
        Decimal("12.6"),
        Decimal("12.6"),
        Decimal(0),
    )
    assert bill.monthly_usd == 730 * Decimal("110.18") + Decimal("12.6")


def test_nodes_without_a_price_are_not_priced() -> None:
    bill = price_resources([nodes(usdPerHour=None, vendor=None, sku=None)])
    assert bill.lines == ()
    assert [item.why for item in bill.not_priced] == [
        "the price of your nodes is not known: name place.kubernetes.nodes.vendor and sku, or usd-per-hour"
    ]


def test_your_own_figure_says_that_it_is_yours() -> None:
    bill = price_resources([nodes(usdPerHour="12.5", vendor=None, sku=None, source=None, asOf=None, nodes=3)])
    (line,) = bill.lines
    assert (line.hourly_usd, line.source, line.as_of) == (Decimal("37.5"), "your stack file", None)


@pytest.mark.parametrize(
    ("name", "usd"), [("gke", "0.1"), ("aks", "0.1"), ("eks", "0.1"), ("eks-extended", "0.6"), ("EKS", "0.1")]
)
def test_control_plane_fee(name: str, usd: str) -> None:
    assert price_resources([nodes(controlPlane=name)]).lines[1].hourly_usd == Decimal(usd)


def test_cks_is_known_to_be_free_and_others_are_not_priced() -> None:
    assert len(price_resources([nodes(controlPlane="cks", vendor="coreweave")]).lines) == 1
    bill = price_resources([nodes(controlPlane="rke2", vendor="coreweave")])
    assert [item.what for item in bill.not_priced] == ["control plane rke2"]


@pytest.mark.parametrize(
    ("kind", "custom"),
    [
        ("pulumi:pulumi:Stack", False),
        ("pulumi:providers:kubernetes", True),
        ("modelyard-rental:index:AccessKey", True),
        ("modelyard-rental:index:Ready", True),
        ("modelyard:index:Gateway", False),
        ("modelyard:index:Serving", False),
        ("acme:index:Anything", False),
        ("kubernetes:core/v1:ConfigMap", True),
        ("kubernetes:core/v1:Secret", True),
        ("kubernetes:apps/v1:Deployment", True),
        ("kubernetes:apps/v1:DaemonSet", True),
        ("kubernetes:core/v1:Service", True),
        ("kubernetes:apps/v1:StatefulSet", True),
    ],
)
def test_known_to_be_free(kind: str, *, custom: bool) -> None:
    bill = price_resources([resource(kind, {"spec": {"type": "ClusterIP"}}, custom=custom)])
    assert bill.lines == ()
    assert bill.not_priced == ()


@pytest.mark.parametrize("kind", ["aws:ec2/instance:Instance", "acme:index:Box", "kubernetes:acme.io/v1:Cluster"])
def test_an_unknown_custom_resource_is_named(kind: str) -> None:
    bill = price_resources([resource(kind, {}, name="mystery")])
    (item,) = bill.not_priced
    assert item.resource == "mystery"
    assert kind in item.why


def test_load_balancer() -> None:
    made = resource("kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}})
    (line,) = [x for x in price_resources([nodes(controlPlane="eks"), made]).lines if x.what == "load balancer"]
    assert line.hourly_usd == Decimal("0.0225")
    assert [x.what for x in price_resources([made]).not_priced] == ["load balancer"]
    unknown = resource("kubernetes:core/v1:Service", {"spec": UNKNOWN})
    assert [x.why for x in price_resources([unknown]).not_priced] == ["spec.type is not known before it exists"]


def claim(size: Value, storage_class: str | None = None) -> Resource:
    spec: dict[str, Value] = {"resources": {"requests": {"storage": size}}, "storageClassName": storage_class}
    return resource("kubernetes:core/v1:PersistentVolumeClaim", {"spec": spec})


def test_volume_claim() -> None:
    bill = price_resources([nodes(controlPlane="eks"), claim("450Gi", "gp3")])
    # 450 GiB = 483.18 GB, charged as 484; x 0.08/730
    (line,) = [x for x in bill.lines if x.what == "ebs gp3 storage"]
    assert (line.quantity, line.hourly_usd) == (Decimal(484), Decimal("0.0530410959"))
    open_items = price_resources([claim("450Gi")]).not_priced
    assert [(x.what, x.why) for x in open_items] == [
        ("volume, 484 GB", "the price of the cluster's default storage class is not known")
    ]
    assert price_resources([claim("lots")]).not_priced[0].why == "spec.resources.requests.storage is not a size"


def test_volume_claim_templates_are_not_priced() -> None:
    made = resource("kubernetes:apps/v1:StatefulSet", {"spec": {"volumeClaimTemplates": [{"spec": {}}]}})
    assert [x.what for x in price_resources([made]).not_priced] == ["volumes of its pods"]


PIECES = [
    machine(H200, lifetimeSeconds=3600),
    machine(H200, B200, lifetimeSeconds=7200, name="two"),
    machine(offer("lambda", "A10", 1), disk_gb=60, networkVolumeGb=1460, lifetimeSeconds=90),
    nodes(controlPlane="eks", lifetimeSeconds=3600),
    claim("1Ti", "gp3"),
    resource("kubernetes:core/v1:Service", {"spec": {"type": "LoadBalancer"}}),
    resource("acme:index:Box", {}),
    resource("modelyard-rental:index:Ready", {}),
]


@given(st.lists(st.sampled_from(PIECES), max_size=6), st.sampled_from(PIECES))
def test_lines_add_up_and_one_more_never_costs_less(pieces: list[Resource], extra: Resource) -> None:
    bill = price_resources(pieces)
    assert sum(line.hourly_usd for line in bill.lines) == bill.hourly_usd
    monthly = 730 * bill.hourly_usd + sum(line.once_usd for line in bill.lines)
    assert abs(bill.monthly_usd - monthly) <= Decimal("5e-7")
    if bill.max_spend_usd is not None:
        exact = sum(line.max_spend_usd or Decimal(0) for line in bill.lines)
        assert 0 <= bill.max_spend_usd - exact < Decimal("0.01")
    more = price_resources([*pieces, extra])
    assert more.hourly_usd >= bill.hourly_usd
    assert more.monthly_usd >= bill.monthly_usd
    assert len(more.lines) + len(more.not_priced) >= len(bill.lines) + len(bill.not_priced)


ODD: list[Value] = [None, True, -1, 0, 10**20, 3.5, float("nan"), float("inf"), "", "x", "1", "1e999", UNKNOWN, SECRET]
JSONISH: st.SearchStrategy[Value] = st.sampled_from(
    [*ODD, [], {}, [UNKNOWN], [{}], [{"usdPerHour": 1}], {"type": 3}, {"resources": "x"}]
)
KEYS = ["candidates", "diskGb", "networkVolumeGb", "lifetimeSeconds", "deadline", "nodes", "usdPerHour", "spec", "gpu"]


@given(
    st.sampled_from(
        [
            "modelyard-rental:index:Machine",
            "modelyard:index:ExistingNodes",
            "kubernetes:core/v1:Service",
            "kubernetes:core/v1:PersistentVolumeClaim",
            "kubernetes:apps/v1:StatefulSet",
        ]
    ),
    st.dictionaries(st.sampled_from(KEYS), JSONISH),
)
def test_any_props_at_all_give_a_bill(kind: str, props: dict[str, Value]) -> None:
    bill = price_resources([resource(kind, props)])
    assert bill.lines or bill.not_priced or kind.startswith("kubernetes:")


def gpu_deployment() -> Resource:
    container: Value = {"name": "engine", "resources": {"limits": {"nvidia.com/gpu": "2"}}}
    pods: Value = {"spec": {"containers": [container]}}
    return resource("kubernetes:apps/v1:Deployment", {"spec": {"template": pods}}, name="engine")


def test_pods_with_gpus_on_unnamed_nodes_are_not_free() -> None:
    bill = price_resources([gpu_deployment()])
    assert [(item.resource, item.what) for item in bill.not_priced] == [("engine", "GPU nodes")]
    assert bill.is_lower_bound


def test_pods_with_gpus_are_paid_for_by_the_nodes_that_are_named() -> None:
    bill = price_resources([gpu_deployment(), nodes()])
    assert "GPU nodes" not in {item.what for item in bill.not_priced}
    assert bill.lines


def test_pods_without_gpus_cost_nothing_by_themselves() -> None:
    bill = price_resources([resource("kubernetes:apps/v1:Deployment", {"spec": {"replicas": 1}})])
    assert bill.not_priced == ()
