"""Which resources are known to cost nothing by themselves. Short on purpose: what is not listed is not priced."""

from typing import Final

from modelyard.resources import Resource

FREE: Final = frozenset({"modelyard-rental:index:AccessKey", "modelyard-rental:index:Ready", "pulumi:pulumi:Stack"})
"""Custom resources that cost nothing by themselves."""

FREE_KUBERNETES: Final = frozenset(
    {
        "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob", "CustomResourceDefinition", "DaemonSet",
        "Deployment",
        "HorizontalPodAutoscaler", "Job", "LimitRange", "Namespace", "NetworkPolicy", "Pod", "PodDisruptionBudget",
        "PodMonitor", "PriorityClass", "PrometheusRule", "ResourceQuota", "Role", "RoleBinding", "Secret",
        "ServiceAccount", "ServiceMonitor", "StorageClass",
    }
)  # fmt: skip
"""Kubernetes kinds that cost nothing beyond the nodes that carry them."""


def is_free(resource: Resource) -> bool:
    """Whether a resource is known to cost nothing by itself."""
    kind = resource.type
    if kind in FREE or kind.startswith("pulumi:providers:"):
        return True
    return kind.startswith("kubernetes:") and kind.rpartition(":")[2] in FREE_KUBERNETES
