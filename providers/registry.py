"""Every vendor that machines are rented from: the one place where a new one is added.

A vendor's modules are imported when they are first needed, so a process that talks to one does not load the others.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Final

from modelyard.errors import UnknownNameError
from providers.base.accounts import Accounts, VendorAccess
from providers.base.machines import MachineVendor
from providers.base.resource import Lifecycle, LiveOffer, ResourceType
from providers.base.volumes import MachineVolumes

OpenLifecycle = Callable[[Accounts], Lifecycle]


@dataclass(frozen=True, kw_only=True, slots=True)
class Vendor:
    """Where a vendor's parts are. ``folder`` is its package below ``providers``."""

    name: str
    folder: str
    machines_class: str
    volumes_class: str = ""
    """In its module ``volumes``: the network volumes that a machine can take; empty: none."""

    def access(self) -> VendorAccess:
        """How it is reached."""
        found: VendorAccess = self._module("client").ACCESS
        return found

    def machines(self, accounts: Accounts) -> MachineVendor:
        """Its machines."""
        made: MachineVendor = getattr(self._module("machines"), self.machines_class)(accounts)
        return made

    def volumes(self, accounts: Accounts) -> MachineVolumes | None:
        """Its network volumes; None: none that a machine could take. Asks for no key."""
        if not self.volumes_class:
            return None
        made: MachineVolumes = getattr(self._module("volumes"), self.volumes_class)(accounts)
        return made

    async def live_offers(self, accounts: Accounts) -> Sequence[LiveOffer]:
        """What it has on sale now."""
        found: Sequence[LiveOffer] = await self._module("offers").live_offers(accounts)
        return found

    def resources(self) -> Sequence[tuple[ResourceType, OpenLifecycle]]:
        """Its own resource types, each with what opens its lifecycle."""
        found: Sequence[tuple[ResourceType, OpenLifecycle]] = self._module("resources").RESOURCES
        return found

    def _module(self, name: str) -> ModuleType:
        return import_module(f"providers.{self.folder}.{name}")


VENDORS: Final[Mapping[str, Vendor]] = {
    vendor.name: vendor
    for vendor in (
        Vendor(name="runpod", folder="runpod", machines_class="RunpodMachines", volumes_class="RunpodVolumes"),
        Vendor(name="lambda", folder="lambda_cloud", machines_class="LambdaMachines", volumes_class="LambdaVolumes"),
        Vendor(name="vastai", folder="vastai", machines_class="VastMachines"),
        Vendor(name="verda", folder="verda", machines_class="VerdaMachines"),
    )
}


def find(name: str) -> Vendor:
    """The vendor called ``name``.

    Raises:
        UnknownNameError: no such vendor.
    """
    if name not in VENDORS:
        raise UnknownNameError("vendor", name, VENDORS)
    return VENDORS[name]
