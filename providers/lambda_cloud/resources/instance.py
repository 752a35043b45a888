"""An instance with Lambda's own settings, for what the vendor-neutral Machine does not offer."""

from collections.abc import Sequence
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.lambda_cloud.client import client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.machines import CONSOLE, TERMINATED, USER_DATA_MAX_BYTES
from providers.lambda_cloud.prepare import Preparation
from providers.lambda_cloud.replies import Instance
from providers.lambda_cloud.tags import MARKER_TAG

_MOUNT: Final = r"^(/home|/lambda/nfs|/data)[/a-zA-Z0-9-]*$"
_MOUNT_FIELDS: Final = (
    Field(name="mountPoint", kind="string", description="Path in the instance.", required=True, pattern=_MOUNT),
    Field(name="fileSystemId", kind="string", description="The filesystem's id.", required=True),
)
INSTANCE: Final = ResourceType(
    module="lambda",
    name="Instance",
    description="A virtual machine with GPUs. It is billed by the minute until it is terminated; Lambda has no stop.",
    inputs=(
        Field(name="region", kind="string", description="Where it runs.", required=True),
        Field(
            name="instanceType", kind="string", description="Lambda's name, such as gpu_8x_h100_sxm5.", required=True
        ),
        Field(
            name="sshKeyName",
            kind="string",
            description="Name of the one SSH key that may log in; a key that nobody holds where it is left out.",
            minimum=1,
            maximum=64,
        ),
        Field(
            name="name",
            kind="string",
            description="Name; its marker where it is left out.",
            change=Change.UPDATE,
            maximum=64,
        ),
        Field(name="hostname", kind="string", description="Host name; made of the address where it is left out."),
        Field(name="imageId", kind="string", description="Image by id.", write_only=True),
        Field(name="imageFamily", kind="string", description="Newest image of a family.", write_only=True),
        Field(
            name="userData",
            kind="string",
            description="cloud-init user data, up to 1 MB.",
            secret=True,
            write_only=True,
            maximum=USER_DATA_MAX_BYTES,
        ),
        Field(name="fileSystemNames", kind="array", description="Names of filesystems of the same region."),
        Field(
            name="fileSystemMounts",
            kind="array",
            items="object",
            description="Where filesystems are seen, below /home, /lambda/nfs or /data.",
            fields=_MOUNT_FIELDS,
        ),
        Field(name="firewallRulesetIds", kind="array", description="Rulesets of the same region."),
        Field(name="tags", kind="map", description="Tags; keys are lower case and have letters, digits, - and :."),
    ),
    outputs=(
        Field(name="status", kind="string", description="booting, active, unhealthy, preempted or terminating."),
        Field(name="ip", kind="string", description="Public address, minutes after the launch."),
        Field(name="privateIp", kind="string", description="Address within the region."),
        Field(name="gpuDescription", kind="string", description="Lambda's name of the GPU."),
        Field(name="gpuCount", kind="integer", description="GPUs."),
        Field(name="usdPerHour", kind="string", description="What Lambda charges, US dollars an hour."),
        Field(name="jupyterToken", kind="string", description="Token of its notebook server.", secret=True),
        Field(name="jupyterUrl", kind="string", description="Its notebook server, token included.", secret=True),
    ),
)


class Instances:
    """The calls behind ``lambda:Instance``."""

    kind = INSTANCE

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, wanted: Wanted) -> Found:
        """Launch it."""
        client, inputs = client_for(self._accounts), wanted.inputs
        key = inputs.get("sshKeyName") or await Preparation(client, self._accounts).ssh_key_name()
        instance_id = await client.launch(_launch_body(wanted, str(key)), secrets=wanted.secrets)
        return Found(id=instance_id, outputs={**inputs, "sshKeyName": key, "status": "booting"}, marker=wanted.marker)

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """Those with a marker of this resource."""
        everything = [_found(i) for i in await client_for(self._accounts).instances.fresh() if i.status != TERMINATED]
        return [f for f in everything if f.marker is not None and f.marker.resource == wanted.marker.resource]

    async def read(self, object_id: str) -> Found | None:
        """One; None when Lambda says that it does not exist or is terminated."""
        instance = await client_for(self._accounts).instance(object_id)
        return None if instance is None or instance.status == TERMINATED else _found(instance)

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Rename it, which is all that Lambda allows."""
        del old
        if set(changed) != {"name"}:
            raise VendorError(VENDOR, Kind.INVALID, f"an instance cannot change its {', '.join(sorted(changed))}")
        client = client_for(self._accounts)
        name = new.get("name")
        if name is None:  # back to the marker that it was launched with
            there = await client.instance(object_id)
            tags = {} if there is None else {tag.key: tag.value for tag in there.tags or []}
            name = tags.get(MARKER_TAG, "")
        return _found(await client.rename(object_id, str(name)))

    async def delete(self, object_id: str) -> None:
        """Terminate it."""
        await client_for(self._accounts).terminate(object_id)

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it."""
        del object_id
        return CONSOLE


def _launch_body(wanted: Wanted, key: str) -> dict[str, Any]:
    inputs = wanted.inputs
    tags = {**inputs.get("tags", {}), MARKER_TAG: wanted.marker.name}
    body: dict[str, Any] = {
        "region_name": inputs["region"],
        "instance_type_name": inputs["instanceType"],
        "ssh_key_names": [key],
        "name": inputs.get("name") or wanted.marker.name,
        "tags": [{"key": name, "value": value} for name, value in tags.items()],
    }
    for ours, theirs in (("hostname", "hostname"), ("userData", "user_data"), ("fileSystemNames", "file_system_names")):
        if inputs.get(ours):
            body[theirs] = inputs[ours]
    for ours, theirs in (("imageId", "id"), ("imageFamily", "family")):
        if inputs.get(ours):
            body["image"] = {**body.get("image", {}), theirs: inputs[ours]}
    if inputs.get("firewallRulesetIds"):
        body["firewall_rulesets"] = [{"id": ruleset_id} for ruleset_id in inputs["firewallRulesetIds"]]
    if inputs.get("fileSystemMounts"):
        body["file_system_mounts"] = [
            {"mount_point": mount["mountPoint"], "file_system_id": mount["fileSystemId"]}
            for mount in inputs["fileSystemMounts"]
        ]
    return body


def _found(instance: Instance) -> Found:
    tags = {tag.key: tag.value for tag in instance.tags or []}
    mine = tags.pop(MARKER_TAG, None)
    price = instance.instance_type.usd_per_hour
    mounts = [
        {"mountPoint": m.mount_point, "fileSystemId": m.file_system_id} for m in instance.file_system_mounts or []
    ]
    outputs: dict[str, Any] = {
        "region": instance.region.name,
        "instanceType": instance.instance_type.name,
        "sshKeyName": instance.ssh_key_names[0] if instance.ssh_key_names else None,
        "name": None if read_marker(instance.name) else instance.name,
        "hostname": instance.hostname,
        "fileSystemNames": instance.file_system_names or None,
        "fileSystemMounts": mounts or None,
        "firewallRulesetIds": [ref.id for ref in instance.firewall_rulesets or []] or None,
        "tags": tags or None,
        "status": instance.status,
        "ip": instance.ip,
        "privateIp": instance.private_ip,
        "gpuDescription": instance.instance_type.gpu_description,
        "gpuCount": instance.instance_type.specs.gpus,
        "usdPerHour": None if price is None else str(price),
        "jupyterToken": instance.jupyter_token,
        "jupyterUrl": instance.jupyter_url,
    }
    told = {name: value for name, value in outputs.items() if value is not None}
    return Found(id=instance.id, outputs=told, marker=read_marker(instance.name, mine))
