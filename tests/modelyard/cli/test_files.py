"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from modelyard.cli.files import write_text
from modelyard.errors import ModelyardError, UsageError


def test_a_file_is_written_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    write_text(path, "one\n")
    write_text(path, "two\n")
    assert path.read_text(encoding="utf-8") == "two\n"
    assert [p.name for p in tmp_path.iterdir()] == ["f.yaml"]


def test_a_file_is_not_written_over_unless_allowed(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    write_text(path, "one\n", overwrite=False)
    with pytest.raises(UsageError, match="exists"):
        write_text(path, "two\n", overwrite=False)
    assert path.read_text(encoding="utf-8") == "one\n"


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelyardError, match="cannot write") as caught:
        write_text(tmp_path / "nowhere" / "f.yaml", "x")
    assert caught.value.details == "because  No such file or directory"
    assert list(tmp_path.iterdir()) == []


def test_a_link_stays_a_link_and_its_target_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("old", encoding="utf-8")
    target.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(target)
    write_text(link, "new")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_text(pipe, "hello")
        assert os.read(reader, 100) == b"hello"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_folder_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ModelyardError, match="cannot write"):
        write_text(tmp_path, "x")
