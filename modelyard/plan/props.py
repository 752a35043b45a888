"""A plan's plain facts as the props of the Serving component: what rules, costs and reports read.

camelCase keys; money and dates as strings; what is not set is absent.
"""

from typing import Any

from modelyard.catalog.gpus import load_gpus
from modelyard.fit import Fit, FitRequest
from modelyard.offers import Offer
from modelyard.plan.advice import Advice, advise
from modelyard.plan.reach import kv_curve, max_num_seqs, reach
from modelyard.plan.types import Candidate, Plan
from modelyard.spec import Budget

MOST_LOSERS = 40
SHOWN_REMEDIES = 5


def serving_props(plan: Plan) -> dict[str, Any]:
    """Everything that was decided, as plain data that JSON can hold."""
    spec = plan.spec
    chosen = plan.chosen
    props: dict[str, Any] = {
        "environment": spec.name,
        "trial": spec.trial,
        "model": plan.model_name,
        "modelTitle": plan.model_title,
        "hubId": plan.weights.hub_id,
        "quantization": plan.weights.quantization,
        "kvCacheDtype": spec.kv_cache_dtype,
        "gated": plan.weights.gated,
        "contextTokens": spec.context_tokens,
        "concurrency": spec.concurrency,
        "replicas": spec.replicas,
        "engine": {
            "name": plan.engine.name,
            "version": plan.engine.version,
            "image": plan.engine.image,
            "argv": list(plan.engine.argv),
            **({"command": list(plan.engine.command)} if plan.engine.command else {}),
            "port": plan.engine.port,
            "servedModel": plan.engine.served_model,
        },
        "vendor": chosen.offer.vendor if chosen else "kubernetes",
        "gpu": plan.gpu,
        "gpuCount": plan.gpus_per_replica,
        "nodes": plan.nodes,
        "tensorParallelSize": plan.tensor_parallel_size,
        "fit": _fit(plan.fit, chosen.offer if chosen else None),
        "startup": {
            "phases": [{"name": p.name, "seconds": p.seconds, "why": p.why} for p in plan.startup.phases],
            "expectedSeconds": plan.startup.expected_seconds,
            "timeoutSeconds": plan.startup.timeout_seconds,
        },
        "offers": {
            "candidates": [_candidate(c, plan.nodes) for c in plan.candidates],
            "losers": [
                {"label": loser.label, "usdPerHour": str(loser.usd_per_hour), "reason": loser.reason}
                for loser in plan.losers[:MOST_LOSERS]
            ],
            "losersLeftOut": max(len(plan.losers) - MOST_LOSERS, 0),
        },
        "budget": _budget(spec.budget),
        "auth": spec.expose.auth.value,
        "public": spec.expose.public,
        "cache": {"kind": spec.cache.kind.value, "path": spec.cache.path, "sizeGb": plan.cache_gb},
        "monitoring": {
            "prometheus": spec.monitoring.prometheus,
            "grafana": spec.monitoring.grafana,
            "gpuMetrics": spec.monitoring.gpu_metrics,
        },
        "warnings": list(plan.warnings),
    }
    if plan.lifetime_seconds is not None:
        props["lifetimeSeconds"] = plan.lifetime_seconds
    if plan.deadline is not None:
        props["deadline"] = plan.deadline.isoformat()
    return props


def _fit(fit: Fit, chosen: Offer | None) -> dict[str, Any]:
    per_gpu = fit.per_gpu
    advice = advise(fit, gpus=load_gpus() if chosen else ())  # a cluster has the GPUs that it has
    return {
        "verdict": fit.verdict.value,
        "perGpu": {
            "totalBytes": per_gpu.total,
            "weightsBytes": per_gpu.weights,
            "activationsBytes": per_gpu.activations,
            "cudaGraphsBytes": per_gpu.cuda_graphs,
            "runtimeBytes": per_gpu.runtime,
            "kvCacheBytes": per_gpu.kv_cache,
            "reserveBytes": per_gpu.reserve,
        },
        "kvBytesPerToken": fit.kv_bytes_per_token,
        "kvCacheTokens": fit.kv_cache_tokens,
        "maxConcurrency": round(fit.max_concurrency, 2),
        "marginBytes": fit.margin_bytes,
        "reasons": list(fit.reasons),
        "warnings": list(fit.warnings),
        "unknown": list(fit.unknown),
        "remedies": [_remedy(item, chosen) for item in advice[:SHOWN_REMEDIES]],
        **_reach(fit.request),
    }


def _remedy(advice: Advice, chosen: Offer | None) -> dict[str, Any]:
    """One change; its price is the difference to the machine that was chosen, and absent where there is none to pay."""
    props: dict[str, Any] = {
        "kind": advice.kind,
        "change": advice.change,
        "effect": advice.effect,
        "verdict": advice.verdict.value,
    }
    if advice.caveat:
        props["caveat"] = advice.caveat
    if not advice.moves:
        return {**props, "usdPerHourDelta": "0.00"}
    if chosen is not None and advice.to_offer is not None:
        props["offer"] = advice.to_offer.label
        props["usdPerHourDelta"] = str(advice.to_offer.usd_per_hour - chosen.usd_per_hour)
    return props


def _reach(request: FitRequest) -> dict[str, Any]:
    """How far the configuration goes: what a report draws."""
    seqs = max_num_seqs(request)
    if request.model.encoder:  # nothing is cached, so that context and requests do not compete
        return {"maxContextTokens": request.model.max_position_embeddings, "reach": [], "kvCurve": []}
    return {
        "maxContextTokens": request.model.max_position_embeddings,
        **({} if seqs is None else {"maxNumSeqs": seqs}),
        "reach": [
            {"concurrency": r.concurrency, "limitedBy": r.limited_by.value}
            | ({} if r.context_tokens is None else {"contextTokens": r.context_tokens})
            for r in reach(request)
        ],
        "kvCurve": [
            {"contextTokens": p.context_tokens, "requests": p.requests}
            | ({} if p.requests_fp8_kv is None else {"requestsFp8Kv": p.requests_fp8_kv})
            for p in kv_curve(request)
        ],
    }


def _candidate(candidate: Candidate, machines: int) -> dict[str, Any]:
    """One offer; what it costs in all is for every machine of the stack, so that it compares with the ceilings."""
    offer = candidate.offer
    props: dict[str, Any] = {
        "label": offer.label,
        "vendor": offer.vendor,
        "sku": offer.sku,
        "gpu": offer.gpu,
        "gpuCount": offer.gpu_count,
        "region": offer.region,
        "trust": offer.trust.value,
        "spot": offer.spot,
        "usdPerHour": str(offer.usd_per_hour),
        "rankedUsd": str(candidate.ranked_usd * machines),
        "verdict": candidate.fit.verdict.value,
        "source": offer.source,
        "asOf": offer.as_of.isoformat(),
    }
    if candidate.bill.max_spend_usd is not None:
        props["maxSpendUsd"] = str(candidate.bill.max_spend_usd * machines)
    return props


def _budget(budget: Budget) -> dict[str, str]:
    ceilings = {
        "maxUsdPerHour": budget.max_usd_per_hour,
        "maxUsdPerMonth": budget.max_usd_per_month,
        "maxSpendUsd": budget.max_spend_usd,
    }
    return {name: str(value) for name, value in ceilings.items() if value is not None}
