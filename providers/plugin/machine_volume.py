"""The network volume in a Machine's state: read, grown and deleted with it."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from providers.base.accounts import Accounts
from providers.base.lifecycle import delete_safely, read_safely
from providers.base.machines import Sighting
from providers.base.resource import Found, Plain
from providers.base.volumes import MachineVolumes
from providers.plugin.handler import Call, Outputs

OpenVolumes = Callable[[Accounts, str], MachineVolumes | None]
SIZE: Final = "networkVolumeGb"
VOLUME_ID: Final = "networkVolumeId"
GONE: Final = ""
"""The volume's id in the state when it is gone, though the machine was made with one."""


def no_volumes(accounts: Accounts, vendor: str) -> MachineVolumes | None:
    """No vendor has network volumes."""
    del accounts, vendor
    return None


class StateVolume:
    """The volume of a machine that is in the state. Every call names the machine's vendor."""

    def __init__(self, open_volumes: OpenVolumes) -> None:
        self._open = open_volumes

    def replaces(self, state: Plain, new: Plain) -> bool:
        """Whether another size takes another machine: with a volume or without; and a volume does not shrink."""
        old, wanted = state.get(SIZE), new.get(SIZE)
        if old is None or wanted is None:
            return True
        volumes = self._open(Accounts(environment={}), str(state.get("vendor")))
        return volumes is None or (volumes.has_size and wanted < old)

    async def read(self, call: Call, vendor: str, state: Plain) -> Found | None:
        """The volume that the state knows; None: it is gone, or there never was one."""
        volumes, volume_id = self._open(call.accounts, vendor), state.get(VOLUME_ID)
        if volumes is None or not volume_id:
            return None
        created_at = call.journal.sent_at(str(volume_id))
        return await read_safely(volumes.lifecycle, str(volume_id), clock=call.accounts.time(), created_at=created_at)

    async def shown(self, call: Call, vendor: str, state: Plain, seen: Sighting) -> Outputs:
        """What a refresh says of the volume of a machine that is there."""
        if state.get(VOLUME_ID):
            found = await self.read(call, vendor, state)
            return {VOLUME_ID: GONE if found is None else found.id}
        return {} if state else await self._imported(call, vendor, seen)

    async def _imported(self, call: Call, vendor: str, seen: Sighting) -> Outputs:
        """The volume that was made for a machine which no state knows; anybody else's is left out of ours."""
        volumes, volume_id = self._open(call.accounts, vendor), seen.network_volume_id
        if volumes is None or volume_id is None or seen.marker is None:
            return {}
        found = await volumes.lifecycle.read(volume_id)
        if found is None or found.marker is None or found.marker.family != seen.marker.family:
            return {}
        return {VOLUME_ID: found.id, SIZE: found.outputs.get("sizeGb")}

    async def grow(self, call: Call, vendor: str, *, state: Plain, new: Plain) -> None:
        """Make it larger in place, where it has a size."""
        volumes, volume_id = self._open(call.accounts, vendor), state.get(VOLUME_ID)
        if volumes is None or not volume_id or not volumes.has_size:
            return
        await volumes.lifecycle.update(
            str(volume_id), old={"sizeGb": state.get(SIZE)}, new={"sizeGb": new[SIZE]}, changed=["sizeGb"]
        )
        call.say(f"{call.name}: network volume {volume_id} has {new[SIZE]:.0f} GB now")

    async def move_deadline(self, call: Call, vendor: str, state: Plain, deadline: datetime | None) -> None:
        """Let it live as long as its machine."""
        volumes, volume_id = self._open(call.accounts, vendor), state.get(VOLUME_ID)
        if volumes is not None and volume_id:
            await volumes.move_deadline(str(volume_id), deadline)

    async def delete(self, call: Call, vendor: str, state: Plain) -> bool:
        """Delete it until read-backs prove that it is gone. The machine must be gone before.

        Returns:
            False when it was not there to begin with.
        """
        volumes, volume_id = self._open(call.accounts, vendor), state.get(VOLUME_ID)
        if volumes is None or not volume_id:
            return True
        clock, created_at = call.accounts.time(), call.journal.sent_at(str(volume_id))
        seen = await delete_safely(volumes.lifecycle, str(volume_id), clock=clock, created_at=created_at)
        call.journal.forget(str(volume_id))
        call.say(f"{call.name}: network volume {volume_id} {'is gone' if seen else 'was gone already'}")
        return seen
