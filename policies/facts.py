"""What rules read: the registered resources and their bill, with the few look-ups that several rules share."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from modelyard.cost.types import Bill
from modelyard.resources import UNKNOWN, Resource, Unknown, Value, lookup

SERVING = "modelyard:index:Serving"
GATEWAY = "modelyard:index:Gateway"
MACHINE = "modelyard-rental:index:Machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One look at a program. A rule of resource scope gets facts that hold one resource."""

    resources: tuple[Resource, ...]
    bill: Bill
    now: datetime | None = None
    """When the bill was made, aware UTC: what turns a deadline into a worst case."""

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types, in the order in which they were registered."""
        return (resource for resource in self.resources if resource.type in types)

    def below(self, top: Resource) -> tuple[Resource, ...]:
        """``top`` and everything under it, however deep."""
        inside = {top.urn}
        parents = {resource.urn: resource.parent for resource in self.resources}
        for urn in parents:
            line = list(_ancestors(urn, parents))
            if top.urn in line:
                inside.update(line[: line.index(top.urn)])
        return tuple(resource for resource in self.resources if resource.urn in inside)


def _ancestors(urn: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """``urn`` and its parents, nearest first; a loop ends where it closes."""
    seen: set[str] = set()
    here: str | None = urn
    while here is not None and here not in seen:
        seen.add(here)
        yield here
        here = parents.get(here)


def text(resource: Resource, path: str) -> str | Unknown | None:
    """A text property; None when it is missing, empty or something else."""
    value = lookup(resource.props, path)
    if isinstance(value, Unknown):
        return value
    return value if isinstance(value, str) and value else None


def whole(resource: Resource, path: str) -> int | Unknown | None:
    """A whole number; None when it is missing or something else. Engines send ``8`` as ``8.0``."""
    value = lookup(resource.props, path)
    if isinstance(value, Unknown):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == int(value) else None


def dollars(resource: Resource, path: str) -> Decimal | Unknown | None:
    """An amount of US dollars, written as a decimal string or a number; None when it is missing or no amount."""
    value = lookup(resource.props, path)
    if isinstance(value, Unknown):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def maps(value: Value) -> tuple[dict[str, Value], ...]:
    """The maps in a list; nothing when it is no list."""
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def first_unknown(named: Iterable[tuple[str, object]]) -> str | None:
    """The name of the first value that is not known."""
    return next((name for name, value in named if value is UNKNOWN), None)
