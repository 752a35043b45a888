"""Registers Kubernetes objects. The Kubernetes SDK is imported here, and only once something runs on Kubernetes."""

import hashlib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from components.base import below

Manifest = dict[str, Any]
"""A part of a Kubernetes object, with the API's own key names."""

_MODULES: Final[Mapping[str, str]] = {
    "ConfigMap": "pulumi_kubernetes.core.v1",
    "DaemonSet": "pulumi_kubernetes.apps.v1",
    "Deployment": "pulumi_kubernetes.apps.v1",
    "Ingress": "pulumi_kubernetes.networking.v1",
    "NetworkPolicy": "pulumi_kubernetes.networking.v1",
    "PersistentVolumeClaim": "pulumi_kubernetes.core.v1",
    "Secret": "pulumi_kubernetes.core.v1",
    "Service": "pulumi_kubernetes.core.v1",
}

MANAGED_BY: Final = "modelyard"
SKIP_AWAIT: Final = {"pulumi.com/skipAwait": "true"}
"""For objects that are right before anything stands behind them, such as a Service of pods that load for minutes."""


def register(
    kind: str,
    name: str,
    parent: pulumi.Resource,
    *,
    metadata: Manifest,
    depends_on: Sequence[pulumi.Resource] = (),
    timeout_seconds: int | None = None,
    **body: Any,  # noqa: ANN401  # the rest of the object: spec, data, string_data
) -> pulumi.CustomResource:
    """Register one object.

    Args:
        kind: Kubernetes kind, one of those that components use.
        name: Pulumi's name of the resource.
        parent: the component that it belongs to.
        metadata: the object's ``metadata``.
        depends_on: what has to exist before.
        timeout_seconds: how long Pulumi waits for it; None: the SDK's own time-out.
        body: ``spec``, ``data`` or ``string_data``.
    """
    construct = getattr(importlib.import_module(_MODULES[kind]), kind)
    timeouts = None
    if timeout_seconds is not None:
        timeouts = pulumi.CustomTimeouts(create=f"{timeout_seconds}s", update=f"{timeout_seconds}s")
    options = below(parent, depends_on=list(depends_on), custom_timeouts=timeouts)
    registered: pulumi.CustomResource = construct(name, metadata=metadata, opts=options, **body)
    return registered


def provider(name: str, parent: pulumi.Resource, *, context: str) -> pulumi.ProviderResource:
    """The way to one cluster, by its kubeconfig context."""
    construct: Any = importlib.import_module("pulumi_kubernetes").Provider
    made: pulumi.ProviderResource = construct(name, context=context, opts=below(parent))
    return made


def selector(app: str, instance: str) -> dict[str, str]:
    """Labels that pick the pods of one part, and never change."""
    return {"app.kubernetes.io/name": app, "app.kubernetes.io/instance": instance}


def labels(app: str, instance: str) -> dict[str, str]:
    """Labels of every object of one part."""
    return {**selector(app, instance), "app.kubernetes.io/managed-by": MANAGED_BY}


def metadata(
    name: str, app: str, *, namespace: str, instance: str, annotations: Mapping[str, str] | None = None
) -> Manifest:
    """``metadata`` with a name of our own, so that other parts can name it before it exists."""
    found: Manifest = {"name": name, "namespace": namespace, "labels": labels(app, instance)}
    if annotations:
        found["annotations"] = dict(annotations)
    return found


def locked_down(*, user: int | None) -> Manifest:
    """``securityContext`` of a container that needs nothing special.

    Args:
        user: numeric user to run as; None: the image's own (the engine's image runs as root).
    """
    found: Manifest = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if user is not None:
        found |= {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "readOnlyRootFilesystem": True}
    return found


def config_hash(*texts: str) -> str:
    """A pod annotation's value that changes with the pod's configuration, so that the pod is replaced then."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
