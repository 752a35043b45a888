"""The gateway in front of the engine: the key, TLS, and every path shut that nobody asked for."""

from typing import NotRequired, TypedDict

import pulumi

from components.base import PACKAGE, without_none
from components.cluster import gateway as on_cluster
from components.cluster import objects
from components.shared_args import ClusterArgs
from modelyard.plan.types import Plan
from modelyard.render.images import find_image
from modelyard.render.machine import PROXIED_VENDORS
from modelyard.render.nginx import access_conf, listen_conf, nginx_conf
from modelyard.spec import Auth


class GatewayArgs(TypedDict):
    """What a Gateway is made of."""

    auth: Auth
    """``bearer``: callers send the key. ``none``: the endpoint is open; metrics stay shut."""
    tls: bool
    """Whether callers reach it over TLS."""
    tls_ends_at: str
    """``vendor`` (its proxy), ``gateway`` (a certificate of the machine's own), ``ingress``, or ``nowhere``."""
    public: bool
    """Whether the internet reaches it."""
    image: str
    """nginx image, pinned."""
    hostname: NotRequired[str]
    """DNS name of the endpoint."""
    cluster: NotRequired[ClusterArgs]
    """Set on an existing Kubernetes."""
    engine_address: NotRequired[str]
    """``host:port`` of the engine."""
    health_path: NotRequired[str]
    """The engine's health path."""
    metrics_path: NotRequired[str]
    """The engine's metrics path."""
    prometheus_address: NotRequired[str]
    """``host:port`` of Prometheus; left out: not served."""
    grafana_address: NotRequired[str]
    """``host:port`` of Grafana; left out: not served."""
    key: NotRequired[pulumi.Input[str]]
    """The access key. A secret."""


class Gateway(pulumi.ComponentResource):
    """The only part that listens to the world."""

    url: pulumi.Output[str]
    """Base URL on Kubernetes; empty where the vendor decides it."""

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the gateway, and its objects where it runs on Kubernetes."""
        facts = without_none(
            auth=Auth(args["auth"]).value,
            tls=args["tls"],
            tlsEndsAt=args["tls_ends_at"],
            public=args["public"],
            image=args["image"],
            hostname=args.get("hostname"),
        )
        super().__init__(f"{PACKAGE}:index:Gateway", name, facts, opts)
        self.access_secret = f"{name}-access"
        cluster = args.get("cluster")
        if cluster is not None:
            self._on_cluster(name, args, cluster)
        self.url = pulumi.Output.from_input(_url(name, args))
        self.register_outputs({"url": self.url})

    def _on_cluster(self, name: str, args: GatewayArgs, cluster: ClusterArgs) -> None:
        instance = cluster["instance"]

        def about(part: str = "", *, at_once: bool = False) -> objects.Manifest:
            return objects.metadata(
                f"{name}-{part}" if part else name,
                on_cluster.APP,
                namespace=cluster["namespace"],
                instance=instance,
                annotations=objects.SKIP_AWAIT if at_once else None,
            )

        conf = _nginx_conf(args)
        files = {"nginx.conf": conf, "listen.conf": listen_conf(port=on_cluster.PORT)}
        config = objects.register("ConfigMap", f"{name}-config", self, metadata=about("config"), data=files)
        secret = objects.register(
            "Secret", self.access_secret, self, metadata=about("access"), string_data=_access(args)
        )
        service = objects.register(
            "Service",
            f"{name}-service",
            self,
            metadata=about(at_once=True),
            spec={
                "selector": objects.selector(on_cluster.APP, instance),
                "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
            },
        )
        spec = on_cluster.deployment_spec(
            instance=instance,
            image=args["image"],
            config=f"{name}-config",
            secret=self.access_secret,
            nginx_conf=conf,
            replicas=2,
        )
        needs = [config, secret]
        objects.register("Deployment", f"{name}-deployment", self, metadata=about(), spec=spec, depends_on=needs)
        objects.register(
            "NetworkPolicy",
            f"{name}-policy",
            self,
            metadata=about("policy"),
            spec=on_cluster.network_policy_spec(instance=instance),
        )
        if args["public"] and "hostname" in args:
            ingress = on_cluster.ingress_spec(hostname=args["hostname"], service=name, tls_secret=f"{name}-tls")
            objects.register(
                "Ingress", f"{name}-ingress", self, metadata=about(at_once=True), spec=ingress, depends_on=[service]
            )


def args_for(plan: Plan) -> GatewayArgs:
    """The gateway that ``plan`` decided on.

    On Kubernetes a gateway without a hostname stays inside the cluster, whatever was asked: a load balancer of its own
    would carry the key in the clear.
    """
    expose = plan.spec.expose
    chosen = plan.chosen
    if chosen is not None:
        is_public = expose.public
        ends_at = "vendor" if chosen.offer.vendor in PROXIED_VENDORS else "gateway"
    else:
        is_public = expose.public and expose.hostname is not None
        ends_at = "ingress" if is_public else "nowhere"
    args = GatewayArgs(
        auth=expose.auth,
        tls=ends_at != "nowhere",
        tls_ends_at=ends_at,
        public=is_public,
        image=find_image("nginx").reference,
        health_path=plan.engine.health_path,
        metrics_path=plan.engine.metrics_path,
    )
    if expose.hostname is not None:
        args["hostname"] = expose.hostname
    return args


def _nginx_conf(args: GatewayArgs) -> str:
    return nginx_conf(
        engine=args.get("engine_address", "127.0.0.1:8000"),
        auth=Auth(args["auth"]),
        health_path=args.get("health_path", "/health"),
        metrics_path=args.get("metrics_path", "/metrics"),
        prometheus=args.get("prometheus_address"),
        grafana=args.get("grafana_address"),
        directory=on_cluster.CONFIG_DIR,
    )


def _access(args: GatewayArgs) -> dict[str, pulumi.Input[str]]:
    """The Secret's content: the key for the engine, and the same key in nginx's words."""
    if "key" not in args:
        return {"access.conf": access_conf(None)}
    key = pulumi.Output.secret(args["key"])
    return {"token": key, "access.conf": key.apply(access_conf)}


def _url(name: str, args: GatewayArgs) -> str:
    cluster = args.get("cluster")
    if cluster is None:
        return f"https://{args['hostname']}" if "hostname" in args else ""
    if args["public"] and "hostname" in args:
        return f"https://{args['hostname']}"
    return f"http://{name}.{cluster['namespace']}.svc"
