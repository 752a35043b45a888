"""RunPod's REST v2: one method an operation, every reply checked, every list read to its end."""

import asyncio
import json
from collections.abc import Mapping
from typing import Final, TypeVar, cast
from urllib.parse import quote as url_quote

import httpx
import msgspec

from providers.base.accounts import Accounts, VendorAccess, toml_key
from providers.base.errors import Kind, VendorError
from providers.base.http import VendorHttp
from providers.base.shared_read import SharedRead
from providers.runpod.errors import VENDOR, as_map, invalid, judge
from providers.runpod.pace import pause_after
from providers.runpod.replies import (
    Cluster,
    DataCenter,
    Endpoint,
    GpuType,
    NetworkVolume,
    Pod,
    Registry,
    Template,
    WorkerSummary,
    parse,
)

T = TypeVar("T")

PROXY_SETTING: Final = "runpodProxyUrl"
JOBS_SETTING: Final = "runpodJobsUrl"
MAX_BODY_BYTES: Final = 102_400
"""RunPod answers 413 to anything longer."""
_PAGE: Final = 1000
_LOG_SECONDS: Final = 5.0
"""A log stream stays open for what is yet to come; so long we listen."""


def _key_in_file(text: str) -> str | None:
    return toml_key("default", "api_key")(text) or toml_key("", "apikey")(text)


ACCESS: Final = VendorAccess(
    vendor=VENDOR,
    title="RunPod",
    key_variable="RUNPOD_API_KEY",
    url_variable="RUNPOD_REST_URL",
    base_url="https://api.runpod.io/v2",
    judge=judge,
    intervals={},  # RunPod publishes no least interval: its RateLimit headers say what is left
    key_files=(".runpod/config.toml",),
    key_from_file=_key_in_file,
    where_to_get="Keys are made at https://console.runpod.io/user/settings.",
    console_url="https://console.runpod.io/pods",
    observe=pause_after,
    more_settings={
        PROXY_SETTING: "Where pods are reached, with {pod} and {port} to be filled in; else RunPod's own proxy.",
        JOBS_SETTING: "Base URL of the serverless job API; else RunPod's own.",
    },
)


class Pagination(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a list goes on."""

    has_next_page: bool
    next_cursor: str | None = None


class RunpodClient:
    """Calls to one RunPod account. Every method raises ``VendorError`` when it fails.

    Get it with ``client_for``, so that everybody shares its list of pods.
    """

    def __init__(self, accounts: Accounts) -> None:
        self._http: VendorHttp = accounts.http(ACCESS)
        self._pods = SharedRead(self._list_pods, accounts.time())
        self._ended = set[str]()
        """Pods of which RunPod has accepted the end."""

    async def list_pods(self) -> list[Pod]:
        """Every pod of the account, those of clusters too, as of a moment after this call."""
        return await self._pods.fresh()

    async def see_pod(self, pod_id: str) -> Pod | None:
        """A pod out of the shared list, so that many are watched with one call; None when it does not exist.

        Where the list lacks one that was not ended here, RunPod is asked for that very pod before it counts as gone.
        """
        for pod in await self._pods.fresh():
            if pod.id == pod_id:
                return pod
        return None if pod_id in self._ended else await self.get_pod(pod_id)

    async def get_pod(self, pod_id: str) -> Pod | None:
        """A pod; None when it does not exist."""
        return await self._get("/pods", pod_id, Pod, "get pod")

    async def create_pod(self, body: Mapping[str, object], *, secrets: tuple[str, ...] = ()) -> Pod:
        """Ask for a pod once."""
        return await self._create("/pods", body, Pod, "create pod", secrets)

    async def patch_pod(self, pod_id: str, body: Mapping[str, object]) -> Pod:
        """Change a pod. Any field but ``name`` and ``locked`` starts its container anew."""
        return await self._patch("/pods", pod_id, body, Pod, "update pod")

    async def delete_pod(self, pod_id: str) -> None:
        """End a pod; one that does not exist is no error."""
        await self._delete("/pods", pod_id, "delete pod")
        self._ended.add(pod_id)

    async def pod_logs(self, pod_id: str, *, lines: int) -> list[str]:
        """The last lines of a pod's container and of the system around it.

        The stream has no end, so it is read until it has given so many lines or has been silent for some seconds.
        """
        await self._http.pacer.turn("read logs")
        path, found = f"/pods/{_part(pod_id)}/logs", list[str]()
        try:
            async with (
                asyncio.timeout(_LOG_SECONDS),
                self._http.client.stream("GET", path, params={"tail": lines}) as r,
            ):
                if r.status_code == 200:
                    async for text in r.aiter_lines():
                        if (line := _log_line(text)) is not None:
                            found.append(self._http.hide(line))
                        if len(found) >= lines:
                            break
        except (TimeoutError, httpx.HTTPError):
            pass  # what was read is what there is
        return found

    async def list_volumes(self) -> list[NetworkVolume]:
        """Every network volume."""
        return await self._list("/network-volumes", "networkVolumes", NetworkVolume)

    async def get_volume(self, volume_id: str) -> NetworkVolume | None:
        """A network volume; None when it does not exist."""
        return await self._get("/network-volumes", volume_id, NetworkVolume, "get volume")

    async def create_volume(self, body: Mapping[str, object]) -> NetworkVolume:
        """Make a network volume once."""
        return await self._create("/network-volumes", body, NetworkVolume, "create volume")

    async def patch_volume(self, volume_id: str, body: Mapping[str, object]) -> NetworkVolume:
        """Rename or grow a network volume."""
        return await self._patch("/network-volumes", volume_id, body, NetworkVolume, "update volume")

    async def delete_volume(self, volume_id: str) -> None:
        """Delete a network volume; kind CONFLICT while a pod mounts it."""
        await self._delete("/network-volumes", volume_id, "delete volume")

    async def list_templates(self) -> list[Template]:
        """Every template of the account."""
        return await self._list("/templates", "templates", Template)

    async def get_template(self, template_id: str) -> Template | None:
        """A template; None when it does not exist."""
        return await self._get("/templates", template_id, Template, "get template")

    async def create_template(self, body: Mapping[str, object], *, secrets: tuple[str, ...] = ()) -> Template:
        """Make a template once."""
        return await self._create("/templates", body, Template, "create template", secrets)

    async def patch_template(self, template_id: str, body: Mapping[str, object]) -> Template:
        """Change a template; what was made of it stays as it is."""
        return await self._patch("/templates", template_id, body, Template, "update template")

    async def delete_template(self, template_id: str) -> None:
        """Delete a template; kind CONFLICT while something uses it."""
        await self._delete("/templates", template_id, "delete template")

    async def list_registries(self) -> list[Registry]:
        """Every registry credential."""
        return await self._list("/registries", "registries", Registry)

    async def get_registry(self, registry_id: str) -> Registry | None:
        """A registry credential; None when it does not exist."""
        return await self._get("/registries", registry_id, Registry, "get registry")

    async def create_registry(self, body: Mapping[str, object], *, secrets: tuple[str, ...] = ()) -> Registry:
        """Store a registry credential once."""
        return await self._create("/registries", body, Registry, "create registry", secrets)

    async def delete_registry(self, registry_id: str) -> None:
        """Delete a registry credential; kind CONFLICT while a pod uses it."""
        await self._delete("/registries", registry_id, "delete registry")

    async def list_endpoints(self) -> list[Endpoint]:
        """Every serverless endpoint."""
        return await self._list("/serverless", "endpoints", Endpoint)

    async def get_endpoint(self, endpoint_id: str) -> Endpoint | None:
        """A serverless endpoint; None when it does not exist."""
        return await self._get("/serverless", endpoint_id, Endpoint, "get endpoint")

    async def create_endpoint(self, body: Mapping[str, object], *, secrets: tuple[str, ...] = ()) -> Endpoint:
        """Make a serverless endpoint once."""
        return await self._create("/serverless", body, Endpoint, "create endpoint", secrets)

    async def patch_endpoint(self, endpoint_id: str, body: Mapping[str, object]) -> Endpoint:
        """Change a serverless endpoint; changes of the container roll out as workers cycle."""
        return await self._patch("/serverless", endpoint_id, body, Endpoint, "update endpoint")

    async def delete_endpoint(self, endpoint_id: str) -> None:
        """Delete a serverless endpoint with its workers and jobs."""
        await self._delete("/serverless", endpoint_id, "delete endpoint")

    async def endpoint_workers(self, endpoint_id: str) -> WorkerSummary:
        """A serverless endpoint's workers, counted."""
        reply = await self._http.repeatable(
            "GET", f"/serverless/{_part(endpoint_id)}/workers", operation="get endpoint workers"
        )
        return parse(_inside(reply.body, "summary", "get endpoint workers"), WorkerSummary, operation="get workers")

    async def list_clusters(self) -> list[Cluster]:
        """Every instant cluster."""
        return await self._list("/clusters", "clusters", Cluster)

    async def get_cluster(self, cluster_id: str) -> Cluster | None:
        """An instant cluster; None when it does not exist."""
        return await self._get("/clusters", cluster_id, Cluster, "get cluster")

    async def create_cluster(self, body: Mapping[str, object], *, secrets: tuple[str, ...] = ()) -> Cluster:
        """Ask for an instant cluster once."""
        return await self._create("/clusters", body, Cluster, "create cluster", secrets)

    async def patch_cluster(self, cluster_id: str, body: Mapping[str, object]) -> Cluster:
        """Rename an instant cluster: nothing else of it can change."""
        return await self._patch("/clusters", cluster_id, body, Cluster, "update cluster")

    async def delete_cluster(self, cluster_id: str) -> None:
        """End an instant cluster with all its pods."""
        await self._delete("/clusters", cluster_id, "delete cluster")

    async def cluster_pods(self, cluster_id: str) -> list[Pod]:
        """An instant cluster's pods."""
        return await self._list(f"/clusters/{_part(cluster_id)}/pods", "pods", Pod)

    async def gpu_types(self, *, cloud: str, count: int) -> list[GpuType]:
        """The GPU catalogue with what is in stock for pods of so many GPUs in one cloud (SECURE or COMMUNITY)."""
        return await self._list(
            "/catalog/gpus",
            "gpus",
            GpuType,
            {"include": "AVAILABILITY", "product": "POD", "count": count, "cloud": cloud},
        )

    async def gpu_type(self, gpu_id: str) -> GpuType | None:
        """A GPU type with its prices; None when RunPod does not know it."""
        return await self._get("/catalog/gpus", gpu_id, GpuType, "get GPU type")

    async def data_centers(self) -> list[DataCenter]:
        """The data centres, with what storage each has."""
        return await self._list("/catalog/datacenters", "dataCenters", DataCenter)

    async def _list_pods(self) -> list[Pod]:
        return await self._list("/pods", "pods", Pod, {"includeClusterPods": "true"})

    async def _list(
        self, path: str, key: str, kind: type[T], params: Mapping[str, str | int | bool] | None = None
    ) -> list[T]:
        operation, found, seen = f"list {key}", list[T](), set[str]()
        query: dict[str, str | int | bool] = {**(params or {}), "limit": _PAGE}
        if path.startswith("/catalog"):
            del query["limit"]  # the catalogue has no pages
        while True:
            reply = await self._http.repeatable("GET", path, operation=operation, params=query)
            items = _inside(reply.body, key, operation)
            found += parse(items, cast("type[list[T]]", list[kind]), operation=operation)  # type: ignore[valid-type]  # a type held in a variable
            cursor = _next_cursor(reply.body, operation)
            if cursor is None:
                return found
            if cursor in seen:
                raise VendorError(VENDOR, Kind.MALFORMED, "the list's pages go in a circle", operation=operation)
            seen.add(cursor)
            query["cursor"] = cursor

    async def _get(self, path: str, object_id: str, kind: type[T], operation: str) -> T | None:
        try:
            reply = await self._http.repeatable("GET", f"{path}/{_part(object_id)}", operation=operation)
        except VendorError as error:
            if error.kind is Kind.GONE:
                return None
            raise
        return parse(reply.body, kind, operation=operation)

    async def _create(
        self, path: str, body: Mapping[str, object], kind: type[T], operation: str, secrets: tuple[str, ...] = ()
    ) -> T:
        _check_size(body, operation)
        reply = await self._http.once("POST", path, operation=operation, json_body=body, secrets=secrets)
        try:
            return parse(reply.body, kind, operation=operation)
        except VendorError as error:
            # Something exists now: what is known of it must not be lost.
            object_id = as_map(reply.body).get("id")
            if isinstance(object_id, str) and object_id:
                error.created_id = object_id
            else:
                error.kind = Kind.AMBIGUOUS
            raise

    async def _patch(self, path: str, object_id: str, body: Mapping[str, object], kind: type[T], operation: str) -> T:
        _check_size(body, operation)
        reply = await self._http.repeatable(
            "PATCH", f"{path}/{_part(object_id)}", operation=operation, json_body=dict(body)
        )
        return parse(reply.body, kind, operation=operation)

    async def _delete(self, path: str, object_id: str, operation: str) -> None:
        try:
            await self._http.repeatable("DELETE", f"{path}/{_part(object_id)}", operation=operation)
        except VendorError as error:
            if error.kind is not Kind.GONE:
                raise


def client_for(accounts: Accounts) -> RunpodClient:
    """The account's one client.

    Raises:
        VendorError: there is no key (kind AUTH).
    """
    return accounts.shared(ACCESS, lambda: RunpodClient(accounts))


def _part(text: str) -> str:
    """A text as one part of a path."""
    return url_quote(text, safe="")


def _inside(body: object, key: str, operation: str) -> object:
    """What a reply wraps; a reply without the wrapper is an error, never an empty list."""
    if key not in as_map(body):
        raise VendorError(VENDOR, Kind.MALFORMED, f"an odd answer: no {key!r} in it", operation=operation)
    return as_map(body)[key]


def _next_cursor(body: object, operation: str) -> str | None:
    """The cursor of the next page; None on the last one. Lists without pages are whole."""
    if "pagination" not in as_map(body):
        return None
    page = parse(as_map(body)["pagination"], Pagination, operation=operation)
    if not page.has_next_page:
        return None
    if not page.next_cursor:
        raise VendorError(VENDOR, Kind.MALFORMED, "there are more pages but no cursor", operation=operation)
    return page.next_cursor


def _check_size(body: Mapping[str, object], operation: str) -> None:
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_BODY_BYTES:
        raise invalid(
            f"the request has {size:,} bytes; RunPod takes at most {MAX_BODY_BYTES:,}",
            operation=operation,
            resolution="Shorten the start-up text or the environment, or put them into the image.",
        )


def _log_line(text: str) -> str | None:
    """The line in one server-sent event's data; None for anything else in the stream."""
    if not text.startswith("data:"):
        return None
    try:
        event: object = json.loads(text.removeprefix("data:"))
    except ValueError:
        return None
    line = as_map(event).get("line")
    return line if isinstance(line, str) else None
