"""What can be managed at Vast one by one: instances and volumes."""

from collections.abc import Callable
from typing import Final

from providers.base.accounts import Accounts
from providers.base.resource import Lifecycle, ResourceType
from providers.vastai.resources.instance import InstanceLifecycle
from providers.vastai.resources.instance_table import INSTANCE
from providers.vastai.resources.volume import VOLUME, VolumeLifecycle

RESOURCES: Final[tuple[tuple[ResourceType, Callable[[Accounts], Lifecycle]], ...]] = (
    (INSTANCE, InstanceLifecycle),
    (VOLUME, VolumeLifecycle),
)
"""Each kind with what makes its lifecycle."""

__all__ = ["RESOURCES"]
