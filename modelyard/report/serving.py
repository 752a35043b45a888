"""The plan and fit sections of a preview document, from the plain facts that a Serving registers."""

from collections.abc import Iterator

from modelyard.report.describe import machine_label
from modelyard.report.reader import Document, Json, Reader, money_text
from modelyard.resources import Resource, Unknown, Value

_PER_GPU = ("total", "weights", "activations", "cudaGraphs", "runtime", "kvCache", "reserve")


def plan_section(serving: Resource) -> Document:
    """Every decision, by the names of ``modelyard.preview/1``; what is not known or not set is null."""
    props = Reader(serving.props)
    return {
        "name": serving.name,
        "environment": props.raw("environment"),
        "trial": props.flag("trial") is True,
        "model": props.raw("model"),
        "title": props.raw("modelTitle"),
        "hub_id": props.raw("hubId"),
        "quantization": props.raw("quantization"),
        "kv_cache_dtype": props.raw("kvCacheDtype"),
        "gpu": props.raw("gpu"),
        "gpu_count": props.whole("gpuCount"),
        "nodes": props.whole("nodes"),
        "replicas": props.whole("replicas"),
        "vendor": props.raw("vendor"),
        "label": _label(props),
        "tensor_parallel_size": props.whole("tensorParallelSize"),
        "engine": _engine(props.part("engine")),
        "context_tokens": props.whole("contextTokens"),
        "concurrency": props.whole("concurrency"),
        "lifetime_seconds": props.whole("lifetimeSeconds"),
        "deadline": props.raw("deadline"),
        "auth": props.raw("auth"),
        "public": props.flag("public"),
        "cache": _cache(props.part("cache")),
        "monitoring": _monitoring(props.part("monitoring")),
        "budget": _budget(props.part("budget")),
        "startup": _startup(props.part("startup")),
        "candidates": [_candidate(offer) for offer in props.parts("offers.candidates")],
        "losers": [
            {
                "label": loser.raw("label"),
                "usd_per_hour": money_text(loser.money("usdPerHour")),
                "reason": loser.raw("reason"),
            }
            for loser in props.parts("offers.losers")
        ],
        "losers_left_out": props.whole("offers.losersLeftOut") or 0,
        "warnings": list[Json](props.texts("warnings")),
        "unknown": list[Json](_unknown(dict(serving.props), "")),
    }


def fit_section(serving: Resource) -> Document | None:
    """The fit that the plan rests on; None when the Serving brings none."""
    fit = Reader(serving.props).part("fit")
    if not fit:
        return None
    remedies: list[Json] = [
        {
            "kind": item.raw("kind"),
            "change": item.raw("change"),
            "effect": item.raw("effect"),
            "verdict": item.raw("verdict"),
            "caveat": item.raw("caveat"),
            "offer": item.raw("offer"),
            "usd_per_hour_delta": money_text(item.money("usdPerHourDelta")),
        }
        for item in fit.parts("remedies")
    ]
    parts = fit.part("perGpu")
    names = {"cudaGraphs": "cuda_graphs", "kvCache": "kv_cache"}
    return {
        "verdict": fit.raw("verdict"),
        "per_gpu": {f"{names.get(name, name)}_bytes": parts.whole(f"{name}Bytes") for name in _PER_GPU}
        if parts
        else None,
        "kv_bytes_per_token": fit.whole("kvBytesPerToken"),
        "kv_cache_tokens": fit.whole("kvCacheTokens"),
        "max_concurrency": fit.number("maxConcurrency"),
        "margin_bytes": fit.whole("marginBytes"),
        "reasons": list[Json](fit.texts("reasons")),
        "warnings": list[Json](fit.texts("warnings")),
        "unknown": list[Json](fit.texts("unknown")),
        "remedies": remedies,
        "max_context_tokens": fit.whole("maxContextTokens"),
        "max_num_seqs": fit.whole("maxNumSeqs"),
        "reach": _reach(fit),
        "kv_curve": _kv_curve(fit),
    }


def _reach(fit: Reader) -> list[Json]:
    return [
        {
            "concurrency": item.whole("concurrency"),
            "context_tokens": item.whole("contextTokens"),
            "limited_by": item.raw("limitedBy"),
        }
        for item in fit.parts("reach")
    ]


def _kv_curve(fit: Reader) -> list[Json]:
    return [
        {
            "context_tokens": point.whole("contextTokens"),
            "requests": point.number("requests"),
            "requests_fp8_kv": point.number("requestsFp8Kv"),
        }
        for point in fit.parts("kvCurve")
    ]


def _label(props: Reader) -> str | None:
    chosen = props.parts("offers.candidates")
    if chosen:
        return chosen[0].raw("label") or machine_label(chosen[0])
    gpu, count, vendor = props.raw("gpu"), props.whole("gpuCount"), props.raw("vendor")
    if gpu is None or count is None:
        return None
    return f"{vendor or 'existing'} {count}× {gpu}"


def _engine(engine: Reader) -> Document | None:
    if not engine:
        return None
    return {
        "name": engine.raw("name"),
        "version": engine.raw("version"),
        "image": engine.raw("image"),
        "argv": list[Json](engine.texts("argv")),
        "port": engine.whole("port"),
    }


def _cache(cache: Reader) -> Document | None:
    if not cache:
        return None
    return {"kind": cache.raw("kind"), "path": cache.raw("path"), "size_gb": cache.whole("sizeGb")}


def _monitoring(monitoring: Reader) -> Document | None:
    if not monitoring:
        return None
    return {
        "prometheus": monitoring.flag("prometheus") is True,
        "grafana": monitoring.flag("grafana") is True,
        "gpu_metrics": monitoring.flag("gpuMetrics") is True,
    }


def _budget(budget: Reader) -> Document:
    return {
        "max_usd_per_hour": money_text(budget.money("maxUsdPerHour")),
        "max_usd_per_month": money_text(budget.money("maxUsdPerMonth")),
        "max_spend_usd": money_text(budget.money("maxSpendUsd")),
    }


def _startup(startup: Reader) -> Document | None:
    if not startup:
        return None
    phases: list[Json] = [
        {"name": phase.raw("name"), "seconds": phase.whole("seconds"), "why": phase.raw("why")}
        for phase in startup.parts("phases")
    ]
    return {
        "phases": phases,
        "expected_seconds": startup.whole("expectedSeconds"),
        "timeout_seconds": startup.whole("timeoutSeconds"),
    }


def _candidate(offer: Reader) -> Document:
    return {
        "label": offer.raw("label") or machine_label(offer),
        "vendor": offer.raw("vendor"),
        "sku": offer.raw("sku"),
        "gpu": offer.raw("gpu"),
        "gpu_count": offer.whole("gpuCount"),
        "region": offer.raw("region"),
        "trust": offer.raw("trust"),
        "spot": offer.flag("spot") is True,
        "usd_per_hour": money_text(offer.money("usdPerHour")),
        "ranked_usd": money_text(offer.money("rankedUsd")),
        "max_spend_usd": money_text(offer.money("maxSpendUsd")),
        "verdict": offer.raw("verdict"),
        "source": offer.raw("source"),
        "as_of": offer.raw("asOf"),
    }


def _unknown(value: Value, path: str) -> Iterator[str]:
    """Paths of the props that are not known before ``up``."""
    if isinstance(value, Unknown):
        yield path
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield from _unknown(inside, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inside in enumerate(value):
            yield from _unknown(inside, f"{path}[{index}]")
