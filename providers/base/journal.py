"""Creates that were sent and whose end is not known, on disk.

Markers make a lost machine findable. What they cannot say is that a create was sent a moment ago and does not show in
the vendor's list yet: a second run on the same computer would take that for "none". So a note is on disk before the
request leaves. It goes when nothing was made, or when what was made has been deleted.
"""

import contextlib
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from modelyard.errors import UsageError, quote
from providers.base.marker import Marker


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """One create that was sent."""

    vendor: str
    resource: str
    """The marker's resource digits."""
    nonce: str
    sent: str
    """ISO 8601 UTC."""
    created_id: str | None = None
    """What it made, once that is known."""
    place: str = ""
    """Where the run was started that sent it: a stack of the same name in another folder is another stack."""
    is_answered_for: bool = False
    """Whether a state is known to have it, ours or one of another place: then no interrupted run left it behind."""

    @property
    def sent_at(self) -> datetime:
        """When it was sent."""
        return datetime.fromisoformat(self.sent)


class Journal(Protocol):
    """Where notes are kept."""

    def note(self, vendor: str, marker: Marker, now: datetime) -> None:
        """Write down that a create is about to be sent. On disk when this returns."""
        ...

    def made(self, marker: Marker, created_id: str) -> None:
        """It made this. Whether the engine has heard of it is not known yet, so the note stays until it is deleted."""
        ...

    def answered_for(self, created_id: str) -> None:
        """The engine has named it, so it is in a state."""
        ...

    def settle(self, marker: Marker) -> None:
        """Nothing of it is left to be unsure of."""
        ...

    def forget(self, created_id: str) -> None:
        """What this note made was deleted, for certain."""
        ...

    def open_notes(self, resource: str) -> list[Note]:
        """Unsettled creates of a resource."""
        ...

    def sent_at(self, created_id: str) -> datetime | None:
        """When what has this id was asked for; None when no note knows."""
        ...


class DiskJournal:
    """One small file a create, below a folder of the user's.

    A create is not sent when its note cannot be written. Afterwards no failing disk may hide what was made or deleted.

    Args:
        folder: of the notes.
        place: of this run, such as the folder that it was started in.
    """

    def __init__(self, folder: Path, *, place: str = "") -> None:
        self._folder, self._place = folder, place

    def note(self, vendor: str, marker: Marker, now: datetime) -> None:
        """Write down that a create is about to be sent. On disk when this returns.

        Raises:
            UsageError: it cannot be written.
        """
        sent = now.astimezone(UTC).isoformat()
        note = Note(vendor=vendor, resource=marker.resource, nonce=marker.nonce, sent=sent, place=self._place)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self._path(marker), note)
        except OSError as error:
            raise self._unusable("written", error) from None

    def made(self, marker: Marker, created_id: str) -> None:
        """It made this."""
        path = self._path(marker)
        with contextlib.suppress(OSError):
            note = _read(path)
            if note is not None:
                _write(path, replace(note, created_id=created_id))

    def answered_for(self, created_id: str) -> None:
        """The engine has named it, so it is in a state."""
        with contextlib.suppress(OSError):
            for path, note in self._notes("*"):
                if note.created_id == created_id and not note.is_answered_for:
                    _write(path, replace(note, is_answered_for=True))

    def settle(self, marker: Marker) -> None:
        """Nothing of it is left to be unsure of."""
        with contextlib.suppress(OSError):
            self._path(marker).unlink(missing_ok=True)

    def forget(self, created_id: str) -> None:
        """What this note made was deleted, for certain."""
        with contextlib.suppress(OSError):
            for path, note in self._notes("*"):
                if note.created_id == created_id:
                    path.unlink(missing_ok=True)

    def open_notes(self, resource: str) -> list[Note]:
        """Creates of a resource whose end is not known, or whose object may not have reached the engine.

        Raises:
            UsageError: the folder cannot be read.
        """
        try:
            notes = [note for _, note in self._notes(resource)]
        except OSError as error:
            raise self._unusable("read", error) from None
        return [n if n.place in {"", self._place} else replace(n, is_answered_for=True) for n in notes]

    def sent_at(self, created_id: str) -> datetime | None:
        """When what has this id was asked for; None when no note knows."""
        with contextlib.suppress(OSError):
            return max((note.sent_at for _, note in self._notes("*") if note.created_id == created_id), default=None)
        return None

    def _notes(self, resource: str) -> list[tuple[Path, Note]]:
        paths = sorted(self._folder.glob(f"{resource}-*.json")) if self._folder.is_dir() else []
        return [(path, note) for path in paths if (note := _read(path)) is not None]

    def _path(self, marker: Marker) -> Path:
        return self._folder / f"{marker.resource}-{marker.nonce}.json"

    def _unusable(self, what: str, error: OSError) -> UsageError:
        return UsageError(
            f"the note on a create cannot be {what}, so nothing was created",
            details=f"where    {quote(str(self._folder))}\nbecause  {error.strerror or type(error).__name__}",
            resolution="Give the provider a folder of yours: `pulumi config set modelyard-rental:journalFolder PATH`.",
        )


def _write(path: Path, note: Note) -> None:
    """Whole or not at all: a torn note would say less than it knows."""
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(asdict(note), file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # else the name may be lost with the power, though the file is not
    finally:
        os.close(folder)


def _read(path: Path) -> Note | None:
    """A note; None when it is gone. A torn one counts as a create that was sent when the file was written."""
    try:
        stamp = path.stat().st_mtime
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # another process settled it meanwhile
        return None
    except PermissionError:  # of another user of this computer
        stamp, text = path.stat().st_mtime, ""
    try:
        note = Note(**json.loads(text))
        is_whole = note.sent_at.utcoffset() is not None
    except (ValueError, TypeError):
        note, is_whole = None, False
    if note is not None and is_whole:
        return note
    resource, _, nonce = path.stem.partition("-")
    return Note(vendor="", resource=resource, nonce=nonce, sent=datetime.fromtimestamp(stamp, UTC).isoformat())


class MemoryJournal:
    """Notes that live as long as the object: for previews of a lifecycle, and tests."""

    def __init__(self) -> None:
        self._notes: dict[str, Note] = {}

    def note(self, vendor: str, marker: Marker, now: datetime) -> None:
        """Remember a create that is about to be sent."""
        self._notes[marker.nonce] = Note(
            vendor=vendor, resource=marker.resource, nonce=marker.nonce, sent=now.astimezone(UTC).isoformat()
        )

    def made(self, marker: Marker, created_id: str) -> None:
        """It made this."""
        note = self._notes.get(marker.nonce)
        if note is not None:
            self._notes[marker.nonce] = replace(note, created_id=created_id)

    def answered_for(self, created_id: str) -> None:
        """The engine has named it, so it is in a state."""
        for nonce, note in self._notes.items():
            if note.created_id == created_id:
                self._notes[nonce] = replace(note, is_answered_for=True)

    def settle(self, marker: Marker) -> None:
        """Nothing of it is left to be unsure of."""
        self._notes.pop(marker.nonce, None)

    def forget(self, created_id: str) -> None:
        """What this note made was deleted, for certain."""
        self._notes = {nonce: note for nonce, note in self._notes.items() if note.created_id != created_id}

    def open_notes(self, resource: str) -> list[Note]:
        """Unsettled creates of a resource."""
        return [note for note in self._notes.values() if note.resource == resource]

    def sent_at(self, created_id: str) -> datetime | None:
        """When what has this id was asked for; None when no note knows."""
        return max((n.sent_at for n in self._notes.values() if n.created_id == created_id), default=None)
