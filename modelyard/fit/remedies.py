"""What would make it fit: every single change that helps, tried out, with its effect and the verdict it leads to.

Cheapest first: flags that cost nothing, then changes that cost quality or speed, then more or other hardware. Each
remedy is re-assessed whole, so its effect is a difference of two fits and never a rule of thumb.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from modelyard.catalog.gpus import Gpu
from modelyard.errors import UsageError
from modelyard.fit.assess import assess
from modelyard.fit.checkpoints import ON_THE_FLY, resolve_precision
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.engines import LOCAL, SERVERS
from modelyard.fit.engines.apple import wired_limit
from modelyard.fit.engines.placed import KEPT_BY_MACOS
from modelyard.fit.kv_dtype import supports_fp8_cache
from modelyard.fit.parallelism import check_parallelism
from modelyard.fit.precision import support_of
from modelyard.fit.schemes import find_scheme
from modelyard.fit.types import Fit, FitRequest, Remedy, Verdict
from modelyard.fit.weights import file_layers, weigh
from modelyard.units import GIB, MIB, format_tokens, gib

SEQS = (512, 256, 128, 64, 32, 16)
FEW_SEQS = 64
"""Requests in flight that the free flags, taken together, are not cut below."""
BATCHED_TOKENS = (8192, 4096, 2048)
UTILIZATIONS_UP = (0.92, 0.94, 0.95)
UTILIZATIONS_DOWN = (0.94, 0.92, 0.9, 0.88, 0.85)
SIZES = (2, 4, 8, 16, 32)
MAX_NODE_GPUS = 8
CONTEXT_STEP = 1024
WORTH_BYTES = GIB // 4
"""A change that frees less and betters no verdict is not worth naming."""
OTHER_GPUS = 3
GGUF_PRESETS = ("q8_0", "q6_k", "q5_k_m", "q4_k_m", "q3_k_m")
"""Presets to try with engines that read GGUF files, the most exact first."""
MLX_FORMATS = ("mlx-8bit", "mlx-6bit", "mlx-4bit")
"""The same with MLX."""

_RANK = {Verdict.DOES_NOT_FIT: 0, Verdict.TIGHT: 1, Verdict.FITS: 2}


def find_remedies(fit: Fit, *, gpus: Sequence[Gpu] = ()) -> tuple[Remedy, ...]:
    """Single changes that would make ``fit`` fit, or fit better; none when it fits already.

    Args:
        fit: an assessment.
        gpus: GPUs that may be proposed instead.
    """
    if fit.verdict is Verdict.FITS or (fit.bounds is not None and fit.verdict is Verdict.TIGHT):
        return ()  # no change makes an unknown architecture certain
    has_flags = fit.request.engine not in SERVERS or fit.request.engine == "vllm"  # those of others are not modelled
    flags = (_fewer_seqs(fit), _smaller_batches(fit), _utilization(fit), _all_flags(fit)) if has_flags else ()
    eager = (_eager(fit),) if has_flags else ()
    tiers = (
        flags,
        (_fp8_cache(fit), _shorter_context(fit), *eager, _quantizations(fit)),
        (_wired_limit(fit.request), _more_gpus(fit), *_other_gpus(fit, gpus)),
    )
    remedies: list[Remedy] = []
    for tier in tiers:
        found = [remedy for remedy in (_best(fit, ladder) for ladder in tier) if remedy is not None]
        if any(remedy.verdict is Verdict.FITS and remedy.kind != "flags" for remedy in found):
            found = [remedy for remedy in found if remedy.kind != "flags"]  # one flag is enough
        remedies += sorted(found, key=lambda remedy: -_RANK[remedy.verdict])
    useful = [remedy for remedy in remedies if remedy.verdict is not Verdict.DOES_NOT_FIT]
    return tuple(useful or remedies)


Step = tuple[str, str, FitRequest]
"""Kind, change in words, and the request with the change made."""


def _best(fit: Fit, ladder: Iterable[Step]) -> Remedy | None:
    """The first step that fits, else the one that helps most; None when no step helps."""
    best: tuple[Step, Fit] | None = None
    for step in ladder:
        try:
            tried = assess(step[2])
        except UsageError:
            continue  # this engine, model or GPU refuses the change
        if not _helps(fit, tried):
            continue
        if best is None or _order(tried) > _order(best[1]):
            best = (step, tried)
        if tried.verdict is Verdict.FITS or (tried.bounds is not None and tried.verdict is Verdict.TIGHT):
            break
    if best is None:
        return None
    (kind, change, request), tried = best
    return Remedy(kind=kind, change=change, effect=_effect(fit, tried), verdict=tried.verdict, request=request)


def _order(fit: Fit) -> tuple[int, int]:
    return _RANK[fit.verdict], fit.margin_bytes


def _helps(before: Fit, after: Fit) -> bool:
    gained = _RANK[after.verdict] - _RANK[before.verdict]
    return gained > 0 or (gained == 0 and after.margin_bytes - before.margin_bytes >= WORTH_BYTES)


def _effect(before: Fit, after: Fit) -> str:
    if after.gpu_layers is not None and before.gpu_layers != after.gpu_layers:
        return f"{after.gpu_layers} layers on the GPUs instead of {before.gpu_layers}"
    freed = after.per_gpu.kv_cache - before.per_gpu.kv_cache
    parts: list[str] = []
    if abs(freed) >= GIB // 100:
        parts.append(f"{'frees' if freed > 0 else 'takes'} {gib(abs(freed)):.2f} GiB per GPU")
    if after.kv_bytes_per_token != before.kv_bytes_per_token:
        parts.append(f"{after.kv_bytes_per_token:,} instead of {before.kv_bytes_per_token:,} bytes of KV per token")
    length = format_tokens(after.request.max_model_len)
    held = int(after.max_concurrency)
    if after.verdict is Verdict.TIGHT and not held:
        parts.append(f"leaves {gib(after.per_gpu.kv_cache):.2f} GiB of KV cache, about one request at {length}")
    elif after.verdict is Verdict.DOES_NOT_FIT:
        parts.append(f"still {gib(-after.margin_bytes):.2f} GiB short")
    else:
        parts.append(f"holds {held:,} request{'s' if held != 1 else ''} at {length}")
    return "; ".join(parts)


def _fewer_seqs(fit: Fit) -> Iterator[Step]:
    request, now = fit.request, resolve_flags(fit.request).max_num_seqs
    for seqs in SEQS:
        if request.concurrency <= seqs < now:
            yield "max_num_seqs", f"max-num-seqs {now} → {seqs}", replace(request, max_num_seqs=seqs)


def _smaller_batches(fit: Fit) -> Iterator[Step]:
    now = resolve_flags(fit.request).max_num_batched_tokens
    for tokens in BATCHED_TOKENS:
        if tokens < now:
            change = f"max-num-batched-tokens {now} → {tokens}"
            yield "max_num_batched_tokens", change, replace(fit.request, max_num_batched_tokens=tokens)


def _utilization(fit: Fit) -> Iterator[Step]:
    now = resolve_flags(fit.request).gpu_memory_utilization
    for gmu in (*(u for u in UTILIZATIONS_UP if u > now), *(u for u in UTILIZATIONS_DOWN if u < now)):
        change = f"gpu-memory-utilization {now:g} → {gmu:g}"
        yield "gpu_memory_utilization", change, replace(fit.request, gpu_memory_utilization=gmu)


def _all_flags(fit: Fit) -> Iterator[Step]:
    """The free flags together, as far as they go."""
    request, now = fit.request, resolve_flags(fit.request)
    seqs = min(now.max_num_seqs, max(FEW_SEQS, request.concurrency))
    tokens = min(now.max_num_batched_tokens, BATCHED_TOKENS[-1])
    gmu = max(now.gpu_memory_utilization, UTILIZATIONS_UP[-1])
    changes = [
        text
        for text, changed in (
            (f"max-num-seqs {now.max_num_seqs} → {seqs}", seqs != now.max_num_seqs),
            (f"max-num-batched-tokens {now.max_num_batched_tokens} → {tokens}", tokens != now.max_num_batched_tokens),
            (f"gpu-memory-utilization {now.gpu_memory_utilization:g} → {gmu:g}", gmu != now.gpu_memory_utilization),
        )
        if changed
    ]
    if len(changes) > 1:
        changed = replace(request, max_num_seqs=seqs, max_num_batched_tokens=tokens, gpu_memory_utilization=gmu)
        yield "flags", ", ".join(changes), changed


def _fp8_cache(fit: Fit) -> Iterator[Step]:
    if fit.request.engine in LOCAL:
        if fit.request.kv_cache_dtype == "auto":
            yield "kv_cache_dtype", "KV cache f16 → q8_0", replace(fit.request, kv_cache_dtype="q8_0")
        return
    if fit.request.kv_cache_dtype in {"auto", "bfloat16", "float16"} and supports_fp8_cache(fit.request.gpu):
        change = f"kv-cache-dtype {fit.request.kv_cache_dtype} → fp8"
        yield "kv_cache_dtype", change, replace(fit.request, kv_cache_dtype="fp8")


def _eager(fit: Fit) -> Iterator[Step]:
    if not fit.request.enforce_eager:
        yield "enforce_eager", "enforce-eager (no CUDA graphs: slower)", replace(fit.request, enforce_eager=True)


def _shorter_context(fit: Fit) -> Iterator[Step]:
    """The longest context, in whole 1,024 tokens, that fits; else the longest that starts."""
    request = fit.request
    for wanted in (Verdict.FITS, Verdict.TIGHT):
        length = longest_context(request, wanted)
        if length is not None and length < request.max_model_len:
            change = f"max-model-len {format_tokens(request.max_model_len)} → {format_tokens(length)}"
            yield "max_model_len", change, replace(request, max_model_len=length)


def longest_context(request: FitRequest, wanted: Verdict = Verdict.FITS) -> int | None:
    """The longest context, a multiple of 1,024, at which ``request`` is at least ``wanted``; None when none is."""

    def good(steps: int) -> bool:
        tried = assess(replace(request, max_model_len=steps * CONTEXT_STEP))
        return _RANK[tried.verdict] >= _RANK[wanted]

    low, high = 0, request.model.max_position_embeddings // CONTEXT_STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if good(middle) else (low, middle - 1)
    return low * CONTEXT_STEP if low else None


def _quantizations(fit: Fit) -> Iterator[Step]:
    """Lighter precisions, heaviest (and so most faithful) first."""
    request, model = fit.request, fit.request.model
    if request.engine in LOCAL:
        size = sum(file_layers(model, request.quantization).layers)
        for name in MLX_FORMATS if request.engine == "mlx" else GGUF_PRESETS:
            if sum(file_layers(model, name).layers) < size:
                change = f"quantization {request.quantization} → {name}"
                yield "quantization", change, replace(request, quantization=name)
        return
    tp, pp = request.tensor_parallel_size, request.pipeline_parallel_size
    native = find_scheme(model.native_quantization)
    made = ("fp8",) if native is not None and native.family == "bf16" and "fp8" in ON_THE_FLY else ()
    names = {resolve_precision(model, name).quantization for name in (*model.quantizations, *made)}
    sizes = {name: weigh(model, name, tp, pp).fullest.weights_bytes for name in names}
    now = fit.per_gpu.weights
    for name in sorted(sizes, key=lambda n: (-sizes[n], n)):
        changed = replace(request, quantization=name)
        support = support_of(changed, resolve_precision(model, name))
        if sizes[name] < now and support.ok and support.plugin is None:
            yield "quantization", f"quantization {request.quantization} → {name}", changed


def _more_gpus(fit: Fit) -> Iterator[Step]:
    request = fit.request
    if request.gpu.is_apple:
        yield from _more_memory(request)
        return
    tp, pp = request.tensor_parallel_size, request.pipeline_parallel_size
    for size in SIZES:
        if tp < size <= MAX_NODE_GPUS and (
            request.engine in LOCAL
            or check_parallelism(request.model, size, pp, quantization=request.quantization) is None
        ):
            change = f"{'GPUs' if request.engine in LOCAL else 'tensor-parallel-size'} {tp} → {size}"
            yield "tensor_parallel_size", change, replace(request, tensor_parallel_size=size)
    if tp >= MAX_NODE_GPUS:
        for stages in SIZES[:2]:
            if stages > pp:
                change = f"pipeline-parallel-size {pp} → {stages}"
                yield "pipeline_parallel_size", change, replace(request, pipeline_parallel_size=stages)


def _wired_limit(request: FitRequest) -> Iterator[Step]:
    """A Mac's GPU may keep all but what macOS needs."""
    memory = request.gpu.total_memory_bytes
    most = memory - KEPT_BY_MACOS
    if request.gpu.is_apple and most > wired_limit(request).newer_bytes:
        changed = replace(request, wired_limit_bytes=most)
        yield "wired_limit", f"sudo sysctl iogpu.wired_limit_mb={most // MIB}", changed


def _more_memory(request: FitRequest) -> Iterator[Step]:
    """The same chip with more memory: a Mac has one GPU."""
    now = request.gpu.total_memory_bytes
    for size in request.gpu.memory_options_gb:
        if size * GIB > now:
            gpu = replace(request.gpu, total_memory_bytes=size * GIB, total_memory_estimated=False)
            yield "memory", f"memory {now / GIB:g} GB → {size} GB", replace(request, gpu=gpu, wired_limit_bytes=None)


def _other_gpus(fit: Fit, gpus: Sequence[Gpu]) -> Iterator[Iterator[Step]]:
    """Up to three larger GPUs that fit in the same number, smallest first."""
    request = fit.request
    alike = (gpu for gpu in gpus if gpu.is_apple == request.gpu.is_apple)
    larger = [gpu for gpu in alike if gpu.total_memory_bytes > request.gpu.total_memory_bytes]
    found = 0
    for gpu in sorted(larger, key=lambda g: (g.total_memory_bytes, g.name)):
        changed = replace(request, gpu=gpu)
        try:
            fits = assess(changed).verdict is Verdict.FITS
        except UsageError:
            continue
        if fits:
            found += 1
            count = request.gpu_count
            yield iter([("gpu", f"{count}× {request.gpu.name} → {count}× {gpu.name}", changed)])
        if found == OTHER_GPUS:
            return
