"""What a cluster refuses: pods below its Pod Security level, and GPUs beyond a namespace's quota."""

from functools import partial
from typing import Any, Final

import pytest

from tests.cluster import pods
from tests.cluster.client import Client, Manifest, apply_all, wait
from tests.cluster.rendered import manifests

pytestmark = pytest.mark.cluster

LEVELS: Final = ("restricted", "baseline", "privileged")
ON_A_CLAIM: Final = {"kind": "network-volume", "path": "/models"}


def levels(client: Client, namespace: str, found: list[Manifest]) -> dict[str, str]:
    """The strictest Pod Security level at which nothing is said about each workload."""
    met: dict[str, str] = {}
    for level in LEVELS:
        label = {"pod-security.kubernetes.io/warn": level, "pod-security.kubernetes.io/warn-version": "latest"}
        client.patch("v1/Namespace", namespace, {"metadata": {"labels": label}})
        for manifest in found:
            if manifest["kind"] in {"Deployment", "DaemonSet"} and not client.apply(manifest, dry_run=True).warnings:
                met.setdefault(manifest["metadata"]["name"], level)
    return met


@pytest.mark.parametrize(
    ("cache", "engine"),
    [({}, "privileged"), (ON_A_CLAIM, "baseline")],
    ids=["NVMe of the node", "a claim"],
)
def test_pod_security_level_of_every_part(client: Client, namespace: str, cache: dict[str, Any], engine: str) -> None:
    assert levels(client, namespace, manifests("prod", namespace=namespace, cache=cache)) == {
        "prod-gateway": "restricted",
        "prod-monitoring-prometheus": "restricted",
        "prod-monitoring-grafana": "restricted",
        # The engine's image runs as root; a folder of the node is above baseline by its kind.
        "prod-server": engine,
        # DCGM's profiling counters need a capability that baseline does not have.
        "prod-gpu-metrics": "privileged",
    }


def test_pods_run_where_restricted_is_enforced(cluster: Client, namespace: str) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.patch("v1/Namespace", namespace, {"metadata": {"labels": label}})
    apply_all(cluster, manifests("prod", namespace=namespace))
    for app, count in {"gateway": 2, "prometheus": 1, "grafana": 1}.items():
        wait(partial(pods.running, cluster, namespace, app, count), until=f"a ready {app}")
    said = wait(lambda: failure(cluster, namespace, "prod-server"), until="the refusal of the engine")
    assert "violates PodSecurity" in said
    assert pods.of(cluster, namespace, "engine") == []


def test_gpus_beyond_the_quota_are_refused(cluster: Client, namespace: str) -> None:
    quota = {"hard": {"requests.nvidia.com/gpu": "4"}}
    about = {"name": "gpus", "namespace": namespace}
    cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": about, "spec": quota})
    wait(lambda: (cluster.get("v1/ResourceQuota", "gpus", namespace=namespace) or {})["status"].get("hard"), until="it")
    apply_all(cluster, manifests("prod", namespace=namespace))
    said = wait(lambda: failure(cluster, namespace, "prod-server"), until="the refusal of the second replica")
    assert "exceeded quota: gpus, requested: requests.nvidia.com/gpu=4, used: requests.nvidia.com/gpu=4" in said
    assert len(pods.of(cluster, namespace, "engine")) == 1


def failure(client: Client, namespace: str, deployment: str) -> str | None:
    """Why a Deployment cannot make its pods."""
    found = client.get("apps/v1/Deployment", deployment, namespace=namespace)
    conditions = {} if found is None else {c["type"]: c for c in found.get("status", {}).get("conditions", [])}
    return str(conditions["ReplicaFailure"]["message"]) if "ReplicaFailure" in conditions else None
