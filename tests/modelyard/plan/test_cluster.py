from dataclasses import replace
from decimal import Decimal

import pytest

from modelyard.errors import NotPossibleError, UnknownNameError
from modelyard.plan import make_plan
from modelyard.spec import EngineChoice, KubernetesNodes, KubernetesPlace, Place
from tests.modelyard.plan.specs import prod

HGX = KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=2, vendor="coreweave", sku="HGX H100")


def test_two_replicas_share_one_whole_node() -> None:
    plan = make_plan(prod())
    assert plan.nodes == 1
    assert plan.gpus_per_replica * 2 <= 8
    assert plan.candidates == ()
    assert plan.bill.hourly_usd == Decimal("49.24")
    assert plan.bill.monthly_usd == Decimal("49.24") * 730
    assert plan.bill.max_spend_usd is None


def test_the_smallest_split_that_fits_is_taken() -> None:
    plan = make_plan(prod(concurrency=1, context_tokens=8192))
    assert plan.gpus_per_replica == 2
    assert plan.tensor_parallel_size == 2


def test_a_node_is_charged_whole_and_replicas_spill_over() -> None:
    plan = make_plan(prod(replicas=3))
    per_node = 8 // plan.gpus_per_replica
    assert plan.nodes == -(-3 // per_node)
    assert plan.bill.hourly_usd == Decimal("49.24") * plan.nodes


def test_unknown_nodes_are_not_priced_rather_than_free() -> None:
    plan = make_plan(prod(nodes=KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=2)))
    assert plan.bill.lines == ()
    assert plan.bill.is_lower_bound
    assert "not known" in plan.bill.not_priced[0].why


def test_the_users_own_price_wins() -> None:
    plan = make_plan(prod(nodes=replace(HGX, usd_per_hour=Decimal(20))))
    assert plan.bill.hourly_usd == Decimal(20)


def test_a_control_plane_is_on_the_bill_when_named() -> None:
    cluster = KubernetesPlace(namespace="llm", nodes=replace(HGX, usd_per_hour=Decimal(20)), control_plane="eks")
    plan = make_plan(prod(place=Place(kubernetes=cluster)))
    assert plan.bill.hourly_usd == Decimal("20.10")


@pytest.mark.parametrize(
    ("nodes", "text"),
    [
        (KubernetesNodes(gpu="L4", gpus_per_node=1, count=4), "does not fit on one node of 1× L4"),
        (KubernetesNodes(gpu="H100-SXM", gpus_per_node=4, count=1), "nodes"),
    ],
)
def test_nodes_that_do_not_do_are_refused(nodes: KubernetesNodes, text: str) -> None:
    with pytest.raises(NotPossibleError) as caught:
        make_plan(prod(nodes=nodes))
    assert text in str(caught.value)
    assert "place.kubernetes.nodes" in str(caught.value)


def test_amd_takes_the_rocm_image_and_says_that_its_tag_was_not_seen() -> None:
    plan = make_plan(prod(nodes=KubernetesNodes(gpu="MI300X", gpus_per_node=8, count=4)))
    assert plan.engine.image == "docker.io/vllm/vllm-openai-rocm:v0.33.0"
    assert [w for w in plan.warnings if "vllm-openai-rocm" in w]


@pytest.mark.parametrize("engine", ["sglang", "tensorrt-llm"])
def test_amd_is_refused_where_no_image_is_known(engine: str) -> None:
    amd = KubernetesNodes(gpu="MI300X", gpus_per_node=8, count=4)
    with pytest.raises(NotPossibleError) as caught:
        make_plan(prod(nodes=amd, engine=EngineChoice(name=engine)))
    assert "has no image for it that is known" in str(caught.value)


def test_an_unknown_gpu_is_named() -> None:
    with pytest.raises(UnknownNameError, match="unknown GPU 'H1000'"):
        make_plan(prod(nodes=KubernetesNodes(gpu="H1000", gpus_per_node=8, count=1)))
