"""Network volumes that should be gone: those that were made for machines which are gone, by their markers alone.

A volume is judged by its machine. Only one without a machine is judged by the deadline in its own marker, and one that
has no deadline was not made for a machine that has one: it stays until somebody names its id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from modelyard.errors import ModelyardError
from providers.base.clock import Clock
from providers.base.lifecycle import delete_safely
from providers.base.machines import Sighting, Status
from providers.base.marker import Marker
from providers.base.reap_rows import Asked, Outcome, Row, Why, must_go
from providers.base.reconcile import Say
from providers.base.resource import Found
from providers.base.volumes import MachineVolumes

_ENDED = frozenset({Outcome.DELETED, Outcome.GONE, Outcome.WOULD_DELETE})


async def sweep_volumes(
    vendor: str,
    volumes: MachineVolumes,
    asked: Asked,
    *,
    sightings: Sequence[Sighting],
    machines: Sequence[Row],
    clock: Clock,
    say: Say,
) -> list[Row]:
    """Look at a vendor's volumes with our marker and end those that must go, after its machines.

    Args:
        vendor: its name.
        volumes: its volumes.
        asked: what to end.
        sightings: every machine of the account, ours or not.
        machines: what has become of ours.
        clock: time.
        say: where progress goes.

    Raises:
        VendorError: the volumes cannot be listed.
    """
    by_id = {row.machine_id: row for row in machines}
    found: list[Row] = []
    for volume in await volumes.list():
        if volume.marker is None:
            continue
        users = _users(volume, volume.marker, sightings)
        rows = [by_id[user.id] for user in users if user.id in by_id]
        why = _why(f"{vendor}/{volume.id}", volume.marker, users, by_id, asked, clock.now())
        if why is not None and (asked.prefix is None or rows or volume.marker.title.startswith(asked.prefix)):
            row = _row(vendor, volumes, volume, volume.marker, why, clock.now())
            found.append(await _end(volumes, row, rows, asked, clock, say))
    return found


def _users(volume: Found, marker: Marker, sightings: Sequence[Sighting]) -> list[Sighting]:
    """The machines that mount it; where no vendor tells, those of the same request."""
    mounting = [s for s in sightings if s.network_volume_id == volume.id]
    return mounting or [s for s in sightings if s.marker is not None and s.marker.family == marker.family]


def _why(
    name: str,
    marker: Marker,
    users: Sequence[Sighting],
    rows: Mapping[str, Row],
    asked: Asked,
    now: datetime,
) -> Why | None:
    """Why a volume is looked at; None: other machines were asked for."""
    going = [u for u in users if u.id in rows and must_go(rows[u.id].why)]
    is_used = any(user not in going and user.status is not Status.ENDING for user in users)
    if name in asked.machines:
        return Why.ASKED
    if going and not is_used:
        return Why.ITS_MACHINE
    if asked.machines:
        return None
    if marker.deadline is None or is_used:
        return Why.NO_DEADLINE if marker.deadline is None else Why.IN_TIME
    late = Why.EXPIRED if now >= marker.deadline + timedelta(seconds=asked.grace_seconds) else Why.IN_TIME
    return Why.ASKED if asked.everything else late


def _row(vendor: str, volumes: MachineVolumes, volume: Found, marker: Marker, why: Why, now: datetime) -> Row:
    deadline = marker.deadline
    return Row(
        kind="volume",
        vendor=vendor,
        machine_id=volume.id,
        name=marker.name,
        why=why,
        outcome=Outcome.KEPT,
        deadline=deadline,
        overdue_seconds=max(int((now - deadline).total_seconds()), 0) if deadline else 0,
        usd_per_hour=None,
        console_url=volumes.lifecycle.console_url(volume.id),
    )


async def _end(volumes: MachineVolumes, row: Row, users: Sequence[Row], asked: Asked, clock: Clock, say: Say) -> Row:
    if not must_go(row.why):
        return row
    if not asked.delete:
        return replace(row, outcome=Outcome.WOULD_DELETE)
    if any(must_go(user.why) and user.outcome not in _ENDED for user in users):
        return replace(row, outcome=Outcome.UNVERIFIED, note="its machine is not proved gone")
    say(f"{row.vendor}: ending network volume {row.machine_id} ({row.why.value}) and looking until it is gone")
    try:
        seen = await delete_safely(volumes.lifecycle, row.machine_id, clock=clock)
    except ModelyardError as error:
        return replace(row, outcome=Outcome.UNVERIFIED, note=error.brief)
    return replace(row, outcome=Outcome.DELETED if seen else Outcome.GONE)
