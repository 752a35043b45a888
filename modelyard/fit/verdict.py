"""The verdict and its reasons in words: fits, tight or does not fit (vram.md §3.3).

Percentages of a nearly full GPU explode, so bands are the larger of a share of the KV cache and an absolute size.
"""

from dataclasses import dataclass

from modelyard.fit.checkpoints import Precision
from modelyard.fit.constants import FITTED
from modelyard.fit.defaults import GRAPHS_BUDGETED, Flags
from modelyard.fit.engines import is_modelled, rules_of
from modelyard.fit.engines.base import spread_of
from modelyard.fit.kv_cache import Layout
from modelyard.fit.kv_dtype import KvDtype
from modelyard.fit.precision import Support, support_of
from modelyard.fit.runtime import Runtime
from modelyard.fit.types import FitRequest, Verdict
from modelyard.fit.uncertain import is_unknown
from modelyard.fit.weights import Weights, weigh_spread
from modelyard.units import GIB, format_tokens, gib

FITS_SHARE, FITS_BYTES = FITTED["fits_share"], round(FITTED["fits_gib"] * GIB)
REFUSED_SHARE, REFUSED_BYTES = FITTED["refused_share"], round(FITTED["refused_gib"] * GIB)

ESTIMATED_TOTAL_SHARE = FITTED["estimated_total_share"]
"""An estimated GPU total is up to this much too high."""
NODE_GPUS = 8
"""GPUs of the largest common machine."""
AMD_MOE_SHARE = FITTED["amd_moe_share"]
"""On MI300X some mixture-of-experts models load this much above their checkpoint (§1.4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A verdict with everything that was said on the way."""

    verdict: Verdict
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What there is, on the stage that governs."""

    runtime: Runtime
    layout: Layout
    dtype: KvDtype
    kv_bytes: int


def judge(request: FitRequest, precision: Precision, flags: Flags, measured: Measured) -> Judged:
    """Judge what was measured against what was asked."""
    layout = measured.layout
    support = support_of(request, precision)
    weights = weigh_spread(request.model, request.quantization, spread_of(request))
    unknown = (*weights.unknown, *layout.unknown, *_unknown(request))
    warnings = _warnings(request, precision, measured.dtype, support)
    if not support.ok:
        return Judged(verdict=Verdict.DOES_NOT_FIT, reasons=(support.why,), warnings=warnings, unknown=unknown)
    unsure = _unsure(request, weights)
    if request.model.encoder:
        verdict, reasons = _encoder(request, flags, measured.kv_bytes, unsure)
    else:
        verdict, reasons = _memory(request, flags, layout, measured.kv_bytes, unsure)
    if verdict is not Verdict.DOES_NOT_FIT:
        short = (
            *_start_reasons(request, flags, measured.runtime),
            *_limits(request, flags),
            *_essential(request, layout),
        )
        if short:
            verdict, reasons = Verdict.TIGHT, (*reasons, *short)
    return Judged(verdict=verdict, reasons=reasons, warnings=warnings, unknown=unknown)


def _memory(
    request: FitRequest, flags: Flags, layout: Layout, kv_bytes: int, unsure: int
) -> tuple[Verdict, tuple[str, ...]]:
    length = format_tokens(request.max_model_len)
    one = layout.bytes_for(1, request.max_model_len, flags.in_flight_tokens)
    if kv_bytes < one:
        refused = kv_bytes - one < -_lack_to_refuse(kv_bytes)
        if is_unknown(request.model):
            return _bounded(request, flags, one, kv_bytes)
        why = _short(length, one, kv_bytes, rules_of(request.engine).granted_by(request, flags))
        if refused:
            return Verdict.DOES_NOT_FIT, (why,)
        return Verdict.TIGHT, (f"{why}: too close to say whether it starts",)
    held = layout.blocks(kv_bytes) // layout.blocks_per_request(request.max_model_len, flags.in_flight_tokens)
    held *= request.data_parallel_size
    if held < request.concurrency:
        return Verdict.TIGHT, (f"starts, but holds {held} of {request.concurrency} requests at {length}",)
    margin = kv_bytes - one * -(-request.concurrency // request.data_parallel_size)
    unsure += _unsure_layout(request, one)
    if margin > _margin_to_fit(kv_bytes, unsure):
        return Verdict.FITS, ()
    asked = f"the {request.concurrency} requests" if request.concurrency > 1 else "one request"
    return Verdict.TIGHT, (f"holds {asked} at {length} with {gib(margin):.2f} GiB per GPU to spare: within the error",)


def _bounded(request: FitRequest, flags: Flags, one: int, kv_bytes: int) -> tuple[Verdict, tuple[str, ...]]:
    """An unknown architecture that its bound does not hold: only weights that do not load are certain."""
    length = format_tokens(request.max_model_len)
    if kv_bytes < -REFUSED_BYTES:
        why = _short(length, one, kv_bytes, rules_of(request.engine).granted_by(request, flags))
        return Verdict.DOES_NOT_FIT, (f"{why}; so it does not fit whatever its attention is",)
    left = f"{gib(max(0, kv_bytes)):.2f} GiB are left"
    need = f"one request of {length} needs at most {gib(one):.2f} GiB of KV cache per GPU, and {left}"
    return Verdict.TIGHT, (f"{need}: whether it starts depends on how it attends",)


def _encoder(request: FitRequest, flags: Flags, left: int, unsure: int) -> tuple[Verdict, tuple[str, ...]]:
    """Without a KV cache, what loads fits."""
    if left > FITS_BYTES + unsure:
        return Verdict.FITS, ()
    if left < -REFUSED_BYTES:
        return Verdict.DOES_NOT_FIT, (_short("", 0, left, rules_of(request.engine).granted_by(request, flags)),)
    return Verdict.TIGHT, (f"loads with {gib(left):.2f} GiB per GPU to spare: within the error",)


def _short(length: str, one: int, kv_bytes: int, granted_by: str) -> str:
    if kv_bytes <= 0:
        return (
            f"does not load: weights, activations and runtime need {gib(-kv_bytes):.2f} GiB per GPU more than"
            f" {granted_by}, before any KV cache"
        )
    return f"one request of {length} needs {gib(one):.2f} GiB of KV cache per GPU, {gib(kv_bytes):.2f} GiB are left"


def _start_reasons(request: FitRequest, flags: Flags, runtime: Runtime) -> tuple[str, ...]:
    """What may stop the start although the KV cache is enough."""
    if request.engine == "sglang":
        return _serving_reasons(request, flags, runtime)
    if request.engine in {"tensorrt-llm", "tgi"} or request.kv_cache_memory_bytes is not None:
        return ()
    outside = request.gpu.total_memory_bytes * (1 - flags.gpu_memory_utilization)
    gmu = f"gpu-memory-utilization {flags.gpu_memory_utilization:g} leaves {outside / GIB:.2f} GiB"
    if outside < runtime.context:
        return (f"{gmu}, and the CUDA context takes {gib(runtime.context):.2f} GiB: more is asked for than is free",)
    needed = runtime.context + runtime.cuda_graphs + runtime.warm_up
    if flags.version >= GRAPHS_BUDGETED or flags.is_v0 or outside >= needed:
        return ()
    why = (
        f"{gmu} for CUDA context, graphs and warm-up, which may take {needed / GIB:.2f} GiB on engine"
        f" {request.engine_version}: it may run out after allocating the KV cache"
    )
    return (why,)


def _serving_reasons(request: FitRequest, flags: Flags, runtime: Runtime) -> tuple[str, ...]:
    """SGLang does not profile: what the fraction leaves must hold activations and graphs."""
    outside = request.gpu.total_memory_bytes * (1 - flags.gpu_memory_utilization)
    needed = runtime.activations + runtime.cuda_graphs
    if outside >= needed:
        return ()
    why = (
        f"mem-fraction-static {flags.gpu_memory_utilization:g} leaves {outside / GIB:.2f} GiB for activations and"
        f" graphs, which may take {needed / GIB:.2f} GiB: it may run out while serving"
    )
    return (why,)


def _limits(request: FitRequest, flags: Flags) -> tuple[str, ...]:
    """What keeps the asked requests from running at once although memory would hold them."""
    if request.engine in {"sglang", "tgi"} or flags.max_num_seqs >= request.concurrency:
        return ()
    return (f"max-num-seqs {flags.max_num_seqs} keeps {request.concurrency} requests from running at once",)


def _essential(request: FitRequest, layout: Layout) -> tuple[str, ...]:
    """Unknowns that forbid a confident answer."""
    reasons: list[str] = []
    if is_unknown(request.model):
        reasons.append("its architecture is not known here: whether the engine serves it has to be tried")
    elif layout.unknown:
        reasons.append("the size of its KV cache is not known well enough to be sure")
    if not is_modelled(request.engine):
        reasons.append(f"memory rules of {request.engine} are not modelled: vLLM's were used")
    return tuple(reasons)


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """What separates ``tight`` from the other verdicts, in bytes."""

    fits: int
    """Margin beyond what was asked that ``fits`` needs."""
    refused: int
    """Lack of one request that ``does_not_fit`` needs."""
    unsure: int
    """What estimated facts add to the first."""


def tight_band(request: FitRequest, layout: Layout, kv_bytes: int, flags: Flags) -> Band:
    """The bands that a verdict on ``kv_bytes`` goes by."""
    weights = weigh_spread(request.model, request.quantization, spread_of(request))
    one = layout.bytes_for(1, request.max_model_len, flags.in_flight_tokens)
    unsure = _unsure(request, weights) + _unsure_layout(request, one)
    fits, refused = _margin_to_fit(kv_bytes, unsure), _lack_to_refuse(kv_bytes)
    return Band(fits=round(fits), refused=round(refused), unsure=unsure)


def _margin_to_fit(kv_bytes: int, unsure: int) -> float:
    return max(FITS_SHARE * kv_bytes, FITS_BYTES) + unsure


def _lack_to_refuse(kv_bytes: int) -> float:
    return max(REFUSED_SHARE * kv_bytes, REFUSED_BYTES)


def _unsure_layout(request: FitRequest, one: int) -> int:
    """Versions lay a compressed cache out differently, up to twice as large."""
    return one if request.model.compressed is not None else 0


def _unsure(request: FitRequest, weights: Weights) -> int:
    """Bytes by which facts that are only estimated may be off."""
    unsure = weights.unsure_bytes + rules_of(request.engine).unsure_share * request.gpu.total_memory_bytes
    unsure += ESTIMATED_TOTAL_SHARE * request.gpu.total_memory_bytes if request.gpu.total_memory_estimated else 0.0
    if _is_amd_moe(request):
        unsure += AMD_MOE_SHARE * weights.fullest.weights_bytes
    return round(unsure)


def _is_amd_moe(request: FitRequest) -> bool:
    return request.gpu.capability is None and request.model.moe is not None


def _unknown(request: FitRequest) -> tuple[str, ...]:
    notes: list[str] = []
    if request.gpu.total_memory_estimated:
        notes.append(
            f"memory of {request.gpu.title} as the engine sees it: taken as"
            f" {gib(request.gpu.total_memory_bytes):.2f} GiB (nvidia-smi), which is 1-4 % too high"
        )
    if _is_amd_moe(request):
        notes.append(
            "load size of mixture-of-experts models on AMD: taken as the checkpoint's, and up to a third more was seen"
        )
    if not is_modelled(request.engine):
        notes.append(f"memory rules of {request.engine}: taken as vLLM's")
    return (*notes, *rules_of(request.engine).unknown(request))


def _warnings(request: FitRequest, precision: Precision, dtype: KvDtype, support: Support) -> tuple[str, ...]:
    warnings: list[str] = []
    if precision.on_the_fly:
        warnings.append(
            f"no published {precision.quantization} checkpoint of {request.model.title} is known:"
            f" {f'{support.plugin} for vLLM' if support.plugin else 'vLLM'} quantizes"
            f" {precision.checkpoint.hub_id} while loading (--quantization {precision.engine_flag}); embeddings and"
            " output head stay 16-bit"
        )
    if support.kind in {"weight-only", "fp16", "fp32"}:
        warnings.append(support.why)
    if dtype.name.startswith("fp8") and request.kv_cache_dtype == "auto":
        warnings.append(f"{precision.checkpoint.hub_id} declares an fp8 KV cache, which auto follows")
    if request.model.linear_attention is not None and dtype.element_bytes == 1:
        warnings.append("an fp8 KV cache gains little here: blocks are as large as the linear-attention state")
    gpu, tp = request.gpu, request.tensor_parallel_size
    if tp > gpu.link_between:
        warnings.append(
            f"tensor parallelism over {tp} {gpu.name} crosses {'machines' if tp > NODE_GPUS else 'PCIe'}"
            + (f" (at most {gpu.link_between} share a fast link)" if gpu.link_between > 1 else "")
            + ": expect it to be markedly slower"
        )
    return tuple(warnings)
