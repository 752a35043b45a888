"""From a plan to the start-up text of a rented machine."""

from modelyard.plan.types import Plan
from modelyard.render.boot import boot_script
from modelyard.render.compose import cloud_init
from modelyard.render.machine import BOOT_KINDS, BootKind, MachineText


def boot_texts(plan: Plan) -> dict[BootKind, str]:
    """Start-up text of every kind of machine among the candidates, the first candidate's kind first.

    A network volume is mounted at the cache's path, so the text is the same with and without one.
    """
    machine = _machine_text(plan)
    kinds = dict.fromkeys(BOOT_KINDS[candidate.offer.vendor] for candidate in plan.candidates)
    return {kind: boot_script(machine) if kind is BootKind.CONTAINER else cloud_init(machine) for kind in kinds}


def _machine_text(plan: Plan) -> MachineText:
    watching = plan.spec.monitoring
    return MachineText(
        name=plan.spec.name,
        engine_image=plan.engine.image,
        engine_version=plan.engine.version,
        argv=plan.engine.argv,
        engine_port=plan.engine.port,
        health_path=plan.engine.health_path,
        metrics_path=plan.engine.metrics_path,
        hub_id=plan.weights.hub_id,
        download_bytes=plan.weights.download_bytes,
        cache_path=plan.spec.cache.path,
        tensor_parallel_size=max(candidate.tensor_parallel_size for candidate in plan.candidates),
        auth=plan.spec.expose.auth,
        lifetime_seconds=plan.lifetime_seconds,
        has_prometheus=watching.prometheus,
        has_grafana=watching.grafana and watching.prometheus,
        has_gpu_metrics=watching.gpu_metrics,
        retention_days=watching.retention_days,
    )
