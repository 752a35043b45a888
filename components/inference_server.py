"""The engine: its pinned image and its arguments, run by the machine's start-up text or by Kubernetes."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from components.base import PACKAGE, whole, without_none
from components.cluster import objects, server
from components.shared_args import ClusterArgs
from modelyard.catalog.gpus import find_gpu
from modelyard.plan.types import Plan


class InferenceServerArgs(TypedDict):
    """What an InferenceServer is made of."""

    engine: str
    """Engine, such as ``vllm``."""
    version: str
    """Its version."""
    image: str
    """Its image, pinned."""
    argv: Sequence[str]
    """Arguments of the image's entry point. No secret is among them."""
    port: int
    """Port of its HTTP server."""
    health_path: str
    """Path that answers 200 once the model is loaded."""
    metrics_path: str
    """Path of its metrics; empty: it has none."""
    command: NotRequired[Sequence[str]]
    """Entry point; left out: the image's own."""
    env: NotRequired[Mapping[str, str]]
    """Environment of its container. No secret is in it."""
    served_model: NotRequired[str]
    """The name that a request has to carry in ``model``."""
    key_variable: NotRequired[str]
    """Environment variable that takes the access key; left out: the engine does not check keys itself."""
    shutdown_flag: NotRequired[str]
    """Flag that takes the seconds in which running requests may end; left out: it has none."""
    host_gib: NotRequired[int]
    """Main memory of one replica besides what every engine takes."""
    gpu: str
    """Catalog name of its GPUs."""
    gpu_count: int
    """GPUs of one replica."""
    replicas: int
    """Copies that serve the same model."""
    startup_timeout_seconds: int
    """How long a start may take before it counts as failed."""
    cluster: NotRequired[ClusterArgs]
    """Set on an existing Kubernetes."""
    cache_path: NotRequired[str]
    """Folder of the weights in the pod."""
    cache_volume: NotRequired[Mapping[str, Any]]
    """Source of the pod's volume for the weights, as Kubernetes writes it."""
    key_secret: NotRequired[str]
    """Name of the Kubernetes Secret that holds the access key as ``token``."""
    hub_token: NotRequired[pulumi.Input[str]]
    """Token of the model hub, for gated weights. A secret."""


class InferenceServer(pulumi.ComponentResource):
    """The engine that serves the model."""

    host: pulumi.Output[str]
    """Name under which the gateway reaches it on Kubernetes; the loopback address on a rented machine."""

    def __init__(self, name: str, args: InferenceServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the engine, and its objects where it runs on Kubernetes."""
        facts = {
            "engine": args["engine"],
            "version": args["version"],
            "image": args["image"],
            "argv": list(args["argv"]),
            "port": whole(args["port"]),
            "healthPath": args["health_path"],
            "metricsPath": args["metrics_path"],
            "gpu": args["gpu"],
            "gpuCount": whole(args["gpu_count"]),
            "replicas": whole(args["replicas"]),
            "startupTimeoutSeconds": whole(args["startup_timeout_seconds"]),
            **without_none(
                command=list(args["command"]) if "command" in args else None,
                servedModel=args.get("served_model"),
            ),
        }
        super().__init__(f"{PACKAGE}:index:InferenceServer", name, facts, opts)
        self.service_name = name
        host = "127.0.0.1"
        cluster = args.get("cluster")
        if cluster is not None:
            self._on_cluster(name, args, cluster)
            host = f"{name}.{cluster['namespace']}.svc"
        self.host = pulumi.Output.from_input(host)
        self.register_outputs({"host": self.host})

    def _on_cluster(self, name: str, args: InferenceServerArgs, cluster: ClusterArgs) -> None:
        namespace, instance = cluster["namespace"], cluster["instance"]
        token_secret = self._hub_secret(name, args, cluster)
        timeout = whole(args["startup_timeout_seconds"])
        deployment = objects.register(
            "Deployment",
            f"{name}-deployment",
            self,
            metadata=objects.metadata(name, server.APP, namespace=namespace, instance=instance),
            timeout_seconds=timeout + server.PROGRESS_MARGIN_SECONDS,
            spec=server.deployment_spec(_pod(args, cluster, token_secret)),
        )
        self.deployment = deployment
        found = server.services(name, instance=instance, namespace=namespace, port=whole(args["port"]))
        for service, (about, spec) in found.items():
            objects.register("Service", f"{service}-service", self, metadata=about, spec=spec)

    def _hub_secret(self, name: str, args: InferenceServerArgs, cluster: ClusterArgs) -> str | None:
        if "hub_token" not in args:
            return None
        secret = f"{name}-hub"
        objects.register(
            "Secret",
            secret,
            self,
            metadata=objects.metadata(secret, server.APP, namespace=cluster["namespace"], instance=cluster["instance"]),
            string_data={"token": pulumi.Output.secret(args["hub_token"])},
        )
        return secret


def _pod(args: InferenceServerArgs, cluster: ClusterArgs, token_secret: str | None) -> server.EnginePod:
    cache_path = args.get("cache_path", "/models")
    return server.EnginePod(
        instance=cluster["instance"],
        image=args["image"],
        argv=args["argv"],
        port=whole(args["port"]),
        health_path=args["health_path"],
        gpu=args["gpu"],
        gpu_resource=f"{find_gpu(args['gpu']).vendor}.com/gpu",
        gpu_count=whole(args["gpu_count"]),
        replicas=whole(args["replicas"]),
        startup_timeout_seconds=whole(args["startup_timeout_seconds"]),
        environment=server.environment(
            args.get("env", {}),
            key_variable=args.get("key_variable"),
            key_secret=args.get("key_secret"),
            token_secret=token_secret,
        ),
        command=args.get("command", ()),
        shutdown_flag=args.get("shutdown_flag"),
        host_gib=whole(args.get("host_gib", 0)),
        cache_path=cache_path,
        cache_volume=dict(args.get("cache_volume", {"emptyDir": {}})),
    )


def args_for(plan: Plan) -> InferenceServerArgs:
    """The engine that ``plan`` decided on."""
    args = InferenceServerArgs(
        engine=plan.engine.name,
        version=plan.engine.version,
        image=plan.engine.image,
        argv=list(plan.engine.argv),
        port=plan.engine.port,
        health_path=plan.engine.health_path,
        metrics_path=plan.engine.metrics_path,
        gpu=plan.gpu,
        gpu_count=plan.gpus_per_replica,
        replicas=plan.spec.replicas,
        startup_timeout_seconds=plan.startup.timeout_seconds,
        cache_path=plan.spec.cache.path,
        env=dict(plan.engine.env),
    )
    if plan.engine.host_gib:
        args["host_gib"] = plan.engine.host_gib
    if plan.engine.command:
        args["command"] = list(plan.engine.command)
    if plan.engine.served_model:
        args["served_model"] = plan.engine.served_model
    if plan.engine.key_variable is not None:
        args["key_variable"] = plan.engine.key_variable
    if plan.engine.shutdown_flag is not None:
        args["shutdown_flag"] = plan.engine.shutdown_flag
    return args
