"""How a model is named that is not in the catalog: a hub id, a hub address, a folder or a GGUF file."""

import re
from dataclasses import dataclass
from pathlib import Path

from modelyard.errors import UsageError, quote

ALLOWED = "ORG/NAME, ORG/NAME@REVISION, ORG/NAME:QUANTIZATION for GGUF, a folder, or a .gguf file"

_ADDRESS = re.compile(r"^(?:https?://huggingface\.co/|hf://)(?:models/)?")
_HUB_ID = re.compile(
    r"^(?P<repo>[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})"
    r"(?:@(?P<revision>\w[\w./-]{0,199}))?"
    r"(?::(?P<quantization>[A-Za-z0-9][\w.-]{0,39}))?$"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A repository on the hub."""

    repo: str
    """``ORG/NAME``."""
    revision: str | None = None
    """Branch, tag or commit; None: the default branch."""
    quantization: str | None = None
    """Which of several GGUF files."""


def is_hub_id(text: str) -> bool:
    """Whether ``text`` is a plain ``ORG/NAME``."""
    match = _HUB_ID.match(text)
    return match is not None and match["repo"] == text


def parse_reference(text: str) -> Reference:
    """Read ``ORG/NAME[@REVISION][:QUANTIZATION]`` or an address on huggingface.co.

    Raises:
        UsageError: neither.
    """
    wanted = _ADDRESS.sub("", text.strip()).strip("/")
    if wanted != text.strip():
        wanted = re.sub(r"/(?:tree|blob|resolve)/([^/]+).*$", r"@\1", wanted)
    match = _HUB_ID.match(wanted)
    if match is None or ".." in match["repo"] or "--" in match["repo"]:
        raise UsageError(f"{quote(text)} is not the name of a model on the hub", details=f"allowed  {ALLOWED}")
    return Reference(repo=match["repo"], revision=match["revision"], quantization=match["quantization"])


def find_local(text: str) -> Path | None:
    """The folder or GGUF file that ``text`` names; None when it names neither.

    Raises:
        UsageError: it can only be meant as a path, and nothing is there.
    """
    path = Path(text).expanduser()
    if path.is_dir() or (path.is_file() and path.suffix.lower() == ".gguf"):
        return path
    if text.startswith((".", "/", "~")) or text.lower().endswith(".gguf"):
        raise UsageError(
            f"no model at {quote(text)}",
            details="allowed  a folder with config.json and *.safetensors, a folder with *.gguf, or a .gguf file",
        )
    return None
