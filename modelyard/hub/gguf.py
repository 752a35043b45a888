"""Headers of GGUF files: key-value metadata and the table of tensors. The data that follows is never asked for.

The PyPI package ``gguf`` maps a whole file from disk and needs numpy, so the few types of the format are read here, in
ranges of ``CHUNK_BYTES``; the header's length is not written in the file, so the last range may reach past its end.
Format: ggml ``docs/gguf.md``; block sizes: ggml ``ggml-common.h``.
"""

import math
import struct
from dataclasses import dataclass

from modelyard.errors import UsageError, quote
from modelyard.hub.files import Files
from modelyard.hub.plausible import refuse_pointer
from modelyard.hub.tensors import Tensor

CHUNK_BYTES = 1 << 20
MOST_HEADER_BYTES = 256 << 20
MOST_ITEMS = 16 << 20
"""Entries of one list: the largest vocabularies have 0.3 million."""

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

BLOCKS = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
"""Type number → name, weights per block, bytes per block."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """What stands before the weights."""

    metadata: dict[str, object]
    """Long lists (the vocabulary) are kept as their length, under ``KEY#``."""
    tensors: tuple[Tensor, ...]


def read_header(files: Files, name: str) -> Header:
    """Read the header of a GGUF file.

    Raises:
        UsageError: no GGUF file, a version that is not known, or one that is cut short.
        ModelyardError: it cannot be read.
    """
    cursor = _Cursor(files, name)
    if cursor.take(4) != _MAGIC:
        refuse_pointer(files, name)
        raise cursor.refused("it does not begin with GGUF")
    version = cursor.number("I")
    if version not in {2, 3}:
        raise cursor.refused(f"it is GGUF version {version}; 2 and 3 are read")
    tensor_count, key_count = cursor.number("Q"), cursor.number("Q")
    if max(tensor_count, key_count) > MOST_ITEMS:
        raise cursor.refused(f"it would hold {tensor_count} tensors and {key_count} keys")
    metadata: dict[str, object] = {}
    for _ in range(key_count):
        key = cursor.text()
        value = cursor.value(cursor.number("I"))
        metadata[key] = value
        if isinstance(value, list):
            metadata[f"{key}#"] = len(value)  # pyright: ignore[reportUnknownArgumentType]  # a list of whatever
    return Header(metadata=metadata, tensors=tuple(_read_tensor(cursor) for _ in range(tensor_count)))


def _read_tensor(cursor: "_Cursor") -> Tensor:
    name = cursor.text()
    dimensions = cursor.number("I")
    if dimensions > 8:
        raise cursor.refused(f"tensor {quote(name)} has {dimensions} dimensions")
    shape = tuple(cursor.number("Q") for _ in range(dimensions))
    kind = cursor.number("I")
    cursor.take(8)  # where its data lie
    if kind not in BLOCKS:
        raise cursor.refused(f"tensor {quote(name)} is of type {kind}, which is not known")
    dtype, weights, size = BLOCKS[kind]
    # ggml writes the fastest dimension first; Hugging Face's order is the reverse
    return Tensor(name=name, dtype=dtype, shape=shape[::-1], size=math.prod(shape) // weights * size)


class _Cursor:
    """Reads forward through a file, fetching it in chunks."""

    def __init__(self, files: Files, name: str) -> None:
        self._files, self._name = files, name
        self._data, self._at, self._end = b"", 0, 0

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        if self._at + count > len(self._data):
            self._fetch(count)
        chunk = self._data[self._at : self._at + count]
        self._at += count
        return chunk

    def _fetch(self, count: int) -> None:
        left = self._data[self._at :]
        wanted = max(CHUNK_BYTES, count - len(left))
        if self._end + wanted > MOST_HEADER_BYTES:
            raise self.refused(f"its header is longer than {MOST_HEADER_BYTES:,} bytes")
        size = self._files.sizes().get(self._name)
        stop = self._end + wanted if size is None else min(size, self._end + wanted)
        more = self._files.read_range(self._name, self._end, stop)
        self._data, self._at, self._end = left + more, 0, self._end + len(more)
        if len(self._data) < count:
            raise self.refused(f"it ends within its header, after {self._end:,} bytes")

    def number(self, code: str) -> int:
        """A whole number of a struct type."""
        return int(struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0])

    def text(self) -> str:
        """A string."""
        length = self.number("Q")
        if length > MOST_HEADER_BYTES:
            raise self.refused(f"it holds a string of {length:,} bytes")
        return self.take(length).decode("utf-8", errors="replace")

    def value(self, kind: int) -> object:
        """A value of a metadata type."""
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise self.refused(f"it holds a value of type {kind}, which is not known")
        code = _SCALARS[kind]
        found: object = struct.unpack(f"<{code}", self.take(struct.calcsize(code)))[0]
        return found

    def _array(self) -> list[object]:
        kind, count = self.number("I"), self.number("Q")
        if count > MOST_ITEMS or kind == _ARRAY:
            raise self.refused(f"it holds a list of {count} values of type {kind}")
        if kind in _SCALARS:
            code = _SCALARS[kind]
            return list(struct.unpack(f"<{count}{code}", self.take(count * struct.calcsize(code))))
        return [self.value(kind) for _ in range(count)]

    def refused(self, why: str) -> UsageError:
        """The error for a file that cannot be read."""
        return UsageError(
            f"{quote(self._name)} of {quote(self._files.origin.hub_id)} is not a GGUF file that can be read",
            details=f"because  {why}",
            resolution="fetch the file again, or name another",
        )
