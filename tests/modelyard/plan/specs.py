"""Specs that the plan's tests start from; keywords replace fields."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from modelyard.spec import Budget, KubernetesNodes, KubernetesPlace, Life, Place, ServingSpec


def trial(**changes: Any) -> ServingSpec:
    """405B FP8 for an hour at most $30."""
    spec = ServingSpec(
        name="trial-405b",
        model="llama-3.1-405b",
        quantization="fp8",
        context_tokens=16384,
        concurrency=8,
        trial=True,
        place=Place(vendors=("runpod", "lambda"), nvlink=True, max_usd_per_hour=Decimal(30)),
        life=Life(seconds=3600),
        budget=Budget(max_spend_usd=Decimal(30)),
    )
    return replace(spec, **changes)


def prod(*, nodes: KubernetesNodes | None = None, **changes: Any) -> ServingSpec:
    """70B FP8, two replicas, on an existing cluster of 8×H100 nodes."""
    hgx = KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=2, vendor="coreweave", sku="HGX H100")
    spec = ServingSpec(
        name="prod",
        model="llama-3.3-70b",
        quantization="fp8",
        context_tokens=32768,
        concurrency=16,
        replicas=2,
        place=Place(kubernetes=KubernetesPlace(namespace="llm", nodes=nodes or hgx)),
    )
    return replace(spec, **changes)
