"""Least inputs of each resource, and how one is made."""

from collections.abc import Mapping
from typing import Any

from providers.base.accounts import Accounts
from providers.base.resource import Found, Lifecycle, Wanted
from providers.runpod.resources import RESOURCES
from tests.providers.runpod.lab import H100, Lab, marker

LEAST: Mapping[str, dict[str, Any]] = {
    "Pod": {"image": "i:1", "gpu": {"id": H100, "count": 1}, "diskGb": 20},
    "NetworkVolume": {"sizeGb": 100, "dataCenter": "US-KS-2"},
    "Template": {"image": "i:1", "env": {"A": "1"}},
    "RegistryAuth": {"username": "me", "password": "very-secret-password"},
    "Endpoint": {
        "type": "QUEUE",
        "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},
        "image": "i:1",
        "gpu": {"pools": ["ADA_80_PRO"]},
    },
    "Cluster": {"type": "TRAINING", "gpuTypeId": H100, "gpuCountPerPod": 8, "podCount": 2, "image": "i:1"},
}
NAMES = tuple(LEAST)


def lifecycle(accounts: Accounts, name: str) -> Lifecycle:
    """The calls behind one resource."""
    return next(make(accounts) for kind, make in RESOURCES if kind.name == name)


def wanted(kind: str, /, **changes: Any) -> Wanted:
    """A create of a resource, with its least inputs and more."""
    return Wanted(marker=marker(), inputs={**LEAST[kind], **changes})


def made(lab: Lab, kind: str, /, **changes: Any) -> Found:
    """A resource that exists."""
    return lab.run(lifecycle(lab.accounts, kind).create(wanted(kind, **changes)))


def updated(lab: Lab, kind: str, found: Found, old: Mapping[str, Any], /, **changes: Any) -> Found:
    """A resource after a change of some inputs; None takes one away."""
    new = {k: v for k, v in {**LEAST[kind], **old, **changes}.items() if v is not None}
    calls = lifecycle(lab.accounts, kind)
    return lab.run(calls.update(found.id, old={**LEAST[kind], **old}, new=new, changed=list(changes)))
