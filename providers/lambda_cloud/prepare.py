"""What a launch refers to and must be there before it: a key, a ruleset that opens the ports, a region with stock.

Keys and rulesets are shared by all machines of the account, cost nothing, and stay when a machine goes.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from msgspec import to_builtins

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.machines import Candidate
from providers.lambda_cloud.client import LambdaClient
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.replies import Filesystem, Ruleset, SshKey

KEY_NAME: Final = "modelyard"
WITHOUT_RULES: Final = frozenset({"us-south-1"})
"""Regions in which rulesets do not apply."""
CATALOG_SECONDS: Final = 15.0
_SHARED_SECONDS: Final = 60.0
T = TypeVar("T")


class Preparation:
    """Sees to it that what a launch names is there."""

    def __init__(self, client: LambdaClient, accounts: Accounts) -> None:
        self._client, self._accounts = client, accounts

    async def region(self, candidate: Candidate, required: str | None = None) -> str:
        """Where to launch: the candidate's region, or for ``any`` the first that has stock.

        A launch counts against a limit of one in twelve seconds, so one that the catalogue rules out is not sent.

        Raises:
            VendorError: CAPACITY.
        """
        on_sale = (await self._client.types.recent(CATALOG_SECONDS)).get(candidate.sku)
        if on_sale is None:
            raise VendorError(VENDOR, Kind.CAPACITY, f"does not offer {candidate.sku} now")
        stocked = [region.name for region in on_sale.regions_with_capacity_available]
        wanted = candidate.region if required is None else required
        fitting = [name for name in stocked if wanted in ("any", name)]
        if not fitting:
            where = "any region" if wanted == "any" else wanted
            raise VendorError(VENDOR, Kind.CAPACITY, f"no capacity for {candidate.sku} in {where}")
        return fitting[0]

    async def ssh_key_name(self) -> str:
        """The one key that a launch must name: the one asked for, else ours, whose private half nobody has."""
        asked = self._accounts.settings.get("lambdaSshKeyName") or self._accounts.environment.get("LAMBDA_SSH_KEY_NAME")
        if asked:
            return asked
        async with self._client.preparing:
            if await self._key(fresh=False) is None:
                await _ensured(lambda: self._client.add_ssh_key(KEY_NAME, None), lambda: self._key(fresh=True))
        return KEY_NAME

    async def ruleset_id(self, region: str, ports: Sequence[int]) -> str | None:
        """The ruleset that lets TCP in on ``ports``; None where none is needed or none applies."""
        if not ports or region in WITHOUT_RULES:
            return None
        name = f"modelyard-{region}-{'-'.join(str(port) for port in sorted(set(ports)))}"
        rules = [_open_port(port) for port in sorted(set(ports))]
        async with self._client.preparing:
            found = await self._ruleset(name, region, fresh=False)
            if found is None:
                found = await _ensured(
                    lambda: self._client.create_ruleset(name, region, rules),
                    lambda: self._ruleset(name, region, fresh=True),
                )
            if to_builtins(found.rules) != rules:
                found = await self._client.update_ruleset(found.id, {"rules": rules})
        return found.id

    async def filesystem(self, id_or_name: str) -> Filesystem:
        """The filesystem that an order names.

        Raises:
            VendorError: INVALID: there is none.
        """
        for filesystem in await self._client.filesystems.fresh():
            if id_or_name in (filesystem.id, filesystem.name):
                return filesystem
        raise VendorError(VENDOR, Kind.INVALID, f"there is no filesystem {id_or_name}")

    async def _key(self, *, fresh: bool) -> SshKey | None:
        keys = await (self._client.ssh_keys.fresh() if fresh else self._client.ssh_keys.recent(_SHARED_SECONDS))
        return next((key for key in keys if key.name == KEY_NAME), None)

    async def _ruleset(self, name: str, region: str, *, fresh: bool) -> Ruleset | None:
        rulesets = self._client.rulesets
        known = await (rulesets.fresh() if fresh else rulesets.recent(_SHARED_SECONDS))
        same = [r for r in known if r.name == name and r.region.name == region]
        return min(same, key=lambda r: (r.created, r.id), default=None)  # two processes may have made one each


async def _ensured(make: Callable[[], Awaitable[T]], there: Callable[[], Awaitable[T | None]]) -> T:
    """Make a shared object; when the answer leaves doubt, or says that it exists, look.

    Raises:
        VendorError: never of a kind that means that a machine may exist.
    """
    try:
        return await make()
    except VendorError as error:
        if error.kind in {Kind.AMBIGUOUS, Kind.CONFLICT, Kind.INVALID}:
            found = await there()
            if found is not None:
                return found
            if error.kind is Kind.AMBIGUOUS:
                error.kind = Kind.TRANSIENT
        raise


def _open_port(port: int) -> dict[str, Any]:
    return {
        "source_network": "0.0.0.0/0",
        "protocol": "tcp",
        "description": "modelyard",
        "port_range": [port, port],
    }
