import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelyard.errors import UsageError
from providers.base.journal import DiskJournal, Journal, MemoryJournal
from providers.base.marker import Marker

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


_UNTIMED = b'{"vendor": "runpod", "resource": "r", "nonce": "n", "sent": "2026-11-21T12:00:00"}'


def marker(urn: str = "urn:a") -> Marker:
    return Marker.new(title="t", owner="o", urn=urn, spec={}, deadline=None)


@pytest.fixture(params=["disk", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return DiskJournal(tmp_path / "creates") if request.param == "disk" else MemoryJournal()


def test_a_note_stays_until_it_is_settled(journal: Journal) -> None:
    mine, other = marker(), marker("urn:b")
    journal.note("runpod", mine, NOW)
    journal.note("lambda", other, NOW)
    (note,) = journal.open_notes(mine.resource)
    assert (note.vendor, note.nonce, note.sent_at, note.created_id) == ("runpod", mine.nonce, NOW, None)
    journal.settle(mine)
    assert journal.open_notes(mine.resource) == []
    assert len(journal.open_notes(other.resource)) == 1


def test_what_was_made_stays_noted_until_it_is_deleted(journal: Journal) -> None:
    mine = marker()
    journal.note("runpod", mine, NOW)
    journal.made(mine, "pod-1")
    assert [note.created_id for note in journal.open_notes(mine.resource)] == ["pod-1"]
    journal.forget("pod-2")
    assert len(journal.open_notes(mine.resource)) == 1
    journal.forget("pod-1")
    assert journal.open_notes(mine.resource) == []


def test_every_attempt_has_a_note_of_its_own(journal: Journal) -> None:
    first = marker()
    second = first.again()
    journal.note("runpod", first, NOW)
    journal.note("runpod", second, NOW)
    assert {note.nonce for note in journal.open_notes(first.resource)} == {first.nonce, second.nonce}


def test_settling_and_finishing_what_was_never_noted_does_nothing(journal: Journal) -> None:
    journal.settle(marker())
    journal.made(marker(), "pod-1")
    journal.forget("pod-1")
    assert journal.open_notes(marker().resource) == []


def test_a_note_is_on_disk_before_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    sync = os.fsync

    def noting(handle: int) -> None:
        synced.append(os.fstat(handle).st_mode)
        sync(handle)

    monkeypatch.setattr(os, "fsync", noting)
    DiskJournal(tmp_path / "creates").note("runpod", marker(), NOW)
    kinds = ["folder" if mode & 0o40000 else "file" for mode in synced]
    assert kinds == ["file", "folder"]


def test_notes_are_for_their_owner_alone(tmp_path: Path) -> None:
    DiskJournal(tmp_path / "creates").note("runpod", marker(), NOW)
    assert (tmp_path / "creates").stat().st_mode & 0o77 == 0


@pytest.mark.parametrize(
    "content", [b"", b'{"vendor": "run', b"[]", b'{"vendor": "runpod"}', b"\xff\xfe\x00", _UNTIMED]
)
def test_a_torn_note_counts_as_a_create_of_its_time(tmp_path: Path, content: bytes) -> None:
    mine, journal = marker(), DiskJournal(tmp_path)
    journal.note("runpod", mine, NOW)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    (note,) = journal.open_notes(mine.resource)
    assert (note.vendor, note.resource, note.nonce) == ("", mine.resource, mine.nonce)
    assert abs(note.sent_at - NOW) < timedelta(seconds=1)
    journal.settle(mine)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_not_read(tmp_path: Path) -> None:
    mine = marker()
    (tmp_path / f"{mine.resource}-{mine.nonce}.123.tmp").write_text("{")
    assert DiskJournal(tmp_path).open_notes(mine.resource) == []


_WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from providers.base.journal import DiskJournal
from providers.base.marker import Marker

journal = DiskJournal(Path(sys.argv[1]))
for number in range(40):
    marker = Marker.new(title="t", owner="o", urn="urn:shared", spec={}, deadline=None)
    journal.note("runpod", marker, datetime.now(UTC))
    journal.open_notes(marker.resource)
    journal.made(marker, f"{sys.argv[2]}-{number}")
    if number % 2:
        journal.forget(f"{sys.argv[2]}-{number}")
"""


def test_processes_share_a_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WRITER, str(tmp_path)]
    running = [subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in ("a", "b", "c")]
    assert [process.communicate()[1] for process in running] == ["", "", ""]
    left = DiskJournal(tmp_path).open_notes(marker("urn:shared").resource)
    assert {note.created_id for note in left} == {f"{name}-{n}" for name in "abc" for n in range(0, 40, 2)}


def test_what_is_in_a_state_was_left_by_nobody(journal: Journal) -> None:
    mine = marker()
    journal.note("runpod", mine, NOW)
    journal.answered_for("pod-1")
    journal.made(mine, "pod-1")
    assert [note.is_answered_for for note in journal.open_notes(mine.resource)] == [False]
    journal.answered_for("pod-1")
    assert [note.is_answered_for for note in journal.open_notes(mine.resource)] == [True]
    assert journal.sent_at("pod-1") == NOW


def test_a_stack_of_the_same_name_in_another_folder_answers_for_its_own(tmp_path: Path) -> None:
    mine = marker()
    DiskJournal(tmp_path, place="/here").note("runpod", mine, NOW)
    assert [n.is_answered_for for n in DiskJournal(tmp_path, place="/here").open_notes(mine.resource)] == [False]
    assert [n.is_answered_for for n in DiskJournal(tmp_path, place="/there").open_notes(mine.resource)] == [True]


def test_without_a_note_nothing_is_sent(tmp_path: Path) -> None:
    (tmp_path / "creates").write_text("a file where the folder should be")
    with pytest.raises(UsageError, match="nothing was created") as caught:
        DiskJournal(tmp_path / "creates").note("runpod", marker(), NOW)
    assert "journalFolder" in str(caught.value)


def test_a_failing_disk_hides_neither_what_was_made_nor_what_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device", handle)

    mine, journal = marker(), DiskJournal(tmp_path)
    journal.note("runpod", mine, NOW)
    monkeypatch.setattr(os, "fsync", full)
    journal.made(mine, "pod-1")
    journal.answered_for("pod-1")
    journal.forget("pod-1")
    with pytest.raises(UsageError, match="No space left"):
        journal.note("runpod", marker("urn:b"), NOW)
