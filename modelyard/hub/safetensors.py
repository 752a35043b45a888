"""Headers of safetensors files: eight bytes of length, then JSON that lists every tensor. Only these are read."""

import json
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

from modelyard.errors import UsageError, quote
from modelyard.hub.config import parse_config
from modelyard.hub.files import Files
from modelyard.hub.plausible import cut_short, missing_files, refuse_pointer
from modelyard.hub.tensors import Tensor

INDEX = "model.safetensors.index.json"
LENGTH_BYTES = 8
MOST_HEADER_BYTES = 100 << 20
"""The format's own limit."""
READERS = 8

_SHARD = re.compile(r"-(\d{5,})-of-(\d{5,})\.safetensors$")


def find_weight_files(files: Files) -> tuple[str, ...]:
    """The safetensors files that make up the model, sorted; empty when there are none.

    Raises:
        UsageError: an index or a file name speaks of files that are not there: a download or upload that was cut short.
    """
    names = sorted(n for n in files.sizes() if n.endswith(".safetensors") and "/" not in n)
    names = [n for n in names if not n.startswith("adapter_")]
    index = next((n for n in (INDEX, "consolidated.safetensors.index.json") if n in files.sizes()), None)
    if index is not None:
        wanted = _indexed(files, index)
        _require(files, wanted, names, said_by=index)
        return wanted
    for start in ("model", "consolidated", ""):
        chosen = [n for n in names if n.startswith(start)]
        if f"{start}.safetensors" in chosen:
            return (f"{start}.safetensors",)
        if chosen:
            _require(files, _counted(chosen), names, said_by=chosen[0])
            return tuple(chosen)
    return ()


def read_tensors(files: Files, names: Iterable[str]) -> tuple[Tensor, ...]:
    """Every tensor of the files ``names``, each once, by two ranged reads per file.

    Raises:
        UsageError: a file that is cut short, or no safetensors file.
        ModelyardError: it cannot be read.
    """
    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(partial(_read_header, files), names))
    return tuple({tensor.name: tensor for part in found for tensor in part}.values())


def _read_header(files: Files, name: str) -> list[Tensor]:
    start = files.read_range(name, 0, LENGTH_BYTES)
    length = int.from_bytes(start, "little")
    if len(start) < LENGTH_BYTES:
        raise cut_short(files, name, f"it has {len(start)} bytes")
    if not 2 <= length <= MOST_HEADER_BYTES:
        refuse_pointer(files, name)
        raise UsageError(
            f"{quote(name)} of {quote(files.origin.hub_id)} is not a safetensors file",
            details=f"because  its header would be {length:,} bytes long",
            resolution="an aborted download looks like this: fetch the file again",
        )
    header = files.read_range(name, LENGTH_BYTES, LENGTH_BYTES + length)
    if len(header) < length:
        raise cut_short(files, name, f"its header of {length:,} bytes ends after {len(header):,}")
    tensors = [_tensor(key, facts, name) for key, facts in _entries(header, name)]
    end = LENGTH_BYTES + length + sum(tensor.size for tensor in tensors)
    size = files.sizes().get(name)
    if size is not None and size < end:
        raise cut_short(files, name, f"it has {size:,} bytes, and its header lists {end:,}")
    return tensors


def _entries(header: bytes, name: str) -> list[tuple[str, Mapping[str, object]]]:
    try:
        raw: object = json.loads(header)
    except (ValueError, RecursionError):
        raw = None
    if not isinstance(raw, dict):
        raise UsageError(f"{quote(name)} is not a safetensors file", details="because  its header is not JSON")
    entries = cast("dict[str, object]", raw)
    return [
        (key, cast("Mapping[str, object]", facts))
        for key, facts in entries.items()
        if key != "__metadata__" and isinstance(facts, dict)
    ]


def _tensor(key: str, facts: Mapping[str, object], name: str) -> Tensor:
    dtype, shape, offsets = facts.get("dtype"), facts.get("shape"), facts.get("data_offsets")
    if isinstance(dtype, str) and _is_counts(shape) and _is_counts(offsets) and len(cast("list[int]", offsets)) == 2:
        start, stop = cast("list[int]", offsets)
        if start <= stop:
            return Tensor(name=key, dtype=dtype, shape=tuple(cast("list[int]", shape)), size=stop - start)
    raise UsageError(f"{quote(name)} is not a safetensors file", details=f"where    the header's entry {quote(key)}")


def _is_counts(value: object) -> bool:
    if not isinstance(value, list):
        return False
    return all(type(item) is int and item >= 0 for item in cast("list[object]", value))


def _indexed(files: Files, index: str) -> tuple[str, ...]:
    weight_map = parse_config(files.read(index), where=f"{index} of {quote(files.origin.hub_id)}").section("weight_map")
    names = {str(value) for value in weight_map.values()} if weight_map is not None else set[str]()
    if not names:
        raise UsageError(f"{index} of {quote(files.origin.hub_id)} lists no files", details=f"where    {index}")
    return tuple(sorted(names))


def _counted(names: list[str]) -> tuple[str, ...]:
    """All the files of a set, from the "-of-00030" in the name of one."""
    match = _SHARD.search(names[0])
    if match is None:
        return tuple(names)
    width, total = len(match[1]), int(match[2])
    stem = names[0][: match.start()]
    return tuple(f"{stem}-{number:0{width}d}-of-{match[2]}.safetensors" for number in range(1, min(total, 10_000) + 1))


def _require(files: Files, wanted: Iterable[str], there: Iterable[str], *, said_by: str) -> None:
    missing = sorted(set(wanted) - set(there))
    if missing:
        raise missing_files(files, missing, said_by=said_by)
