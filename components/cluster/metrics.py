"""The DCGM exporter on every GPU node."""

from typing import Final

from components.cluster.objects import Manifest, config_hash, selector

APP: Final = "gpu-metrics"
COUNTERS_DIR: Final = "/etc/modelyard"


def daemon_set_spec(*, instance: str, image: str, port: int, config: str, counters: str) -> Manifest:
    """``spec`` of the DaemonSet. It takes no GPU: the exporter looks at those that others use.

    Args:
        instance: label of the whole Serving.
        image: exporter image, pinned.
        port: port of its metrics.
        config: ConfigMap with ``counters.csv``.
        counters: its text, so that a change replaces the pods.
    """
    found = selector(APP, instance)
    container: Manifest = {
        "name": APP,
        "image": image,
        "args": ["--address", f":{port}", "--collectors", f"{COUNTERS_DIR}/counters.csv"],
        "ports": [{"name": "metrics", "containerPort": port}],
        "readinessProbe": {"httpGet": {"path": "/health", "port": "metrics"}, "initialDelaySeconds": 5},
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}},
        # DCGM's profiling fields (tensor pipe, memory bandwidth) need this one capability, and root.
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"name": "counters", "mountPath": COUNTERS_DIR, "readOnly": True}],
    }
    pod: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {"nvidia.com/gpu.present": "true"},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "containers": [container],
        "volumes": [{"name": "counters", "configMap": {"name": config}}],
    }
    annotations = {"modelyard/config": config_hash(counters)}
    return {
        "selector": {"matchLabels": found},
        "template": {"metadata": {"labels": found, "annotations": annotations}, "spec": pod},
    }
