"""Names of Apple's chips as people write them: ``M3 Ultra``, ``Apple M4 Max 128GB``, ``Mac Studio (M2 Ultra)``.

A chip that the catalog lacks is one all the same: for whether a model fits, its memory is all that counts.
"""

import re
from dataclasses import dataclass, replace

from modelyard.catalog.gpus import APPLE, Gpu, find_gpu, load_gpus
from modelyard.errors import UnknownNameError, UsageError, quote
from modelyard.units import GIB

_CHIP = re.compile(r"\bm(\d{1,2})(?:[ _-]*(pro|max|ultra))?\b", re.IGNORECASE)
_MEMORY = re.compile(r"(\d+) ?(?:gb|gib|g)\b", re.IGNORECASE)
_APPLE = re.compile(r"\bapple\b|\bmac(?:book|mini|studio)?\b|\bimac\b", re.IGNORECASE)
_OTHERS = re.compile(r"nvidia|tesla|quadro|geforce|amd|radeon|instinct|intel", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A chip, with its memory."""

    gpu: Gpu
    notes: tuple[str, ...]
    """What had to be assumed."""


def read_chip(name: str, memory_gib: float | None) -> Chip | None:
    """The Apple chip that ``name`` means, with its memory; None when it means none.

    Args:
        name: as written; may hold the memory.
        memory_gib: memory of the Mac, where it is given apart.

    Raises:
        UsageError: a chip that the catalog lacks, without its memory.
    """
    match = _CHIP.search(name)
    if match is None or _OTHERS.search(name):
        return None
    is_named = match[2] is not None or _APPLE.search(name) is not None
    if not is_named and (len(match[1]) > 1 or _MEMORY.sub("", name).strip().lower() != match[0].strip().lower()):
        return None  # a Tesla M40, say
    label = f"M{match[1]}" + (f"-{match[2].capitalize()}" if match[2] else "")
    written = _MEMORY.search(name)
    memory = memory_gib if memory_gib is not None else float(written[1]) if written else None
    try:
        known = find_gpu(label)
    except UnknownNameError:
        return _unlisted(label, name, memory)
    if memory is None:
        return Chip(gpu=known, notes=())
    gpu = replace(known, total_memory_bytes=round(memory * GIB), total_memory_estimated=False)
    if memory in known.memory_options_gb:
        return Chip(gpu=gpu, notes=())
    sold = ", ".join(str(size) for size in known.memory_options_gb)
    note = (
        f"{known.title} is sold with {sold} GB: {memory:g} is taken for the memory of the Mac, not for its wired limit"
    )
    return Chip(gpu=gpu, notes=(note,))


def is_memory_sure(gpu: Gpu) -> bool:
    """Whether the memory of a Mac was given, and is one that its chip is sold with."""
    sold = gpu.memory_options_gb
    return not gpu.total_memory_estimated and (not sold or gpu.total_memory_bytes / GIB in sold)


def _unlisted(label: str, name: str, memory_gib: float | None) -> Chip:
    if memory_gib is None:
        raise UsageError(
            f"the memory of {quote(name)} is not known",
            details=f"where    gpu\nallowed  {', '.join(gpu.name for gpu in load_gpus() if gpu.is_apple)}",
            resolution="give the memory of the Mac as well (--gpu-mem, or the column gpu_mem_gib)",
        )
    like = next(gpu for gpu in load_gpus() if gpu.vendor == APPLE)
    gpu = replace(
        like,
        name=label,
        title=f"Apple {label.replace('-', ' ')}",
        generation=label.split("-", maxsplit=1)[0].lower(),
        aliases=(),
        memory_mib=round(memory_gib * 1024),
        total_memory_bytes=round(memory_gib * GIB),
        total_memory_estimated=False,
        marketing_gb=round(memory_gib),
        memory_options_gb=(),
        memory_bandwidth_gb_s=None,
        notes="",
    )
    note = f"GPU {quote(name)} is not in the catalog: taken as Apple silicon with {memory_gib:g} GiB"
    return Chip(gpu=gpu, notes=(note,))
