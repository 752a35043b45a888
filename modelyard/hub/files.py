"""What a place that holds a model's files can do: list them, read a small one, read a range of a large one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Say = Callable[[str], None]
"""Told what the user should know although it goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Which model it is, and where its facts are from."""

    hub_id: str
    """Repository on the hub, else the folder: what the engine is told to load."""
    title: str
    source: str
    """Address with the commit in it; ``modelyard:folder/NAME`` for a folder."""
    license: str = "unknown"
    gated: str = "unknown"
    renamed_from: str | None = None
    """The name that was asked for, where the hub calls the model by another now."""


class Files(Protocol):
    """A model's files on the hub or in a folder."""

    @property
    def origin(self) -> Origin:
        """Which model it is."""
        ...

    def sizes(self) -> Mapping[str, int | None]:
        """Size of every file in bytes, by its path; None where it is not known."""
        ...

    def read(self, name: str) -> bytes:
        """The whole of a small file.

        Raises:
            ModelyardError: it cannot be read, or is not small.
        """
        ...

    def read_range(self, name: str, start: int, stop: int) -> bytes:
        """Bytes ``[start, stop)`` of a file, fewer where it ends before.

        Raises:
            ModelyardError: they cannot be read.
        """
        ...


SMALL_FILE_BYTES = 64 << 20
"""The largest file that is read whole: the index of a thousand-expert checkpoint has 30 MB."""
