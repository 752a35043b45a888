"""Every Kubernetes stack of the repository, as its program registers it, goes through a real API server."""

import copy
from typing import Any

import pytest

from tests.cluster.client import Client, Manifest, RefusedError, apply_all, wait
from tests.cluster.rendered import manifests, on_kubernetes

pytestmark = pytest.mark.cluster

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "network volume": {"cache": {"kind": "network-volume", "path": "/models"}},
    "no cache": {"cache": {"kind": "none", "path": "/models"}},
    "public": {"expose": {"public": True, "hostname": "llm.example.com"}},
    "no auth": {"expose": {"auth": "none"}},
    "no monitoring": {"monitoring": {"prometheus": False, "grafana": False, "gpu-metrics": False}},
    "kept metrics": {"place": {"kubernetes": {"storage-class": "fast"}}},
    "small model": {"model": "llama-3.1-8b", "context": "8k", "replicas": 1},
}


def engine(found: list[Manifest]) -> Manifest:
    return next(m for m in found if m["kind"] == "Deployment" and m["metadata"]["name"].endswith("-server"))


def test_there_are_stacks_on_kubernetes() -> None:
    assert "prod" in on_kubernetes()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("stack", on_kubernetes())
def test_applied_strictly_without_a_warning(client: Client, namespace: str, stack: str, variant: str) -> None:
    found = manifests(stack, namespace=namespace, **VARIANTS[variant])
    assert engine(found)
    assert apply_all(client, found) == []
    for manifest in found:
        kept = client.get(
            f"{manifest['apiVersion']}/{manifest['kind']}", manifest["metadata"]["name"], namespace=namespace
        )
        assert kept is not None
        assert kept["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "modelyard"


def test_applied_twice_changes_nothing(client: Client, namespace: str) -> None:
    found = manifests("prod", namespace=namespace)
    first = [meant(client.apply(manifest).manifest) for manifest in found]
    assert [meant(client.apply(manifest).manifest) for manifest in found] == first


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (("spec", "progressDeadlineSecond"), "field not declared in schema"),
        (("spec", "template", "spec", "enableServiceLink"), "field not declared in schema"),
    ],
)
def test_a_field_that_does_not_exist_is_refused(
    client: Client, namespace: str, path: tuple[str, ...], said: str
) -> None:
    deployment = copy.deepcopy(engine(manifests("prod", namespace=namespace)))
    here = deployment
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = 1
    with pytest.raises(RefusedError, match=said):
        client.apply(deployment)


def test_deleted_in_reverse_leaves_nothing(cluster: Client, namespace: str) -> None:
    found = manifests("prod", namespace=namespace, cache={"kind": "network-volume", "path": "/models"})
    apply_all(cluster, found)
    wait(lambda: cluster.objects("v1/Pod", namespace=namespace), until="pods")
    for manifest in reversed(found):
        about = manifest["metadata"]
        cluster.delete(f"{manifest['apiVersion']}/{manifest['kind']}", about["name"], namespace=namespace)
    wait(lambda: left(cluster, namespace) == [], until="the end of everything, volumes' finalizers included")


def meant(kept: Manifest) -> Manifest:
    """An object without what controllers write."""
    parts = {key: value for key, value in kept.items() if key not in {"metadata", "status"}}
    return {**parts, "generation": kept["metadata"].get("generation"), "labels": kept["metadata"]["labels"]}


def left(client: Client, namespace: str) -> list[str]:
    """What is in a namespace beside what every namespace has, and the events that tell what happened."""
    given = {"kube-root-ca.crt", "default"}
    return [
        f"{version}/{kind} {found['metadata']['name']}"
        for version, kinds in client.kinds().items()
        for kind in kinds
        if kind != "Event"
        for found in client.objects(f"{version}/{kind}", namespace=namespace)
        if found["metadata"]["name"] not in given
    ]
