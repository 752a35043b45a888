"""A public SSH key of the account.

Lambda would also make a pair and show its private half once. That is left out: the half would be lost with the answer.
"""

from collections.abc import Sequence
from typing import Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.marker import read_marker
from providers.base.resource import Change, Field, Found, Plain, ResourceType, Wanted
from providers.lambda_cloud.client import client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.replies import SshKey
from providers.lambda_cloud.resources.naming import is_of, name_field, name_input, named

SSH_KEY: Final = ResourceType(
    module="lambda",
    name="SshKey",
    description="A public SSH key that instances may name.",
    inputs=(
        name_field(Change.REPLACE),
        Field(
            name="publicKey",
            kind="string",
            description="The public half, in OpenSSH's form.",
            required=True,
            minimum=1,
            maximum=4096,
        ),
    ),
    outputs=(Field(name="keyName", kind="string", description="The name that an instance's sshKeyName takes."),),
    billed=False,
)


class SshKeys:
    """The calls behind ``lambda:SshKey``."""

    kind = SSH_KEY

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, wanted: Wanted) -> Found:
        """Add it."""
        public_key = str(wanted.inputs["publicKey"])
        return _found(await client_for(self._accounts).add_ssh_key(named(wanted).name, public_key))

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """Those with a marker of this resource."""
        return [_found(key) for key in await client_for(self._accounts).ssh_keys.fresh() if is_of(key.name, wanted)]

    async def read(self, object_id: str) -> Found | None:
        """One, from a list that was read after this call; Lambda has no call for a single one."""
        for key in await client_for(self._accounts).ssh_keys.fresh():
            if key.id == object_id:
                return _found(key)
        return None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Nothing can be changed."""
        del object_id, old, new
        raise VendorError(VENDOR, Kind.INVALID, f"an SSH key cannot change its {', '.join(changed)}")

    async def delete(self, object_id: str) -> None:
        """Delete it."""
        await client_for(self._accounts).delete_ssh_key(object_id)

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it."""
        del object_id
        return "https://cloud.lambda.ai/ssh-keys"


def _found(key: SshKey) -> Found:
    outputs = {"name": name_input(key.name), "publicKey": key.public_key, "keyName": key.name}
    return Found(id=key.id, outputs=outputs, marker=read_marker(key.name))
