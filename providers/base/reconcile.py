"""Sending a create so that it happens once: what an interrupted run left is taken over, and doubt is cleared first."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, Protocol, TypeVar

from modelyard.errors import UnverifiedError
from providers.base.clock import Clock
from providers.base.errors import RETRIED, Kind, Stopped, VendorError
from providers.base.journal import Journal
from providers.base.marker import Marker

Say = Callable[[str], None]
"""Where progress goes: one line for people."""

VISIBLE_WITHIN_SECONDS: Final = 60.0
"""How long after a create a vendor's list may not show the object, unless the vendor is known to be slower."""
_LOOK_AGAIN_SECONDS: Final = 10.0
_OUTAGE_SECONDS: Final = 900.0
"""How long a vendor's list may fail before we give up with what we know."""
_POSTS: Final = 3


class Identified(Protocol):
    """Anything at a vendor that has an id and may carry a marker."""

    @property
    def id(self) -> str:
        """The vendor's id."""
        ...

    @property
    def marker(self) -> Marker | None:
        """Its marker, or None."""
        ...


T = TypeVar("T", bound=Identified)


@dataclass(frozen=True, kw_only=True)
class Creation(Generic[T]):
    """One create and what is needed to be sure of it.

    Attributes:
        vendor: vendor's name.
        what: what is created, for messages.
        marker: of the first attempt.
        send: sends one create call with a marker; raises ``VendorError``.
        listing: everything that may be this object, over all pages; raises on an odd answer.
        discard: deletes what a failed create made after all, and proves it.
        visible_within_seconds: how long a new object may be missing from the listing.
    """

    vendor: str
    what: str
    marker: Marker
    send: Callable[[Marker], Awaitable[T]]
    listing: Callable[[], Awaitable[Sequence[T]]]
    discard: Callable[[str], Awaitable[object]]
    clock: Clock
    journal: Journal
    say: Say
    visible_within_seconds: float = VISIBLE_WITHIN_SECONDS


async def create_once(creation: Creation[T]) -> T:
    """Create; on a doubtful answer look until it is certain, and only then send again.

    Raises:
        VendorError: it does not exist, for certain.
        UnverifiedError: it may exist.
        Stopped: the engine wants to end; nothing was sent.
    """
    marker, nonces = creation.marker, list[str]()
    for post in range(1, _POSTS + 1):
        nonces.append(marker.nonce)
        creation.journal.note(creation.vendor, marker, creation.clock.now())
        try:
            made = await creation.send(marker)
        except VendorError as error:
            if error.kind is not Kind.AMBIGUOUS or error.created_id is not None:
                if error.created_id is not None:
                    creation.say(f"{creation.what}: it failed and still made {error.created_id}; deleting that")
                    creation.journal.made(marker, error.created_id)
                    await creation.discard(error.created_id)
                creation.journal.settle(marker)
                raise
            creation.say(f"{creation.what}: no clear answer ({error.detail}); looking whether it was created")
            seen = await _look_for(creation, nonces)
            if seen is not None:
                creation.journal.made(marker, seen.id)
                return seen
            creation.journal.settle(marker)
            if post == _POSTS:
                error.kind = Kind.TRANSIENT  # it was looked for and is not there
                raise
            marker = marker.again()
        except Stopped:  # nothing was sent; anything else may have come after the call, so its note stays
            creation.journal.settle(marker)
            raise
        else:
            creation.journal.made(marker, made.id)
            return made
    raise AssertionError("unreachable")


@dataclass(frozen=True, kw_only=True)
class LeftBehind(Generic[T]):
    """What is there already with the marker of this resource.

    Attributes:
        same: what the very same request made.
        ours: made by another request of this resource, from this computer and place, and in no state since.
        others: made by another request of this resource, and nothing says that it was us.
    """

    same: tuple[T, ...]
    ours: tuple[T, ...]
    others: tuple[T, ...]


async def settle_notes(creation: Creation[T]) -> LeftBehind[T]:
    """What earlier, interrupted runs made for this resource, once the vendor has had the time to show it."""
    notes = [
        note
        for note in creation.journal.open_notes(creation.marker.resource)
        if note.vendor in {creation.vendor, ""}  # a torn note does not say whose it is
    ]
    doubtful = [note for note in notes if note.created_id is None]
    newest = max((note.sent_at for note in doubtful), default=None)
    if newest is not None:
        unseen = creation.visible_within_seconds - (creation.clock.now() - newest).total_seconds()
        unseen = min(unseen, creation.visible_within_seconds)  # the note may be from a clock ahead of ours
        if unseen > 0:
            creation.say(f"{creation.what}: an earlier run was cut off while creating it; waiting until it would show")
            await creation.clock.sleep(unseen)
    left = [item for item in await creation.listing() if _is_this(item, creation.marker)]
    known = {item.id for item in left}
    missing = [note for note in notes if note.created_id is not None and note.created_id not in known]
    young = [
        note
        for note in missing
        if (creation.clock.now() - note.sent_at).total_seconds() < creation.visible_within_seconds
    ]
    if young:  # it answered with an id and is not listed yet: once more when it must be
        await creation.clock.sleep(creation.visible_within_seconds)
        left = [item for item in await creation.listing() if _is_this(item, creation.marker)]
    for note in notes:
        if note.created_id is None and not note.is_answered_for:
            creation.journal.settle(replace(creation.marker, nonce=note.nonce))
    return _sorted_out(left, creation.marker, {note.nonce for note in notes if not note.is_answered_for})


def _sorted_out(left: Sequence[T], marker: Marker, noted: set[str]) -> LeftBehind[T]:
    same = tuple(item for item in left if item.marker is not None and item.marker.family == marker.family)
    rest = [item for item in left if item not in same]
    ours = tuple(item for item in rest if item.marker is not None and item.marker.nonce in noted)
    return LeftBehind(same=same, ours=ours, others=tuple(item for item in rest if item not in ours))


async def _look_for(creation: Creation[T], nonces: Sequence[str]) -> T | None:
    begun = creation.clock.monotonic()
    while True:
        asked = creation.clock.monotonic()
        try:
            for item in await creation.listing():
                if item.marker is not None and item.marker.nonce in nonces:
                    return item
            if asked - begun >= creation.visible_within_seconds:
                return None
        except VendorError as error:
            waited = asked - begun > creation.visible_within_seconds + _OUTAGE_SECONDS
            if waited or error.kind not in RETRIED:
                raise UnverifiedError(
                    f"{creation.what} may have been created, and the vendor's list could not be read: {error}",
                    details=f"marker   {nonces[-1]}",
                    resolution="Run `modelyard reap` once the vendor answers again; it finds it by its marker.",
                ) from error
        await creation.clock.sleep(_LOOK_AGAIN_SECONDS)


def _is_this(item: Identified, marker: Marker) -> bool:
    return item.marker is not None and item.marker.resource == marker.resource
