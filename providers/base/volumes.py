"""The network volume that goes with a rented machine: one at most, made where the machine can be, gone after it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from modelyard.errors import NotPossibleError, UnverifiedError
from providers.base.clock import Clock
from providers.base.journal import Journal
from providers.base.lifecycle import create_safely, delete_safely, left_behind
from providers.base.machines import Candidate, Sighting
from providers.base.marker import Marker
from providers.base.reconcile import VISIBLE_WITHIN_SECONDS, Say
from providers.base.resource import Found, Lifecycle, Plain, Wanted

VOLUME_NOTE: Final = " volume"
"""What a note on a volume has behind the vendor's name, so that nobody looks for a machine of it."""
_LOOK_AGAIN_SECONDS: Final = 5.0


class MachineVolumes(Protocol):
    """A vendor's network volumes, as far as a machine needs one. Opening it asks for no key."""

    has_size: bool
    """False: it holds whatever is put into it, and a size only informs."""

    @property
    def lifecycle(self) -> Lifecycle:
        """The single calls."""
        ...

    def why_not(self, *, trust: str, size_gb: int, cache_path: str | None) -> str | None:
        """Why a candidate of this trust can have no such volume; None: it can."""
        ...

    async def places(self, candidate: Candidate) -> Sequence[str]:
        """Regions that have the machine in stock now and take volumes, the best stocked first; at least one.

        Raises:
            VendorError: there is none (kind CAPACITY), or the catalogue cannot be read.
        """
        ...

    def inputs(self, place: str, size_gb: int) -> Plain:
        """What the lifecycle creates one from."""
        ...

    def place_of(self, volume: Found) -> str:
        """Where one is."""
        ...

    async def list(self) -> list[Found]:
        """Every volume of the account, ours or not, over all pages."""
        ...

    async def move_deadline(self, volume_id: str, deadline: datetime | None) -> None:
        """Put another deadline into its marker, where the vendor lets a volume be renamed."""
        ...


OpenVolumes = Callable[[str], MachineVolumes | None]
"""Vendor's name → its volumes; None: it has none that a machine could take."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """A volume that is there for the machine that is being rented."""

    vendor: str
    volume_id: str
    place: str


@dataclass(kw_only=True)
class MachineVolume:
    """The one volume of one rental.

    Attributes:
        marker: the machine's; the volume's differs in its nonce alone.
        size_gb: decimal GB; None: the machine has none.
        cache_path: where the machine mounts it; None: at the vendor's own place.
        volumes_named: opens a vendor's volumes.
        held: the one that is there now.
    """

    marker: Marker
    size_gb: int | None
    cache_path: str | None
    volumes_named: OpenVolumes
    clock: Clock
    journal: Journal
    say: Say
    held: Held | None = None

    @property
    def volume_id(self) -> str | None:
        """The one that is there now."""
        return None if self.held is None else self.held.volume_id

    def noted(self) -> list[str]:
        """Vendors at which an interrupted run may have left one."""
        notes = self.journal.open_notes(self.marker.resource)
        return [note.vendor.removesuffix(VOLUME_NOTE) for note in notes if note.vendor.endswith(VOLUME_NOTE)]

    def why_not(self, candidate: Candidate) -> str | None:
        """Why a candidate can have no such volume; None: it can, or none is wanted."""
        if self.size_gb is None:
            return None
        return why_not(
            candidate.vendor,
            self.volumes_named(candidate.vendor),
            trust=candidate.trust,
            size_gb=self.size_gb,
            cache_path=self.cache_path,
        )

    def check(self, candidates: Sequence[Candidate]) -> None:
        """Refuse what none of the candidates can have, before anything is created.

        Raises:
            NotPossibleError: names each candidate's reason.
        """
        reasons = [f"{c.label}: {why}" for c in candidates if (why := self.why_not(c)) is not None]
        if len(reasons) == len(candidates):
            raise NotPossibleError(
                "none of the candidates can have the network volume that was asked for; nothing was created",
                details="\n".join(f"tried    {reason}" for reason in reasons),
                resolution="Take networkVolumeGb away (in a stack: cache.kind: local-nvme), or allow other offers.",
            )

    async def places(self, candidate: Candidate) -> list[str]:
        """Where a candidate is tried, the place of a volume that is there already first.

        Raises:
            VendorError: nowhere (kind CAPACITY), or the catalogue cannot be read.
        """
        places = list(await self._at(candidate.vendor).places(candidate))
        held = self.held
        if held is not None and held.vendor == candidate.vendor and held.place in places:
            return [held.place, *(place for place in places if place != held.place)]
        return places

    async def settle(self, vendors: Sequence[str], kept: tuple[str, Sighting] | None) -> None:
        """Take over what interrupted runs left: one at most; the rest is deleted.

        Args:
            vendors: whom the run may have asked.
            kept: vendor and machine that were taken over; its volume is the one to keep.

        Raises:
            VendorError: a vendor does not answer.
            UnverifiedError: one is there that is not certainly ours, or would not go.
        """
        noted, found = self.noted(), list[Held]()
        for name in vendors:
            volumes = self.volumes_named(name)
            if volumes is not None and (self.size_gb is not None or name in noted):
                found += await self._left(name, volumes)
        keep = self._to_keep(found, kept)
        for held in found:
            if held != keep:
                self.say(f"deleting {held.vendor} network volume {held.volume_id}, left over")
                await self._delete(held)
        self.held = keep

    async def at(self, vendor: str, place: str) -> str:
        """The volume in a place: the one that is there already, else a new one; any other is deleted before.

        Raises:
            VendorError: it was not created, for certain.
            UnverifiedError: it may have been, or the other would not go.
            Stopped: the engine wants to end; nothing was sent.
        """
        if self.held is not None and (self.held.vendor, self.held.place) == (vendor, place):
            self.say(f"taking over {vendor} network volume {self.held.volume_id}, which an interrupted run left")
            return self.held.volume_id
        await self.drop()
        volumes, size_gb = self._at(vendor), self.size_gb or 0
        made = await create_safely(
            volumes.lifecycle,
            Wanted(marker=self.marker.again(), inputs=volumes.inputs(place, size_gb)),
            vendor=vendor + VOLUME_NOTE,
            clock=self.clock,
            journal=self.journal,
            say=self.say,
        )
        self.held = Held(vendor=vendor, volume_id=made.id, place=place)
        self.say(f"made {vendor} network volume {made.id} in {place}")
        await self._until_shown(volumes.lifecycle, made.id)
        return made.id

    async def drop(self) -> None:
        """Delete the volume that is there, and prove it.

        Raises:
            UnverifiedError: it could not be proved gone.
        """
        if self.held is not None:
            self.say(f"deleting {self.held.vendor} network volume {self.held.volume_id}: no machine came to it")
            await self._delete(self.held)
            self.held = None

    async def _left(self, name: str, volumes: MachineVolumes) -> list[Held]:
        """What has the marker of this very request; what another shape of it left on this computer is deleted."""
        lifecycle = volumes.lifecycle
        left = await left_behind(
            lifecycle,
            Wanted(marker=self.marker, inputs={}),
            vendor=name + VOLUME_NOTE,
            clock=self.clock,
            journal=self.journal,
            say=self.say,
        )
        if left.others:
            raise UnverifiedError(
                f"{name} already has a network volume of this very resource that another run made; nothing was created",
                details="\n".join(f"where    {item.id}: {lifecycle.console_url(item.id)}" for item in left.others),
                resolution=f"End it (`modelyard reap --machine {name}/{left.others[0].id}`), then run again.",
            )
        for item in left.ours:
            self.say(f"deleting {name} network volume {item.id}, which an interrupted run of another shape left")
            await self._delete(Held(vendor=name, volume_id=item.id, place=""))
        return [Held(vendor=name, volume_id=item.id, place=volumes.place_of(item)) for item in left.same]

    def _to_keep(self, found: Sequence[Held], kept: tuple[str, Sighting] | None) -> Held | None:
        if self.size_gb is None:
            return None
        if kept is None:
            return next(iter(found), None)
        vendor, machine = kept
        if machine.network_volume_id is not None:
            return Held(vendor=vendor, volume_id=machine.network_volume_id, place=machine.region or "")
        # The vendor does not tell yet what the machine mounts; it can only be what lies beside it.
        return next((held for held in found if (held.vendor, held.place) == (vendor, machine.region)), None)

    async def _until_shown(self, lifecycle: Lifecycle, volume_id: str) -> None:
        """A machine can only mount what the vendor's own list shows."""
        begun = self.clock.monotonic()
        while await lifecycle.read(volume_id) is None and self.clock.monotonic() - begun < VISIBLE_WITHIN_SECONDS:
            await self.clock.sleep(_LOOK_AGAIN_SECONDS)

    async def _delete(self, held: Held) -> None:
        lifecycle = self._at(held.vendor).lifecycle
        await delete_safely(lifecycle, held.volume_id, clock=self.clock, created_at=self.clock.now())
        self.journal.forget(held.volume_id)

    def _at(self, vendor: str) -> MachineVolumes:
        volumes = self.volumes_named(vendor)
        if volumes is None:
            raise AssertionError("a candidate without volumes is refused before")
        return volumes


def why_not(
    vendor: str, volumes: MachineVolumes | None, *, trust: str, size_gb: int, cache_path: str | None
) -> str | None:
    """Why a machine of a vendor can have no such network volume; None: it can."""
    if volumes is None:
        return f"modelyard makes no network volumes at {vendor}"
    return volumes.why_not(trust=trust, size_gb=size_gb, cache_path=cache_path)


async def end_volumes(volumes: MachineVolumes, machine: Sighting, *, clock: Clock, journal: Journal) -> None:
    """Delete what was made for a machine that is gone, and prove it; volumes of other makers are left alone.

    Raises:
        VendorError: the vendor does not answer.
        UnverifiedError: one could not be proved gone.
    """
    for volume in await volumes.list():
        if machine.marker is not None and volume.marker is not None and volume.marker.family == machine.marker.family:
            await delete_safely(volumes.lifecycle, volume.id, clock=clock)
            journal.forget(volume.id)
