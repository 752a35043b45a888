"""How a fit looks: a bar per GPU, what remains, the verdict, and the ways out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from modelyard.catalog.engines import find_engine
from modelyard.cli.console import styled, table, wants_color
from modelyard.errors import UnknownNameError
from modelyard.fit import Fit, FitRequest, Remedy, Verdict, checkpoint_bytes
from modelyard.fit.engines import LOCAL
from modelyard.spec import Trust
from modelyard.units import format_tokens, format_usd, gib

if TYPE_CHECKING:
    from modelyard.catalog.models import Model
    from modelyard.cli.advice_view import Counsel
    from modelyard.offers import Offer

BAR = 60
_COLORS = {Verdict.FITS: "green", Verdict.TIGHT: "yellow", Verdict.DOES_NOT_FIT: "red"}
_WORDS = {Verdict.FITS: "fits", Verdict.TIGHT: "tight", Verdict.DOES_NOT_FIT: "does not fit"}
_PARTS = (
    ("weights", "weights", "█"),
    ("kv_cache", "KV cache", "▓"),
    ("activations", "activations", "▒"),
    ("cuda_graphs", "CUDA graphs", "▒"),
    ("runtime", "runtime", "▒"),
    ("reserve", "left alone", "░"),
)

_LACKING = {"kv_cache": "missing", "reserve": "not free"}
"""What a part is called that comes out below zero: the weights leave no room, or more is asked for than is free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Priced:
    """A configuration with the cheapest machine that has it."""

    fit: Fit
    offer: "Offer | None"
    """None: no such machine is in the price snapshot."""

    @property
    def usd_per_hour(self) -> Decimal | None:
        """Price of the machine."""
        return self.offer.usd_per_hour if self.offer else None


def as_text(fit: Fit, counsel: "Counsel") -> str:
    """One fit for people."""
    from modelyard.cli.advice_view import counsel_lines

    color = wants_color(sys.stdout)
    lines = [title(fit.request), ""]
    used = fit.per_gpu.total - fit.per_gpu.reserve - fit.per_gpu.kv_cache
    word = styled(_WORDS[fit.verdict], _COLORS[fit.verdict], color=color)
    short = -fit.per_gpu.kv_cache
    lines += [
        f"{word}   {gib(used):.1f} GiB per GPU before the KV cache, of {gib(fit.per_gpu.total):.1f}"
        + (f": {gib(short):.1f} GiB too much" if short > 0 else ""),
        "",
        f"  {bar(fit)}",
        *_legend(fit),
        "",
        *_remains(fit),
        *_bounds(fit),
    ]
    for label, notes in (("why", fit.reasons), ("note", fit.warnings), ("unknown", fit.unknown)):
        lines += [f"{label:9}{note}" for note in notes]
    return "\n".join([*lines, *counsel_lines(counsel)])


def title(request: FitRequest) -> str:
    """What was asked, in one line."""
    return (
        f"{request.model.name} {request.quantization} on {_machine(request)}"
        f" · {find_engine(request.engine).title} {request.engine_version}"
        f" · {format_tokens(request.max_model_len)} context × {request.concurrency}"
    )


def _machine(request: FitRequest) -> str:
    if request.gpu.is_apple:
        return f"{request.gpu.name} with {gib(request.gpu.total_memory_bytes):g} GB"
    split = f"tp {request.tensor_parallel_size}"
    if request.pipeline_parallel_size > 1:
        split += f", pp {request.pipeline_parallel_size}"
    return f"{request.gpu_count}× {request.gpu.name}" + ("" if request.engine in LOCAL else f" ({split})")


def bar(fit: Fit) -> str:
    """One GPU's memory as a bar of ``BAR`` cells; when it overflows, a ``|`` marks where the memory ends."""
    sizes = {name: max(0, getattr(fit.per_gpu, name)) for name, _, _ in _PARTS}
    whole = max(fit.per_gpu.total, sum(sizes.values()))
    cells, done = "", 0
    for name, _, glyph in _PARTS:
        done += sizes[name]
        cells += glyph * (round(done / whole * BAR) - len(cells))
    end = round(fit.per_gpu.total / whole * BAR)
    return cells if end >= BAR else f"{cells[:end]}|{cells[end:]}"


def _legend(fit: Fit) -> list[str]:
    lines: list[str] = []
    for name, label, glyph in _PARTS:
        size = getattr(fit.per_gpu, name)
        if not size and fit.request.engine in LOCAL:
            continue  # what these engines do not have
        lacks = size < 0  # what the bar shows beyond the end of the memory
        mark = f"| {_LACKING[name]:12}" if lacks else f"{glyph} {label:12}"
        lines.append(f"  {mark}{gib(abs(size)):8.2f} GiB {abs(size) / fit.per_gpu.total:5.0%}")
    return lines


def _remains(fit: Fit) -> list[str]:
    if fit.request.model.encoder and fit.margin_bytes >= 0:
        return [f"remains  {gib(fit.margin_bytes):.2f} GiB per GPU unused: an encoder has no KV cache"]
    if fit.per_gpu.kv_cache <= 0:
        return ["remains  nothing for the KV cache"]
    request = fit.request
    least = "at least " if fit.bounds else ""
    held = f"{fit.max_concurrency:.1f} requests of {format_tokens(request.max_model_len)} at once"
    return [f"remains  {least}{fit.kv_cache_tokens:,} tokens of KV cache: {held}, you asked for {request.concurrency}"]


def _bounds(fit: Fit) -> list[str]:
    bounds = fit.bounds
    if bounds is None:
        return []
    weights = gib(bounds.weights_at_least)
    sure = "exactly" if bounds.weights_exact else "by the size of its files"
    length = format_tokens(fit.request.max_model_len)
    cache = f"{bounds.kv_per_token_at_most:,} bytes a token and GPU, {gib(bounds.kv_per_request_at_most):.2f} GiB"
    return [
        f"bounds   weights {weights:.2f} GiB per GPU, {sure}; KV cache from 0 to at most {cache} a request of {length}"
    ]


def as_json(fit: Fit, remedies: Sequence[Remedy], counsel: "Counsel") -> dict[str, object]:
    """One fit for programs (schema ``modelyard.fit/1``): bytes and tokens, no rounding."""
    from modelyard.cli.advice_view import counsel_json

    request = fit.request
    return {
        "schema": "modelyard.fit/1",
        **_configuration(fit),
        "max_model_len": request.max_model_len,
        "concurrency": request.concurrency,
        "engine": {"name": request.engine, "version": request.engine_version},
        "per_gpu_bytes": fit.per_gpu,
        "kv_bytes_per_token": fit.kv_bytes_per_token,
        "margin_bytes": fit.margin_bytes,
        "reasons": fit.reasons,
        "warnings": fit.warnings,
        "unknown": fit.unknown,
        "bounds": fit.bounds,
        **({"gpu_layers": fit.gpu_layers, "host_bytes": fit.host_bytes} if request.engine in LOCAL else {}),
        "remedies": [{"kind": r.kind, "change": r.change, "effect": r.effect, "verdict": r.verdict} for r in remedies],
        **counsel_json(counsel),
    }


def _configuration(fit: Fit) -> dict[str, object]:
    request = fit.request
    return {
        "model": request.model.name,
        "quantization": request.quantization,
        "gpu": request.gpu.name,
        "gpu_count": request.gpu_count,
        "tensor_parallel_size": request.tensor_parallel_size,
        "pipeline_parallel_size": request.pipeline_parallel_size,
        "verdict": fit.verdict,
        "kv_cache_tokens": fit.kv_cache_tokens,
        "max_concurrency": round(fit.max_concurrency, 2),
    }


def with_prices(fits: Sequence[Fit]) -> list[Priced]:
    """Configurations with the cheapest machine for each, cheapest first; those that nobody sells come last."""
    priced = [Priced(fit=fit, offer=_cheapest(fit.request.gpu.name, fit.request.gpu_count)) for fit in fits]
    return sorted(priced, key=lambda p: (p.usd_per_hour is None, p.usd_per_hour or Decimal(0), p.fit.request.gpu_count))


@cache
def _cheapest(gpu: str, count: int) -> "Offer | None":
    """The cheapest machine with exactly these GPUs that nobody may take back and that is no stranger's."""
    from modelyard.offers import load_offers

    found = [
        offer
        for offer in load_offers()
        if (offer.gpu, offer.gpu_count) == (gpu, count) and not offer.spot and offer.trust is not Trust.COMMUNITY
    ]
    return min(found, key=lambda offer: offer.usd_per_hour, default=None)


def ranking_json(model: "Model", ranked: Sequence[Priced]) -> dict[str, object]:
    """The ranking for programs (schema ``modelyard.fit-ranking/1``)."""
    rows: list[dict[str, object]] = []
    for priced in ranked:
        offer = priced.offer
        row = _configuration(priced.fit)
        row["cheapest"] = offer and {
            "usd_per_hour": offer.usd_per_hour,
            "vendor": offer.vendor,
            "sku": offer.sku,
            "as_of": offer.as_of,
            "source": offer.source,
        }
        rows.append(row)
    return {"schema": "modelyard.fit-ranking/1", "model": model.name, "configurations": rows}


def ranking(model: "Model", ranked: Sequence[Priced], *, limit: int | None) -> str:
    """The ranking for people, its first ``limit`` rows; None: all."""
    first = ranked[0].fit.request
    rows = [
        (
            f"{priced.fit.request.gpu_count}× {priced.fit.request.gpu.name}",
            priced.fit.request.quantization,
            _WORDS[priced.fit.verdict],
            f"{gib(priced.fit.per_gpu.weights):.1f}",
            f"{priced.fit.kv_cache_tokens:,}",
            f"{priced.fit.max_concurrency:,.1f}",
            format_usd(priced.offer.usd_per_hour) if priced.offer else "not on sale",
            priced.offer.vendor if priced.offer else "",
        )
        for priced in ranked[:limit]
    ]
    headers = ("GPUS", "PRECISION", "VERDICT", "WEIGHTS GiB", "KV TOKENS", "REQUESTS", "$/h", "CHEAPEST AT")
    head = (
        f"{model.title} · vLLM {first.engine_version} · {format_tokens(first.max_model_len)} context × "
        f"{first.concurrency}{_size(model, first)}"
    )
    return f"{head}\n\n{table(headers, rows, right=(3, 4, 5, 6))}"


def _size(model: "Model", request: FitRequest) -> str:
    try:
        return f" · {checkpoint_bytes(model, request.quantization) / 1e9:,.0f} GB of weights"
    except UnknownNameError:
        return ""
