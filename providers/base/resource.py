"""How a vendor's resource is described once: the schema, the checks, the diff and the lifecycle all follow from it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal, Protocol

from providers.base.marker import Marker

Plain = Mapping[str, Any]
"""Plain data by the schema's camelCase names. Secrets are bare in it: never log one."""


class Change(StrEnum):
    """What a change of an input does."""

    UPDATE = "update"
    """In place, without touching what runs."""
    RESET = "reset"
    """In place, but the container starts anew and everything outside of its volumes is wiped."""
    REPLACE = "replace"
    """A new object."""
    STATE = "state"
    """Only our own record changes; nothing is sent to the vendor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One input or output."""

    name: str
    kind: Literal["string", "integer", "number", "boolean", "array", "map", "object"]
    description: str
    required: bool = False
    secret: bool = False
    change: Change = Change.REPLACE
    items: Literal["string", "integer", "object"] = "string"
    """Of an array or a map."""
    fields: tuple["Field", ...] = ()
    """Of an object, or of an array of objects."""
    minimum: float | None = None
    maximum: float | None = None
    """Of a number; of a text: its length."""
    pattern: str | None = None
    choices: tuple[str, ...] = ()
    write_only: bool = False
    """The vendor never gives it back, so a refresh keeps what the state says."""


def _nothing_wrong(inputs: Plain) -> Sequence[tuple[str, str]]:
    del inputs
    return ()


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceType:
    """A kind of resource of the plugin.

    ``name`` becomes ``modelyard-rental:<module>:<Name>``.
    """

    module: str
    """``index`` for what spans vendors, else the vendor: ``runpod``, ``lambda``, ``vastai``."""
    name: str
    description: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...] = ()
    """What is known only after the create; inputs are outputs as well."""
    delete_before_replace: bool = False
    billed: bool = True
    """Whether it costs money while it exists."""
    check: Callable[[Plain], Sequence[tuple[str, str]]] = _nothing_wrong
    """Rules that span inputs: property and reason of everything wrong. Values may be unknown yet."""

    @property
    def token(self) -> str:
        """The Pulumi type token."""
        return f"{PACKAGE}:{self.module}:{self.name}"


PACKAGE: Final = "modelyard-rental"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a create is asked for."""

    marker: Marker
    """Its ``name`` is the object's name at the vendor unless the inputs name it (names that must be unique or kept)."""
    inputs: Plain
    secrets: tuple[str, ...] = ()
    """Texts in the inputs that no message may hold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An object at the vendor."""

    id: str
    outputs: Plain
    """Every output that the vendor tells, and the inputs as they are now (so that a refresh shows drift)."""
    marker: Marker | None = None


class Lifecycle(Protocol):
    """The calls behind one vendor resource. Each raises ``VendorError`` and nothing else when it fails.

    They are thin: sending once, reconciling, retrying and proving absence is done around them, in one place
    (``providers.base.lifecycle``).
    """

    kind: ResourceType

    async def create(self, wanted: Wanted) -> Found:
        """Send one create call (``VendorHttp.once``)."""
        ...

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """The objects that an earlier try of this very create made, over all pages; by marker, or by a unique name."""
        ...

    async def read(self, object_id: str) -> Found | None:
        """The object; None only when the vendor says that it does not exist, to a key that works."""
        ...

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Bring the changed inputs in place and return it as it is then."""
        ...

    async def delete(self, object_id: str) -> None:
        """Ask for its end once. One that does not exist is no error; in use is CONFLICT."""
        ...

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveOffer:
    """What a vendor's own list says is on sale now."""

    vendor: str
    sku: str
    """As in our price table."""
    gpu: str | None
    """Catalog name; None: not in the catalog."""
    vendor_gpu: str
    gpu_count: int
    region: str
    trust: str
    spot: bool
    usd_per_hour: Decimal | None
    """Whole machine; None: the vendor does not say."""
    stock: Literal["none", "low", "medium", "high", "unknown"]
    extra: Mapping[str, str] = field(default_factory=dict[str, str])
