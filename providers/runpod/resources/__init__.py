"""RunPod's own resources."""

from collections.abc import Callable
from typing import Final

from providers.base.accounts import Accounts
from providers.base.resource import Lifecycle, ResourceType
from providers.runpod.resources.cluster import CLUSTER, ClusterLifecycle
from providers.runpod.resources.endpoint import ENDPOINT, EndpointLifecycle
from providers.runpod.resources.network_volume import NETWORK_VOLUME, NetworkVolumeLifecycle
from providers.runpod.resources.pod import POD, PodLifecycle
from providers.runpod.resources.registry_auth import REGISTRY_AUTH, RegistryAuthLifecycle
from providers.runpod.resources.template import TEMPLATE, TemplateLifecycle

RESOURCES: Final[tuple[tuple[ResourceType, Callable[[Accounts], Lifecycle]], ...]] = (
    (POD, PodLifecycle),
    (NETWORK_VOLUME, NetworkVolumeLifecycle),
    (TEMPLATE, TemplateLifecycle),
    (REGISTRY_AUTH, RegistryAuthLifecycle),
    (ENDPOINT, EndpointLifecycle),
    (CLUSTER, ClusterLifecycle),
)

__all__ = ["RESOURCES"]
