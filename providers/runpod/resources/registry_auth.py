"""A registry credential: how RunPod pulls private images."""

from collections.abc import Sequence
from typing import Final

from providers.base.accounts import Accounts
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.runpod.client import client_for
from providers.runpod.errors import invalid
from providers.runpod.replies import Registry
from providers.runpod.resources.common import VENDOR_NAME, gone, is_ours, titled

REGISTRY_AUTH: Final = ResourceType(
    module="runpod",
    name="RegistryAuth",
    description="A user name and password of a container registry. RunPod can neither show nor change it, so every "
    "change makes a new one.",
    inputs=(
        Field(
            name="name",
            kind="string",
            description="For people: at most 18 letters, digits and dashes of it are kept in vendorName.",
            write_only=True,
        ),
        Field(
            name="username",
            kind="string",
            description="User name.",
            required=True,
            change=Change.REPLACE,
            minimum=1,
            write_only=True,
        ),
        Field(
            name="password",
            kind="string",
            description="Password or token.",
            required=True,
            secret=True,
            change=Change.REPLACE,
            minimum=1,
            maximum=16384,
            write_only=True,
        ),
    ),
    outputs=(VENDOR_NAME,),
    billed=False,
)


class RegistryAuthLifecycle:
    """Registry credentials as resources."""

    kind = REGISTRY_AUTH

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Store it once."""
        inputs = wanted.inputs
        body = {"name": titled(wanted).name, "username": inputs["username"], "password": inputs["password"]}
        return _found(await self._client.create_registry(body, secrets=(*wanted.secrets, inputs["password"])))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The credentials that carry this resource's marker."""
        found = [_found(registry) for registry in await self._client.list_registries()]
        return [item for item in found if is_ours(item.marker, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """Whether it is there; its texts are never shown."""
        registry = await self._client.get_registry(object_id)
        return _found(registry) if registry else None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """There is no such call: every change replaces."""
        del old, new
        if changed:
            raise invalid(f"RegistryAuth: {', '.join(changed)} cannot change in place")
        registry = await self._client.get_registry(object_id)
        if registry is None:
            raise gone(REGISTRY_AUTH, object_id)
        return _found(registry)

    async def delete(self, object_id: str) -> None:
        """Delete it; refused while a pod uses it."""
        await self._client.delete_registry(object_id)

    def console_url(self, object_id: str) -> str:
        """Where the account's credentials are shown."""
        del object_id
        return "https://console.runpod.io/user/settings"


def _found(registry: Registry) -> Found:
    return Found(id=registry.id, outputs={"vendorName": registry.name}, marker=read_marker(registry.name))
