"""GPUs: memory as the engine sees it, compute capability, and how they are linked; Apple's chips among them."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import CatalogError, UnknownNameError

APPLE = "apple"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """One GPU product; form factor and memory are part of its name."""

    name: str
    title: str
    vendor: str
    generation: str
    form: str
    aliases: tuple[str, ...]
    memory_mib: int
    """nvidia-smi total."""
    total_memory_bytes: int
    """What NVML and torch report to the engine as total: the base of gpu-memory-utilization."""
    marketing_gb: int
    compute_capability: str
    link: str
    link_between: int
    """The largest number of GPUs of one node on the fast link; 1: none."""
    precisions: tuple[str, ...]
    """Weight precisions that the engine can serve on it."""
    fp8_kernel: str
    source: Source
    as_of: date
    total_memory_estimated: bool = False
    """No total as the engine sees it was published: the nvidia-smi figure stands in."""
    memory_bandwidth_gb_s: float | None = None
    bf16_dense_tflops: float | None = None
    fp8_dense_tflops: float | None = None
    fp4_dense_tflops: float | None = None
    memory_options_gb: tuple[int, ...] = ()
    """Memory sizes that a chip with unified memory is sold with, in binary GB; the row has the largest."""
    notes: str = ""

    @property
    def is_apple(self) -> bool:
        """Apple silicon: CPU and GPU share the memory, nobody rents it by the GPU, and few engines run there."""
        return self.vendor == APPLE

    @property
    def capability(self) -> tuple[int, int] | None:
        """CUDA compute capability as numbers; None on AMD and Apple."""
        match = re.fullmatch(r"(\d+)\.(\d+)", self.compute_capability)
        return (int(match[1]), int(match[2])) if match else None


def load_gpus() -> tuple[Gpu, ...]:
    """Every GPU of the catalog.

    Raises:
        CatalogError: a row that cannot be trusted, or a name taken twice.
    """
    return _index()[0]


def load_server_gpus() -> tuple[Gpu, ...]:
    """Those of machines that can be rented or racked: all but Apple's.

    Raises:
        CatalogError: a row that cannot be trusted, or a name taken twice.
    """
    return tuple(gpu for gpu in load_gpus() if not gpu.is_apple)


def find_gpu(name: str) -> Gpu:
    """The GPU called ``name``: catalog name or alias; case, spaces, dashes and a vendor prefix do not matter.

    Raises:
        UnknownNameError: no such GPU; names the nearest.
    """
    gpus, by_name = _index()
    found = by_name.get(gpu_key(name))
    if found is None:
        raise UnknownNameError("GPU", name, (g.name for g in gpus), see="`modelyard gpus` lists them all.")
    return found


def gpu_key(name: str) -> str:
    """A GPU name with everything that people write differently taken out."""
    bare = re.sub(r"^(nvidia|amd|apple)\s+(geforce\s+|instinct\s+)?", "", name.strip().lower())
    return re.sub(r"[^a-z0-9]", "", bare)


@cache
def _index() -> tuple[tuple[Gpu, ...], dict[str, Gpu]]:
    path = data_dir() / "gpus.toml"
    gpus = parse_rows(Gpu, read_toml(path).get("gpu", []), file="gpus.toml", label="GPU")
    by_name: dict[str, Gpu] = {}
    for gpu in gpus:
        for key in {gpu_key(k) for k in (gpu.name, gpu.title, *gpu.aliases)}:
            if by_name.setdefault(key, gpu) is not gpu:
                raise CatalogError(f"'{key}' names two GPUs: {by_name[key].name} and {gpu.name}")
    return gpus, by_name
