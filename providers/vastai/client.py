"""Vast's API: one method an operation, every reply checked, every list read to its end."""

import asyncio
import re
from collections.abc import Mapping
from typing import Final

import httpx

from modelyard.errors import quote
from providers.base.accounts import Accounts, VendorAccess, is_loopback
from providers.base.errors import Kind, VendorError
from providers.base.shared_read import SharedRead
from providers.vastai.errors import CREATE, LIST, VENDOR, as_object, invalid, judge, malformed
from providers.vastai.replies import Instance, InstancePage, Offer, Volume, VolumeOffer, member, parse

ACCESS: Final = VendorAccess(
    vendor=VENDOR,
    title="Vast.ai",
    key_variable="VAST_API_KEY",
    url_variable="VAST_URL",
    base_url="https://console.vast.ai",
    judge=judge,
    intervals={CREATE: 4.5, "destroy": 3.0, "show": 2.0, LIST: 1.0, "manage": 1.0, "bid": 5.5, "volumes": 5.5},
    key_files=(".config/vastai/vast_api_key", ".vast_api_key"),
    where_to_get="Keys are made at https://cloud.vast.ai/manage-keys/.",
    console_url="https://cloud.vast.ai/instances/",
)
CONSOLE: Final = "https://cloud.vast.ai"
LABEL_MAX: Final = 256
"""Characters of a label in a create call."""
_PAGE: Final = 25
_READINGS: Final = 3
_FEW: Final = 3
"""Machines that are looked at one by one at the same time; more share a list."""
_RECENT_SECONDS: Final = 2.0
_LOG_LOOKS: Final = 8
_LOG_PAUSE_SECONDS: Final = 1.0


class VastClient:
    """Calls to one Vast account. Every method raises ``VendorError`` when it fails.

    Attributes:
        market: held from a search to the end of its create. Creates wait for one another anyway (4.5 s each); without
            it all who wait would hold the same few asks, gone when their turn comes.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._http, self._transport = accounts.http(ACCESS), accounts.transport
        self.market = asyncio.Lock()
        self._instances = SharedRead(self._read_list, accounts.time())
        self._looking = 0

    def hide(self, text: str) -> str:
        """A text without any secret that we know of."""
        return self._http.hide(text)

    async def search_offers(self, filters: Mapping[str, object]) -> list[Offer]:
        """What is on sale, cheapest first when the filters ask for that."""
        reply = await self._http.repeatable("POST", "/api/v0/bundles/", operation="search", json_body=dict(filters))
        return parse(_as_list(member(reply.body, "offers", "search")), list[Offer], "search")

    async def create_instance(self, offer_id: int, body: Mapping[str, object], *, secrets: tuple[str, ...]) -> str:
        """Accept an ask, once; the id of the new contract.

        Raises:
            VendorError: CAPACITY → the ask is gone and nothing was made, unless ``created_id`` is set.
        """
        reply = await self._http.once(
            "PUT", f"/api/v0/asks/{offer_id}/", operation=CREATE, json_body=dict(body), secrets=secrets
        )
        return str(member(reply.body, "new_contract", CREATE))

    async def get_instance(self, instance_id: str) -> Instance | None:
        """A machine; None when Vast says that there is none.

        Each such call takes its two seconds, so when many ask at once they look at one list together. Absence is
        never read from a list.
        """
        path = f"/api/v0/instances/{_number(instance_id, 'show')}/"
        self._looking += 1
        try:
            if self._looking > _FEW:
                for instance in await self._instances.recent(_RECENT_SECONDS):
                    if str(instance.id) == instance_id:
                        return instance
            return await self._show(path, instance_id)
        finally:
            self._looking -= 1

    async def _show(self, path: str, instance_id: str) -> Instance | None:
        try:
            reply = await self._http.repeatable("GET", path, operation="show", params={"owner": "me"})
        except VendorError as error:
            if error.kind is Kind.GONE:
                return None
            raise
        shown = member(reply.body, "instances", "show")
        if shown is None:
            return None
        instance = parse(shown, Instance, "show")
        if str(instance.id) != instance_id:
            raise malformed(f"asked for {instance_id}, answered with {instance.id}", "show")
        return instance

    async def list_instances(self) -> list[Instance]:
        """Every machine of the account, over all pages; their number must be the one that Vast says."""
        return await self._instances.fresh()

    async def _read_list(self) -> list[Instance]:
        doubt: VendorError | None = None
        for _ in range(_READINGS):
            try:
                return await self._read_pages()
            except VendorError as error:
                if error.kind not in {Kind.CONFLICT, Kind.MALFORMED}:
                    raise
                doubt = error  # machines came or went between two pages: read it anew
        raise malformed(f"the list does not add up: {doubt.detail if doubt else ''}", LIST)

    async def _read_pages(self) -> list[Instance]:
        found: dict[int, Instance] = {}
        token: str | None = None
        used: set[str] = set()
        while True:
            params: dict[str, str | int | bool] = {"limit": _PAGE, "order_by": '[{"col":"id","dir":"asc"}]'}
            if token is not None:
                params["after_token"] = token
            reply = await self._http.repeatable("GET", "/api/v1/instances/", operation=LIST, params=params)
            page = parse(reply.body, InstancePage, LIST)
            found |= {instance.id: instance for instance in page.instances}
            token = page.next_token or None
            if token is None:
                if len(found) != page.total_instances:
                    raise malformed(f"{page.total_instances} machines announced, {len(found)} listed", LIST)
                return list(found.values())
            if token in used:
                raise malformed("a cursor came twice", LIST)
            used.add(token)

    async def label_instance(self, instance_id: str, label: str) -> None:
        """Set a machine's label."""
        await self._manage(instance_id, {"label": label})

    async def set_state(self, instance_id: str, state: str) -> None:
        """Start (``running``) or stop (``stopped``) a machine."""
        await self._manage(instance_id, {"state": state})

    async def _manage(self, instance_id: str, body: Mapping[str, object]) -> None:
        path = f"/api/v0/instances/{_number(instance_id, 'manage')}/"
        await self._http.repeatable("PUT", path, operation="manage", json_body=dict(body))
        self._instances.forget()

    async def set_bid(self, instance_id: str, usd_per_hour: float) -> None:
        """Set the bid of an interruptible machine."""
        path = f"/api/v0/instances/bid_price/{_number(instance_id, 'bid')}/"
        body = {"client_id": "me", "price": usd_per_hour}
        await self._http.repeatable("PUT", path, operation="bid", json_body=body)
        self._instances.forget()

    async def destroy_instance(self, instance_id: str) -> None:
        """Ask for a machine's end; one that does not exist is no error."""
        path = f"/api/v0/instances/{_number(instance_id, 'destroy')}/"
        try:
            await self._http.repeatable("DELETE", path, operation="destroy", json_body={})
        except VendorError as error:
            if error.kind is not Kind.GONE:
                raise
        finally:
            self._instances.forget()

    async def logs(self, instance_id: str, *, lines: int) -> list[str]:
        """The last lines that a machine printed; empty while Vast has not collected them."""
        path = f"/api/v0/instances/request_logs/{_number(instance_id, 'logs')}/"
        reply = await self._http.repeatable("PUT", path, operation="logs", json_body={"tail": str(lines)})
        url = member(reply.body, "result_url", "logs")
        if not isinstance(url, str) or not _may_be_fetched(url):
            raise malformed("the address of the logs is neither https nor on this machine", "logs")
        text = await self._fetch(url)
        return [self.hide(line) for line in text.splitlines()[-lines:]]

    async def _fetch(self, url: str) -> str:
        """A signed address at another host: it must never see the account's key."""
        async with httpx.AsyncClient(
            transport=self._transport, timeout=15.0, follow_redirects=False, trust_env=not is_loopback(url)
        ) as client:
            for _ in range(_LOG_LOOKS):
                await self._http.clock.sleep(_LOG_PAUSE_SECONDS)
                try:
                    response = await client.get(url)
                except httpx.HTTPError:
                    continue
                if response.is_success:
                    return response.text
        return ""

    async def search_volume_offers(self, filters: Mapping[str, object]) -> list[VolumeOffer]:
        """Disk on sale."""
        reply = await self._http.repeatable(
            "POST", "/api/v0/volumes/search/", operation="volumes", json_body=dict(filters)
        )
        return parse(_as_list(member(reply.body, "offers", "volumes")), list[VolumeOffer], "volumes")

    async def create_volume(self, offer_id: int, *, size_gb: int, name: str) -> str:
        """Rent disk once; its id."""
        body = {"id": offer_id, "size": size_gb, "name": name}
        reply = await self._http.once("PUT", "/api/v0/volumes/", operation="volumes", json_body=body)
        shown = (as_object(reply.body) or {}).get("volume_name")
        found = re.fullmatch(r"V\.(\d+)", shown) if isinstance(shown, str) else None
        if found is None:
            raise VendorError(VENDOR, Kind.AMBIGUOUS, "the answer names no volume", operation="volumes", status=200)
        return found[1]

    async def list_volumes(self) -> list[Volume]:
        """Every volume of the account; Vast does not page them."""
        params = {"owner": "me", "type": "all_volume"}
        reply = await self._http.repeatable("GET", "/api/v0/volumes", operation="volumes", params=params)
        return parse(member(reply.body, "volumes", "volumes"), list[Volume], "volumes")

    async def delete_volume(self, volume_id: str) -> None:
        """Ask for a volume's end; one that does not exist is no error, one in use is CONFLICT."""
        number = int(_number(volume_id, "volumes"))
        try:
            await self._http.repeatable(
                "DELETE", "/api/v0/volumes/", operation="volumes", params={"id": number}, json_body={"id": number}
            )
        except VendorError as error:
            if error.kind is not Kind.GONE:
                raise


def vast_client(accounts: Accounts) -> VastClient:
    """The one client of an account that everything in the process shares.

    Raises:
        VendorError: there is no key (kind AUTH).
    """
    return accounts.shared(ACCESS, lambda: VastClient(accounts))


def _as_list(offers: object) -> object:
    """Vast's own example shows one bare offer where its schema says a list."""
    bare = as_object(offers)
    return offers if bare is None else [bare]


def _number(object_id: str, operation: str) -> str:
    if not object_id.isascii() or not object_id.isdigit():
        raise invalid(f"{quote(object_id)} is no Vast id; allowed: digits", operation)
    return object_id


def _may_be_fetched(url: str) -> bool:
    return url.startswith("https://") or (url.startswith("http://") and is_loopback(url))
