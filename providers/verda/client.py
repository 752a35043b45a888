"""Verda's API: one method an operation, signed in with a client id and secret (OAuth2 client credentials)."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from msgspec import convert

from providers.base.accounts import Accounts, VendorAccess
from providers.base.errors import Kind, VendorError
from providers.base.http import Reply
from providers.base.limits import EVERY
from providers.base.shared_read import SharedRead
from providers.verda.errors import VENDOR, judge
from providers.verda.replies import Availability, Instance, InstanceType, Script, SshKey, Token, created_id

ACCESS: Final = VendorAccess(
    vendor=VENDOR,
    title="Verda",
    key_variable="VERDA_CLIENT_SECRET",
    id_variable="VERDA_CLIENT_ID",
    url_variable="VERDA_BASE_URL",
    base_url="https://api.verda.com/v1",
    judge=judge,
    intervals={EVERY: 0.5},  # no limit is documented
    where_to_get="Credentials are made at https://console.verda.com, under Keys.",
    console_url="https://console.verda.com",
    more_settings={"verdaSshKeyId": "SSH key in the Verda account that may log in; else all of the account's."},
)
_EARLY_SECONDS: Final = 60.0
"""How long before its end a token is replaced."""
T = TypeVar("T")


class VerdaClient:
    """Calls to one account. Get it with ``client_for``, so that everybody shares its token and lists."""

    def __init__(self, accounts: Accounts) -> None:
        self._http = accounts.http(ACCESS)
        self._clock = accounts.time()
        self._id, separator, self._secret = accounts.key(ACCESS).partition(":")
        if not separator or not self._id or not self._secret:
            raise VendorError(VENDOR, Kind.AUTH, "the key is a client id and a secret, as id:secret")
        self._http.secrets.update({self._id, self._secret})
        self._http.client.headers.pop("Authorization", None)  # the secret itself only ever goes into the sign-in
        self._token: Token | None = None
        self._token_ends = 0.0
        self._line = asyncio.Lock()
        self.instances = SharedRead(self._list_instances, self._clock)
        self.types = SharedRead(self._list_types, self._clock)

    async def instance(self, instance_id: str) -> Instance | None:
        """One machine; None when the vendor says that there is none."""
        try:
            reply = await self._call("GET", f"/instances/{quote(instance_id, safe='')}", "get instance")
        except VendorError as error:
            if error.kind is Kind.GONE:
                return None
            raise
        return convert(reply.body, type=Instance)

    async def create_instance(self, body: Mapping[str, Any]) -> str:
        """Create a machine, sent once; returns its id."""
        try:
            return await self._create("/instances", "create instance", body, secrets=())
        finally:
            self.instances.forget()

    async def delete_instance(self, instance: Instance) -> None:
        """Ask for a machine's end and that of its disk; one that is not there is no error."""
        body: dict[str, Any] = {"id": [instance.id], "action": "delete"}
        if instance.os_volume_id is not None:
            body |= {"volume_ids": [instance.os_volume_id], "delete_permanently": True}
        await self._gone_is_fine("PUT", "/instances", "delete instance", body)
        self.instances.forget()

    async def availability(self, *, spot: bool) -> list[Availability]:
        """Which types each location has now."""
        params = {"isSpot": "true" if spot else "false"}
        reply = await self._call("GET", "/instance-availability", "list availability", params=params)
        return convert(reply.body, type=list[Availability])

    async def scripts(self) -> list[Script]:
        """The account's start-up scripts."""
        return convert((await self._call("GET", "/scripts", "list scripts")).body, type=list[Script])

    async def create_script(self, name: str, script: str, *, secrets: tuple[str, ...]) -> str:
        """Store a start-up script, sent once; returns its id."""
        return await self._create("/scripts", "create script", {"name": name, "script": script}, secrets=secrets)

    async def delete_script(self, script_id: str) -> None:
        """Delete a start-up script; one that is not there is no error."""
        await self._gone_is_fine("DELETE", f"/scripts/{quote(script_id, safe='')}", "delete script")

    async def ssh_key_ids(self) -> list[str]:
        """The account's SSH keys."""
        reply = await self._call("GET", "/sshkeys", "list ssh keys")
        return [key.id for key in convert(reply.body, type=list[SshKey])]

    async def _list_instances(self) -> list[Instance]:
        return convert((await self._call("GET", "/instances", "list instances")).body, type=list[Instance])

    async def _list_types(self) -> list[InstanceType]:
        reply = await self._call("GET", "/instance-types", "list instance types", params={"currency": "usd"})
        return convert(reply.body, type=list[InstanceType])

    async def _call(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str | int | bool] | None = None,
    ) -> Reply:
        async def send() -> Reply:
            return await self._http.repeatable(method, path, operation=operation, json_body=body, params=params)

        await self._sign_in()
        try:
            return await send()
        except VendorError as error:
            if not await self._was_revoked(error):
                raise
        return await send()

    async def _create(self, path: str, operation: str, body: Mapping[str, Any], *, secrets: tuple[str, ...]) -> str:
        async def send() -> Reply:
            return await self._http.once("POST", path, operation=operation, json_body=dict(body), secrets=secrets)

        await self._sign_in()
        try:
            reply = await send()
        except VendorError as error:
            if not await self._was_revoked(error):  # a 401 has created nothing
                raise
            reply = await send()
        made = created_id(reply)
        if made is None:
            raise AssertionError("the judge has checked it")
        return made

    async def _gone_is_fine(
        self, method: str, path: str, operation: str, body: Mapping[str, Any] | None = None
    ) -> None:
        try:
            await self._call(method, path, operation, body=body)
        except VendorError as error:
            if error.kind is not Kind.GONE:
                raise

    async def _was_revoked(self, error: VendorError) -> bool:
        """Whether the vendor no longer knows our token; there is a new one then."""
        if error.status != 401:
            return False
        self._token_ends = 0.0
        await self._sign_in()
        return True

    async def _sign_in(self) -> None:
        async with self._line:
            if self._clock.monotonic() < self._token_ends:
                return
            token = await self._refreshed() or await self._asked(
                {"grant_type": "client_credentials", "client_id": self._id, "client_secret": self._secret}
            )
            self._token = token
            self._token_ends = self._clock.monotonic() + max(token.expires_in - _EARLY_SECONDS, 1.0)
            self._http.secrets.update({token.access_token, token.refresh_token})
            self._http.client.headers["Authorization"] = f"Bearer {token.access_token}"

    async def _refreshed(self) -> Token | None:
        """A token for the refresh token; None when there is none or it is not taken any more."""
        if self._token is None:
            return None
        try:
            return await self._asked({"grant_type": "refresh_token", "refresh_token": self._token.refresh_token})
        except VendorError as error:
            if error.kind in {Kind.AUTH, Kind.INVALID}:
                return None
            raise

    async def _asked(self, body: Mapping[str, str]) -> Token:
        reply = await self._http.repeatable("POST", "/oauth2/token", operation="sign in", json_body=dict(body))
        return convert(reply.body, type=Token)


def client_for(accounts: Accounts) -> VerdaClient:
    """The account's client.

    Raises:
        VendorError: there is no key, or it is not id:secret.
    """
    return accounts.shared(ACCESS, lambda: VerdaClient(accounts))
