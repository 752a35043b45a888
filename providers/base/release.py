"""Deleting a machine, and not believing it until it is gone."""

from datetime import datetime
from typing import Final

from modelyard.errors import UnverifiedError
from providers.base.clock import Clock
from providers.base.errors import RETRIED, Kind, VendorError
from providers.base.machines import MachineVendor, Sighting

PATIENCE_SECONDS: Final = 600.0
_LOOK_AGAIN_SECONDS: Final = 5.0
_ABSENCES: Final = 2
"""Read-backs in a row that must not see it: an accepted delete may be shown undone for a moment."""


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
    begun = clock.monotonic()
    give_up = begun + patience_seconds
    seen, asked, absences, last = False, False, 0, "nothing was answered"
    while absences < _ABSENCES:
        try:
            sighting = await vendor.get(machine_id)
            if sighting is None and not asked:
                await vendor.delete(machine_id)  # it may only not be shown; a delete of nothing does no harm
                asked = True
            if sighting is None:
                young = not seen and is_too_young(created_at, vendor.visible_within_seconds, clock, since=begun)
                absences, last = (0, "it is too young to be shown") if young else (absences + 1, last)
            else:
                seen, absences = True, 0
                last = f"still shown as {sighting.status.value}"
                await vendor.delete(machine_id)
                asked = True
        except VendorError as error:
            if error.kind not in RETRIED and error.kind is not Kind.CONFLICT:
                raise
            last, absences = str(error), 0
        if absences >= _ABSENCES:
            break
        if clock.monotonic() > give_up:
            raise UnverifiedError(
                f"{vendor.name}: machine {machine_id} could not be proved gone within {patience_seconds:.0f} s: {last}",
                resolution=f"Look at {vendor.console_url(machine_id)} and delete it there, or run `modelyard reap`.",
            )
        await clock.sleep(_LOOK_AGAIN_SECONDS)
    return seen


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
    begun = clock.monotonic()
    while True:
        sighting = await vendor.get(machine_id)
        if sighting is not None or not is_too_young(created_at, vendor.visible_within_seconds, clock, since=begun):
            return sighting
        await clock.sleep(_LOOK_AGAIN_SECONDS)
