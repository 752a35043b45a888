"""How far a configuration goes: the longest context at several concurrencies, and the requests held at each context."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from modelyard.errors import UsageError
from modelyard.fit import FitRequest, Verdict, assess, longest_context
from modelyard.fit.engines import LOCAL, rules_of

CONCURRENCIES = (1, 8, 32, 128)
LEAST_TOKENS = 1024
"""Where a curve begins, unless what was asked is shorter still."""
GAIN = 1.1
"""An fp8 KV cache that holds less than this many times the requests is no curve of its own."""
SIXTEEN_BIT = ("auto", "bfloat16", "float16")


class Bound(StrEnum):
    """What keeps a context from being longer."""

    MODEL = "model"
    """Nothing does: it is the longest that the model reads."""
    MEMORY = "memory"
    MAX_NUM_SEQS = "max_num_seqs"
    """The engine runs fewer requests at once, at any length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """The longest context at one concurrency."""

    concurrency: int
    context_tokens: int | None
    """The longest at which the verdict is ``fits``: the model's own, or a multiple of 1,024; None: not even 1,024."""
    limited_by: Bound


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """Requests that the KV cache holds at once at one context length, without any margin."""

    context_tokens: int
    requests: float
    requests_fp8_kv: float | None
    """With an fp8 KV cache instead; None where that is refused, used already, or gains little."""


def reach(request: FitRequest, concurrencies: Sequence[int] = CONCURRENCIES) -> tuple[Reach, ...]:
    """The longest context that fits at each of ``concurrencies``, everything else as asked.

    Raises:
        UsageError: a value that the engine would refuse.
    """
    return tuple(_reach(request, concurrency) for concurrency in concurrencies)


def _reach(request: FitRequest, concurrency: int) -> Reach:
    asked = replace(request, concurrency=concurrency, parallel=concurrency if request.engine in LOCAL else None)
    longest = request.model.max_position_embeddings
    most = max_num_seqs(request)
    if most is not None and most < concurrency:
        return Reach(concurrency=concurrency, context_tokens=None, limited_by=Bound.MAX_NUM_SEQS)
    if assess(replace(asked, max_model_len=longest)).verdict is Verdict.FITS:
        return Reach(concurrency=concurrency, context_tokens=longest, limited_by=Bound.MODEL)
    return Reach(concurrency=concurrency, context_tokens=longest_context(asked), limited_by=Bound.MEMORY)


def max_num_seqs(request: FitRequest) -> int | None:
    """Requests that the engine runs at once, whatever their length; None: memory alone bounds them (SGLang, Ollama)."""
    if request.engine in {"sglang", "tgi", *LOCAL}:
        return None
    return rules_of(request.engine).flags(request).max_num_seqs


def kv_curve(request: FitRequest) -> tuple[CurvePoint, ...]:
    """Requests held at context lengths of 1, 1.5, 2, 3, 4, 6 … × 1,024 up to the model's longest, and at the asked one.

    Empty when nothing is left for the KV cache.

    Raises:
        UsageError: a value that the engine would refuse.
    """
    points = tuple(
        CurvePoint(
            context_tokens=tokens,
            requests=_held(request, tokens),
            requests_fp8_kv=_held_in_fp8(request, tokens),
        )
        for tokens in sorted({*_lengths(request), request.max_model_len})
    )
    if not any(point.requests for point in points):
        return ()
    if all(p.requests_fp8_kv is None or p.requests_fp8_kv < GAIN * p.requests for p in points):
        return tuple(replace(point, requests_fp8_kv=None) for point in points)
    return points


def _lengths(request: FitRequest) -> Iterator[int]:
    longest = request.model.max_position_embeddings
    tokens = LEAST_TOKENS
    while tokens < longest:
        yield tokens
        if tokens * 3 // 2 < longest:
            yield tokens * 3 // 2
        tokens *= 2
    yield longest


def _held(request: FitRequest, tokens: int) -> float:
    return round(max(0.0, assess(replace(request, max_model_len=tokens)).max_concurrency), 2)


def _held_in_fp8(request: FitRequest, tokens: int) -> float | None:
    changed = with_fp8_cache(request)
    return None if changed is None else _held(changed, tokens)


def with_fp8_cache(request: FitRequest) -> FitRequest | None:
    """The same with an fp8 KV cache; None where another was asked for, it is fp8 already, or the GPU has none."""
    if request.kv_cache_dtype not in SIXTEEN_BIT:
        return None
    changed = replace(request, kv_cache_dtype="fp8")
    try:
        tried = assess(changed)
    except UsageError:
        return None
    return changed if tried.kv_bytes_per_token < assess(request).kv_bytes_per_token else None
