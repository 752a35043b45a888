"""How a model outside the catalog is named."""

from pathlib import Path

import pytest

from modelyard.errors import UsageError
from modelyard.hub.reference import Reference, find_local, parse_reference


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Qwen/Qwen3-8B", Reference(repo="Qwen/Qwen3-8B")),
        (" Qwen/Qwen3-8B ", Reference(repo="Qwen/Qwen3-8B")),
        ("o/m@v1.0", Reference(repo="o/m", revision="v1.0")),
        ("o/m@refs/pr/3", Reference(repo="o/m", revision="refs/pr/3")),
        ("o/m:Q4_K_M", Reference(repo="o/m", quantization="Q4_K_M")),
        ("o/m@main:Q8_0", Reference(repo="o/m", revision="main", quantization="Q8_0")),
        ("https://huggingface.co/o/m", Reference(repo="o/m")),
        ("https://huggingface.co/o/m/tree/v2", Reference(repo="o/m", revision="v2")),
        ("https://huggingface.co/o/m/blob/main/config.json", Reference(repo="o/m", revision="main")),
        ("hf://o/m", Reference(repo="o/m")),
    ],
)
def test_read(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["", "m", "https://example.org/o/m", "o/m@a b", "o\\m"])
def test_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not the name of a model on the hub") as caught:
        parse_reference(text)
    assert "ORG/NAME" in (caught.value.details or "")


def test_local(tmp_path: Path) -> None:
    file = tmp_path / "x.gguf"
    file.write_bytes(b"GGUF")
    assert find_local(str(tmp_path)) == tmp_path
    assert find_local(str(file)) == file
    assert find_local("org/model") is None


@pytest.mark.parametrize("text", ["./nothing", "/nothing/here", "nothing.gguf"])
def test_a_path_with_nothing_there(text: str) -> None:
    with pytest.raises(UsageError, match="no model at"):
        find_local(text)
