"""Property values as they travel to the engine, turned into plain values."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, cast

from pulumi.runtime import rpc

from modelyard.resources import SECRET, UNKNOWN, Value

# The markers of the engine's wire format. The SDK exports the unknown marker; the others carry an underscore there but
# are fixed by the protocol (sdk/go/common/resource/properties.go).
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  # a marker, not a secret
RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7"


class _ListLike(Protocol):
    """A protobuf list (``google.protobuf.ListValue``, which has no types of its own)."""

    @property
    def values(self) -> Sequence["_ValueLike"]: ...


class _StructLike(Protocol):
    """A protobuf mapping (``google.protobuf.Struct``)."""

    @property
    def fields(self) -> Mapping[str, "_ValueLike"]: ...


class _ValueLike(Protocol):
    """A protobuf value (``google.protobuf.Value``): one of these, by ``WhichOneof``."""

    @property
    def string_value(self) -> str: ...
    @property
    def number_value(self) -> float: ...
    @property
    def bool_value(self) -> bool: ...
    @property
    def list_value(self) -> _ListLike: ...
    @property
    def struct_value(self) -> _StructLike: ...

    def WhichOneof(self, oneof_group: Literal["kind"]) -> str | None:  # noqa: N802  # protobuf's name
        """Which of the properties is set."""
        ...


def read_struct(struct: _StructLike) -> dict[str, Value]:
    """The properties of a request: unknowns as ``UNKNOWN``, secrets as ``SECRET``, whole numbers as ``int``."""
    return {key: read_value(value) for key, value in sorted(struct.fields.items())}


def read_value(value: _ValueLike) -> Value:
    """One property value."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [read_value(item) for item in value.list_value.values]
    return _read_mapping(value.struct_value) if kind == "struct_value" else None


def _read_mapping(struct: _StructLike) -> Value:
    """A mapping, or one of the special things that the protocol dresses up as one."""
    signature = struct.fields[SIGNATURE_KEY].string_value if SIGNATURE_KEY in struct.fields else ""
    if signature == SECRET_SIGNATURE:
        return SECRET
    if signature == OUTPUT_SIGNATURE:
        if "secret" in struct.fields and struct.fields["secret"].bool_value:
            return SECRET
        return read_value(struct.fields["value"]) if "value" in struct.fields else UNKNOWN
    if signature == RESOURCE_SIGNATURE:
        return struct.fields["urn"].string_value
    if signature in (ASSET_SIGNATURE, ARCHIVE_SIGNATURE):
        kept = ("path", "uri", "text", "hash")
        return cast("Value", {key: read_value(struct.fields[key]) for key in kept if key in struct.fields})
    return read_struct(struct)
