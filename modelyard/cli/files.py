"""Files that commands write: whole or not at all."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from modelyard.errors import ModelyardError, UsageError, quote


def write_text(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Write a text file in one step: a reader sees the old content or the new, never a part.

    Raises:
        UsageError: it exists and may not be overwritten.
        ModelyardError: it cannot be written.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{quote(path)} exists", resolution="add --force to write over it")
    temporary = ""
    try:
        if path.is_symlink():
            path = path.resolve()
        if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
            path.write_text(text, encoding="utf-8")
            return
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else None
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(mode if mode is not None else 0o666 & ~_umask())
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise ModelyardError(f"cannot write {quote(path)}", details=f"because  {error.strerror or error}") from error


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    current = os.umask(0)
    os.umask(current)
    return current
