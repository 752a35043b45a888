"""Prometheus and Grafana: what is collected, for how long, and the dashboard over it."""

from collections.abc import Mapping
from typing import NotRequired, TypedDict

import pulumi

from components.base import PACKAGE, whole, without_none
from components.cluster import monitoring as on_cluster
from components.cluster import objects
from components.shared_args import ClusterArgs
from modelyard.plan.types import Plan
from modelyard.render.grafana import dashboard_json, dashboards_yml, datasource_yml
from modelyard.render.images import find_image
from modelyard.render.machine import GRAFANA_PORT, PROMETHEUS_PORT
from modelyard.render.prometheus import ScrapeJob, prometheus_yml


class ScrapeTargetArgs(TypedDict):
    """One thing that Prometheus scrapes."""

    host: str
    """Name whose addresses are the targets."""
    port: int
    """Port of the metrics."""
    path: str
    """Path of the metrics."""


class MonitoringArgs(TypedDict):
    """What a Monitoring is made of."""

    prometheus_image: NotRequired[str]
    """Prometheus' image, pinned; left out: no Prometheus."""
    grafana_image: NotRequired[str]
    """Grafana's image, pinned; left out: no Grafana."""
    retention_days: int
    """Days that metrics are kept."""
    title: str
    """Heading of the dashboard, and the label ``stack`` of every series."""
    cluster: NotRequired[ClusterArgs]
    """Set on an existing Kubernetes."""
    storage_class: NotRequired[str]
    """Storage class of the metrics' volume; left out: they lie on the pod's own disk and go with the pod."""
    targets: NotRequired[Mapping[str, ScrapeTargetArgs]]
    """What is scraped, by job name."""


class Monitoring(pulumi.ComponentResource):
    """What watches the service."""

    prometheus_host: pulumi.Output[str]
    """``host:port`` of Prometheus; empty where there is none."""
    grafana_host: pulumi.Output[str]
    """``host:port`` of Grafana; empty where there is none."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the monitoring, and its objects where it runs on Kubernetes."""
        facts = without_none(
            prometheusImage=args.get("prometheus_image"),
            grafanaImage=args.get("grafana_image"),
            retentionDays=whole(args["retention_days"]),
        )
        super().__init__(f"{PACKAGE}:index:Monitoring", name, facts, opts)
        cluster = args.get("cluster")
        if cluster is not None:
            if "prometheus_image" in args:
                self._prometheus(name, args, args["prometheus_image"], cluster)
            if "grafana_image" in args:
                self._grafana(name, args, args["grafana_image"], cluster)
        prometheus, grafana = addresses(name, args)
        self.prometheus_host = pulumi.Output.from_input(prometheus or "")
        self.grafana_host = pulumi.Output.from_input(grafana or "")
        self.register_outputs({"prometheusHost": self.prometheus_host, "grafanaHost": self.grafana_host})

    def _prometheus(self, name: str, args: MonitoringArgs, image: str, cluster: ClusterArgs) -> None:
        part = f"{name}-prometheus"
        text = prometheus_yml(
            [
                ScrapeJob(name=job, targets=(target["host"],), path=target["path"], dns_port=whole(target["port"]))
                for job, target in args.get("targets", {}).items()
            ],
            labels={"stack": args["title"]},
        )
        volume, needs = _data_volume(part, args, self, cluster)
        spec = on_cluster.prometheus_spec(
            instance=cluster["instance"],
            image=image,
            retention_days=whole(args["retention_days"]),
            config=f"{part}-config",
            text=text,
            data=volume,
        )
        self._serve(part, on_cluster.PROMETHEUS, {"prometheus.yml": text}, spec, PROMETHEUS_PORT, cluster, needs)

    def _grafana(self, name: str, args: MonitoringArgs, image: str, cluster: ClusterArgs) -> None:
        part = f"{name}-grafana"
        prometheus, _ = addresses(name, args)
        targets = args.get("targets", {})
        files = {
            "datasource.yml": datasource_yml(prometheus_url=f"http://{prometheus}/prometheus"),
            "dashboards.yml": dashboards_yml(folder="/etc/grafana/dashboards"),
            "serving.json": dashboard_json(
                title=args["title"], has_gpu_metrics="gpu" in targets, has_vllm_metrics="vllm" in targets
            ),
        }
        spec = on_cluster.grafana_spec(
            instance=cluster["instance"], image=image, config=f"{part}-config", text="".join(files.values())
        )
        self._serve(part, on_cluster.GRAFANA, files, spec, GRAFANA_PORT, cluster, [])

    def _serve(
        self,
        part: str,
        app: str,
        files: Mapping[str, str],
        spec: objects.Manifest,
        port: int,
        cluster: ClusterArgs,
        needs: list[pulumi.CustomResource],
    ) -> None:
        """ConfigMap, Deployment and Service of one of the two."""
        config = objects.register(
            "ConfigMap", f"{part}-config", self, metadata=_about(f"{part}-config", app, cluster), data=dict(files)
        )
        about = _about(part, app, cluster)
        objects.register(
            "Deployment", f"{part}-deployment", self, metadata=about, spec=spec, depends_on=[config, *needs]
        )
        service = {
            "selector": objects.selector(app, cluster["instance"]),
            "ports": [{"name": "http", "port": port, "targetPort": "http"}],
        }
        objects.register("Service", f"{part}-service", self, metadata=about, spec=service)


def args_for(plan: Plan) -> MonitoringArgs | None:
    """The monitoring that ``plan`` decided on; None: none was asked for."""
    asked = plan.spec.monitoring
    if not asked.prometheus:
        return None
    args = MonitoringArgs(
        prometheus_image=find_image("prometheus").reference, retention_days=asked.retention_days, title=plan.spec.name
    )
    if asked.grafana:
        args["grafana_image"] = find_image("grafana").reference
    place = plan.spec.place.kubernetes
    if place is not None and place.storage_class is not None:
        args["storage_class"] = place.storage_class
    return args


def addresses(name: str, args: MonitoringArgs) -> tuple[str | None, str | None]:
    """``host:port`` of Prometheus and of Grafana, as other parts reach them; None: there is none."""
    cluster = args.get("cluster")

    def address(part: str, port: int) -> str:
        return f"127.0.0.1:{port}" if cluster is None else f"{name}-{part}.{cluster['namespace']}.svc:{port}"

    return (
        address("prometheus", PROMETHEUS_PORT) if "prometheus_image" in args else None,
        address("grafana", GRAFANA_PORT) if "grafana_image" in args else None,
    )


def _data_volume(
    part: str, args: MonitoringArgs, parent: Monitoring, cluster: ClusterArgs
) -> tuple[objects.Manifest, list[pulumi.CustomResource]]:
    """Where samples are kept: a volume of the class that was named, or else the pod's own disk, gone with the pod."""
    if "storage_class" not in args:
        return {"emptyDir": {"sizeLimit": f"{on_cluster.PROMETHEUS_GB}G"}}, []
    spec: objects.Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{on_cluster.PROMETHEUS_GB}G"}},
        "storageClassName": args["storage_class"],
    }
    metadata = _about(part, on_cluster.PROMETHEUS, cluster)
    claim = objects.register("PersistentVolumeClaim", f"{part}-claim", parent, metadata=metadata, spec=spec)
    return {"persistentVolumeClaim": {"claimName": part}}, [claim]


def _about(name: str, app: str, cluster: ClusterArgs) -> objects.Manifest:
    return objects.metadata(
        name, app, namespace=cluster["namespace"], instance=cluster["instance"], annotations=objects.SKIP_AWAIT
    )
