"""How engines that run on one machine are set up, and the verdict on layers that were placed."""

from dataclasses import dataclass

from modelyard.fit.constants import FITTED, whole
from modelyard.fit.engines.sizes import Sizes
from modelyard.fit.types import FitRequest, Verdict
from modelyard.units import GIB, MIB, format_tokens, gib

BAND = round(FITTED["placed_band_gib"] * GIB)
"""Bytes within which a verdict is ``tight``."""
KEPT_BY_MACOS = whole("kept_by_macos_gib") * GIB
"""What a raised wired limit should leave to macOS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One engine on one machine."""

    title: str
    parallel: int
    """Requests that share the context."""
    reserve: int
    """Bytes per GPU that stay free."""
    context_bytes: int
    """What the driver takes before anything is loaded."""
    usable: int
    """Bytes of one GPU that the engine may use; of a Mac, its wired limit."""
    newer_usable: int
    """The same by the default of newer releases of macOS."""
    usable_text: str
    """Arithmetic that comes to ``usable``; empty where it is all of the memory."""
    ubatch: int
    """Tokens of one forward pass."""
    compute_text: str
    """Arithmetic that comes to the compute buffer."""
    compute_note: tuple[tuple[str, str], ...]
    compute_source: str
    families: frozenset[str]
    """Schemes of weights that it reads."""
    formats: str
    """The same in words."""
    unknown: tuple[str, ...]
    offloads: bool = True
    """Whether layers that do not fit run on the CPU."""
    warns_above: float = 1.0
    """Share of ``usable`` above which the engine itself warns of the weights."""

    def warnings(self, weights: int) -> tuple[str, ...]:
        """What the engine says of the weights, where it says anything."""
        if self.warns_above >= 1 or weights <= self.warns_above * self.usable:
            return ()
        return (f"{self.title} warns of weights above {self.warns_above:.0%} of the wired limit: it can be slow",)


def judge_placed(
    request: FitRequest, setting: Setting, sizes: Sizes, *, placed: int, wanted: int, margin: int
) -> tuple[Verdict, tuple[str, ...]]:
    """The verdict on ``placed`` of ``wanted`` layers, with ``margin`` bytes to spare."""
    if sizes.family not in setting.families:
        why = f"{setting.title} does not read {request.quantization} weights: it reads {setting.formats}"
        return Verdict.DOES_NOT_FIT, (why,)
    verdict, reasons = _memory(request, setting, sizes, placed, wanted, margin)
    if verdict is not Verdict.DOES_NOT_FIT and request.concurrency > setting.parallel:
        many = "one request" if setting.parallel == 1 else f"{setting.parallel} requests"
        why = f"{setting.title} serves {many} at once, you asked for {request.concurrency}"
        return Verdict.TIGHT, (*reasons, why)
    return verdict, reasons


def _memory(
    request: FitRequest, setting: Setting, sizes: Sizes, placed: int, wanted: int, margin: int
) -> tuple[Verdict, tuple[str, ...]]:
    more = setting.newer_usable - setting.usable
    held = sizes.whole + sizes.compute
    if request.gpu.is_apple and held > request.gpu.total_memory_bytes:
        why = f"it takes {gib(held):.2f} GiB, and the Mac has {gib(request.gpu.total_memory_bytes):g}"
        return Verdict.DOES_NOT_FIT, (why,)
    if wanted == sizes.count and placed >= wanted and margin > BAND:
        return Verdict.FITS, ()
    if wanted == sizes.count and margin < BAND < margin + more:
        needed = _needed_mb(setting, margin)
        why = (
            f"fits with the wired limit of macOS 26 ({gib(setting.newer_usable):.2f} GiB), not safely with the default"
            f" before ({gib(setting.usable):.2f} GiB): sudo sysctl iogpu.wired_limit_mb={needed} makes sure"
        )
        return Verdict.TIGHT, (why,)
    if not setting.offloads:
        return _resident(request, setting, margin)
    return _layers(request, sizes, placed, wanted, margin)


def _resident(request: FitRequest, setting: Setting, margin: int) -> tuple[Verdict, tuple[str, ...]]:
    if margin >= -BAND:
        return Verdict.TIGHT, (
            f"{gib(abs(margin)):.2f} GiB {'to spare' if margin >= 0 else 'short'}: within the error",
        )
    needed = _needed_mb(setting, margin)
    why = f"needs {gib(-margin):.2f} GiB more than the wired limit of {gib(setting.usable):.2f} GiB"
    if needed * MIB <= request.gpu.total_memory_bytes - KEPT_BY_MACOS:
        why += f": sudo sysctl iogpu.wired_limit_mb={needed} raises it"
    return Verdict.DOES_NOT_FIT, (why,)


def _needed_mb(setting: Setting, margin: int) -> int:
    """The wired limit under which it would fit."""
    return -(-(setting.usable - margin + BAND) // MIB)


def _layers(
    request: FitRequest, sizes: Sizes, placed: int, wanted: int, margin: int
) -> tuple[Verdict, tuple[str, ...]]:
    whole, on_gpu = sizes.count, min(placed, wanted)
    if placed >= wanted == whole:
        return Verdict.TIGHT, (f"all layers fit with {gib(margin):.2f} GiB to spare: within the error",)
    if placed == 0:
        length = format_tokens(request.max_model_len)
        short = gib(-margin)
        return Verdict.DOES_NOT_FIT, (f"not one layer fits beside {length} of context: {short:.2f} GiB are missing",)
    if placed < wanted and request.gpu_layers is not None:
        why = f"{placed} of the {wanted} layers asked for fit: {gib(-margin):.2f} GiB are missing"
        return Verdict.DOES_NOT_FIT, (why,)
    weights, kv = sizes.on_gpu(on_gpu)
    behind = gib(sizes.whole - weights - kv)
    verb = "are asked for" if request.gpu_layers is not None else "fit"
    why = (
        f"{on_gpu} of {whole} layers {verb}: the rest takes {behind:.2f} GiB of main memory and runs on the CPU, slowly"
    )
    return Verdict.TIGHT, (why,)
