"""Files are written whole or not at all."""

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
