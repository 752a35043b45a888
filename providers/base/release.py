"""Deleting, and not believing it until it is gone: machines here, any other object by the same two functions."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from modelyard.errors import UnverifiedError
from providers.base.clock import Clock
from providers.base.errors import RETRIED, Kind, VendorError
from providers.base.machines import MachineVendor, Sighting

PATIENCE_SECONDS: Final = 600.0
_LOOK_AGAIN_SECONDS: Final = 5.0
_ABSENCES: Final = 2
"""Read-backs in a row that must not see it: an accepted delete may be shown undone for a moment."""

T = TypeVar("T")


async def release(
    vendor: MachineVendor,
    machine_id: str,
    *,
    clock: Clock,
    created_at: datetime | None = None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> bool:
    """Delete a machine until read-backs prove that it is gone. Safe to run twice and in parallel.

    Args:
        vendor: where it is.
        machine_id: the vendor's id.
        clock: time.
        created_at: when it was created, if that is known: a machine that is too young to be shown is not gone.
        patience_seconds: how long to try.

    Returns:
        True when we saw it before it went; False when it was not there to begin with.

    Raises:
        UnverifiedError: it could not be proved within the patience; names the console link.
        VendorError: the key does not work.
    """
    return await until_gone(
        lambda: vendor.get(machine_id),
        lambda: vendor.delete(machine_id),
        what=f"{vendor.name}: machine {machine_id}",
        told=lambda sighting: f"still shown as {sighting.status.value}",
        resolution=f"Look at {vendor.console_url(machine_id)} and delete it there, or run `modelyard reap`.",
        clock=clock,
        created_at=created_at,
        visible_within_seconds=vendor.visible_within_seconds,
        patience_seconds=patience_seconds,
        ends_unseen=True,
    )


async def until_gone(  # noqa: PLR0913  # each says something else about the object
    show: Callable[[], Awaitable[T | None]],
    end: Callable[[], Awaitable[None]],
    *,
    what: str,
    told: Callable[[T], str],
    resolution: str,
    clock: Clock,
    created_at: datetime | None,
    visible_within_seconds: float,
    patience_seconds: float,
    ends_unseen: bool = False,
) -> bool:
    """Ask for an object's end until read-backs do not show it any more.

    Args:
        show: reads it; None: it is not shown.
        end: asks for its end once.
        what: it, for messages.
        told: what to say of it while it is shown.
        resolution: what a person does when it cannot be proved.
        clock: time.
        created_at: when it was created, if that is known.
        visible_within_seconds: how long a new one may not be shown.
        patience_seconds: how long to try.
        ends_unseen: whether its end is asked for although it is not shown, since it may only not be shown.

    Returns:
        True when it was shown before it went.

    Raises:
        UnverifiedError: it could not be proved within the patience.
        VendorError: the key does not work, or the vendor refuses for good.
    """
    begun = clock.monotonic()
    seen, asked, absences, last = False, False, 0, "nothing was answered"
    while True:
        try:
            shown = await show()
            if shown is not None:
                seen, absences, last = True, 0, told(shown)
            if shown is not None or (ends_unseen and not asked):
                await end()
                asked = True
            if shown is None:
                young = not seen and is_too_young(created_at, visible_within_seconds, clock, since=begun)
                absences, last = (0, "it is too young to be shown") if young else (absences + 1, last)
        except VendorError as error:
            if error.kind not in RETRIED and error.kind is not Kind.CONFLICT:
                raise
            last, absences = str(error), 0
        if absences >= _ABSENCES:
            return seen
        if clock.monotonic() > begun + patience_seconds:
            raise UnverifiedError(
                f"{what} could not be proved gone within {patience_seconds:.0f} s: {last}", resolution=resolution
            )
        await clock.sleep(_LOOK_AGAIN_SECONDS)


async def shown_or_gone(
    show: Callable[[], Awaitable[T | None]],
    *,
    clock: Clock,
    created_at: datetime | None,
    visible_within_seconds: float,
) -> T | None:
    """An object as it is; None only when it is old enough that not being shown means not being there.

    Raises:
        VendorError: the vendor does not answer.
    """
    begun = clock.monotonic()
    while True:
        shown = await show()
        if shown is not None or not is_too_young(created_at, visible_within_seconds, clock, since=begun):
            return shown
        await clock.sleep(_LOOK_AGAIN_SECONDS)


def is_too_young(
    created_at: datetime | None, visible_within_seconds: float, clock: Clock, *, since: float | None = None
) -> bool:
    """Whether an object was created so lately that the vendor may not show it yet: then "none" means nothing.

    ``since`` is when the object was known to exist, by ``clock.monotonic``. It bounds the wait when our clock and the
    one that wrote ``created_at`` disagree.
    """
    if created_at is None or (since is not None and clock.monotonic() - since >= visible_within_seconds):
        return False
    return (clock.now() - created_at).total_seconds() < visible_within_seconds


async def look(vendor: MachineVendor, machine_id: str, *, clock: Clock, created_at: datetime | None) -> Sighting | None:
    """A machine as it is; None only when it is old enough that not being shown means not being there.

    Raises:
        VendorError: the vendor does not answer.
    """
    return await shown_or_gone(
        lambda: vendor.get(machine_id),
        clock=clock,
        created_at=created_at,
        visible_within_seconds=vendor.visible_within_seconds,
    )
