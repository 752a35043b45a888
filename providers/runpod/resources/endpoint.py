"""A serverless endpoint: workers that come with the requests (flex), or some that always run (active)."""

from collections.abc import Sequence
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.runpod.client import client_for
from providers.runpod.errors import as_map, invalid
from providers.runpod.replies import Endpoint as ShownEndpoint
from providers.runpod.replies import EndpointGpu, Scaling
from providers.runpod.resources.common import (
    VENDOR_NAME,
    changes,
    container_body,
    container_change,
    container_fields,
    container_outputs,
    given,
    gone,
    image_or_template,
    is_ours,
    name_field,
    one_of,
    picked,
    refuse,
    renamed,
    titled,
)

_CUDA: Final = r"^\d+\.\d+$"
_WORKERS: Final = {"workersMin": "min", "workersMax": "max", "idleTimeoutSeconds": "idleTimeout"}
_OTHERS: Final = {
    "timeoutMs": "timeout",
    "flashboot": "flashboot",
    "dataCenterIds": "dataCenterIds",
    "networkVolumeIds": "networkVolumes",
}
_SCALING: Final = (
    Field(
        name="type",
        kind="string",
        description="QUEUE_DELAY (queue endpoints only) or REQUEST_COUNT.",
        required=True,
        choices=("QUEUE_DELAY", "REQUEST_COUNT"),
    ),
    Field(name="queueDelay", kind="number", description="Seconds a request may wait; at least 0.5.", minimum=0.5),
    Field(name="requestCount", kind="integer", description="Requests in flight for each worker.", minimum=1),
)
_GPU: Final = (
    Field(name="pools", kind="array", description="GPU pools such as ADA_80_PRO, any of them.", required=True),
    Field(name="excludedTypes", kind="array", description="GPU types of these pools that are not wanted."),
    Field(name="count", kind="integer", description="GPUs of each worker; default 1.", minimum=1),
    Field(name="allowedCudaVersions", kind="array", description="Exact CUDA versions; empty: any.", pattern=_CUDA),
    Field(name="minCudaVersion", kind="string", description="Least CUDA version.", pattern=_CUDA),
)
_CPU: Final = (
    Field(name="id", kind="string", description="CPU flavour, such as cpu5c.", required=True),
    Field(name="vcpuCount", kind="integer", description="vCPUs, a power of two.", required=True, minimum=2),
)


def _check(inputs: Plain) -> Sequence[tuple[str, str]]:
    found = [*one_of(inputs, "gpu", "cpu"), *image_or_template(inputs)]
    scaling = as_map(inputs.get("scaling"))
    kind, scales = inputs.get("type"), scaling.get("type")
    wanted, other = ("queueDelay", "requestCount") if scales == "QUEUE_DELAY" else ("requestCount", "queueDelay")
    if scales in {"QUEUE_DELAY", "REQUEST_COUNT"} and (wanted not in scaling or other in scaling):
        found.append(("scaling", f"of type {scales} takes {wanted} and nothing else"))
    if (kind, scales) == ("LOAD_BALANCER", "QUEUE_DELAY"):
        found.append(("scaling", "of a LOAD_BALANCER endpoint must be of type REQUEST_COUNT"))
    if (kind, scales) == ("QUEUE", "REQUEST_COUNT") and given(inputs, "idleTimeoutSeconds"):
        found.append(("idleTimeoutSeconds", "does not apply to a QUEUE endpoint that scales by REQUEST_COUNT"))
    least, most = inputs.get("workersMin"), inputs.get("workersMax")
    if isinstance(least, int) and least > (most if isinstance(most, int) else 3):
        found.append(("workersMin", f"is above workersMax ({most if isinstance(most, int) else 'default 3'})"))
    return found


ENDPOINT: Final = ResourceType(
    module="runpod",
    name="Endpoint",
    description="A serverless endpoint. Workers above workersMin are flex: they are billed from start to stop. The "
    "workersMin are active: they always run and are billed always.",
    inputs=(
        name_field(),
        Field(
            name="type",
            kind="string",
            description="QUEUE: a job API; LOAD_BALANCER: requests go straight to a worker's HTTP server.",
            required=True,
            choices=("QUEUE", "LOAD_BALANCER"),
        ),
        Field(
            name="scaling",
            kind="object",
            description="When workers are added.",
            required=True,
            change=Change.UPDATE,
            fields=_SCALING,
        ),
        *container_fields(Change.UPDATE),
        Field(
            name="templateId",
            kind="string",
            description="A serverless template that fills in what is not given. It is applied once.",
            write_only=True,
        ),
        Field(
            name="gpu",
            kind="object",
            description="GPUs of a worker; this or cpu, for good.",
            change=Change.UPDATE,
            fields=_GPU,
        ),
        Field(
            name="cpu",
            kind="array",
            description="Processors of workers without GPUs; this or gpu, for good.",
            items="object",
            change=Change.UPDATE,
            fields=_CPU,
        ),
        Field(
            name="workersMin",
            kind="integer",
            description="Active workers, default 0. They are billed always.",
            change=Change.UPDATE,
            minimum=0,
        ),
        Field(
            name="workersMax", kind="integer", description="Most workers, default 3.", change=Change.UPDATE, minimum=0
        ),
        Field(
            name="idleTimeoutSeconds",
            kind="integer",
            description="How long a flex worker waits for the next request, default 10; it is billed.",
            change=Change.UPDATE,
            minimum=1,
            maximum=3600,
        ),
        Field(
            name="timeoutMs",
            kind="integer",
            description="Longest job, milliseconds, default 300000.",
            change=Change.UPDATE,
            minimum=0,
        ),
        Field(
            name="flashboot",
            kind="string",
            description="Faster starts of workers, default OFF.",
            change=Change.UPDATE,
            choices=("OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"),
        ),
        Field(name="dataCenterIds", kind="array", description="Where workers may run.", change=Change.UPDATE),
        Field(
            name="networkVolumeIds",
            kind="array",
            description="Network volumes, at most one a data centre, mounted at /runpod-volume.",
            change=Change.UPDATE,
        ),
    ),
    outputs=(
        VENDOR_NAME,
        Field(
            name="status",
            kind="string",
            description="active: some workers always run; flex: they come with requests; paused: none may run, which "
            "RunPod also does to an endpoint that nobody asked for a week.",
        ),
        Field(name="requestUrls", kind="map", description="What it is called by: run, runSync, health … or base."),
        Field(name="createdAt", kind="string", description="ISO 8601."),
    ),
    check=_check,
)


class EndpointLifecycle:
    """Serverless endpoints as resources."""

    kind = ENDPOINT

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Make it once."""
        inputs = wanted.inputs
        refuse(ENDPOINT, inputs)
        body = {
            "name": titled(wanted).name,
            **container_body(inputs),
            **picked(inputs, {name: name for name in ("type", "scaling", "templateId", "gpu", "cpu")}),
            **picked(inputs, _OTHERS),
        }
        workers = picked(inputs, _WORKERS)
        if workers:
            body["workers"] = workers
        return _found(await self._client.create_endpoint(body, secrets=wanted.secrets))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The endpoints that carry this resource's marker."""
        found = [_found(endpoint) for endpoint in await self._client.list_endpoints()]
        return [item for item in found if is_ours(item.marker, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """The endpoint as it is now."""
        endpoint = await self._client.get_endpoint(object_id)
        return _found(endpoint) if endpoint else None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Change it; a change of the container rolls out as workers cycle."""
        refuse(ENDPOINT, new)
        if given(old, "gpu") != given(new, "gpu"):
            raise invalid(
                "Endpoint: it cannot turn from gpu to cpu or back",
                resolution="Replace it (`pulumi up --replace URN`).",
            )
        body: dict[str, Any] = {
            **container_change(new, changed, ENDPOINT),
            **changes(new, changed, {**_OTHERS, "scaling": "scaling", "cpu": "cpu"}, ENDPOINT),
        }
        if "gpu" in changed:
            # RunPod keeps a constraint that is left out, so what is not wanted any more is emptied.
            body["gpu"] = {"excludedTypes": [], "count": 1, "allowedCudaVersions": [], "minCudaVersion": ""} | dict(
                new["gpu"]
            )
        workers = changes(new, changed, _WORKERS, ENDPOINT)
        if workers:
            body["workers"] = workers
        endpoint = await self._client.get_endpoint(object_id)
        if endpoint is None:
            raise gone(ENDPOINT, object_id)
        if "name" in changed:
            body["name"] = renamed(endpoint.name, new)
        return _found(await self._client.patch_endpoint(object_id, body) if body else endpoint)

    async def delete(self, object_id: str) -> None:
        """Delete it; its workers end and its jobs are cancelled."""
        await self._client.delete_endpoint(object_id)

    def console_url(self, object_id: str) -> str:
        """Its page in RunPod's console."""
        return f"https://console.runpod.io/serverless/user/endpoint/{object_id}"


def _found(endpoint: ShownEndpoint) -> Found:
    workers = endpoint.workers
    outputs: dict[str, Any] = {
        **container_outputs(endpoint),
        "type": endpoint.type,
        "scaling": _scaling(endpoint.scaling),
        "gpu": _gpu(endpoint.gpu) if endpoint.gpu else None,
        "cpu": [{"id": c.id, "vcpuCount": c.vcpu_count} for c in endpoint.cpu] if endpoint.cpu else None,
        "workersMin": workers.min,
        "workersMax": workers.max,
        "idleTimeoutSeconds": workers.idle_timeout,
        "timeoutMs": endpoint.timeout,
        "flashboot": endpoint.flashboot,
        "dataCenterIds": list(endpoint.data_center_ids or ()),
        "networkVolumeIds": list(endpoint.network_volumes or ()),
        "vendorName": endpoint.name,
        "status": "active" if workers.min else "flex" if workers.max else "paused",
        "requestUrls": endpoint.request_urls,
        "createdAt": endpoint.created_at.isoformat(),
    }
    return Found(id=endpoint.id, outputs=outputs, marker=read_marker(endpoint.name))


def _scaling(scaling: Scaling) -> dict[str, Any]:
    told = {"queueDelay": scaling.queue_delay, "requestCount": scaling.request_count}
    return {"type": scaling.type, **{name: value for name, value in told.items() if value is not None}}


def _gpu(gpu: EndpointGpu) -> dict[str, Any]:
    """The GPUs as an input would say it: what is empty or the default is left out."""
    told: dict[str, Any] = {
        "excludedTypes": list(gpu.excluded_types or ()),
        "count": gpu.count if gpu.count != 1 else None,
        "allowedCudaVersions": list(gpu.allowed_cuda_versions or ()),
        "minCudaVersion": gpu.min_cuda_version,
    }
    return {"pools": list(gpu.pools), **{name: value for name, value in told.items() if value}}
