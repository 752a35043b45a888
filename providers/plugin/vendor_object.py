"""Any resource of one vendor, behind its ``Lifecycle``: created once, read, updated in place, deleted with proof."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelyard.errors import UsageError
from providers.base.accounts import Accounts
from providers.base.lifecycle import create_safely, delete_safely, read_safely
from providers.base.marker import Marker
from providers.base.resource import Change, Found, Lifecycle, Plain, ResourceType, Wanted
from providers.plugin.handler import Call, Outputs, secret_texts
from providers.plugin.same_key import KEY_ID, KeyId, refuse_another_key

RESET_SWITCH = "allowReset"


class VendorObjectHandler:
    """One type of resource of one vendor."""

    def __init__(self, kind: ResourceType, open_lifecycle: Callable[[Accounts], Lifecycle], key_id: KeyId) -> None:
        self.kind = replace(kind, outputs=(*kind.outputs, KEY_ID))
        self._open, self._key_id = open_lifecycle, key_id

    def keeps(self, name: str, *, state: Plain, new: Plain) -> bool:
        """The table of the type decides alone."""
        del name, state, new
        return False

    def replaces(self, name: str, *, state: Plain, new: Plain) -> bool:
        """The table of the type decides alone."""
        del name, state, new
        return False

    def drift(self, state: Plain) -> Mapping[str, bool]:
        """What a person may change at the vendor are inputs; a refresh shows them."""
        del state
        return {}

    async def create(self, call: Call, inputs: Plain) -> tuple[str, Outputs]:
        """Create it once."""
        marker = Marker.new(
            title=str(inputs.get("name") or call.name),
            owner=call.stack,
            urn=call.urn,
            spec=dict(inputs),
            deadline=None,
        )
        wanted = Wanted(marker=marker, inputs=inputs, secrets=secret_texts(self.kind, inputs))
        found = await create_safely(
            self._open(call.accounts),
            wanted,
            vendor=self.kind.module,
            clock=call.accounts.time(),
            journal=call.journal,
            say=call.say,
        )
        return found.id, self._outputs(call, inputs, found)

    async def read(self, call: Call, object_id: str, state: Plain) -> tuple[Outputs, Outputs] | None:
        """What it is now."""
        created_at = call.journal.sent_at(object_id)
        lifecycle = self._open(call.accounts)
        found = await read_safely(lifecycle, object_id, clock=call.accounts.time(), created_at=created_at)
        if found is None:
            self._check_key(call, object_id, state)
            return None
        names = {field.name for field in self.kind.inputs}
        merged = self._outputs(call, {k: v for k, v in state.items() if k in names}, found)
        return {name: merged[name] for name in names if merged.get(name) is not None}, merged

    async def update(self, call: Call, object_id: str, *, state: Plain, new: Plain, changed: Sequence[str]) -> Outputs:
        """Bring changed inputs in place; one that wipes the container must be allowed, and says so."""
        changes = {field.name: field.change for field in self.kind.inputs}
        resetting = [name for name in changed if changes.get(name) is Change.RESET]
        if resetting and not new.get(RESET_SWITCH):
            raise UsageError(
                f"{call.name}: a change of {', '.join(resetting)} starts the container anew and wipes everything "
                "outside of its volumes",
                resolution=f"Set {RESET_SWITCH} to true to allow it, or replace the resource "
                f"(`pulumi up --replace URN`).",
            )
        if resetting:
            call.warn(f"{call.name}: the container starts anew: {', '.join(resetting)} changed")
        sent = [name for name in changed if changes.get(name) is not Change.STATE]
        if not sent:
            return {**state, **new}
        found = await self._open(call.accounts).update(object_id, old=state, new=new, changed=sent)
        return self._outputs(call, new, found, state)

    async def delete(self, call: Call, object_id: str, state: Plain) -> None:
        """Delete it, and prove it."""
        lifecycle = self._open(call.accounts)
        created_at = call.journal.sent_at(object_id)
        seen = await delete_safely(lifecycle, object_id, clock=call.accounts.time(), created_at=created_at)
        if not seen:
            self._check_key(call, object_id, state)
            call.say(f"{call.name}: {object_id} was gone already")
        call.journal.forget(object_id)

    def _check_key(self, call: Call, object_id: str, state: Plain) -> None:
        refuse_another_key(
            state,
            self._key_id(call.accounts, self.kind.module),
            name=call.name,
            vendor=self.kind.module,
            what=f"{self.kind.name} {object_id}",
        )

    def _outputs(self, call: Call, inputs: Plain, found: Found, state: Plain | None = None) -> Outputs:
        """What the vendor tells over what was asked.

        An input that was not given stays away, though the vendor shows its own choice: else the next diff would take
        that for something that the program no longer wants. An import, which gives nothing, takes all.
        """
        merged: dict[str, Any] = {**(state or {}), **inputs}
        told = {name: value for name, value in found.outputs.items() if value is not None}
        for field in self.kind.inputs:
            if field.name in told and not field.write_only and (field.name in inputs or not inputs):
                merged[field.name] = told[field.name]
        for field in self.kind.outputs:
            merged[field.name] = told.get(field.name, merged.get(field.name))
        merged[KEY_ID.name] = self._key_id(call.accounts, self.kind.module)
        return merged
