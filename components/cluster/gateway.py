"""The gateway on Kubernetes: nginx that runs as nobody, on a read-only file system."""

from typing import Final

from components.cluster.objects import Manifest, config_hash, locked_down, selector

APP: Final = "gateway"
CONFIG_DIR: Final = "/etc/modelyard"
PORT: Final = 8080
NGINX_USER: Final = 101
"""The user ``nginx`` of the official image."""


def deployment_spec(*, instance: str, image: str, config: str, secret: str, nginx_conf: str, replicas: int) -> Manifest:
    """``spec`` of the Deployment.

    Args:
        instance: label of the whole Serving.
        image: nginx image, pinned.
        config: ConfigMap with ``nginx.conf`` and ``listen.conf``.
        secret: Secret with ``access.conf``.
        nginx_conf: its text, so that a change replaces the pods.
        replicas: pods.
    """
    found = selector(APP, instance)
    container: Manifest = {
        "name": APP,
        "image": image,
        "command": ["nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-g", "daemon off;"],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 5},
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": locked_down(user=NGINX_USER),
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_DIR, "readOnly": True},
            {"name": "state", "mountPath": "/tmp"},  # noqa: S108  # an empty volume of the pod's own
        ],
    }
    access = [{"key": "access.conf", "path": "access.conf"}]
    sources: list[Manifest] = [{"configMap": {"name": config}}, {"secret": {"name": secret, "items": access}}]
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"fsGroup": NGINX_USER},
        "containers": [container],
        "volumes": [
            {"name": "config", "projected": {"defaultMode": 0o440, "sources": sources}},
            {"name": "state", "emptyDir": {}},
        ],
    }
    return {
        "replicas": replicas,
        "selector": {"matchLabels": found},
        "template": {
            "metadata": {"labels": found, "annotations": {"modelyard/config": config_hash(nginx_conf)}},
            "spec": pod,
        },
    }


def ingress_spec(*, hostname: str, service: str, tls_secret: str) -> Manifest:
    """``spec`` of the Ingress, which ends TLS.

    Args:
        hostname: DNS name of the endpoint.
        service: the gateway's Service.
        tls_secret: Secret with the certificate, made by whatever issues certificates in this cluster.
    """
    backend = {"service": {"name": service, "port": {"name": "http"}}}
    return {
        "tls": [{"hosts": [hostname], "secretName": tls_secret}],
        "rules": [{"host": hostname, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
    }


def network_policy_spec(*, instance: str) -> Manifest:
    """``spec`` of the NetworkPolicy: but for the gateway, parts of one Serving listen to one another alone."""
    ours = {"app.kubernetes.io/instance": instance}
    return {
        "podSelector": {
            "matchLabels": ours,
            "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "NotIn", "values": [APP]}],
        },
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": ours}}]}],
    }
