"""A random bearer token. It lives in the stack's state alone."""

import secrets
from collections.abc import Mapping, Sequence

from modelyard.errors import UsageError
from providers.base.resource import Plain, ResourceType
from providers.plugin.handler import Call, Outputs
from providers.plugin.index_types import ACCESS_KEY


class AccessKeyHandler:
    """Makes keys."""

    kind: ResourceType = ACCESS_KEY

    def keeps(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Another length is another key."""
        del name, state, new
        return False

    def replaces(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Nothing else changes."""
        del name, state, new
        return False

    def drift(self, state: Plain) -> Mapping[str, bool]:
        """Nobody else can change it."""
        del state
        return {}

    async def create(self, call: Call, inputs: Plain) -> tuple[str, Outputs]:
        """Make a key."""
        length = inputs.get("length")
        if not isinstance(length, int):
            raise UsageError(f"{call.name}: length must be known before a key can be made")
        return f"key-{secrets.token_hex(8)}", {**inputs, "value": secrets.token_urlsafe(length)}

    async def read(self, call: Call, object_id: str, state: Plain) -> tuple[Outputs, Outputs] | None:
        """The state is all there is."""
        del call, object_id
        return {"length": state.get("length")}, dict(state)

    async def update(self, call: Call, object_id: str, *, state: Plain, new: Plain, changed: Sequence[str]) -> Outputs:
        """Nothing can change in place."""
        del call, object_id, changed
        return {**state, **new}

    async def delete(self, call: Call, object_id: str, state: Plain) -> None:
        """There is nothing else to delete."""
        del call, object_id, state
