"""Verda's own resources: none yet."""

from collections.abc import Callable
from typing import Final

from providers.base.accounts import Accounts
from providers.base.resource import Lifecycle, ResourceType

RESOURCES: Final[tuple[tuple[ResourceType, Callable[[Accounts], Lifecycle]], ...]] = ()
