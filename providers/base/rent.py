"""Renting the first machine of an ordered list that can be had, once, and never more than one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from modelyard.errors import NotPossibleError, UnverifiedError
from modelyard.units import format_usd
from providers.base.clock import Clock
from providers.base.errors import RETRIED, Kind, Stopped, VendorError
from providers.base.journal import Journal
from providers.base.machines import ANYWHERE, Candidate, MachineOrder, MachineVendor, Sighting, Status
from providers.base.marker import Marker
from providers.base.reconcile import Creation, LeftBehind, Say, create_once, settle_notes
from providers.base.release import release
from providers.base.volumes import VOLUME_NOTE, MachineVolume, OpenVolumes

DEADLINE_VARIABLE: Final = "MODELYARD_DEADLINE"
MARKER_VARIABLE: Final = "MODELYARD_MARKER"
SPLIT_VARIABLE: Final = "MODELYARD_TENSOR_PARALLEL_SIZE"
OF_NO_USE: Final = frozenset({Status.STOPPED, Status.FAILED, Status.ENDING})
"""A machine that is so serves nobody: it is not taken over, and the next `up` replaces it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RentOrder:
    """What to rent.

    Attributes:
        marker: of the first attempt; its deadline is the machine's.
        candidates: in the order in which they are tried.
        image: container image.
        boots: vendor → start-up text for its kind of machine.
        env: environment, secret.
        ports: ports that are reachable from outside.
        disk_gb: decimal GB of the machine's own disk.
        network_volume_gb: decimal GB of the network volume that is made for it; None: none is.
        cache_path: where that volume is mounted; None: at the vendor's own place.
        drift_limit: how far above the quote the charged rate may be, as a share.
        fail_on_drift: whether more than that ends in an error (and no machine) or in a warning.
    """

    marker: Marker
    candidates: Sequence[Candidate]
    image: str
    boots: Mapping[str, str]
    env: Mapping[str, str]
    ports: Sequence[int]
    disk_gb: int
    network_volume_gb: int | None = None
    cache_path: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    drift_limit: Decimal = Decimal("0.05")
    fail_on_drift: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Rented:
    """A machine that was rented, or taken over."""

    vendor: str
    sighting: Sighting
    candidate: Candidate
    marker: Marker
    attempts: tuple[str, ...]
    """What was tried before, and why it failed."""
    network_volume_id: str | None = None
    """The network volume that was made for it."""


def _no_volumes(vendor: str) -> None:
    """No vendor has network volumes."""
    del vendor


@dataclass(kw_only=True)
class Renting:
    """One rental in progress."""

    order: RentOrder
    vendor_named: Callable[[str], MachineVendor]
    clock: Clock
    journal: Journal
    say: Say
    warn: Say
    volumes_named: OpenVolumes = _no_volumes
    attempts: list[str] = field(default_factory=list[str])
    _without_key: dict[str, VendorError] = field(default_factory=dict[str, VendorError])

    def __post_init__(self) -> None:
        """The volume that goes with the machine."""
        self._volume = MachineVolume(
            marker=self.order.marker,
            size_gb=self.order.network_volume_gb,
            cache_path=self.order.cache_path,
            volumes_named=self.volumes_named,
            clock=self.clock,
            journal=self.journal,
            say=self.say,
        )

    async def rent(self) -> Rented:
        """The first candidate that can be had, with its network volume if it shall have one.

        Raises:
            VendorError: none can (kind CAPACITY, every attempt listed), or something that no other candidate mends.
            NotPossibleError: no candidate can have the volume; or the vendor charges more than the quote allows, and
                the machine is gone again.
            UnverifiedError: something may exist that could not be accounted for.
            Stopped: the engine wants to end; nothing more was sent.
        """
        self._volume.check(self.order.candidates)
        try:
            return await self._rent()
        except (VendorError, NotPossibleError, Stopped):
            await self._volume.drop()  # there is no machine, for certain; in doubt it is an UnverifiedError
            raise

    async def _rent(self) -> Rented:
        taken_over = await self._take_over()
        if taken_over is not None:
            return taken_over
        for candidate in self.order.candidates:
            if candidate.vendor in self._without_key:
                self._failed(candidate, f"no key: {self._without_key[candidate.vendor].brief}")
                continue
            rented = await self._try(candidate)
            if rented is not None:
                return rented
        if len(self._without_key) == len({c.vendor for c in self.order.candidates}):
            raise next(iter(self._without_key.values()))
        raise VendorError(
            self.order.candidates[-1].vendor,
            Kind.CAPACITY,
            f"none of the {len(self.order.candidates)} candidates can be had now: {'; '.join(self.attempts)}",
            resolution="Run again later, or allow more: more vendors, GPUs or regions, or a higher price.",
        )

    async def _take_over(self) -> Rented | None:
        """The machine of an interrupted run of this very request, at any vendor that it may have asked."""
        found: list[tuple[MachineVendor, Sighting]] = []
        vendors = self._asked()
        for name, vendor in vendors.items():
            left = await settle_notes(self._creation(vendor, self.order.candidates[0]))
            self._refuse_others(vendor, left)
            for sighting in left.ours:
                self.say(f"deleting {name} machine {sighting.id}, which an interrupted run of another shape left")
                await self._release(vendor, sighting.id)
            found += [(vendor, sighting) for sighting in left.same]
        kept = next(((v, s) for v, s in found if self._candidate_of(v, s) is not None), None)
        for vendor, sighting in found:
            if kept is None or sighting is not kept[1]:
                self.say(f"deleting {vendor.name} machine {sighting.id}, left over and {sighting.status.value}")
                await self._release(vendor, sighting.id)
        await self._volume.settle(list(vendors), None if kept is None else (kept[0].name, kept[1]))
        return None if kept is None else await self._accepted_again(*kept)

    def _asked(self) -> dict[str, MachineVendor]:
        """The vendors of the candidates and those that an interrupted run asked, as far as there is a key."""
        notes = self.journal.open_notes(self.order.marker.resource)
        noted = [note.vendor.removesuffix(VOLUME_NOTE) for note in notes if note.vendor]
        names = dict.fromkeys([*(c.vendor for c in self.order.candidates), *noted])
        opened = ((name, self._open(name, was_asked=name in noted)) for name in names)
        return {name: vendor for name, vendor in opened if vendor is not None}

    def _open(self, name: str, *, was_asked: bool) -> MachineVendor | None:
        """A vendor; None when there is no key for it and nothing of ours can be there."""
        try:
            return self.vendor_named(name)
        except VendorError as error:
            if error.kind is not Kind.AUTH or was_asked:
                raise
            self.warn(f"{name} is left out: {error.brief}. {error.resolution or ''}".strip())
            self._without_key[name] = error
            return None

    def _candidate_of(self, vendor: MachineVendor, sighting: Sighting) -> Candidate | None:
        """The candidate that a machine which is there is as good as."""
        if sighting.status in OF_NO_USE:
            return None
        return next((c for c in self.order.candidates if satisfies(vendor.name, sighting, c)), None)

    def _refuse_others(self, vendor: MachineVendor, left: LeftBehind[Sighting]) -> None:
        there = [s for s in left.others if s.status is not Status.ENDING]
        if there:
            raise UnverifiedError(
                f"{vendor.name} already runs a machine of this very resource that another run started; "
                "nothing was created",
                details="\n".join(f"where    {s.id}: {vendor.console_url(s.id)}" for s in there),
                resolution=f"Import it (`pulumi import modelyard-rental:index:Machine NAME {vendor.name}/"
                f"{there[0].id}`), or end it (`modelyard reap --machine {vendor.name}/{there[0].id}`), then run again.",
            )

    async def _accepted_again(self, vendor: MachineVendor, sighting: Sighting) -> Rented:
        candidate, marker = self._candidate_of(vendor, sighting), sighting.marker
        if candidate is None or marker is None:
            raise AssertionError("only a marked machine that satisfies a candidate is taken over")
        self.say(f"taking over {vendor.name} machine {sighting.id}, which an interrupted run left")
        await self._check_drift(vendor, candidate, sighting)
        return Rented(
            vendor=vendor.name,
            sighting=sighting,
            candidate=candidate,
            marker=marker,
            attempts=tuple(self.attempts),
            network_volume_id=self._volume.volume_id,
        )

    async def _try(self, candidate: Candidate) -> Rented | None:
        """One candidate; None when it is not in stock."""
        if self.order.network_volume_gb is None:
            return await self._try_once(candidate)
        why_not = self._volume.why_not(candidate)
        if why_not is not None:
            self._failed(candidate, why_not)
            return None
        try:
            places = await self._volume.places(candidate)
        except VendorError as error:
            if error.kind is not Kind.CAPACITY:
                raise
            self._failed(candidate, error.detail)
            return None
        for place in places:
            await self._volume.at(candidate.vendor, place)
            rented = await self._try_once(replace(candidate, region=place))
            if rented is not None:
                return replace(rented, candidate=candidate)
            await self._volume.drop()
        return None

    async def _try_once(self, candidate: Candidate) -> Rented | None:
        """One create call's worth; None when it is not in stock."""
        vendor = self.vendor_named(candidate.vendor)
        creation = self._creation(vendor, candidate)
        try:
            made = await create_once(creation)
        except VendorError as error:
            if error.kind is not Kind.CAPACITY:
                raise
            self._failed(candidate, error.detail)
            return None
        sighting = await self._look(vendor, made)
        lie = _lie(candidate, sighting)
        if lie is not None:
            self._failed(candidate, f"{lie}; it was deleted again")
            await self._release(vendor, made.id)
            return None
        await self._check_drift(vendor, candidate, sighting)
        self.say(f"rented {candidate.label} as {made.id}")
        return Rented(
            vendor=vendor.name,
            sighting=sighting,
            candidate=candidate,
            marker=made.marker or creation.marker,
            attempts=tuple(self.attempts),
            network_volume_id=self._volume.volume_id,
        )

    def _creation(self, vendor: MachineVendor, candidate: Candidate) -> Creation[Sighting]:
        async def send(marker: Marker) -> Sighting:
            return self._unseen(await vendor.create(self._order(marker, candidate)), marker, candidate)

        async def listing() -> Sequence[Sighting]:
            return await vendor.list()

        async def discard(machine_id: str) -> None:
            await self._release(vendor, machine_id)

        return Creation(
            vendor=vendor.name,
            what=f"{candidate.label} ({self.order.marker.name})",
            marker=self.order.marker.again() if self.attempts else self.order.marker,
            send=send,
            listing=listing,
            discard=discard,
            clock=self.clock,
            journal=self.journal,
            say=self.say,
            visible_within_seconds=vendor.visible_within_seconds,
        )

    def _order(self, marker: Marker, candidate: Candidate) -> MachineOrder:
        env = {
            **self.order.env,
            MARKER_VARIABLE: marker.name,
            SPLIT_VARIABLE: str(candidate.tensor_parallel_size),
        }
        if marker.deadline is not None:
            env[DEADLINE_VARIABLE] = marker.deadline.strftime("%Y-%m-%dT%H:%M:%SZ")
        return MachineOrder(
            marker=marker,
            candidate=candidate,
            image=self.order.image,
            boot=self.order.boots[candidate.vendor],
            env=env,
            ports=self.order.ports,
            disk_gb=self.order.disk_gb,
            network_volume_id=self._volume.volume_id,
            cache_path=self.order.cache_path if self._volume.volume_id is not None else None,
            labels=self.order.labels,
        )

    async def _look(self, vendor: MachineVendor, made: Sighting) -> Sighting:
        """What is known of a new machine. It is there, so a read that fails does not undo it."""
        try:
            return await vendor.get(made.id) or made
        except VendorError as error:
            if error.kind not in RETRIED:
                self.warn(f"{made.id} was created and cannot be read: {error}")
            return made

    def _unseen(self, machine_id: str, marker: Marker, candidate: Candidate) -> Sighting:
        return Sighting(
            machine_id=machine_id,
            name=marker.name,
            marker=marker,
            status=Status.PENDING,
            detail="created; the vendor does not show it yet",
            gpu=None,
            gpu_count=None,
            region=None if candidate.region in ANYWHERE else candidate.region,
            address=None,
            ports={},
            usd_per_hour=None,
            created_at=self.clock.now(),
            spot=candidate.spot,
        )

    async def _check_drift(self, vendor: MachineVendor, candidate: Candidate, sighting: Sighting) -> None:
        charged = sighting.usd_per_hour
        if charged is None or charged <= candidate.usd_per_hour * (1 + self.order.drift_limit):
            return
        text = (
            f"{vendor.name} charges {format_usd(charged)}/h for {candidate.label}, "
            f"quoted at {format_usd(candidate.usd_per_hour)}/h"
        )
        if not self.order.fail_on_drift:
            self.warn(text)
            return
        await self._release(vendor, sighting.id)
        raise NotPossibleError(
            f"{text}; the machine was deleted again",
            resolution="Refresh the prices (`modelyard prices refresh`), or allow more drift (driftLimit, onDrift).",
        )

    async def _release(self, vendor: MachineVendor, machine_id: str) -> None:
        # What is let go of here was made moments ago: not being shown yet is no proof that it is gone.
        await release(vendor, machine_id, clock=self.clock, created_at=self.clock.now())
        self.journal.forget(machine_id)

    def _failed(self, candidate: Candidate, why: str) -> None:
        self.attempts.append(f"{candidate.label}: {why}")
        self.say(f"not to be had: {self.attempts[-1]}")


def satisfies(vendor: str, sighting: Sighting, candidate: Candidate) -> bool:
    """Whether a machine is what a candidate asks for; what the vendor does not tell is not held against it."""
    return (
        vendor == candidate.vendor
        and sighting.gpu in (None, candidate.gpu)
        and sighting.gpu_count in (None, candidate.gpu_count)
        and (candidate.region in ANYWHERE or sighting.region in (None, candidate.region))
        and sighting.spot == candidate.spot
    )


def _lie(candidate: Candidate, sighting: Sighting) -> str | None:
    """How a machine is not what was ordered."""
    if sighting.gpu is not None and sighting.gpu != candidate.gpu:
        return f"came with {sighting.gpu}"
    if sighting.gpu_count is not None and sighting.gpu_count < candidate.gpu_count:
        return f"came with {sighting.gpu_count} GPUs"
    return None
