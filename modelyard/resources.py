"""What a Pulumi program registers, as plain values: the input of cost, rules and reports.

The embedded preview, ``pulumi preview --json`` and the policy engine all become these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class Unknown:
    """A value that is not known before the resource exists. Compare with ``is UNKNOWN``."""

    def __repr__(self) -> str:
        return "(known after apply)"


UNKNOWN: Final = Unknown()
SECRET: Final = "[secret]"  # noqa: S105  # the placeholder that stands for a secret everywhere
"""What stands in for every secret value outside the engine."""

Value = None | bool | int | float | str | Unknown | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """One registered resource."""

    urn: str
    type: str
    """Type token, such as ``modelyard:index:Serving`` or ``kubernetes:apps/v1:Deployment``."""
    name: str
    props: Mapping[str, Value]
    """Inputs (of a component: its plain facts). Unknowns are ``UNKNOWN``, secrets are ``SECRET``."""
    custom: bool
    """False for a component."""
    parent: str | None = None
    """URN of the parent; None for a child of the stack."""
    depends_on: tuple[str, ...] = field(default=())


def lookup(props: Mapping[str, Value], path: str) -> Value:
    """The value at a dotted path; None when a step is missing, ``UNKNOWN`` when a step is not known."""
    here: Value = dict(props)
    for step in path.split("."):
        if here is UNKNOWN:
            return UNKNOWN
        if not isinstance(here, dict):
            return None
        here = here.get(step)
    return here
