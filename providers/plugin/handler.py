"""What stands behind one type of resource, and what it is told about the call that it serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from providers.base.accounts import Accounts
from providers.base.journal import Journal
from providers.base.resource import Plain, ResourceType

Outputs = dict[str, Any]
"""Inputs and outputs by the schema's names, plain; None for what is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One call of the engine.

    Attributes:
        urn: of the resource; says project, stack and name.
        accounts: the process's access to vendors.
        journal: notes on creates in flight.
        say: a line into Pulumi's log.
        warn: a warning into Pulumi's log.
        timeout_seconds: the user's customTimeouts; None: none.
        show: a passing word beside the resource, which the next one replaces; None: there is no such place.
    """

    urn: str
    accounts: Accounts
    journal: Journal
    say: Callable[[str], None]
    warn: Callable[[str], None]
    timeout_seconds: float | None = None
    show: Callable[[str], None] | None = None

    @property
    def stack(self) -> str:
        """Project and stack of the URN."""
        parts = self.urn.split("::")
        return f"{parts[1]}/{parts[0].rpartition(':')[2]}" if len(parts) >= 4 else ""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]


class Handler(Protocol):
    """The lifecycle of one type of resource."""

    @property
    def kind(self) -> ResourceType:
        """Its type."""
        ...

    def keeps(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Whether a changed input, which would replace the resource, is met by what is there."""
        ...

    def replaces(self, name: str, *, state: Plain, new: Plain) -> bool:
        """Whether a changed input, which would not replace the resource by itself, does here."""
        ...

    def drift(self, state: Plain) -> Mapping[str, bool]:
        """Outputs that are not as they should be since the last refresh, and whether only a new object mends that."""
        ...

    async def create(self, call: Call, inputs: Plain) -> tuple[str, Outputs]:
        """Make it: its id, and all that is known of it."""
        ...

    async def read(self, call: Call, object_id: str, state: Plain) -> tuple[Outputs, Outputs] | None:
        """Inputs and outputs as they are now; None: it is gone, for certain."""
        ...

    async def update(self, call: Call, object_id: str, *, state: Plain, new: Plain, changed: Sequence[str]) -> Outputs:
        """Bring changed inputs in place."""
        ...

    async def delete(self, call: Call, object_id: str, state: Plain) -> None:
        """Delete it, and prove it."""
        ...


def secret_texts(kind: ResourceType, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Every text in secret inputs."""
    found: list[str] = []

    def collect(value: object) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, Mapping):
            for item in value.values():  # pyright: ignore[reportUnknownVariableType]  # plain data of any shape
                collect(item)  # pyright: ignore[reportUnknownArgumentType]  # the same
        elif isinstance(value, Sequence):
            for item in value:  # pyright: ignore[reportUnknownVariableType]  # plain data of any shape
                collect(item)  # pyright: ignore[reportUnknownArgumentType]  # the same

    for field in kind.inputs:
        if field.secret:
            collect(inputs.get(field.name))
    return tuple(found)
