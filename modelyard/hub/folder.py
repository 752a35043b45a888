"""A model in a local folder, or a single GGUF file: the same ranged reads, from disk."""

from collections.abc import Mapping
from pathlib import Path

from modelyard.errors import ModelyardError, UsageError, quote
from modelyard.hub.files import SMALL_FILE_BYTES, Origin


class FolderFiles:
    """The files of one folder. Satisfies ``Files``."""

    def __init__(self, path: Path) -> None:
        """List a folder.

        Args:
            path: a folder, or one GGUF file in it.

        Raises:
            ModelyardError: it cannot be listed.
        """
        self._folder = path if path.is_dir() else path.parent
        try:
            found = [path] if path.is_file() else sorted(p for p in self._folder.iterdir() if p.is_file())
            self._sizes: dict[str, int | None] = {p.name: p.stat().st_size for p in found}
            self._sizes |= {str(p.relative_to(path)): p.stat().st_size for p in _around(path)}
        except OSError as error:
            raise ModelyardError(f"cannot list {quote(path)}", details=f"because  {error.strerror or error}") from error
        name = path.resolve().name if path.is_dir() else path.stem
        self.origin = Origin(hub_id=str(path), title=name.replace("-", " "), source=f"modelyard:folder/{name}")

    def sizes(self) -> Mapping[str, int | None]:
        """Size of every file in bytes."""
        return self._sizes

    def read(self, name: str) -> bytes:
        """The whole of a small file.

        Raises:
            UsageError: it is not small.
            ModelyardError: it cannot be read.
        """
        size = self._sizes.get(name) or 0
        if size > SMALL_FILE_BYTES:
            raise UsageError(f"{quote(name)} is too large to be what its name says", details=f"where    {size:,} bytes")
        return self.read_range(name, 0, size)

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes ``[start, stop)`` of a file, fewer where it ends before.

        Raises:
            ModelyardError: it cannot be read.
        """
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(start)
                return file.read(max(0, stop - start))
        except OSError as error:
            path = self._folder / name
            raise ModelyardError(f"cannot read {quote(path)}", details=f"because  {error.strerror or error}") from error


def _around(path: Path) -> list[Path]:
    """Files in folders within that tell what is wrong: a cache's copies of the model, downloads that were cut short."""
    if not path.is_dir():
        return []
    configs = (*path.glob("*/config.json"), *path.glob("snapshots/*/config.json"))
    return sorted(p for p in (*configs, *path.glob(".cache/huggingface/download/*.incomplete")) if p.is_file())
