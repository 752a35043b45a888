"""Files that commands write: whole or not at all."""

import contextlib
import os
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
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink(missing_ok=True)
        raise ModelyardError(f"cannot write {quote(path)}", details=f"because  {error.strerror or error}") from error
