"""A network volume: storage that outlives pods, in one data centre."""

from collections.abc import Sequence
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.runpod.client import client_for
from providers.runpod.errors import invalid
from providers.runpod.replies import NetworkVolume
from providers.runpod.resources.common import VENDOR_NAME, gone, is_ours, name_field, picked, renamed, titled

NETWORK_VOLUME: Final = ResourceType(
    module="runpod",
    name="NetworkVolume",
    description="A network volume. It costs money until it is deleted, whether a pod mounts it or not.",
    inputs=(
        name_field(),
        Field(
            name="sizeGb",
            kind="integer",
            description="Size, GB. It only grows.",
            required=True,
            change=Change.UPDATE,
            minimum=10,
            maximum=4096,
        ),
        Field(
            name="dataCenter",
            kind="string",
            description="Data centre, such as US-KS-2; every pod that mounts it runs there.",
            required=True,
            pattern=r"^[A-Z0-9-]+$",
        ),
        Field(
            name="type",
            kind="string",
            description="Storage tier. Default: the data centre's own.",
            choices=("STANDARD", "HIGH_PERFORMANCE"),
        ),
    ),
    outputs=(VENDOR_NAME, Field(name="status", kind="string", description="available: RunPod shows no other.")),
)


class NetworkVolumeLifecycle:
    """Network volumes as resources."""

    kind = NETWORK_VOLUME

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Make it once."""
        keys = {"sizeGb": "size", "dataCenter": "dataCenter", "type": "type"}
        return found_volume(
            await self._client.create_volume({"name": titled(wanted).name, **picked(wanted.inputs, keys)})
        )

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The volumes that carry this resource's marker."""
        found = [found_volume(volume) for volume in await self._client.list_volumes()]
        return [item for item in found if is_ours(item.marker, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """The volume as it is now."""
        volume = await self._client.get_volume(object_id)
        return found_volume(volume) if volume else None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Rename or grow it."""
        body: dict[str, Any] = {}
        if "sizeGb" in changed:
            if new["sizeGb"] < old["sizeGb"]:
                raise invalid(
                    f"NetworkVolume: sizeGb cannot shrink from {old['sizeGb']} to {new['sizeGb']}",
                    resolution="Keep the size, or replace the volume, which loses what is on it "
                    "(`pulumi up --replace URN`).",
                )
            body["size"] = new["sizeGb"]
        volume = await self._client.get_volume(object_id)
        if volume is None:
            raise gone(NETWORK_VOLUME, object_id)
        if "name" in changed:
            body["name"] = renamed(volume.name, new)
        return found_volume(await self._client.patch_volume(object_id, body) if body else volume)

    async def delete(self, object_id: str) -> None:
        """Delete it with all that is on it."""
        await self._client.delete_volume(object_id)

    def console_url(self, object_id: str) -> str:
        """Where the account's volumes are shown."""
        del object_id
        return "https://console.runpod.io/user/storage"


def found_volume(volume: NetworkVolume) -> Found:
    """A volume as it is shown."""
    outputs = {
        "sizeGb": volume.size,
        "dataCenter": volume.data_center,
        "type": volume.type,
        "vendorName": volume.name,
        "status": "available",
    }
    return Found(id=volume.id, outputs=outputs, marker=read_marker(volume.name))
