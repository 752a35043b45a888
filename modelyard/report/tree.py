"""The resource tree: every child under its parent, however the program registered them."""

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.report.reader import Reader

_HIDDEN = ("pulumi:pulumi:Stack", "pulumi:providers:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """One line of the tree."""

    depth: int
    kind: str
    """The last part of the type token."""
    name: str
    says: str
    """What it is, in a few words."""


def tree(resources: Sequence[Reader]) -> list[Node]:
    """The resources of a document, depth first, siblings in the order in which they were registered.

    The stack itself and Pulumi's own provider resources are left out. A resource whose parent is not there, or is its
    own descendant, stands at the root.
    """
    shown = [resource for resource in resources if not resource.text("type").startswith(_HIDDEN)]
    known = {resource.text("urn") for resource in shown}
    below: dict[str, list[Reader]] = {}
    for resource in shown:
        parent = resource.text("parent")
        below.setdefault(parent if parent in known else "", []).append(resource)
    nodes: list[Node] = []
    seen: set[str] = set()
    waiting = [(resource, 0) for resource in reversed(below.get("", []))]
    while waiting or len(seen) < len(known):
        # Only a loop of parents leaves anything over; its first resource becomes a root.
        resource, depth = waiting.pop() if waiting else (next(r for r in shown if r.text("urn") not in seen), 0)
        urn = resource.text("urn")
        if urn in seen:
            continue
        seen.add(urn)
        kind = resource.text("type").rpartition(":")[2]
        nodes.append(Node(depth=depth, kind=kind, name=resource.text("name"), says=resource.text("description")))
        waiting.extend((child, depth + 1) for child in reversed(below.get(urn, [])))
    return nodes
