"""An instant cluster: several pods on one fast network, which come and go together."""

from collections.abc import Sequence
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.runpod.client import client_for
from providers.runpod.replies import Cluster as ShownCluster
from providers.runpod.resources.common import (
    VENDOR_NAME,
    container_body,
    container_fields,
    given,
    gone,
    image_or_template,
    is_ours,
    name_field,
    picked,
    refuse,
    renamed,
    titled,
)

_NOT_WITH_TEMPLATE: Final = ("image", "args", "entrypoint", "cmd", "diskGb", "env", "ports", "networkVolumeId")
_COMPUTE: Final = {name: name for name in ("gpuTypeId", "gpuCountPerPod", "podCount")}


def _check(inputs: Plain) -> Sequence[tuple[str, str]]:
    found = image_or_template(inputs)
    if given(inputs, "templateId"):
        found += [(name, "is not taken beside templateId") for name in _NOT_WITH_TEMPLATE if given(inputs, name)]
    if given(inputs, "networkVolumeId") != given(inputs, "networkVolumePath"):
        found.append(("networkVolumeId", "and networkVolumePath go together"))
    return found


def _fixed(field: Field) -> Field:
    """A container field that RunPod does not show again."""
    return Field(
        name=field.name,
        kind=field.kind,
        description=field.description,
        secret=field.secret,
        minimum=field.minimum,
        pattern=field.pattern,
        write_only=True,
    )


CLUSTER: Final = ResourceType(
    module="runpod",
    name="Cluster",
    description="An instant cluster. Nothing of it but its name can change; nothing ends it by itself.",
    inputs=(
        name_field(),
        Field(
            name="type",
            kind="string",
            description="What its pods are prepared for.",
            required=True,
            choices=("APPLICATION", "TRAINING", "SLURM", "RAY"),
        ),
        Field(name="gpuTypeId", kind="string", description="GPU type id of the catalogue.", required=True),
        Field(name="gpuCountPerPod", kind="integer", description="GPUs of each pod.", required=True, minimum=1),
        Field(name="podCount", kind="integer", description="Pods.", required=True, minimum=2, maximum=250),
        *(_fixed(field) for field in container_fields(Change.REPLACE) if field.name != "registryId"),
        Field(
            name="templateId",
            kind="string",
            description="A template instead of the container inputs; the only way to a private image.",
            write_only=True,
        ),
        Field(name="dataCenterIds", kind="array", description="Where it may be; one is chosen.", write_only=True),
        Field(name="networkVolumeId", kind="string", description="A NetworkVolume for every pod.", write_only=True),
        Field(name="networkVolumePath", kind="string", description="Where it is mounted.", write_only=True),
        Field(name="startSsh", kind="boolean", description="Let the account's SSH keys in.", write_only=True),
        Field(name="startJupyter", kind="boolean", description="Start Jupyter on every pod.", write_only=True),
    ),
    outputs=(
        VENDOR_NAME,
        Field(name="status", kind="string", description="RUNNING once every pod runs, else pods by status."),
        Field(name="dataCenterId", kind="string", description="Where it is."),
        Field(name="primaryPodId", kind="string", description="Its first pod."),
        Field(name="primarySshEndpoint", kind="string", description="host:port to log in to its first pod."),
        Field(name="networkCidr", kind="string", description="Its private network."),
        Field(name="createdAt", kind="string", description="ISO 8601."),
    ),
    check=_check,
)


class ClusterLifecycle:
    """Instant clusters as resources."""

    kind = CLUSTER

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Ask for it once."""
        inputs = wanted.inputs
        refuse(CLUSTER, inputs)
        asked = ("type", "templateId", "dataCenterIds", "startSsh", "startJupyter")
        body = {
            "name": titled(wanted).name,
            "compute": picked(inputs, _COMPUTE),
            **container_body(inputs),
            **picked(inputs, {name: name for name in asked}),
        }
        if given(inputs, "networkVolumeId"):
            mount = {"volumeId": inputs["networkVolumeId"], "path": inputs["networkVolumePath"]}
            body["mounts"] = {"network": [mount]}
        return _found(await self._client.create_cluster(body, secrets=wanted.secrets))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The clusters that carry this resource's marker."""
        found = [_found(cluster) for cluster in await self._client.list_clusters()]
        return [item for item in found if is_ours(item.marker, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """The cluster as it is now."""
        cluster = await self._client.get_cluster(object_id)
        return _found(cluster) if cluster else None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Rename it."""
        del old
        cluster = await self._client.get_cluster(object_id)
        if cluster is None:
            raise gone(CLUSTER, object_id)
        if "name" not in changed:
            return _found(cluster)
        return _found(await self._client.patch_cluster(object_id, {"name": renamed(cluster.name, new)}))

    async def delete(self, object_id: str) -> None:
        """End it with all its pods."""
        await self._client.delete_cluster(object_id)

    def console_url(self, object_id: str) -> str:
        """Where the account's clusters are shown."""
        del object_id
        return "https://console.runpod.io/cluster"


def _found(cluster: ShownCluster) -> Found:
    running, total = cluster.pods.by_status.get("RUNNING", 0), cluster.pods.total
    counted = ", ".join(f"{count} {status}" for status, count in sorted(cluster.pods.by_status.items()))
    outputs: dict[str, Any] = {
        "type": cluster.type,
        "gpuTypeId": cluster.compute.gpu_type_id,
        "gpuCountPerPod": cluster.compute.gpu_count_per_pod,
        "podCount": cluster.compute.pod_count,
        "vendorName": cluster.name,
        "status": "RUNNING" if total and running == total else counted or "EMPTY",
        "dataCenterId": cluster.data_center_id,
        "primaryPodId": cluster.primary.pod_id if cluster.primary else None,
        "primarySshEndpoint": cluster.primary.ssh_endpoint if cluster.primary else None,
        "networkCidr": cluster.network.cidr if cluster.network else None,
        "createdAt": cluster.created_at.isoformat(),
    }
    return Found(id=cluster.id, outputs=outputs, marker=read_marker(cluster.name))
