"""Precisions: what a parameter weighs, what accuracy it keeps, and which engine release has a kernel on which GPU.

``modelyard.fit.precision`` asks the kernels here; the arithmetic of a fit is in ``modelyard.fit.schemes``, and a test
holds the two together.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import CatalogError, UnknownNameError

LAST_PATCH = 10**6
"""Patch level of a release that does not say its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What a precision keeps of the 16-bit model's score on one set of tasks."""

    low: float
    """Percent; equal to ``high`` for a single figure."""
    high: float
    what: str
    """Model and tasks, or where the figure is from."""
    measured: bool
    """Whether somebody ran it; otherwise it is a rule of thumb."""
    source: Source
    as_of: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Kernel:
    """One way in which the releases of an engine run some precisions."""

    engine: str
    method: str
    """The engine's name of it."""
    serves: tuple[str, ...]
    """Names of precisions."""
    since: str = ""
    """First release that has it; empty: every one that was looked at."""
    before: str = ""
    """First release that no longer has it."""
    min_capability: str | None = None
    """Lowest CUDA compute capability that loads it; None: not on CUDA."""
    native_from: str | None = None
    """Compute capability from which arithmetic runs at the precision; below, weights are unpacked to 16 bits."""
    until: str | None = None
    """First compute capability that no longer has it."""
    amd: bool = False
    """Whether this row is about AMD."""
    amd_native: tuple[str, ...] = ()
    """Chips on which arithmetic runs at the precision; on the others weights are unpacked."""
    quant_method: str = ""
    """Only for checkpoints that declare this method; they use no other row of the precision."""
    plugin: str | None = None
    """Package that the engine needs besides itself."""
    notes: str = ""
    source: Source
    as_of: date


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionFacts:
    """One precision as checkpoints are published in."""

    name: str
    title: str
    family: str
    """``Scheme.family`` of ``modelyard.fit.schemes``."""
    spelling: str
    """A quantization name that means it."""
    bytes_per_param: float
    """Of a quantized linear layer, scales of groups or blocks included."""
    composition: str
    row_scale_bytes: int = 0
    """Bytes per output row on top."""
    group_size: int | None = None
    zero_point: bool | None = None
    kept: tuple[Kept, ...] = field(default_factory=tuple)
    notes: str = ""
    source: Source
    as_of: date

    @property
    def measured(self) -> tuple[Kept, ...]:
        """The figures that somebody ran."""
        return tuple(kept for kept in self.kept if kept.measured)


def capability(text: str) -> tuple[int, int]:
    """A compute capability such as ``8.9`` as numbers."""
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


def release(text: str) -> tuple[int, int, int]:
    """An engine release such as ``0.10.1`` as numbers; one without a patch level (``0.10``) stands for its last."""
    numbers = [int(part) for part in re.findall(r"\d+", text)[:3]]
    major, minor, patch = (*numbers, 0, 0)[:2] + ((numbers[2],) if len(numbers) == 3 else (LAST_PATCH,))
    return major, minor, patch


def load_precisions() -> tuple[PrecisionFacts, ...]:
    """Every precision, widest first.

    Raises:
        CatalogError: a row that cannot be trusted, or a name taken twice.
    """
    return _index()


def find_precision(name: str) -> PrecisionFacts:
    """The precision called ``name``.

    Raises:
        UnknownNameError: no such precision; names the nearest.
    """
    wanted = name.strip().lower()
    for facts in _index():
        if wanted in {facts.name, facts.spelling}:
            return facts
    raise UnknownNameError("precision", name, (p.name for p in _index()), see="docs/precision.md lists them all.")


@cache
def load_kernels() -> tuple[Kernel, ...]:
    """Every kernel, engine by engine.

    Raises:
        CatalogError: a row that cannot be trusted, or one that serves a precision that is not there.
    """
    file = "precision.toml"
    kernels = parse_rows(Kernel, read_toml(data_dir() / file).get("kernel", []), file=file, label="kernel")
    known = {facts.name for facts in _index()}
    for kernel in kernels:
        strange = sorted(set(kernel.serves) - known)
        if strange or (kernel.min_capability is None) is not kernel.amd:
            problem = f"serves {strange[0]}, which is no precision" if strange else "is either about CUDA or about AMD"
            raise CatalogError(f"kernel '{kernel.engine} {kernel.method}' {problem}", details=f"where    {file}")
    return kernels


@cache
def _index() -> tuple[PrecisionFacts, ...]:
    file = "precision.toml"
    rows = parse_rows(PrecisionFacts, read_toml(data_dir() / file).get("precision", []), file=file, label="precision")
    seen: set[str] = set()
    for facts in rows:
        if facts.name in seen:
            raise CatalogError(f"precision '{facts.name}' appears twice", details=f"where    {file}")
        seen.add(facts.name)
    return rows
