"""GPU nodes as the clouds hand them over: labels, taints and allocatable resources, on machines that are not there.

Labels: NVIDIA's GPU feature discovery (``nvidia.com/gpu.*``), AMD's node labeller (``amd.com/gpu.*``), Karpenter on EKS
(``karpenter.k8s.aws/*``), GKE (``cloud.google.com/gke-*``), AKS (``kubernetes.azure.com/*``), CoreWeave
(``gpu.nvidia.com/*``). Feature discovery runs where the GPU operator does: not on GKE and AKS as they come.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.cluster.client import Client, Manifest, wait

NVIDIA: Final = "nvidia.com/gpu"
AMD: Final = "amd.com/gpu"


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuNode:
    """One kind of node."""

    name: str
    gpu: str
    """Catalog name of its GPUs; empty: a node without any."""
    gpus: int
    labels: Mapping[str, str]
    resource: str = NVIDIA
    taints: Sequence[Mapping[str, str]] = field(default=())
    cpu: str = "192"
    memory: str = "2000Gi"


def _discovered(product: str, mib: int, count: int, family: str) -> dict[str, str]:
    """What GPU feature discovery writes."""
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": product,
        "nvidia.com/gpu.memory": str(mib),
        "nvidia.com/gpu.count": str(count),
        "nvidia.com/gpu.family": family,
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/mig.capable": "true" if mib > 40_000 else "false",
    }


def _place(instance_type: str, region: str, zone: str) -> dict[str, str]:
    """Labels that every cloud sets."""
    return {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instance_type,
        "topology.kubernetes.io/region": region,
        "topology.kubernetes.io/zone": zone,
    }


def _taint(key: str, value: str) -> tuple[Mapping[str, str], ...]:
    return ({"key": key, "value": value, "effect": "NoSchedule"},)


NODES: Final = (
    GpuNode(
        name="cks-h100",
        gpu="H100-SXM",
        gpus=8,
        labels={
            **_place("gd-8xh100ib-i128", "US-EAST-04", "US-EAST-04A"),
            **_discovered("NVIDIA-H100-80GB-HBM3", 81559, 8, "hopper"),
            "gpu.nvidia.com/class": "H100",
            "gpu.nvidia.com/count": "8",
            "gpu.nvidia.com/vram": "80",
            "node.coreweave.cloud/state": "production",
        },
    ),
    GpuNode(
        name="eks-h200",
        gpu="H200",
        gpus=8,
        labels={
            **_place("p5en.48xlarge", "us-east-1", "us-east-1a"),
            **_discovered("NVIDIA-H200", 143771, 8, "hopper"),
            "karpenter.k8s.aws/instance-gpu-name": "h200",
            "karpenter.k8s.aws/instance-gpu-count": "8",
            "karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia",
            "karpenter.k8s.aws/instance-local-nvme": "30400",
            "karpenter.sh/capacity-type": "on-demand",
        },
        taints=_taint(NVIDIA, "true"),
    ),
    GpuNode(
        name="eks-l40s",
        gpu="L40S",
        gpus=4,
        labels={
            **_place("g6e.24xlarge", "us-east-1", "us-east-1b"),
            **_discovered("NVIDIA-L40S", 46068, 4, "ada-lovelace"),
            "karpenter.k8s.aws/instance-gpu-name": "l40s",
            "karpenter.k8s.aws/instance-gpu-count": "4",
            "karpenter.k8s.aws/instance-gpu-manufacturer": "nvidia",
        },
        taints=_taint(NVIDIA, "true"),
    ),
    GpuNode(
        name="gke-a100",
        gpu="A100-80-SXM",
        gpus=8,
        labels={
            **_place("a2-ultragpu-8g", "us-central1", "us-central1-a"),
            "cloud.google.com/gke-accelerator": "nvidia-a100-80gb",
            "cloud.google.com/gke-accelerator-count": "8",
            "cloud.google.com/gke-gpu-driver-version": "default",
            "cloud.google.com/gke-nodepool": "a100",
        },
        taints=_taint(NVIDIA, "present"),
    ),
    GpuNode(
        name="aks-h100",
        gpu="H100-NVL",
        gpus=2,
        labels={
            **_place("Standard_NC80adis_H100_v5", "eastus", "eastus-1"),
            "kubernetes.azure.com/accelerator": "nvidia",
            "kubernetes.azure.com/agentpool": "h100",
        },
        taints=_taint("sku", "gpu"),
    ),
    GpuNode(
        name="own-mi300x",
        gpu="MI300X",
        gpus=8,
        resource=AMD,
        labels={
            **_place("server", "own", "rack-1"),
            "amd.com/gpu.product-name": "AMD_Instinct_MI300X_OAM",
            "amd.com/gpu.vram": "192G",
            "amd.com/gpu.device-id": "74a1",
        },
        taints=_taint(AMD, "present"),
    ),
    GpuNode(
        name="cpu", gpu="", gpus=0, labels=_place("c7i.8xlarge", "us-east-1", "us-east-1a"), cpu="32", memory="64Gi"
    ),
)
"""One node of every kind, and one without a GPU for what needs none."""


def add(client: Client, node: GpuNode, *, name: str | None = None) -> str:
    """Add a ready node to the cluster, and return its name.

    Args:
        client: of the cluster.
        node: what kind.
        name: its name; None: the kind's.
    """
    called = name or node.name
    labels = {**node.labels, "kubernetes.io/hostname": called}
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": called, "labels": labels},
            "spec": {"taints": [dict(taint) for taint in node.taints]},
        }
    )
    client.patch("v1/Node", called, {"status": _status(node, called)}, part="status")
    wait(lambda: _is_open(client, called), until=f"node {called} without a not-ready taint")
    return called


def _is_open(client: Client, name: str) -> bool:
    found = client.get("v1/Node", name)
    return found is not None and not any(
        taint["key"] == "node.kubernetes.io/not-ready" for taint in found["spec"].get("taints", [])
    )


def _status(node: GpuNode, name: str) -> Manifest:
    resources: dict[str, Any] = {"cpu": node.cpu, "memory": node.memory, "pods": "110", "ephemeral-storage": "7000Gi"}
    if node.gpus:
        resources[node.resource] = str(node.gpus)
    now = "2026-01-01T00:00:00Z"
    healthy = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}
    return {
        "capacity": resources,
        "allocatable": resources,
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "Hostname", "address": name}],
        "conditions": [
            {
                "type": kind,
                "status": status,
                "reason": "Fake",
                "message": "a fake node",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
            for kind, status in healthy.items()
        ],
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "kwok",
            "kernelVersion": "",
            "kubeProxyVersion": "",
            "kubeletVersion": "v1.36.0",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "",
            "systemUUID": "",
        },
    }
