"""One model behind one endpoint: the composition that a stack uses, on rented machines or on an existing Kubernetes."""

from collections.abc import Sequence
from typing import Any, Final, NotRequired, TypedDict, cast

import pulumi

from components import existing_nodes, gateway, gpu_metrics, gpu_node, inference_server, model_cache, monitoring
from components.base import PACKAGE, below, dns_label, whole
from components.cluster import objects
from components.existing_nodes import ExistingNodes, ExistingNodesArgs
from components.gateway import Gateway, GatewayArgs
from components.gpu_metrics import GpuMetrics, GpuMetricsArgs
from components.gpu_node import GpuNode, GpuNodeArgs
from components.inference_server import InferenceServer, InferenceServerArgs
from components.model_cache import ModelCache, ModelCacheArgs
from components.monitoring import Monitoring, MonitoringArgs
from components.shared_args import ClusterArgs
from modelyard.plan.props import serving_props
from modelyard.plan.types import Plan
from modelyard.render.machine import GATEWAY_PORT
from modelyard.spec import Auth
from providers.rental import AccessKey, Machine, Ready
from providers.rental import ReadyArgs as RentalReadyArgs

KEY_BYTES: Final = 32
"""Randomness of an access key; it is written with 43 characters."""


class PhaseArgs(TypedDict):
    """One phase of a cold start."""

    name: str
    """``machine``, ``image``, ``weights`` or ``load``."""
    seconds: int
    """How long it is expected to take."""
    why: str
    """How the number came about."""


class ReadyArgs(TypedDict):
    """How a rented machine is waited for."""

    health_path: str
    """Path that answers 200 once the model is loaded."""
    timeout_seconds: int
    """How long to wait before calling it failed."""
    phases: Sequence[PhaseArgs]
    """What the start is made of."""
    delete_on_failure: bool
    """Whether a machine that does not get ready in time is deleted: a trial's is."""


class PlaceArgs(TypedDict):
    """An existing Kubernetes."""

    namespace: str
    """Namespace that everything goes into; it must exist."""
    context: NotRequired[str]
    """kubeconfig context; left out: the current one."""


class ServingArgs(TypedDict):
    """What a Serving is made of: a plan's facts, and the arguments of each part."""

    facts: dict[str, Any]
    """The plan's facts, which become the component's props: what rules read and previews show."""
    cache: ModelCacheArgs
    """The model cache."""
    server: InferenceServerArgs
    """The engine."""
    gateway: GatewayArgs
    """The gateway."""
    nodes: NotRequired[Sequence[GpuNodeArgs]]
    """Machines to rent."""
    ready: NotRequired[ReadyArgs]
    """How rented machines are waited for."""
    existing_nodes: NotRequired[ExistingNodesArgs]
    """Nodes of an existing Kubernetes."""
    place: NotRequired[PlaceArgs]
    """The existing Kubernetes."""
    gpu_metrics: NotRequired[GpuMetricsArgs]
    """GPU metrics; left out: none."""
    monitoring: NotRequired[MonitoringArgs]
    """Prometheus and Grafana; left out: none."""
    hub_token: NotRequired[pulumi.Input[str]]
    """Token of the model hub, for gated weights. A secret."""


class Serving(pulumi.ComponentResource):
    """One model behind one endpoint."""

    endpoint: pulumi.Output[str]
    """Base URL of the OpenAI API, without ``/v1``."""
    key: pulumi.Output[str]
    """The access key, a secret; empty when the endpoint asks for none."""

    def __init__(self, name: str, args: ServingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare everything. Nothing is created in a preview."""
        super().__init__(f"{PACKAGE}:index:Serving", name, args["facts"], opts)
        self._access: AccessKey | None = None
        if Auth(args["gateway"]["auth"]) is Auth.BEARER:
            self._access = AccessKey(f"{name}-key", {"length": KEY_BYTES}, below(self))
        self.key = self._access.value if self._access else pulumi.Output.from_input("")
        place = args.get("place")
        self.endpoint = self._rented(name, args) if place is None else self._on_cluster(name, args, place)
        self.register_outputs({"endpoint": self.endpoint, "key": self.key})

    def _rented(self, name: str, args: ServingArgs) -> pulumi.Output[str]:
        """Machines run everything by their start-up text; the other parts say what that text starts."""
        env: dict[str, pulumi.Input[str]] = {}
        if self._access is not None:
            env["VLLM_API_KEY"] = self._access.value
        if "hub_token" in args:
            env["HF_TOKEN"] = args["hub_token"]
        machines: list[Machine] = []
        for number, node in enumerate(args.get("nodes", [])):
            made = GpuNode(f"{name}-node-{number}", cast("GpuNodeArgs", {**node, "env": env}), below(self))
            machines.append(made.machine)
        ModelCache(f"{name}-cache", args["cache"], below(self))
        InferenceServer(f"{name}-server", args["server"], below(self))
        front = Gateway(f"{name}-gateway", args["gateway"], below(self))
        if "gpu_metrics" in args:
            GpuMetrics(f"{name}-gpu-metrics", args["gpu_metrics"], below(self))
        if "monitoring" in args:
            Monitoring(f"{name}-monitoring", args["monitoring"], below(self))
        endpoints = [self._wait_for(name, number, machine, args) for number, machine in enumerate(machines)]
        return front.url.apply(lambda url: pulumi.Output.from_input(url) if url else endpoints[0])

    def _wait_for(self, name: str, number: int, machine: Machine, args: ServingArgs) -> pulumi.Output[str]:
        waiting = args.get("ready")
        if waiting is None:
            return machine.address
        inputs: RentalReadyArgs = {
            "machineId": machine.id,
            "port": GATEWAY_PORT,
            "healthPath": waiting["health_path"],
            "timeoutSeconds": whole(waiting["timeout_seconds"]),
            "phases": [{**phase, "seconds": whole(phase["seconds"])} for phase in waiting["phases"]],
            "deleteOnFailure": waiting["delete_on_failure"],
        }
        if self._access is not None:
            inputs["accessKey"] = self._access.value
        return Ready(f"{name}-ready-{number}", inputs, below(self)).endpoint

    def _on_cluster(self, name: str, args: ServingArgs, place: PlaceArgs) -> pulumi.Output[str]:
        """Parts name one another by names of our own, so none has to wait for another."""
        options = below(self)
        if "context" in place:
            options.provider = objects.provider(dns_label(name, "cluster"), self, context=place["context"])
        cluster = ClusterArgs(namespace=place["namespace"], instance=dns_label(name))
        names = {role: dns_label(name, role) for role in ("cache", "server", "gateway", "gpu-metrics", "monitoring")}
        if "existing_nodes" in args:
            ExistingNodes(dns_label(name, "nodes"), args["existing_nodes"], below(self))
        cache = ModelCache(names["cache"], {**args["cache"], "cluster": cluster}, options)
        watcher = args.get("monitoring")
        if "gpu_metrics" in args:
            GpuMetrics(names["gpu-metrics"], {**args["gpu_metrics"], "cluster": cluster}, options)
        if watcher is not None:
            watcher = cast("MonitoringArgs", {**watcher, "cluster": cluster, "targets": _targets(args, names, place)})
            Monitoring(names["monitoring"], watcher, options)
        front = Gateway(names["gateway"], self._gateway_args(args, names, cluster, watcher), options)
        server = {**args["server"], "cluster": cluster, "cache_volume": cache.volume}
        if self._access is not None:
            server["key_secret"] = front.access_secret
        if "hub_token" in args:
            server["hub_token"] = args["hub_token"]
        InferenceServer(names["server"], cast("InferenceServerArgs", server), options)
        return front.url

    def _gateway_args(
        self, args: ServingArgs, names: dict[str, str], cluster: ClusterArgs, watcher: MonitoringArgs | None
    ) -> GatewayArgs:
        port = whole(args["server"]["port"])
        found: GatewayArgs = {
            **args["gateway"],
            "cluster": cluster,
            "engine_address": f"{names['server']}.{cluster['namespace']}.svc:{port}",
        }
        prometheus, grafana = monitoring.addresses(names["monitoring"], watcher) if watcher else (None, None)
        if prometheus is not None:
            found["prometheus_address"] = prometheus
        if grafana is not None:
            found["grafana_address"] = grafana
        if self._access is not None:
            found["key"] = self._access.value
        return found


def args_for(plan: Plan) -> ServingArgs:
    """Everything that ``plan`` decided on."""
    args = ServingArgs(
        facts=serving_props(plan),
        cache=model_cache.args_for(plan),
        server=inference_server.args_for(plan),
        gateway=gateway.args_for(plan),
    )
    exporter, watcher = gpu_metrics.args_for(plan), monitoring.args_for(plan)
    if exporter is not None:
        args["gpu_metrics"] = exporter
    if watcher is not None:
        args["monitoring"] = watcher
    place = plan.spec.place.kubernetes
    if place is None:
        args["nodes"] = [gpu_node.args_for(plan)] * plan.nodes
        args["ready"] = ReadyArgs(
            health_path=plan.engine.health_path,
            timeout_seconds=plan.startup.timeout_seconds,
            phases=[PhaseArgs(name=p.name, seconds=p.seconds, why=p.why) for p in plan.startup.phases],
            delete_on_failure=plan.spec.trial,
        )
        return args
    args["existing_nodes"] = existing_nodes.args_for(plan)
    args["place"] = PlaceArgs(namespace=place.namespace)
    if place.context is not None:
        args["place"]["context"] = place.context
    return args


def _targets(args: ServingArgs, names: dict[str, str], place: PlaceArgs) -> dict[str, monitoring.ScrapeTargetArgs]:
    server = args["server"]
    found: dict[str, monitoring.ScrapeTargetArgs] = {}
    if server["metrics_path"]:
        found[server["engine"]] = monitoring.ScrapeTargetArgs(
            host=f"{names['server']}-pods.{place['namespace']}.svc",
            port=whole(server["port"]),
            path=server["metrics_path"],
        )
    if "gpu_metrics" in args:
        found["gpu"] = monitoring.ScrapeTargetArgs(
            host=f"{names['gpu-metrics']}.{place['namespace']}.svc",
            port=whole(args["gpu_metrics"]["port"]),
            path="/metrics",
        )
    return found
