"""Plans built by hand: what components are tested with."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import find_model
from modelyard.cost.types import Bill
from modelyard.fit.types import Fit, FitRequest, PerGpu, Verdict
from modelyard.offers.types import Billing, Offer
from modelyard.plan.types import Candidate, EnginePlan, Plan, StartPhase, StartupBudget, Weights
from modelyard.spec import (
    Auth,
    Budget,
    Cache,
    CacheKind,
    Expose,
    KubernetesNodes,
    KubernetesPlace,
    Life,
    Monitoring,
    Place,
    ServingSpec,
    Trust,
)

GB = 10**9
EMPTY_BILL = Bill(lines=(), not_priced=(), hourly_usd=Decimal(0), monthly_usd=Decimal(0), max_spend_usd=None)


def offer(vendor: str, gpu: str, count: int, usd: str, **changes: Any) -> Offer:
    """An offer of one machine."""
    made = Offer(
        vendor=vendor,
        sku=f"{count}x {gpu}",
        gpu=gpu,
        gpu_count=count,
        region="any",
        trust=Trust.SECURE,
        spot=False,
        usd_per_hour=Decimal(usd),
        billing=Billing(granularity_seconds=60, minimum_seconds=0),
        fast_link=True,
        as_of=date(2026, 11, 9),
        source="https://example.com/prices",
        rentable=True,
    )
    return replace(made, **changes)


def fit(model: str, gpu: str, quantization: str, tensor_parallel_size: int) -> Fit:
    """A fit that fits, with round numbers."""
    return Fit(
        request=FitRequest(
            model=find_model(model),
            quantization=quantization,
            gpu=find_gpu(gpu),
            max_model_len=16384,
            tensor_parallel_size=tensor_parallel_size,
            concurrency=8,
        ),
        verdict=Verdict.FITS,
        per_gpu=PerGpu(
            total=140 * GB, weights=100 * GB, activations=2 * GB, cuda_graphs=GB, runtime=2 * GB, kv_cache=24 * GB,
            reserve=11 * GB,
        ),
        kv_bytes_per_token=64512,
        kv_cache_tokens=372_000,
        max_concurrency=22.7,
        margin_bytes=8 * GB,
        reasons=(),
    )  # fmt: skip


def candidate(plan_fit: Fit, on: Offer, tensor_parallel_size: int) -> Candidate:
    """A candidate whose hour costs its price."""
    return Candidate(
        offer=on,
        fit=plan_fit,
        tensor_parallel_size=tensor_parallel_size,
        bill=EMPTY_BILL,
        ranked_usd=on.usd_per_hour,
    )


def engine(model_id: str, tensor_parallel_size: int) -> EnginePlan:
    """vLLM with a few arguments."""
    return EnginePlan(
        name="vllm",
        version="0.33.0",
        image="docker.io/vllm/vllm-openai:v0.33.0",
        argv=(model_id, "--tensor-parallel-size", str(tensor_parallel_size), "--port", "8000"),
        port=8000,
        health_path="/health",
        metrics_path="/metrics",
        env={"HF_HUB_CACHE": "/mnt/models"},
    )


STARTUP = StartupBudget(
    phases=(
        StartPhase(name="machine", seconds=120, why="a container"),
        StartPhase(name="weights", seconds=512, why="410 GB at 0.8 GB/s"),
    ),
    timeout_seconds=1264,
)


def trial(**changes: Any) -> Plan:
    """405B for an hour on a rented machine; keywords replace fields of the plan."""
    spec = ServingSpec(
        name="trial-405b",
        model="llama-3.1-405b",
        context_tokens=16384,
        concurrency=8,
        quantization="fp8",
        trial=True,
        place=Place(vendors=("runpod", "lambda")),
        life=Life(seconds=3600),
        budget=Budget(max_spend_usd=Decimal(30)),
    )
    found = fit("llama-3.1-405b", "H200", "fp8", 4)
    runpod = candidate(found, offer("runpod", "H200", 4, "18.36"), 4)
    second = candidate(found, offer("lambda", "H100-SXM", 8, "31.92"), 8)
    made = Plan(
        spec=spec,
        model_name="llama-3.1-405b",
        model_title="Llama 3.1 405B Instruct",
        weights=Weights(
            hub_id="meta-llama/Llama-3.1-405B-Instruct-FP8",
            quantization="fp8",
            download_bytes=410 * GB,
            gated=True,
        ),
        engine=engine("meta-llama/Llama-3.1-405B-Instruct-FP8", 4),
        fit=found,
        gpu="H200",
        gpus_per_replica=4,
        nodes=1,
        tensor_parallel_size=4,
        candidates=(runpod, second),
        losers=(),
        startup=STARTUP,
        bill=EMPTY_BILL,
        cache_gb=451,
        lifetime_seconds=3600,
        deadline=None,
        warnings=(),
    )
    return replace(made, **changes)


def prod(*, spec: dict[str, Any] | None = None, place: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """70B on an existing Kubernetes, two replicas; keywords replace fields of spec, place and plan."""
    cluster = KubernetesPlace(
        namespace="llm",
        nodes=KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=2, usd_per_hour=Decimal("49.24")),
        storage_class="fast",
        control_plane="eks",
    )
    asked = ServingSpec(
        name="prod",
        model="llama-3.3-70b",
        context_tokens=32768,
        concurrency=16,
        quantization="fp8",
        replicas=2,
        place=Place(kubernetes=replace(cluster, **(place or {}))),
        cache=Cache(kind=CacheKind.LOCAL_NVME, path="/mnt/models"),
        expose=Expose(auth=Auth.BEARER, public=False),
        monitoring=Monitoring(retention_days=30),
    )
    found = fit("llama-3.3-70b", "H100-SXM", "fp8", 2)
    made = trial(
        spec=replace(asked, **(spec or {})),
        model_name="llama-3.3-70b",
        model_title="Llama 3.3 70B Instruct",
        weights=Weights(hub_id="org/Llama-3.3-70B-FP8", quantization="fp8", download_bytes=72 * GB, gated=False),
        engine=engine("org/Llama-3.3-70B-FP8", 2),
        fit=found,
        gpu="H100-SXM",
        gpus_per_replica=2,
        tensor_parallel_size=2,
        candidates=(),
        cache_gb=80,
        lifetime_seconds=None,
    )
    return replace(made, **changes)


NEW_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
