"""One GPU's memory as a bar and a legend, for every surface that shows a fit."""

from dataclasses import dataclass

from modelyard.report.reader import Reader
from modelyard.report.style import Paint, bar
from modelyard.units import gib


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """How one GPU's memory is spent, in bytes."""

    total: int
    weights: int
    other: int
    """Activations, CUDA graphs and runtime."""
    kv_cache: int
    """Negative when it does not load."""
    reserve: int

    @property
    def used(self) -> int:
        """Everything but what is left alone on purpose."""
        return self.total - self.reserve

    @property
    def needed(self) -> int:
        """What has to be there before the first token of KV cache."""
        return self.weights + self.other


def read_memory(fit: Reader) -> Memory | None:
    """The memory of a document's fit section; None when it is not whole."""
    names = ("total", "weights", "activations", "cuda_graphs", "runtime", "kv_cache", "reserve")
    sizes = [fit.whole(f"per_gpu.{name}_bytes") for name in names]
    known = [size for size in sizes if size is not None]
    if len(known) != len(names):
        return None
    total, weights, activations, graphs, runtime, kv_cache, reserve = known
    return Memory(
        total=total, weights=weights, other=activations + graphs + runtime, kv_cache=kv_cache, reserve=reserve
    )


def headline(memory: Memory) -> str:
    """``128.6 of 139.8 GiB per GPU``."""
    if memory.kv_cache < 0:
        return f"needs {gib(memory.needed + memory.reserve):.1f} of {gib(memory.total):.1f} GiB per GPU"
    return f"{gib(memory.used):.1f} of {gib(memory.total):.1f} GiB per GPU"


def memory_bar(memory: Memory, *, width: int, paint: Paint) -> str:
    """The bar: weights, the rest of the engine, KV cache, and what is left alone."""
    parts = [("█", memory.weights), ("▓", memory.other), ("▒", max(memory.kv_cache, 0)), ("·", memory.reserve)]
    plain = bar(parts, width=width)
    styles = {"█": "blue", "▓": "magenta", "▒": "cyan", "·": "dim"}
    runs = [plain[plain.index(char) : plain.rindex(char) + 1] for char in styles if char in plain]
    return "".join(paint(styles[run[0]], run) for run in runs) if runs else plain


def legend(memory: Memory, *, paint: Paint) -> str:
    """What the bar's stretches are, in GiB."""
    kv_cache = f"KV cache {gib(memory.kv_cache):.1f}" if memory.kv_cache >= 0 else "no room for KV cache"
    shown = (
        ("blue", "█", f"weights {gib(memory.weights):.1f}"),
        ("magenta", "▓", f"engine {gib(memory.other):.1f}"),
        ("cyan", "▒", kv_cache),
        ("dim", "·", f"left alone {gib(memory.reserve):.1f}"),
    )
    return "   ".join(f"{paint(style, char)} {text}" for style, char, text in shown)
