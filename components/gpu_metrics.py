"""GPU metrics: NVIDIA's DCGM exporter on every GPU node."""

from typing import NotRequired, TypedDict

import pulumi

from components.base import PACKAGE, whole
from components.cluster import metrics, objects
from components.shared_args import ClusterArgs
from modelyard.plan.types import Plan
from modelyard.render.dcgm import DCGM_PORT, dcgm_counters
from modelyard.render.images import find_image


class GpuMetricsArgs(TypedDict):
    """What a GpuMetrics is made of."""

    exporter: str
    """``dcgm-exporter``."""
    image: str
    """Its image, pinned."""
    port: int
    """Port of its metrics."""
    cluster: NotRequired[ClusterArgs]
    """Set on an existing Kubernetes."""


class GpuMetrics(pulumi.ComponentResource):
    """Temperature, power, memory, errors and use of every GPU."""

    host: pulumi.Output[str]
    """Name whose addresses are the exporters; the loopback address on a rented machine."""

    def __init__(self, name: str, args: GpuMetricsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the exporter, and its objects where it runs on Kubernetes."""
        port = whole(args["port"])
        facts = {"exporter": args["exporter"], "image": args["image"], "port": port}
        super().__init__(f"{PACKAGE}:index:GpuMetrics", name, facts, opts)
        host = "127.0.0.1"
        cluster = args.get("cluster")
        if cluster is not None:
            self._on_cluster(name, args["image"], port, cluster)
            host = f"{name}.{cluster['namespace']}.svc"
        self.host = pulumi.Output.from_input(host)
        self.register_outputs({"host": self.host})

    def _on_cluster(self, name: str, image: str, port: int, cluster: ClusterArgs) -> None:
        instance = cluster["instance"]
        counters = dcgm_counters()

        def about(part: str) -> objects.Manifest:
            return objects.metadata(
                part, metrics.APP, namespace=cluster["namespace"], instance=instance, annotations=objects.SKIP_AWAIT
            )

        config = objects.register(
            "ConfigMap", f"{name}-config", self, metadata=about(f"{name}-config"), data={"counters.csv": counters}
        )
        spec = metrics.daemon_set_spec(
            instance=instance, image=image, port=port, config=f"{name}-config", counters=counters
        )
        objects.register("DaemonSet", f"{name}-daemonset", self, metadata=about(name), spec=spec, depends_on=[config])
        service = {
            "clusterIP": "None",
            "selector": objects.selector(metrics.APP, instance),
            "ports": [{"name": "metrics", "port": port, "targetPort": "metrics"}],
        }
        objects.register("Service", f"{name}-service", self, metadata=about(name), spec=service)


def args_for(plan: Plan) -> GpuMetricsArgs | None:
    """The exporter that ``plan`` decided on; None: it was not asked for."""
    if not plan.spec.monitoring.gpu_metrics:
        return None
    return GpuMetricsArgs(exporter="dcgm-exporter", image=find_image("dcgm-exporter").reference, port=DCGM_PORT)
