"""Finding machines that should be gone, by their markers alone, and ending them.

It needs no state, touches nothing that does not carry our marker to its last digit, and is safe to run twice and in
parallel: a machine that somebody else deletes meanwhile is simply gone.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelyard.errors import ModelyardError
from providers.base.clock import Clock
from providers.base.errors import VendorError
from providers.base.machines import MachineVendor, Sighting, Status
from providers.base.reap_rows import Asked, Blind, Outcome, Row, Sweep, Why, must_go
from providers.base.reap_volumes import sweep_volumes
from providers.base.reconcile import Say
from providers.base.release import release
from providers.base.volumes import MachineVolumes

__all__ = ["Asked", "Blind", "Outcome", "Row", "Sweep", "Why", "sweep"]


def _silent(text: str) -> None:
    del text


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One vendor's share."""

    rows: list[Row]
    blind: Blind | None = None
    sightings: Sequence[Sighting] = ()


async def sweep(
    vendors: Sequence[MachineVendor],
    asked: Asked,
    *,
    clock: Clock,
    say: Say = _silent,
    volumes: Mapping[str, MachineVolumes] | None = None,
) -> Sweep:
    """Look at every vendor's machines, and at the network volumes made for them, and end those that must go.

    Vendors are asked at once; one that does not answer does not stop the others, and is named. ``volumes`` is by
    vendor's name, for the vendors that have any.
    """
    known = volumes or {}
    parts = await asyncio.gather(*(_vendor(vendor, known.get(vendor.name), asked, clock, say) for vendor in vendors))
    rows = [row for part in parts for row in part.rows]
    blind = [part.blind for part in parts if part.blind is not None]
    return Sweep(rows=tuple(sorted(rows, key=lambda r: (r.vendor, r.name))), blind=tuple(blind))


async def _vendor(vendor: MachineVendor, volumes: MachineVolumes | None, asked: Asked, clock: Clock, say: Say) -> _Part:
    """Machines first: a volume that one mounts cannot go."""
    part = await _machines(vendor, asked, clock, say)
    if volumes is None or part.blind is not None:
        return part
    try:
        found = await sweep_volumes(
            vendor.name, volumes, asked, sightings=part.sightings, machines=part.rows, clock=clock, say=say
        )
    except ModelyardError as error:
        return replace(part, blind=Blind(vendor=vendor.name, reason=f"network volumes: {error.brief}"))
    ids = {row.machine_id for row in found}
    return replace(part, rows=[*(row for row in part.rows if row.machine_id not in ids), *found])


async def _machines(vendor: MachineVendor, asked: Asked, clock: Clock, say: Say) -> _Part:
    try:
        sightings = await vendor.list()
        named = await _named(vendor, asked, sightings)
    except ModelyardError as error:
        return _Part(rows=[], blind=Blind(vendor=vendor.name, reason=error.brief))
    sightings = [*sightings, *(s for s in named.values() if s is not None)]
    ours = [s for s in sightings if s.marker is not None and _is_meant(vendor.name, s, asked)]
    rows = [_row(vendor, s, why, clock.now()) for s, why in _judged(vendor.name, ours, asked, clock.now())]
    others = _others(vendor, asked, sightings, named)
    if not asked.delete:
        rows = [replace(r, outcome=Outcome.WOULD_DELETE) if must_go(r.why) else r for r in rows]
    else:
        rows = await asyncio.gather(*(_end(vendor, row, clock, say) for row in rows))
    return _Part(rows=[*others, *rows], sightings=sightings)


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


async def _moved(vendor: MachineVendor, row: Row, clock: Clock) -> Row | None:
    """An expired machine whose deadline somebody moved after the list was read, so that it stays; None: it goes."""
    if row.why is not Why.EXPIRED:
        return None
    try:
        seen = await vendor.get(row.machine_id)
    except VendorError:
        return None  # whoever deletes it looks again, for as long as it takes
    marker = seen.marker if seen is not None else None
    if marker is None or marker.deadline == row.deadline or marker.is_expired(clock.now()):
        return None
    why = Why.IN_TIME if marker.deadline else Why.NO_DEADLINE
    return replace(row, name=marker.name, why=why, deadline=marker.deadline, overdue_seconds=0)


async def _end(vendor: MachineVendor, row: Row, clock: Clock, say: Say) -> Row:
    if not must_go(row.why):
        return row
    try:
        moved = await _moved(vendor, row, clock)
        if moved is not None:
            return moved
        say(f"{vendor.name}: ending {row.machine_id} ({row.why.value}) and looking until it is gone")
        seen = await release(vendor, row.machine_id, clock=clock)
    except ModelyardError as error:
        return replace(row, outcome=Outcome.UNVERIFIED, note=error.brief)
    return replace(row, outcome=Outcome.DELETED if seen else Outcome.GONE)
