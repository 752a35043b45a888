"""Creating and deleting a vendor's resources so that none is made twice and none is forgotten.

``Lifecycle`` objects make single calls. What has to happen around them is here, the same for every vendor.
"""

from collections.abc import Sequence
from datetime import datetime

from modelyard.errors import UnverifiedError
from providers.base.clock import Clock
from providers.base.journal import Journal
from providers.base.marker import Marker
from providers.base.reconcile import VISIBLE_WITHIN_SECONDS, Creation, LeftBehind, Say, create_once, settle_notes
from providers.base.release import PATIENCE_SECONDS, shown_or_gone, until_gone
from providers.base.resource import Found, Lifecycle, Wanted


async def create_safely(
    lifecycle: Lifecycle,
    wanted: Wanted,
    *,
    vendor: str,
    clock: Clock,
    journal: Journal,
    say: Say,
    visible_within_seconds: float = VISIBLE_WITHIN_SECONDS,
) -> Found:
    """Create an object once. One that an interrupted run left behind is taken over instead of made again.

    Raises:
        VendorError: it was not created, for certain.
        UnverifiedError: it may have been, or what is there is not certainly ours.
        Stopped: the engine wants to end; nothing was sent.
    """
    creation = _creation(lifecycle, wanted, vendor, clock, journal, say, visible_within_seconds)
    what = creation.what
    left = await settle_notes(creation)
    for item in left.ours:
        say(f"{what}: deleting {item.id}, which an interrupted run of another shape left")
        await delete_safely(lifecycle, item.id, clock=clock)
        journal.forget(item.id)
    if left.others or len(left.same) > 1:
        there = (*left.same, *left.others)
        raise UnverifiedError(
            f"{what}: {len(there)} already there with the marker of this one resource; nothing was created",
            details="\n".join(f"where    {lifecycle.console_url(item.id)}" for item in there),
            resolution="Import the right one (`pulumi import`) or delete them, then run again.",
        )
    if left.same:
        say(f"{what}: taking over {left.same[0].id}, which an interrupted run left")
        return left.same[0]
    return await create_once(creation)


async def left_behind(  # the arguments are those of create_safely
    lifecycle: Lifecycle, wanted: Wanted, *, vendor: str, clock: Clock, journal: Journal, say: Say
) -> LeftBehind[Found]:
    """What earlier, interrupted runs made for this resource, once the vendor has had the time to show it.

    Raises:
        VendorError: the vendor does not answer.
    """
    return await settle_notes(_creation(lifecycle, wanted, vendor, clock, journal, say, VISIBLE_WITHIN_SECONDS))


def _creation(  # what create_safely is given
    lifecycle: Lifecycle,
    wanted: Wanted,
    vendor: str,
    clock: Clock,
    journal: Journal,
    say: Say,
    visible_within_seconds: float,
) -> Creation[Found]:
    async def send(marker: Marker) -> Found:
        return await lifecycle.create(Wanted(marker=marker, inputs=wanted.inputs, secrets=wanted.secrets))

    async def listing() -> Sequence[Found]:
        return await lifecycle.find(wanted)

    async def discard(object_id: str) -> None:
        await delete_safely(lifecycle, object_id, clock=clock, created_at=clock.now())

    return Creation(
        vendor=vendor,
        what=f"{lifecycle.kind.name} {wanted.marker.name}",
        marker=wanted.marker,
        send=send,
        listing=listing,
        discard=discard,
        clock=clock,
        journal=journal,
        say=say,
        visible_within_seconds=visible_within_seconds,
    )


async def read_safely(
    lifecycle: Lifecycle, object_id: str, *, clock: Clock, created_at: datetime | None
) -> Found | None:
    """An object as it is; None only when it is old enough that not being shown means not being there.

    Raises:
        VendorError: the vendor does not answer.
    """
    return await shown_or_gone(
        lambda: lifecycle.read(object_id),
        clock=clock,
        created_at=created_at,
        visible_within_seconds=VISIBLE_WITHIN_SECONDS,
    )


async def delete_safely(
    lifecycle: Lifecycle,
    object_id: str,
    *,
    clock: Clock,
    created_at: datetime | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> bool:
    """Delete an object until read-backs prove that it is gone.

    Returns:
        True when we saw it before it went; False when it was not there to begin with.

    Raises:
        UnverifiedError: it could not be proved within the patience.
        VendorError: the key does not work, or the vendor refuses for good.
    """
    return await until_gone(
        lambda: lifecycle.read(object_id),
        lambda: lifecycle.delete(object_id),
        what=f"{lifecycle.kind.name} {object_id}",
        told=lambda _: "it is still shown",
        resolution=f"Look at {lifecycle.console_url(object_id)} and delete it there.",
        clock=clock,
        created_at=created_at,
        visible_within_seconds=VISIBLE_WITHIN_SECONDS,
        patience_seconds=patience_seconds,
    )
