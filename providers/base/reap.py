"""Finding machines that should be gone, by their markers alone, and ending them.

It needs no state, touches nothing that does not carry our marker to its last digit, and is safe to run twice and in
parallel: a machine that somebody else deletes meanwhile is simply gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from modelyard.errors import ModelyardError
from providers.base.clock import Clock
from providers.base.machines import MachineVendor, Sighting, Status
from providers.base.reconcile import Say
from providers.base.release import release


class Why(StrEnum):
    """Why a machine is looked at."""

    IN_TIME = "in time"
    """Its deadline is to come."""
    NO_DEADLINE = "no deadline"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    """A newer machine answers for the very same request; this one is in nobody's state."""
    ASKED = "asked for"
    ENDING = "ending"
    """Its end was asked for already."""


class Outcome(StrEnum):
    """What became of it."""

    KEPT = "kept"
    WOULD_DELETE = "would delete"
    DELETED = "deleted"
    GONE = "gone already"
    UNVERIFIED = "not verified"
    NOT_OURS = "not ours"
    """It was asked for by id and does not carry our marker, so it was not touched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One machine with our marker."""

    vendor: str
    machine_id: str
    name: str
    why: Why
    outcome: Outcome
    deadline: datetime | None
    overdue_seconds: int
    usd_per_hour: Decimal | None
    console_url: str
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Blind:
    """A vendor whose machines could not be listed."""

    vendor: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What one pass found and did."""

    rows: tuple[Row, ...]
    blind: tuple[Blind, ...]

    @property
    def is_proved(self) -> bool:
        """Whether everything that had to go is proved gone, and every vendor could be asked."""
        return not self.blind and all(row.outcome is not Outcome.UNVERIFIED for row in self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What to end.

    Attributes:
        delete: False: only look.
        grace_seconds: how long after its deadline a machine is left to its own watchdog.
        machines: ``vendor/id`` of machines to end whatever their deadline; no other machine is looked at then.
        everything: end every machine with our marker.
        prefix: only machines whose title begins so; None: all.
    """

    delete: bool = True
    grace_seconds: int = 0
    machines: frozenset[str] = frozenset()
    everything: bool = False
    prefix: str | None = None


def _silent(text: str) -> None:
    del text


async def sweep(vendors: Sequence[MachineVendor], asked: Asked, *, clock: Clock, say: Say = _silent) -> Sweep:
    """Look at every vendor's machines and end those that must go.

    Vendors are asked at once; one that does not answer does not stop the others, and is named.
    """
    parts = await asyncio.gather(*(_one_vendor(vendor, asked, clock, say) for vendor in vendors))
    rows = [row for part in parts if not isinstance(part, Blind) for row in part]
    blind = [part for part in parts if isinstance(part, Blind)]
    return Sweep(rows=tuple(sorted(rows, key=lambda r: (r.vendor, r.name))), blind=tuple(blind))


async def _one_vendor(vendor: MachineVendor, asked: Asked, clock: Clock, say: Say) -> list[Row] | Blind:
    try:
        sightings = await vendor.list()
        named = await _named(vendor, asked, sightings)
    except ModelyardError as error:
        return Blind(vendor=vendor.name, reason=error.brief)
    sightings = [*sightings, *(s for s in named.values() if s is not None)]
    ours = [s for s in sightings if s.marker is not None and _is_meant(vendor.name, s, asked)]
    rows = [_row(vendor, s, why, clock.now()) for s, why in _judged(vendor.name, ours, asked, clock.now())]
    others = _others(vendor, asked, sightings, named)
    if not asked.delete:
        return [*others, *(replace(r, outcome=Outcome.WOULD_DELETE) if _must_go(r.why) else r for r in rows)]
    return [*others, *await asyncio.gather(*(_end(vendor, row, clock, say) for row in rows))]


async def _named(vendor: MachineVendor, asked: Asked, listed: Sequence[Sighting]) -> dict[str, Sighting | None]:
    """Machines that were asked for by id and are not in the list, each read by its id."""
    mine = {name.partition("/")[2] for name in asked.machines if name.partition("/")[0] == vendor.name}
    missing = sorted(mine - {sighting.id for sighting in listed})
    return {machine_id: await vendor.get(machine_id) for machine_id in missing}


def _others(
    vendor: MachineVendor, asked: Asked, sightings: Sequence[Sighting], named: Mapping[str, Sighting | None]
) -> list[Row]:
    """What was asked for by id and is gone already, or none of ours."""
    gone = [(machine_id, "", Outcome.GONE, None) for machine_id, sighting in named.items() if sighting is None]
    strangers = [
        (s.id, s.name, Outcome.NOT_OURS, s.usd_per_hour)
        for s in sightings
        if s.marker is None and f"{vendor.name}/{s.id}" in asked.machines
    ]
    return [
        Row(
            vendor=vendor.name,
            machine_id=machine_id,
            name=name,
            why=Why.ASKED,
            outcome=outcome,
            deadline=None,
            overdue_seconds=0,
            usd_per_hour=usd_per_hour,
            console_url=vendor.console_url(machine_id),
        )
        for machine_id, name, outcome, usd_per_hour in (*gone, *strangers)
    ]


def _is_meant(vendor: str, sighting: Sighting, asked: Asked) -> bool:
    if asked.machines and f"{vendor}/{sighting.id}" not in asked.machines:
        return False
    marker = sighting.marker
    return marker is not None and (asked.prefix is None or marker.title.startswith(asked.prefix))


def _judged(vendor: str, ours: Sequence[Sighting], asked: Asked, now: datetime) -> list[tuple[Sighting, Why]]:
    newest: dict[tuple[str, str], Sighting] = {}
    for sighting in ours:
        if sighting.marker is None or sighting.status is Status.ENDING:
            continue
        family = sighting.marker.family
        if family not in newest or _age_key(sighting) > _age_key(newest[family]):
            newest[family] = sighting
    return [(s, _why(vendor, s, newest, asked, now)) for s in ours]


def _why(vendor: str, sighting: Sighting, newest: dict[tuple[str, str], Sighting], asked: Asked, now: datetime) -> Why:
    marker = sighting.marker
    if marker is None:
        raise AssertionError("only marked machines are judged")
    if asked.everything or f"{vendor}/{sighting.id}" in asked.machines:
        return Why.ASKED
    if marker.deadline is not None and now >= marker.deadline + timedelta(seconds=asked.grace_seconds):
        return Why.EXPIRED
    if sighting.status is Status.ENDING:
        return Why.ENDING
    if _age_key(sighting) < _age_key(newest[marker.family]):  # twins of one age cannot be told apart and stay
        return Why.DUPLICATE
    return Why.NO_DEADLINE if marker.deadline is None else Why.IN_TIME


def _age_key(sighting: Sighting) -> tuple[float, float]:
    """When it was made; where the vendor does not say, its deadline, which was counted from then."""
    deadline = sighting.marker.deadline if sighting.marker else None
    return (
        sighting.created_at.timestamp() if sighting.created_at else 0.0,
        deadline.timestamp() if deadline else 0.0,
    )


def _must_go(why: Why) -> bool:
    return why in {Why.EXPIRED, Why.DUPLICATE, Why.ASKED}


def _row(vendor: MachineVendor, sighting: Sighting, why: Why, now: datetime) -> Row:
    deadline = sighting.marker.deadline if sighting.marker else None
    overdue = max(int((now - deadline).total_seconds()), 0) if deadline else 0
    return Row(
        vendor=vendor.name,
        machine_id=sighting.id,
        name=sighting.name,
        why=why,
        outcome=Outcome.KEPT,
        deadline=deadline,
        overdue_seconds=overdue,
        usd_per_hour=sighting.usd_per_hour,
        console_url=vendor.console_url(sighting.id),
    )


async def _end(vendor: MachineVendor, row: Row, clock: Clock, say: Say) -> Row:
    if not _must_go(row.why):
        return row
    say(f"{vendor.name}: ending {row.machine_id} ({row.why.value}) and looking until it is gone")
    try:
        seen = await release(vendor, row.machine_id, clock=clock)
    except ModelyardError as error:
        return replace(row, outcome=Outcome.UNVERIFIED, note=error.brief)
    return replace(row, outcome=Outcome.DELETED if seen else Outcome.GONE)
