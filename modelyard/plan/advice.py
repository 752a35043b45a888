"""Advice that pays: every single change that makes a model fit, with what it does to the price of an hour.

A change of flags runs on the same machine, so it is free whatever the machine costs. A change of hardware is the
difference of two offers of the dated snapshot: the cheapest machine on demand that modelyard can rent in the secure
tier, before and after. Where either is not on sale there is no difference, and the advice says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache

from modelyard.catalog.engines import find_engine
from modelyard.catalog.gpus import Gpu
from modelyard.catalog.precision import Kept
from modelyard.errors import UsageError
from modelyard.fit import (
    Fit,
    FitRequest,
    Remedy,
    Support,
    Verdict,
    assess,
    check_parallelism,
    find_remedies,
    precision_support,
)
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.engines import LOCAL
from modelyard.fit.weights import weigh
from modelyard.offers import Offer, load_offers
from modelyard.plan.accuracy import accuracy_kept, accuracy_words
from modelyard.spec import Trust
from modelyard.units import format_tokens, gib

MACHINES = 3
"""Other machines that are named: the cheapest, each with another GPU."""
COUNTS = range(1, 9)
"""GPUs of one machine."""
FREE = Decimal("0.00")
SLOWER = 0.9
"""Below this share of the memory bandwidth, which bounds how fast tokens come, a machine is called slower."""

_CAVEATS = {
    "max_num_seqs": "more requests than that wait in the queue",
    "max_num_batched_tokens": "long prompts are read in smaller steps: the first token comes later",
    "flags": "more requests wait, long prompts are read in smaller steps, and nothing else may use the GPU",
    "kv_cache_dtype": "can cost quality where the checkpoint brings no scales: compare answers on your task",
    "max_model_len": "longer requests are refused",
    "pipeline_parallel_size": "every token passes the stages one after the other: slower for a single request",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """One change, what it does to memory and to money, and what it costs otherwise."""

    kind: str
    """``Remedy.kind``, or ``machine``."""
    change: str
    effect: str
    verdict: Verdict
    """After the change."""
    usd_per_hour_delta: Decimal | None
    """Dollars an hour more, negative when it saves; None: not priced. 0 only where the machine stays the same."""
    from_offer: Offer | None
    """The cheapest offer of what was asked; None: not on sale in the snapshot."""
    to_offer: Offer | None
    caveat: str
    """What it costs besides money; empty when nothing is known of."""
    accuracy: Kept | None
    """For a change of precision, what the new one keeps."""
    request: FitRequest
    moves: bool = False
    """Whether it needs other GPUs than those that were asked for."""


def advise(fit: Fit, *, gpus: Sequence[Gpu] = ()) -> tuple[Advice, ...]:
    """The smallest single changes after which it fits: most saved first, then free, then dearer, not priced last.

    Where no single change is enough, those that come closest are given, and their verdict says so.

    Args:
        fit: an assessment; one that fits needs no advice, and memory helps no architecture that is not known unless
            its weights do not load.
        gpus: GPUs that may be proposed instead.
    """
    if fit.verdict is Verdict.FITS or (fit.bounds is not None and fit.verdict is Verdict.TIGHT):
        return ()
    asked = cheapest_offer(fit.request.gpu.name, fit.request.gpu_count)
    larger = gpus if fit.request.engine in LOCAL else ()
    found = [_advice(remedy, fit, asked) for remedy in (*_more_seqs(fit), *find_remedies(fit, gpus=larger))]
    found += _machines(fit, gpus, asked)
    enough = [advice for advice in found if advice.verdict is Verdict.FITS]
    return tuple(sorted(enough or found, key=_by_cost))


def steps_for_unknown(fit: Fit) -> tuple[str, ...]:
    """What helps where the architecture is not known: no change of memory makes such an answer certain."""
    if fit.bounds is None:
        return ()
    request = fit.request
    model, engine = request.model, find_engine(request.engine)
    steps = [
        f"look {model.family} up among the architectures that {engine.title} {request.engine_version} serves"
        + (" (vLLM tries others with --model-impl transformers)" if engine.name == "vllm" else ""),
    ]
    if fit.verdict is not Verdict.DOES_NOT_FIT:
        steps.append("start it once: the KV cache in its log is the truth, and what is said here the least of it")
    if model.source.startswith("https://"):
        steps.append(
            f"or `modelyard models add {model.hub_id}`, correct what its row says of attention, and take"
            ' "architecture" out of its `unknown`: then it is sized like any other'
        )
    return tuple(steps)


@cache
def cheapest_offer(gpu: str, count: int) -> Offer | None:
    """The cheapest machine with exactly ``count`` of ``gpu`` that can be rented on demand in the secure tier."""
    return next(
        (
            offer
            for offer in load_offers()  # cheapest first
            if (offer.gpu, offer.gpu_count) == (gpu, count)
            and offer.rentable
            and not offer.spot
            and offer.trust is Trust.SECURE
        ),
        None,
    )


def _by_cost(advice: Advice) -> tuple[bool, Decimal]:
    delta = advice.usd_per_hour_delta
    return delta is None, delta if delta is not None else FREE


def _advice(remedy: Remedy, fit: Fit, asked: Offer | None) -> Advice:
    before, after = fit.request, remedy.request
    same = (before.gpu, before.gpu_count) == (after.gpu, after.gpu_count)
    offer = asked if same else cheapest_offer(after.gpu.name, after.gpu_count)
    precision = remedy.kind == "quantization"
    return Advice(
        kind=remedy.kind,
        change=remedy.change,
        effect=remedy.effect,
        verdict=remedy.verdict,
        usd_per_hour_delta=FREE if same else _difference(asked, offer),
        from_offer=asked,
        to_offer=offer,
        caveat=_caveat(remedy, fit),
        accuracy=accuracy_kept(after.quantization) if precision else None,
        request=after,
        moves=not same,
    )


def _difference(before: Offer | None, after: Offer | None) -> Decimal | None:
    return None if before is None or after is None else after.usd_per_hour - before.usd_per_hour


def _caveat(remedy: Remedy, fit: Fit) -> str:
    before, after = fit.request, remedy.request
    notes = [_CAVEATS.get(remedy.kind, "")]
    if remedy.kind == "quantization":
        notes.append(accuracy_words(after.quantization))
    elif remedy.kind == "gpu_memory_utilization" and (after.gpu_memory_utilization or 0) > (
        resolve_flags(before).gpu_memory_utilization
    ):
        notes.append("only where nothing else uses the GPU")
    elif before.gpu_count != after.gpu_count or before.gpu is not after.gpu:
        notes += [warning for warning in assess(after).warnings if warning not in fit.warnings]
        notes.append(_slower(before, after))
    return "; ".join(note for note in notes if note)


def _slower(before: FitRequest, after: FitRequest) -> str:
    had, has = before.gpu.memory_bandwidth_gb_s, after.gpu.memory_bandwidth_gb_s
    if not had or not has:
        return ""
    share = has * after.gpu_count / (had * before.gpu_count)
    return f"{1 - share:.0%} less memory bandwidth: tokens come slower" if share < SLOWER else ""


def _more_seqs(fit: Fit) -> Iterator[Remedy]:
    """Let the engine run as many requests at once as were asked for."""
    request = fit.request
    now = resolve_flags(request).max_num_seqs
    if request.engine != "vllm" or now >= request.concurrency:
        return
    changed = replace(request, max_num_seqs=request.concurrency)
    tried = assess(changed)
    if tried.verdict is not Verdict.DOES_NOT_FIT:
        yield Remedy(
            kind="more_seqs",
            change=f"max-num-seqs {now} → {request.concurrency}",
            effect=_holds(tried),
            verdict=tried.verdict,
            request=changed,
        )


def _machines(fit: Fit, gpus: Sequence[Gpu], asked: Offer | None) -> list[Advice]:
    """The cheapest machines with other GPUs that hold it, one a GPU; engines that place layers have remedies for it."""
    if fit.request.engine in LOCAL:
        return []
    fits = [found for gpu in gpus if (found := _smallest(fit.request, gpu)) is not None]
    fits.sort(key=lambda f: _price_of(f.request))
    kinds: dict[tuple[str, int], Fit] = {}
    for tried in fits:  # form factors of one GPU are one piece of advice: the cheapest, and of those the fastest
        kinds.setdefault((tried.request.gpu.generation, tried.request.gpu.marketing_gb), tried)
    made: list[Advice] = []
    for tried in list(kinds.values())[:MACHINES]:
        before, after = fit.request, tried.request
        remedy = Remedy(
            kind="machine",
            change=f"{after.gpu_count}× {after.gpu.name} instead of {before.gpu_count}× {before.gpu.name}",
            effect=_holds(tried),
            verdict=tried.verdict,
            request=after,
        )
        made.append(_advice(remedy, fit, asked))
    return made


def _price_of(request: FitRequest) -> tuple[bool, Decimal, int, float]:
    """Cheapest first, then the faster; what is not on sale comes last, the least memory first."""
    offer = cheapest_offer(request.gpu.name, request.gpu_count)
    memory = 0 if offer else request.gpu_count * request.gpu.total_memory_bytes
    speed = (request.gpu.memory_bandwidth_gb_s or 0.0) * request.gpu_count
    return offer is None, offer.usd_per_hour if offer else FREE, memory, -speed


def _smallest(request: FitRequest, gpu: Gpu) -> Fit | None:
    """The fit on the fewest of ``gpu`` that hold it, on sale if possible; None where none does or none should."""
    if gpu.name == request.gpu.name or not _may_propose(request, gpu):
        return None
    not_on_sale: Fit | None = None
    for count in COUNTS:
        if _crosses(request, gpu, count) or check_parallelism(
            request.model, count, 1, quantization=request.quantization
        ):
            continue
        if weigh(request.model, request.quantization, count).fullest.weights_bytes >= gpu.total_memory_bytes:
            continue
        tried = _assessed(request, gpu, count)
        if tried is None or tried.verdict is not Verdict.FITS:
            continue
        if cheapest_offer(gpu.name, count) is not None:
            return tried
        not_on_sale = not_on_sale or tried
    return not_on_sale


def _assessed(request: FitRequest, gpu: Gpu, count: int) -> Fit | None:
    changed = replace(
        request,
        gpu=gpu,
        tensor_parallel_size=count,
        pipeline_parallel_size=1,
        data_parallel_size=1,
        decode_context_parallel_size=1,
        kv_cache_memory_bytes=None,  # bytes of the GPU that was asked for
    )
    try:
        return assess(changed)
    except UsageError:
        return None  # this GPU refuses a flag that was asked for


def _may_propose(request: FitRequest, gpu: Gpu) -> bool:
    """The same caution as a plan's: nothing unconfirmed (ROCm, arm64), and no precision that is only unpacked."""
    support = _support(request, gpu)
    if gpu.vendor != "nvidia" or gpu.form == "superchip" or not support.ok:
        return False
    return support.kind != "weight-only" or _support(request, request.gpu).kind == "weight-only"


def _support(request: FitRequest, gpu: Gpu) -> Support:
    return precision_support(gpu, request.quantization, request.engine, version=request.engine_version)


def _crosses(request: FitRequest, gpu: Gpu, count: int) -> bool:
    """Whether this would give up a fast link between the GPUs for PCIe."""
    fast = 1 < request.tensor_parallel_size <= request.gpu.link_between
    return fast and count > gpu.link_between


def _holds(fit: Fit) -> str:
    held, length = int(fit.max_concurrency), format_tokens(fit.request.max_model_len)
    requests = f"{held:,} request{'s' if held != 1 else ''} at {length}"
    return f"holds {requests}, {gib(fit.per_gpu.kv_cache):.2f} GiB of KV cache per GPU"
