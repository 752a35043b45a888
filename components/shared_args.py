"""Arguments that several components take."""

from typing import TypedDict


class ClusterArgs(TypedDict):
    """Where on an existing Kubernetes a component puts its objects."""

    namespace: str
    """Namespace, which must exist."""
    instance: str
    """What all objects of one Serving have in common: a label, and the start of their names."""
