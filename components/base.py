"""What every component does the same way: numbers from the engine, props without holes, names that Kubernetes takes."""

import hashlib
import re
from typing import Any, Final

import pulumi

PACKAGE: Final = "modelyard"
"""The package in every type token; hosting supports only its ``index`` module."""

_LABEL_LENGTH: Final = 63


def whole(value: float) -> int:
    """A whole number that crossed the engine: everything is a double there, so ``8`` arrives as ``8.0``.

    Raises:
        ValueError: it is not whole.
    """
    if value != int(value):
        raise ValueError(f"{value} is not a whole number")
    return int(value)


def without_none(**values: Any) -> dict[str, Any]:  # noqa: ANN401  # props hold any JSON value
    """Values that are set: an absent prop says "not set", and None would say something else."""
    return {name: value for name, value in values.items() if value is not None}


def dns_label(*parts: str) -> str:
    """A name that Kubernetes and DNS take: letters, digits and dashes, at most 63; a digest keeps cut names apart.

    Args:
        parts: joined by dashes, such as the component's name and a role.
    """
    asked = "-".join(part for part in parts if part)
    label = re.sub(r"[^a-z0-9-]+", "-", asked.lower()).strip("-")
    if not re.match(r"[a-z]", label):
        label = f"m-{label}".rstrip("-")
    if label == asked.lower() and len(label) <= _LABEL_LENGTH:
        return label
    digest = hashlib.sha256(asked.encode()).hexdigest()[:8]
    return f"{label[: _LABEL_LENGTH - 9].rstrip('-')}-{digest}"


def below(parent: pulumi.Resource, **options: Any) -> pulumi.ResourceOptions:  # noqa: ANN401  # any resource option
    """Options of a child: its parent, and what it alone needs. The caller's own options stay with the parent."""
    return pulumi.ResourceOptions(parent=parent, **options)
