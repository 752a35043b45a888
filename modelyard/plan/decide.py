"""From a spec to a Plan: every decision in one place, none of them about text or resources."""

from datetime import datetime

from modelyard.cost import Bill, add_bills, bill_machine
from modelyard.errors import NotPossibleError, UsageError
from modelyard.fit import Fit
from modelyard.plan.cluster import bill_nodes, place_on
from modelyard.plan.rented import MACHINE, search, seconds_until
from modelyard.plan.request import Asked, look_up
from modelyard.plan.sizes import disk_gb, network_volume_gb
from modelyard.plan.startup import startup_budget
from modelyard.plan.types import Candidate, EnginePlan, Loser, Plan, StartupBudget
from modelyard.plan.warn import rented_warnings, warnings_of
from modelyard.render.engines import Launch, render_engine, renderer_of
from modelyard.spec import EngineOptions, ServingSpec
from modelyard.units import format_duration

KUBERNETES = "kubernetes"
RENTED_ENGINE = "vllm"


def make_plan(spec: ServingSpec, *, now: datetime | None = None) -> Plan:
    """Decide everything for one environment.

    Args:
        spec: what was asked.
        now: present time, aware UTC; turns ``life.until`` into the time that is paid for. None: such a life is
            ranked and billed by the month, and its worst case is left to whoever knows the time.

    Raises:
        UsageError: a name that is not known, a context or split that the model refuses, a flag that is wrong.
        NotPossibleError: nothing holds the model within the ceilings; names the cheapest that would.
    """
    asked = look_up(spec)
    lifetime = spec.life.seconds
    if lifetime is None and spec.life.until is not None and now is not None:
        lifetime = seconds_until(spec.life.until, now)
    if spec.place.kubernetes is not None:
        return _on_kubernetes(asked, lifetime)
    return _on_rented(asked, lifetime)


def _on_rented(asked: Asked, lifetime: int | None) -> Plan:
    spec = asked.spec
    if _needs_the_cluster(spec.engine.options):
        raise UsageError(
            "sleep mode, KV offload and run-time LoRA updates are not set up on rented machines",
            details="where    key modelyard:serve.engine.options\nallowed  with place.kubernetes",
            resolution="take them out, or run it on a Kubernetes cluster (place.kubernetes)",
        )
    if asked.engine.name != RENTED_ENGINE:
        raise UsageError(
            f"{asked.engine.title} is not started on rented machines",
            details=(
                f"where    key modelyard:serve.engine\nallowed  {RENTED_ENGINE}, or any engine with place.kubernetes\n"
                "because  the start-up text of a rented machine installs and watches vLLM alone"
            ),
            resolution=f"use engine: {RENTED_ENGINE}, or run it on a Kubernetes cluster (place.kubernetes)",
        )
    found = search(asked, lifetime_seconds=lifetime)
    chosen = found.candidates[0]
    one = bill_machine(
        [c.offer for c in found.candidates],
        resource=MACHINE,
        disk_gb=disk_gb(spec, asked.cache_gb),
        network_volume_gb=network_volume_gb(spec, asked.cache_gb),
        lifetime_seconds=lifetime,
    )
    budget = startup_budget(
        chosen.offer.vendor,
        gpu_count=chosen.offer.gpu_count,
        image_bytes=asked.engine.image_bytes,
        download_bytes=asked.download_bytes,
        lifetime_seconds=lifetime,
    )
    return _plan(
        asked,
        fit=chosen.fit,
        nodes=spec.replicas,
        candidates=found.candidates,
        losers=found.losers,
        startup=budget,
        bill=add_bills([one] * spec.replicas),
        lifetime=lifetime,
        warnings=tuple(rented_warnings(asked, found.candidates)),
    )


def _needs_the_cluster(options: EngineOptions) -> bool:
    """Options that take variables or main memory that only a pod is given."""
    updates = options.lora is not None and options.lora.runtime_updates
    return options.sleep_mode or options.kv_offload is not None or updates


def _on_kubernetes(asked: Asked, lifetime: int | None) -> Plan:
    place = asked.spec.place.kubernetes
    assert place is not None  # noqa: S101  # the caller looked
    found = place_on(asked, place)
    budget = startup_budget(
        KUBERNETES,
        gpu_count=found.fit.request.gpu_count,
        image_bytes=asked.engine.image_bytes,
        download_bytes=asked.download_bytes,
        lifetime_seconds=lifetime,
    )
    return _plan(
        asked,
        fit=found.fit,
        nodes=found.nodes,
        candidates=(),
        losers=(),
        startup=budget,
        bill=bill_nodes(asked, place, found.nodes, lifetime_seconds=lifetime),
        lifetime=lifetime,
        warnings=(),
    )


def _plan(  # noqa: PLR0913  # the parts of a plan, all keyword-only
    asked: Asked,
    *,
    fit: Fit,
    nodes: int,
    candidates: tuple[Candidate, ...],
    losers: tuple[Loser, ...],
    startup: StartupBudget,
    bill: Bill,
    lifetime: int | None,
    warnings: tuple[str, ...],
) -> Plan:
    spec = asked.spec
    if lifetime is not None and startup.expected_seconds >= lifetime:
        raise NotPossibleError(
            f"{asked.model.title} takes {format_duration(startup.expected_seconds)} to start and would be gone after "
            f"{format_duration(lifetime)}",
            details="where    key modelyard:serve.life",
            resolution=f"ask for at least {format_duration(2 * startup.expected_seconds)}",
        )
    gpu = fit.request.gpu
    return Plan(
        spec=spec,
        model_name=asked.model.name,
        model_title=asked.model.title,
        weights=asked.weights,
        engine=_engine(asked, fit),
        fit=fit,
        gpu=gpu.name,
        gpus_per_replica=fit.request.gpu_count,
        nodes=nodes,
        tensor_parallel_size=fit.request.tensor_parallel_size,
        candidates=candidates,
        losers=losers,
        startup=startup,
        bill=bill,
        cache_gb=asked.cache_gb,
        lifetime_seconds=spec.life.seconds,
        deadline=spec.life.until,
        warnings=tuple(dict.fromkeys((*warnings, *warnings_of(asked, fit)))),
    )


def _engine(asked: Asked, fit: Fit) -> EnginePlan:
    engine, spec = asked.engine, asked.spec
    renderer = renderer_of(engine.name)
    hub_id = asked.weights.hub_id
    tag = asked.weights.quantization.removeprefix("gguf-").replace("-", "_").upper()
    made = render_engine(
        Launch(
            engine=engine.name,
            version=engine.version,
            model_id=f"{hub_id}:{tag}" if renderer.reads_gguf and ":" not in hub_id else hub_id,
            served_model=asked.model.name,
            context_tokens=spec.context_tokens,
            concurrency=spec.concurrency,
            tensor_parallel_size=fit.request.tensor_parallel_size,
            port=engine.port,
            cache_path=spec.cache.path,
            quantization=asked.precision.engine_flag,
            kv_cache_dtype=spec.kv_cache_dtype,
            args=spec.engine.args,
            options=spec.engine.options,
        )
    )
    return EnginePlan(
        name=engine.name,
        version=engine.version,
        image=asked.image(fit.request.gpu) or engine.image,
        argv=made.argv,
        command=made.command,
        env=made.env,
        port=engine.port,
        health_path=made.health_path or engine.health_path,
        metrics_path=engine.metrics_path,
        served_model=made.served_model,
        key_variable=renderer.key_variable,
        shutdown_flag=renderer.shutdown_flag,
        host_gib=offload.gib if (offload := spec.engine.options.kv_offload) else 0,
    )
