"""Reads pods of a cluster: where they are, how many GPUs they hold, why they wait."""

from tests.cluster.client import Client, Manifest
from tests.cluster.gpu_nodes import NVIDIA


def of(client: Client, namespace: str, app: str) -> list[Manifest]:
    """Pods of one part of a Serving, by its label."""
    return client.objects("v1/Pod", namespace=namespace, labels=f"app.kubernetes.io/name={app}")


def running(client: Client, namespace: str, app: str, count: int) -> list[Manifest] | None:
    """The pods of a part once there are ``count`` of them and all are ready; None until then."""
    found = of(client, namespace, app)
    return found if len(found) == count and all(is_ready(pod) for pod in found) else None


def is_ready(pod: Manifest) -> bool:
    """Whether it serves."""
    return condition(pod, "Ready").get("status") == "True"


def condition(pod: Manifest, kind: str) -> Manifest:
    """One of its conditions; empty when it has none of that kind."""
    for found in pod["status"].get("conditions", []):
        if found["type"] == kind:
            entry: Manifest = found
            return entry
    return {}


def gpus(pod: Manifest, resource: str = NVIDIA) -> int:
    """GPUs that it was given."""
    return sum(int(part["resources"].get("limits", {}).get(resource, 0)) for part in pod["spec"]["containers"])


def why_pending(client: Client, namespace: str, app: str, *, but: int = 0) -> str | None:
    """What the scheduler says about the pods of a part that it found no node for; None until it has said it.

    Args:
        client: of the cluster.
        namespace: the pods' own.
        app: the part.
        but: how many of the pods do get a node.
    """
    found = of(client, namespace, app)
    waiting = [pod for pod in found if condition(pod, "PodScheduled").get("reason") == "Unschedulable"]
    if not waiting or len(found) - len(waiting) != but:
        return None
    return str(condition(waiting[0], "PodScheduled")["message"])
