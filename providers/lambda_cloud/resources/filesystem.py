"""A filesystem: storage in one region that grows with what is in it and is billed also while nothing uses it."""

from collections.abc import Sequence
from typing import Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.lambda_cloud.client import client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.replies import Filesystem
from providers.lambda_cloud.resources.naming import FILESYSTEM_TITLE_MAX, is_of, name_field, name_input, named

FILESYSTEM: Final = ResourceType(
    module="lambda",
    name="Filesystem",
    description="A shared filesystem in one region. It has no size: about $0.20 per GiB and month of what is in it.",
    inputs=(
        name_field(Change.REPLACE, maximum=FILESYSTEM_TITLE_MAX),
        Field(name="region", kind="string", description="Where it is; only instances there see it.", required=True),
    ),
    outputs=(
        Field(name="filesystemName", kind="string", description="The name that an instance's fileSystemNames takes."),
        Field(name="status", kind="string", description="in-use or available."),
        Field(name="mountPoint", kind="string", description="Where instances see it unless they say otherwise."),
        Field(name="bytesUsed", kind="integer", description="Bytes in it; an estimate that is hours old."),
        Field(name="created", kind="string", description="When it was made, ISO 8601."),
    ),
)


class Filesystems:
    """The calls behind ``lambda:Filesystem``."""

    kind = FILESYSTEM

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, wanted: Wanted) -> Found:
        """Create it."""
        name = named(wanted, maximum=FILESYSTEM_TITLE_MAX).name
        return found_filesystem(await client_for(self._accounts).create_filesystem(name, str(wanted.inputs["region"])))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """Those with a marker of this resource."""
        everything = await client_for(self._accounts).filesystems.fresh()
        return [found_filesystem(filesystem) for filesystem in everything if is_of(filesystem.name, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """One, from a list that was read after this call; Lambda has no call for a single one."""
        for filesystem in await client_for(self._accounts).filesystems.fresh():
            if filesystem.id == object_id:
                return found_filesystem(filesystem)
        return None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Nothing can be changed."""
        del object_id, old, new
        raise VendorError(VENDOR, Kind.INVALID, f"a filesystem cannot change its {', '.join(changed)}")

    async def delete(self, object_id: str) -> None:
        """Delete it with everything in it."""
        await client_for(self._accounts).delete_filesystem(object_id)

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it."""
        del object_id
        return "https://cloud.lambda.ai/file-systems"


def found_filesystem(filesystem: Filesystem) -> Found:
    """A filesystem as it is shown."""
    outputs: dict[str, object] = {
        "name": name_input(filesystem.name),
        "region": filesystem.region.name,
        "filesystemName": filesystem.name,
        "status": "in-use" if filesystem.is_in_use else "available",
        "mountPoint": filesystem.mount_point,
        "created": filesystem.created,
    }
    if filesystem.bytes_used is not None:
        outputs["bytesUsed"] = filesystem.bytes_used
    return Found(id=filesystem.id, outputs=outputs, marker=read_marker(filesystem.name))
