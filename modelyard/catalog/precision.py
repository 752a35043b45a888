"""Precisions: what a parameter weighs, what accuracy it keeps, and which GPU generation has a kernel for it.

Facts for the documents, the advice and the checks; the arithmetic of a fit is in ``modelyard.fit.schemes`` and
``modelyard.fit.precision``, and a test holds the two together.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cache

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import CatalogError, UnknownNameError


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
    """One way in which vLLM runs a precision."""

    method: str
    """vLLM's name of it."""
    min_capability: str
    """Lowest CUDA compute capability that loads it."""
    native_from: str | None = None
    """Compute capability from which arithmetic runs at the precision; below, weights are unpacked to 16 bits."""
    until: str | None = None
    """First compute capability that no longer has it."""
    amd: bool = False
    plugin: str | None = None
    """Package that vLLM needs besides itself."""
    notes: str = ""


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
    kernel: tuple[Kernel, ...] = field(default_factory=tuple)
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
def _index() -> tuple[PrecisionFacts, ...]:
    file = "precision.toml"
    rows = parse_rows(PrecisionFacts, read_toml(data_dir() / file).get("precision", []), file=file, label="precision")
    seen: set[str] = set()
    for facts in rows:
        if facts.name in seen:
            raise CatalogError(f"precision '{facts.name}' appears twice", details=f"where    {file}")
        seen.add(facts.name)
    return rows
