"""Which vendors a command can ask: those that there is a key for, and in words why not the others.

Imports ``providers``, so commands import this module when they run, inside a modelyard project.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.errors import UsageError
from providers import registry
from providers.base.accounts import Accounts, VendorAccess
from providers.registry import Vendor


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """The vendors that can be asked, and those that cannot."""

    vendors: tuple[Vendor, ...]
    without_key: tuple[VendorAccess, ...]

    @property
    def skipped(self) -> str:
        """One line on the vendors that are left out; empty when there is none."""
        if not self.without_key:
            return ""
        names = ", ".join(f"{access.vendor} ({_variables(access)})" for access in self.without_key)
        return f"left out, no key: {names}"


def reach(accounts: Accounts, named: Sequence[str] = (), *, strict: bool = True) -> Reach:
    """The vendors that can be asked.

    Args:
        accounts: where keys are looked for.
        named: vendors to ask; empty: all.
        strict: whether each of the named must have a key.

    Raises:
        UnknownNameError: no such vendor.
        UsageError: no key for a vendor that was named, or for any.
    """
    wanted = [registry.find(name.strip().lower()) for name in dict.fromkeys(named)] or list(registry.VENDORS.values())
    without = tuple(v.access() for v in wanted if not accounts.has_key(v.access()))
    if without and ((named and strict) or len(without) == len(wanted)):
        raise UsageError(
            f"no API key for {', '.join(access.vendor for access in without)}",
            details="\n".join(f"allowed  {_where(access)}" for access in without),
            resolution="Set the variable of each vendor that you rent from, and run it again.",
        )
    missing = {access.vendor for access in without}
    return Reach(vendors=tuple(v for v in wanted if v.name not in missing), without_key=without)


def _where(access: VendorAccess) -> str:
    files = "".join(f", or ~/{name}" for name in access.key_files)
    return f"{_variables(access)}{files}. {access.where_to_get}".strip()


def _variables(access: VendorAccess) -> str:
    return f"{access.id_variable} and {access.key_variable}" if access.id_variable else access.key_variable
