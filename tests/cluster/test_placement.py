"""The scheduler puts pods where the stack says, with the GPUs that the plan counted, and says why when it cannot."""

from functools import partial
from typing import Any

import pytest

from tests.cluster import pods
from tests.cluster.client import Client, apply_all, wait
from tests.cluster.rendered import manifests

pytestmark = pytest.mark.cluster


def nodes_of(gpu: str, count: int) -> dict[str, Any]:
    return {"kubernetes": {"nodes": {"gpu": gpu, "gpus-per-node": count, "count": 1}}}


@pytest.mark.parametrize(
    ("changes", "node", "gpus"),
    [
        ({}, "cks-h100", [4, 4]),
        ({"place": nodes_of("H200", 8)}, "eks-h200", [2, 2]),
        (
            {
                "model": "llama-3.1-8b",
                "context": "8k",
                "concurrency": 4,
                "replicas": 3,
                "place": nodes_of("L40S", 4),
            },
            "eks-l40s",
            [1, 1, 1],
        ),
    ],
    ids=["H100 on CoreWeave", "H200 on EKS", "L40S on EKS"],
)
def test_replicas_land_on_the_gpu_of_the_plan(
    cluster: Client, namespace: str, changes: dict[str, Any], node: str, gpus: list[int]
) -> None:
    apply_all(cluster, manifests("prod", namespace=namespace, **changes))
    found = wait(lambda: pods.running(cluster, namespace, "engine", len(gpus)), until="ready engines")
    assert {pod["spec"]["nodeName"] for pod in found} == {node}
    assert [pods.gpus(pod) for pod in found] == gpus


def test_a_gpu_that_no_node_has_is_waited_for(cluster: Client, namespace: str) -> None:
    apply_all(cluster, manifests("prod", namespace=namespace, place=nodes_of("B200", 8)))
    why = wait(lambda: pods.why_pending(cluster, namespace, "engine"), until="the scheduler's reason")
    assert "didn't match Pod's node affinity/selector" in why


def test_more_replicas_than_gpus_wait_for_gpus(cluster: Client, namespace: str) -> None:
    found = manifests("prod", namespace=namespace)
    engine = next(m for m in found if m["kind"] == "Deployment" and m["metadata"]["name"] == "prod-server")
    engine["spec"]["replicas"] = 3
    apply_all(cluster, found)
    why = wait(lambda: pods.why_pending(cluster, namespace, "engine", but=2), until="the scheduler's reason")
    assert "1 Insufficient nvidia.com/gpu" in why


def test_parts_without_a_gpu_take_none(cluster: Client, namespace: str) -> None:
    apply_all(cluster, manifests("prod", namespace=namespace))
    for app, count in {"gateway": 2, "prometheus": 1, "grafana": 1}.items():
        found = wait(partial(pods.running, cluster, namespace, app, count), until=f"a ready {app}")
        assert [pods.gpus(pod) for pod in found] == [0] * count
        tainted = {"eks-h200", "eks-l40s", "gke-a100", "aks-h100", "own-mi300x"}
        assert not {pod["spec"]["nodeName"] for pod in found} & tainted


def test_gpu_metrics_run_once_on_every_node_that_feature_discovery_labels(cluster: Client, namespace: str) -> None:
    apply_all(cluster, manifests("prod", namespace=namespace))
    found = wait(lambda: pods.running(cluster, namespace, "gpu-metrics", 3), until="three exporters")
    assert sorted(pod["spec"]["nodeName"] for pod in found) == ["cks-h100", "eks-h200", "eks-l40s"]
    assert {pods.gpus(pod) for pod in found} == {0}
