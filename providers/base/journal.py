"""Creates that were sent and whose end is not known, on disk.

Markers make a lost machine findable. What they cannot say is that a create was sent a moment ago and does not show in
the vendor's list yet: a second run on the same computer would take that for "none". So a note is on disk before the
request leaves. It goes when nothing was made, or when what was made has been deleted.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

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
    """One small file a create, below a folder of the user's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, vendor: str, marker: Marker, now: datetime) -> None:
        """Write down that a create is about to be sent. On disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        note = Note(vendor=vendor, resource=marker.resource, nonce=marker.nonce, sent=now.astimezone(UTC).isoformat())
        _write(self._path(marker), note)

    def made(self, marker: Marker, created_id: str) -> None:
        """It made this."""
        path = self._path(marker)
        note = _read(path)
        if note is not None:
            _write(path, replace(note, created_id=created_id))

    def settle(self, marker: Marker) -> None:
        """Nothing of it is left to be unsure of."""
        self._path(marker).unlink(missing_ok=True)

    def forget(self, created_id: str) -> None:
        """What this note made was deleted, for certain."""
        for path in self._paths("*"):
            note = _read(path)
            if note is not None and note.created_id == created_id:
                path.unlink(missing_ok=True)

    def open_notes(self, resource: str) -> list[Note]:
        """Creates of a resource whose end is not known, or whose object may not have reached the engine."""
        return [note for path in self._paths(resource) if (note := _read(path)) is not None]

    def sent_at(self, created_id: str) -> datetime | None:
        """When what has this id was asked for; None when no note knows."""
        notes = [note for path in self._paths("*") if (note := _read(path)) is not None]
        return max((note.sent_at for note in notes if note.created_id == created_id), default=None)

    def _paths(self, resource: str) -> list[Path]:
        return sorted(self._folder.glob(f"{resource}-*.json")) if self._folder.is_dir() else []

    def _path(self, marker: Marker) -> Path:
        return self._folder / f"{marker.resource}-{marker.nonce}.json"


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
        text, stamp = path.read_text(encoding="utf-8", errors="replace"), path.stat().st_mtime
    except FileNotFoundError:  # another process settled it meanwhile
        return None
    try:
        return Note(**json.loads(text))
    except (ValueError, TypeError):
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
