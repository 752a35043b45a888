"""Engine flags to start a fitting configuration with, each with its reason, and none without one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelyard.fit import Fit, FitRequest, Verdict, assess
from modelyard.fit.defaults import GRAPHS_BUDGETED, Flags, resolve_flags
from modelyard.plan.reach import Bound, reach, with_fp8_cache
from modelyard.units import GIB, format_tokens, gib

FEWEST_SEQS = 64
"""Requests are mostly shorter than the longest: cutting below this would make them wait for nothing."""
WORTH_BYTES = GIB // 4
"""Memory that is worth a flag."""
UTILIZATION = 0.95
LEFT_ALONE_BYTES = 2 * GIB
"""What must stay outside the engine's share for a higher one to be called safe."""
GAIN = 1.2


@dataclass(frozen=True, kw_only=True, slots=True)
class FlagAdvice:
    """One flag of vLLM."""

    flag: str
    value: str
    reason: str
    caveat: str = ""
    optional: bool = False
    """A choice with a price, not a recommendation."""

    @property
    def spelled(self) -> str:
        """As on the command line."""
        return f"{self.flag} {self.value}"


def recommend_flags(fit: Fit) -> tuple[FlagAdvice, ...]:
    """Flags for a configuration that fits: what it was computed for, then what gains memory where memory bounds it.

    Args:
        fit: an assessment; only of vLLM, and only where it fits, is anything recommended.
    """
    request = fit.request
    if fit.verdict is not Verdict.FITS or request.engine != "vllm":
        return ()
    flags = resolve_flags(request)
    wants_memory = reach(request, (request.concurrency,))[0].limited_by is Bound.MEMORY
    made = [*_split(request), *_context(request)]
    if wants_memory:
        made += [*_seqs(fit, flags), *_utilization(fit, flags), *_fp8_cache(fit)]
    return tuple(made)


def _split(request: FitRequest) -> Iterator[FlagAdvice]:
    gpus = f"{request.gpu_count}× {request.gpu.name}"
    if request.tensor_parallel_size > 1:
        size = str(request.tensor_parallel_size)
        yield FlagAdvice(flag="--tensor-parallel-size", value=size, reason=f"the split over {gpus} that was computed")
    if request.pipeline_parallel_size > 1:
        size = str(request.pipeline_parallel_size)
        yield FlagAdvice(flag="--pipeline-parallel-size", value=size, reason=f"the stages of {gpus}")


def _context(request: FitRequest) -> Iterator[FlagAdvice]:
    longest = request.model.max_position_embeddings
    if request.max_model_len == longest:
        return
    default = assess(replace(request, max_model_len=longest))
    length = format_tokens(longest)
    reason = f"left out, the engine takes the model's {length}"
    if default.verdict is Verdict.DOES_NOT_FIT:
        reason += ", and that does not start here"
    elif default.verdict is Verdict.TIGHT:
        reason += f", of which this holds {default.max_concurrency:.1f} at once"
    yield FlagAdvice(flag="--max-model-len", value=str(request.max_model_len), reason=reason)


def _seqs(fit: Fit, flags: Flags) -> Iterator[FlagAdvice]:
    request = fit.request
    wanted = FEWEST_SEQS
    while wanted < request.concurrency:
        wanted *= 2
    if request.max_num_seqs is not None or wanted >= flags.max_num_seqs:
        return
    tried = assess(replace(request, max_num_seqs=wanted))
    freed = tried.per_gpu.kv_cache - fit.per_gpu.kv_cache
    if tried.verdict is Verdict.FITS and freed >= WORTH_BYTES:
        reason = (
            f"frees {gib(freed):.2f} GiB per GPU for the KV cache: the default of {flags.max_num_seqs} is far more than"
            f" the {request.concurrency} asked for"
        )
        yield FlagAdvice(
            flag="--max-num-seqs", value=str(wanted), reason=reason, caveat="more requests than that wait in the queue"
        )


def _utilization(fit: Fit, flags: Flags) -> Iterator[FlagAdvice]:
    """Only where the engine counts its CUDA graphs inside and enough stays outside."""
    request, now = fit.request, flags.gpu_memory_utilization
    total = request.gpu.total_memory_bytes
    if request.gpu_memory_utilization is not None or request.kv_cache_memory_bytes is not None or now >= UTILIZATION:
        return
    if request.gpu.total_memory_estimated or request.gpu.form == "superchip" or flags.version < GRAPHS_BUDGETED:
        return
    left = round(total * (1 - UTILIZATION))
    tried = assess(replace(request, gpu_memory_utilization=UTILIZATION))
    freed = tried.per_gpu.kv_cache - fit.per_gpu.kv_cache
    if tried.verdict is Verdict.FITS and left >= LEFT_ALONE_BYTES and freed >= WORTH_BYTES:
        reason = f"frees {gib(freed):.2f} GiB per GPU and still leaves {gib(left):.2f} GiB alone"
        yield FlagAdvice(
            flag="--gpu-memory-utilization",
            value=f"{UTILIZATION:g}",
            reason=reason,
            caveat="only where nothing else uses the GPU",
        )


def _fp8_cache(fit: Fit) -> Iterator[FlagAdvice]:
    request = fit.request
    changed = with_fp8_cache(request)
    if changed is None:
        return
    tried = assess(changed)
    if tried.verdict is not Verdict.FITS or tried.max_concurrency < GAIN * fit.max_concurrency:
        return
    length = format_tokens(request.max_model_len)
    reason = f"holds {tried.max_concurrency:.1f} requests of {length} instead of {fit.max_concurrency:.1f}"
    yield FlagAdvice(
        flag="--kv-cache-dtype",
        value="fp8",
        reason=reason,
        caveat="can cost quality where the checkpoint brings no scales: compare answers on your task",
        optional=True,
    )
