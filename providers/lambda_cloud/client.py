"""Lambda Cloud API v1: one method an operation, every answer checked before anybody believes it.

The account may make about one call a second and one launch in twelve seconds, and lists have no pages. So lists are
read once for all who ask at the same time.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from msgspec import convert

from providers.base.accounts import Accounts, VendorAccess, line_key
from providers.base.errors import Kind, VendorError
from providers.base.http import Reply
from providers.base.limits import EVERY
from providers.base.shared_read import SharedRead
from providers.lambda_cloud.errors import VENDOR, judge
from providers.lambda_cloud.replies import Filesystem, Instance, Launched, Ruleset, SshKey, TypeOnSale

ACCESS: Final = VendorAccess(
    vendor=VENDOR,
    title="Lambda",
    key_variable="LAMBDA_API_KEY",
    url_variable="LAMBDA_CLOUD_BASE_URL",
    base_url="https://cloud.lambda.ai/api/v1",
    judge=judge,
    intervals={EVERY: 1.0, "launch": 12.0},
    key_files=(".lambda_cloud/lambda_keys",),
    key_from_file=line_key("api_key"),
    where_to_get="Keys are made at https://cloud.lambda.ai/api-keys/cloud-api.",
    more_settings={
        "lambdaSshKeyName": "SSH key in the Lambda account that machines are launched with; else LAMBDA_SSH_KEY_NAME, "
        "else one called modelyard that nobody holds."
    },
    console_url="https://cloud.lambda.ai/instances",
)
T = TypeVar("T")


class LambdaClient:
    """Calls to one account. Get it with ``client_for``, so that everybody shares its lists."""

    def __init__(self, accounts: Accounts) -> None:
        self._http = accounts.http(ACCESS)
        clock = accounts.time()
        self.instances = SharedRead(self._list_instances, clock)
        self.types = SharedRead(self._list_types, clock)
        self.ssh_keys = SharedRead(self._list_ssh_keys, clock)
        self.filesystems = SharedRead(self._list_filesystems, clock)
        self.rulesets = SharedRead(self._list_rulesets, clock)
        self.preparing = asyncio.Lock()
        """Held while something that all machines share is looked for and made."""

    async def instance(self, instance_id: str) -> Instance | None:
        """One instance; None when the vendor says that there is none."""
        reply = await self._read(f"/instances/{_segment(instance_id)}", "get instance")
        return None if reply is None else _data(reply, Instance)

    async def rename(self, instance_id: str, name: str) -> Instance:
        """Rename an instance, the only change that it can take."""
        path = f"/instances/{_segment(instance_id)}"
        reply = await self._http.repeatable("POST", path, operation="rename instance", json_body={"name": name})
        self.instances.forget()
        return _data(reply, Instance)

    async def launch(self, body: Mapping[str, Any], *, secrets: Iterable[str]) -> str:
        """Launch one instance, sent once; returns its id."""
        try:
            reply = await self._http.once(
                "POST", "/instance-operations/launch", operation="launch", json_body=dict(body), secrets=secrets
            )
        finally:
            self.instances.forget()
            self.types.forget()
        return _data(reply, Launched).instance_ids[0]

    async def terminate(self, instance_id: str) -> None:
        """Ask for an instance's end; one that is not there is no error."""
        body = {"instance_ids": [instance_id]}
        await self._delete("POST", "/instance-operations/terminate", "terminate", body)
        self.instances.forget()

    async def add_ssh_key(self, name: str, public_key: str | None) -> SshKey:
        """Add a public key, sent once; without one Lambda makes a pair, whose private half is dropped here."""
        body = {"name": name} if public_key is None else {"name": name, "public_key": public_key}
        reply = await self._http.once("POST", "/ssh-keys", operation="add ssh key", json_body=body)
        self.ssh_keys.forget()
        return _data(reply, SshKey)

    async def delete_ssh_key(self, key_id: str) -> None:
        """Delete a public key; one that is not there is no error."""
        await self._delete("DELETE", f"/ssh-keys/{_segment(key_id)}", "delete ssh key")
        self.ssh_keys.forget()

    async def create_filesystem(self, name: str, region: str) -> Filesystem:
        """Create a filesystem, sent once."""
        body = {"name": name, "region": region}
        reply = await self._http.once("POST", "/filesystems", operation="create filesystem", json_body=body)
        self.filesystems.forget()
        return _data(reply, Filesystem)

    async def delete_filesystem(self, filesystem_id: str) -> None:
        """Delete a filesystem; one that is not there is no error."""
        await self._delete("DELETE", f"/filesystems/{_segment(filesystem_id)}", "delete filesystem")
        self.filesystems.forget()

    async def ruleset(self, ruleset_id: str) -> Ruleset | None:
        """One firewall ruleset; None when the vendor says that there is none."""
        reply = await self._read(f"/firewall-rulesets/{_segment(ruleset_id)}", "get firewall ruleset")
        return None if reply is None else _data(reply, Ruleset)

    async def create_ruleset(self, name: str, region: str, rules: list[dict[str, Any]]) -> Ruleset:
        """Create a firewall ruleset, sent once."""
        body = {"name": name, "region": region, "rules": rules}
        reply = await self._http.once("POST", "/firewall-rulesets", operation="create firewall ruleset", json_body=body)
        self.rulesets.forget()
        return _data(reply, Ruleset)

    async def update_ruleset(self, ruleset_id: str, body: Mapping[str, Any]) -> Ruleset:
        """Change a firewall ruleset's name or rules."""
        path, operation = f"/firewall-rulesets/{_segment(ruleset_id)}", "update firewall ruleset"
        reply = await self._http.repeatable("PATCH", path, operation=operation, json_body=dict(body))
        self.rulesets.forget()
        return _data(reply, Ruleset)

    async def delete_ruleset(self, ruleset_id: str) -> None:
        """Delete a firewall ruleset; one that is not there is no error."""
        await self._delete("DELETE", f"/firewall-rulesets/{_segment(ruleset_id)}", "delete firewall ruleset")
        self.rulesets.forget()

    async def _list_instances(self) -> list[Instance]:
        return _data(await self._http.repeatable("GET", "/instances", operation="list instances"), list[Instance])

    async def _list_types(self) -> dict[str, TypeOnSale]:
        reply = await self._http.repeatable("GET", "/instance-types", operation="list instance types")
        return _data(reply, dict[str, TypeOnSale])

    async def _list_ssh_keys(self) -> list[SshKey]:
        return _data(await self._http.repeatable("GET", "/ssh-keys", operation="list ssh keys"), list[SshKey])

    async def _list_filesystems(self) -> list[Filesystem]:
        # The vendor spells this path with a hyphen, and those that create and delete without one.
        reply = await self._http.repeatable("GET", "/file-systems", operation="list filesystems")
        return _data(reply, list[Filesystem])

    async def _list_rulesets(self) -> list[Ruleset]:
        reply = await self._http.repeatable("GET", "/firewall-rulesets", operation="list firewall rulesets")
        return _data(reply, list[Ruleset])

    async def _read(self, path: str, operation: str) -> Reply | None:
        try:
            return await self._http.repeatable("GET", path, operation=operation)
        except VendorError as error:
            if error.kind is Kind.GONE:
                return None
            raise

    async def _delete(self, method: str, path: str, operation: str, body: Mapping[str, Any] | None = None) -> None:
        try:
            await self._http.repeatable(method, path, operation=operation, json_body=body)
        except VendorError as error:
            if error.kind is not Kind.GONE:
                raise


def client_for(accounts: Accounts) -> LambdaClient:
    """The account's client.

    Raises:
        VendorError: there is no key.
    """
    return accounts.shared(ACCESS, lambda: LambdaClient(accounts))


def _data(reply: Reply, shape: type[T]) -> T:
    return convert(reply.body["data"], type=shape)  # its shape was checked by the judge


def _segment(text: str) -> str:
    return quote(text, safe="")
