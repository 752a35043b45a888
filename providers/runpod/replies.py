"""RunPod's objects as its API shows them. What is required here is required: a reply without it is malformed.

Keys that we do not use are left out, so a field that RunPod adds breaks nothing; null stands for an empty list or map.
"""

from datetime import datetime
from decimal import Decimal
from typing import TypeVar

import msgspec

from providers.base.errors import Kind, VendorError
from providers.runpod.errors import VENDOR

T = TypeVar("T")


class Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Anything that the API shows."""


class PodGpu(Shown, frozen=True):
    """A pod's GPUs; ``count`` is what it really has and may be 0 after a restart."""

    id: str
    count: int


class PodCpu(Shown, frozen=True):
    """A CPU pod's processors."""

    id: str
    vcpu_count: int


class PersistentMount(Shown, frozen=True):
    """A volume on the pod's own host."""

    size: int
    path: str


class NetworkMount(Shown, frozen=True):
    """A mounted network volume."""

    volume_id: str
    path: str


class Mounts(Shown, frozen=True):
    """What a pod mounts."""

    persistent: PersistentMount | None = None
    network: tuple[NetworkMount, ...] | None = None


class PodPort(Shown, frozen=True):
    """A port as it is mapped now."""

    private: int
    type: str
    public: int | None = None
    ip: str | None = None


class PodRuntime(Shown, frozen=True):
    """What runs; there only while the pod is RUNNING."""

    uptime: int | None = None
    ports: tuple[PodPort, ...] | None = None


class SshEndpoint(Shown, frozen=True):
    """One way to log in."""

    host: str
    port: int
    username: str


class Ssh(Shown, frozen=True):
    """Ways to log in; each None until it works."""

    proxy: SshEndpoint | None = None
    direct: SshEndpoint | None = None


class ClusterMember(Shown, frozen=True):
    """Which cluster a pod belongs to."""

    id: str


class GlobalNetworking(Shown, frozen=True):
    """The pod's private network."""

    enabled: bool


class Pod(Shown, frozen=True):
    """A pod."""

    id: str
    name: str
    status: str
    cost: Decimal
    """US dollars an hour; 0 when stopped."""
    created_at: datetime
    cloud: str
    image: str | None = None
    args: str | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    disk: int | None = None
    env: dict[str, str] | None = None
    ports: tuple[str, ...] | None = None
    registry: str | None = None
    gpu: PodGpu | None = None
    cpu: PodCpu | None = None
    data_center_id: str | None = None
    mounts: Mounts | None = None
    locked: bool = False
    global_networking: GlobalNetworking | None = None
    cuda_version: str | None = None
    ssh: Ssh | None = None
    runtime: PodRuntime | None = None
    cluster: ClusterMember | None = None


class NetworkVolume(Shown, frozen=True):
    """A network volume; ``size`` in GB."""

    id: str
    name: str
    size: int
    data_center: str
    type: str


class Template(Shown, frozen=True):
    """A template."""

    id: str
    name: str
    image: str | None = None
    args: str | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    disk: int | None = None
    env: dict[str, str] | None = None
    ports: tuple[str, ...] | None = None
    registry: str | None = None
    allowed_cuda_versions: tuple[str, ...] | None = None
    category: str | None = None
    mounts: Mounts | None = None
    public: bool = False
    serverless: bool = False
    start_ssh: bool = True
    start_jupyter: bool = True


class Registry(Shown, frozen=True):
    """A registry credential; its user name and password are never shown."""

    id: str
    name: str


class Scaling(Shown, frozen=True):
    """When a serverless endpoint adds workers."""

    type: str
    queue_delay: float | None = None
    request_count: int | None = None


class EndpointGpu(Shown, frozen=True):
    """Which GPUs a serverless endpoint's workers take."""

    pools: tuple[str, ...]
    excluded_types: tuple[str, ...] | None = None
    count: int = 1
    allowed_cuda_versions: tuple[str, ...] | None = None
    min_cuda_version: str | None = None


class Workers(Shown, frozen=True):
    """How many workers; ``idle_timeout`` in seconds."""

    min: int
    max: int
    idle_timeout: int | None = None


class Endpoint(Shown, frozen=True):
    """A serverless endpoint; ``timeout`` in milliseconds."""

    id: str
    name: str
    scaling: Scaling
    workers: Workers
    created_at: datetime
    type: str | None = None
    image: str | None = None
    args: str | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    disk: int | None = None
    env: dict[str, str] | None = None
    ports: tuple[str, ...] | None = None
    registry: str | None = None
    gpu: EndpointGpu | None = None
    cpu: tuple[PodCpu, ...] | None = None
    timeout: int | None = None
    flashboot: str | None = None
    data_center_ids: tuple[str, ...] | None = None
    network_volumes: tuple[str, ...] | None = None
    request_urls: dict[str, str] | None = None


class Compute(Shown, frozen=True):
    """A cluster's machines."""

    gpu_type_id: str
    gpu_count_per_pod: int
    pod_count: int


class ClusterPods(Shown, frozen=True):
    """A cluster's pods, counted."""

    total: int
    by_status: dict[str, int]


class ClusterPrimary(Shown, frozen=True):
    """A cluster's first pod."""

    pod_id: str
    status: str
    ssh_endpoint: str | None = None


class ClusterNetwork(Shown, frozen=True):
    """A cluster's private network."""

    cidr: str


class Cluster(Shown, frozen=True):
    """An instant cluster."""

    id: str
    name: str
    type: str
    compute: Compute
    pods: ClusterPods
    created_at: datetime
    data_center_id: str | None = None
    network: ClusterNetwork | None = None
    primary: ClusterPrimary | None = None


class GpuPrice(Shown, frozen=True):
    """US dollars per GPU and hour; None or 0 where it is not offered."""

    secure: Decimal | None = None
    community: Decimal | None = None


class GpuPlace(Shown, frozen=True):
    """A GPU type's stock in one data centre."""

    id: str
    availability: str


class MaxCount(Shown, frozen=True):
    """Most GPUs of one pod."""

    secure: int = 0
    community: int = 0


class GpuType(Shown, frozen=True):
    """A GPU type of the catalogue."""

    id: str
    name: str
    memory: int
    secure: bool
    community: bool
    price: GpuPrice
    max_count: MaxCount
    availability: str | None = None
    data_centers: tuple[GpuPlace, ...] | None = None


class DataCenter(Shown, frozen=True):
    """A data centre; without types of network volumes it has none."""

    id: str
    network_volume_types: tuple[str, ...] | None = None


class WorkerSummary(Shown, frozen=True):
    """A serverless endpoint's workers, counted."""

    running: int
    idle: int
    initializing: int
    throttled: int
    unhealthy: int
    total: int


def parse(body: object, kind: type[T], *, operation: str) -> T:
    """A reply as an object.

    Raises:
        VendorError: it is not one (kind MALFORMED). Names the place, never a value.
    """
    try:
        return msgspec.convert(body, type=kind)
    except msgspec.ValidationError as error:
        raise VendorError(VENDOR, Kind.MALFORMED, f"an odd answer: {error}", operation=operation) from None
