"""Prometheus and Grafana on Kubernetes. Targets are found by DNS, so neither may ask the API server anything."""

from typing import Final

from components.cluster.objects import Manifest, config_hash, locked_down, selector
from modelyard.render.compose import grafana_environment
from modelyard.render.machine import GRAFANA_PORT, PROMETHEUS_PORT

PROMETHEUS: Final = "prometheus"
GRAFANA: Final = "grafana"
PROMETHEUS_USER: Final = 65534
"""``nobody``, which Prometheus' image runs as."""
GRAFANA_USER: Final = 472
"""``grafana``, which Grafana's image runs as."""
PROMETHEUS_GB: Final = 20
"""Disk for metrics. Compressed samples take one to two bytes: 15 days of some thousand series stay well below."""


def prometheus_spec(
    *, instance: str, image: str, retention_days: int, config: str, text: str, data: Manifest
) -> Manifest:
    """``spec`` of Prometheus' Deployment.

    Args:
        instance: label of the whole Serving.
        image: pinned.
        retention_days: how long samples are kept.
        config: ConfigMap with ``prometheus.yml``.
        text: its text, so that a change replaces the pod.
        data: source of the volume of the samples.
    """
    container: Manifest = {
        "name": PROMETHEUS,
        "image": image,
        "args": [
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            f"--storage.tsdb.retention.time={retention_days}d",
            f"--storage.tsdb.retention.size={PROMETHEUS_GB - 2}GB",
            "--web.external-url=/prometheus/",
        ],
        "ports": [{"name": "http", "containerPort": PROMETHEUS_PORT}],
        "readinessProbe": {"httpGet": {"path": "/prometheus/-/ready", "port": "http"}},
        "resources": {"requests": {"cpu": "200m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        "securityContext": locked_down(user=PROMETHEUS_USER),
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/prometheus", "readOnly": True},
            {"name": "data", "mountPath": "/prometheus"},
        ],
    }
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": config}},
        {"name": "data", **data},
    ]
    return _one_pod(PROMETHEUS, instance, container, volumes, group=PROMETHEUS_USER, text=text)


def grafana_spec(*, instance: str, image: str, config: str, text: str) -> Manifest:
    """``spec`` of Grafana's Deployment: it keeps nothing, and nobody can log in.

    Args:
        instance: label of the whole Serving.
        image: pinned.
        config: ConfigMap with the data source, the provider and the dashboard.
        text: its text, so that a change replaces the pod.
    """
    settings = {
        **grafana_environment(),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_AUTH_BASIC_ENABLED": "false",
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
    }
    files = {
        "datasource.yml": "/etc/grafana/provisioning/datasources/modelyard.yml",
        "dashboards.yml": "/etc/grafana/provisioning/dashboards/modelyard.yml",
        "serving.json": "/etc/grafana/dashboards/serving.json",
    }
    container: Manifest = {
        "name": GRAFANA,
        "image": image,
        "env": [{"name": name, "value": value} for name, value in settings.items()],
        "ports": [{"name": "http", "containerPort": GRAFANA_PORT}],
        "readinessProbe": {"httpGet": {"path": "/grafana/api/health", "port": "http"}},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": locked_down(user=GRAFANA_USER),
        "volumeMounts": [
            *({"name": "config", "mountPath": path, "subPath": key, "readOnly": True} for key, path in files.items()),
            {"name": "data", "mountPath": "/var/lib/grafana"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  # an empty volume of the pod's own
        ],
    }
    volumes: list[Manifest] = [
        {"name": "config", "configMap": {"name": config}},
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return _one_pod(GRAFANA, instance, container, volumes, group=GRAFANA_USER, text=text)


def _one_pod(
    app: str, instance: str, container: Manifest, volumes: list[Manifest], *, group: int, text: str
) -> Manifest:
    found = selector(app, instance)
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {"fsGroup": group},
        "containers": [container],
        "volumes": volumes,
    }
    return {
        "replicas": 1,
        # One pod at a time may hold the volume.
        "strategy": {"type": "Recreate"},
        "selector": {"matchLabels": found},
        "template": {
            "metadata": {"labels": found, "annotations": {"modelyard/config": config_hash(text)}},
            "spec": pod,
        },
    }
