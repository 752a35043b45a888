"""Every type of resource of the plugin, with what stands behind it."""

from collections.abc import Mapping

from providers import registry
from providers.base.accounts import Accounts
from providers.base.machines import MachineVendor
from providers.base.volumes import MachineVolumes
from providers.plugin.access_key import AccessKeyHandler
from providers.plugin.handler import Handler
from providers.plugin.machine import MachineHandler
from providers.plugin.ready import ReadyHandler
from providers.plugin.vendor_object import VendorObjectHandler


def load_handlers() -> Mapping[str, Handler]:
    """Type token → handler."""
    found: list[Handler] = [
        MachineHandler(_machines, _key_id, _volumes),
        ReadyHandler(_machines, _volumes),
        AccessKeyHandler(),
    ]
    for vendor in registry.VENDORS.values():
        found += [VendorObjectHandler(kind, lifecycle, _key_id) for kind, lifecycle in vendor.resources()]
    return {handler.kind.token: handler for handler in found}


def _machines(accounts: Accounts, vendor: str) -> MachineVendor:
    return registry.find(vendor).machines(accounts)


def _volumes(accounts: Accounts, vendor: str) -> MachineVolumes | None:
    return registry.find(vendor).volumes(accounts)


def _key_id(accounts: Accounts, vendor: str) -> str:
    return accounts.key_id(registry.find(vendor).access())
