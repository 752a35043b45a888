"""The engine on Kubernetes: a Deployment that is given the time its weights take, and the Services that find it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.cluster.objects import SKIP_AWAIT, Manifest, locked_down, metadata, selector
from modelyard.render.machine import shm_bytes
from modelyard.units import GIB

APP: Final = "engine"
DRAIN_SECONDS: Final = 15
"""Time for Services to forget a pod before it stops taking requests."""
SHUTDOWN_SECONDS: Final = 45
"""Time for running requests to end."""
PROBE_SECONDS: Final = 10
HOST_GIB: Final = 16
"""Host memory beside shared memory."""
PROGRESS_MARGIN_SECONDS: Final = 300

GPU_PRODUCTS: Final[Mapping[str, str]] = {
    "T4": "Tesla-T4",
    "L4": "NVIDIA-L4",
    "A10G": "NVIDIA-A10G",
    "L40": "NVIDIA-L40",
    "L40S": "NVIDIA-L40S",
    "A40": "NVIDIA-A40",
    "A100-40-PCIe": "NVIDIA-A100-PCIE-40GB",
    "A100-40-SXM": "NVIDIA-A100-SXM4-40GB",
    "A100-80-PCIe": "NVIDIA-A100-80GB-PCIe",
    "A100-80-SXM": "NVIDIA-A100-SXM4-80GB",
    "H100-PCIe": "NVIDIA-H100-PCIe",
    "H100-SXM": "NVIDIA-H100-80GB-HBM3",
    "H100-NVL": "NVIDIA-H100-NVL",
    "H200": "NVIDIA-H200",
    "H200-NVL": "NVIDIA-H200-NVL",
    "B200": "NVIDIA-B200",
}
"""Catalog name → label ``nvidia.com/gpu.product``: the driver's product name with dashes for spaces, as NVIDIA's GPU
feature discovery writes it. GPUs whose product name is not certain are left out: a wrong selector never schedules."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnginePod:
    """What the engine's pods are made of."""

    instance: str
    """Label of the whole Serving."""
    image: str
    argv: Sequence[str]
    port: int
    health_path: str
    """Path that answers 200 once the model is loaded."""
    gpu: str
    """Catalog name, for the node selector."""
    gpu_resource: str
    """``nvidia.com/gpu`` or ``amd.com/gpu``."""
    gpu_count: int
    replicas: int
    startup_timeout_seconds: int
    """How long a start may take; the kubelet ends a pod that takes longer."""
    environment: Sequence[Manifest]
    cache_path: str
    cache_volume: Manifest
    """Source of the volume for the weights, such as ``{"emptyDir": {}}``."""
    command: Sequence[str] = ()
    """Entry point; empty: the image's own."""
    shutdown_flag: str | None = None
    """Flag that takes the seconds in which running requests may end; None: the engine has none."""
    host_gib: int = 0
    """Main memory besides, such as an offloaded KV cache."""

    @property
    def shm_gib(self) -> int:
        """Shared memory."""
        return shm_bytes(self.gpu_count) // GIB


def deployment_spec(pod: EnginePod) -> Manifest:
    """``spec`` of the Deployment."""
    found = selector(APP, pod.instance)
    return {
        "replicas": pod.replicas,
        "progressDeadlineSeconds": pod.startup_timeout_seconds + PROGRESS_MARGIN_SECONDS,
        "selector": {"matchLabels": found},
        # There are no GPUs to spare for a second set of pods: replace one after the other.
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
        "template": {"metadata": {"labels": found}, "spec": _pod_spec(pod)},
    }


def _pod_spec(pod: EnginePod) -> Manifest:
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": DRAIN_SECONDS + SHUTDOWN_SECONDS + 15,
        "tolerations": [{"key": pod.gpu_resource, "operator": "Exists", "effect": "NoSchedule"}],
        "containers": [_container(pod)],
        "volumes": [
            {"name": "cache", **pod.cache_volume},
            # Memory-backed: it counts towards the pod's memory, and so it is part of the request.
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": f"{pod.shm_gib}Gi"}},
        ],
    }
    if pod.gpu in GPU_PRODUCTS:
        spec["nodeSelector"] = {"nvidia.com/gpu.product": GPU_PRODUCTS[pod.gpu]}
    return spec


def _container(pod: EnginePod) -> Manifest:
    gpus = {pod.gpu_resource: str(pod.gpu_count)}
    cpu, memory = str(4 + 2 * pod.gpu_count), f"{pod.shm_gib + HOST_GIB + pod.host_gib}Gi"
    args = [*pod.argv, *_shutdown(pod)]
    probe: Manifest = {"httpGet": {"path": pod.health_path, "port": "http"}}
    return {
        "name": APP,
        "image": pod.image,
        **({"command": list(pod.command)} if pod.command else {}),
        **({"args": args} if args else {}),
        "env": list(pod.environment),
        "ports": [{"name": "http", "containerPort": pod.port}],
        "resources": {"limits": gpus, "requests": {"cpu": cpu, "memory": memory, **gpus}},
        # Loading takes as long as the plan says; only then do the other probes begin.
        "startupProbe": {
            **probe,
            "periodSeconds": PROBE_SECONDS,
            "timeoutSeconds": 5,
            "failureThreshold": -(-pod.startup_timeout_seconds // PROBE_SECONDS),
        },
        "readinessProbe": {**probe, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 3},
        "livenessProbe": {**probe, "periodSeconds": 30, "timeoutSeconds": 10, "failureThreshold": 3},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(DRAIN_SECONDS)]}}},
        "securityContext": locked_down(user=None),
        "volumeMounts": [
            {"name": "cache", "mountPath": pod.cache_path},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108  # shared memory of the pod, not a temporary file
        ],
    }


def environment(
    values: Mapping[str, str], *, key_variable: str | None, key_secret: str | None, token_secret: str | None
) -> list[Manifest]:
    """``env`` of the engine: what it is set up with, and secrets by reference.

    Args:
        values: the engine's own variables, no secrets.
        key_variable: variable with which it checks the access key itself; None: the gateway alone does.
        key_secret: Secret that holds the access key as ``token``; None: the endpoint has no key.
        token_secret: Secret that holds the hub token as ``token``; None: the weights are open.
    """
    found: list[Manifest] = [{"name": name, "value": value} for name, value in values.items()]
    for name, secret in ((key_variable, key_secret), ("HF_TOKEN", token_secret)):
        if name is not None and secret is not None:
            found.append({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": "token"}}})
    return found


def services(name: str, *, instance: str, namespace: str, port: int) -> dict[str, tuple[Manifest, Manifest]]:
    """Metadata and spec of the two Services: one address for the gateway, and one address a pod for Prometheus."""
    ports = [{"name": "http", "port": port, "targetPort": "http"}]
    found = selector(APP, instance)

    def about(service: str) -> Manifest:
        return metadata(service, APP, namespace=namespace, instance=instance, annotations=SKIP_AWAIT)

    return {
        name: (about(name), {"selector": found, "ports": ports}),
        f"{name}-pods": (
            about(f"{name}-pods"),
            {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": found, "ports": ports},
        ),
    }


def _shutdown(pod: EnginePod) -> list[str]:
    flag = pod.shutdown_flag
    return [] if flag is None or flag in pod.argv else [flag, str(SHUTDOWN_SECONDS)]
