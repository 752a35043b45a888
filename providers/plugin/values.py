"""Between the engine's property values and plain ones."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from pulumi.provider.experimental.property_value import Computed, PropertyValue

from modelyard.resources import UNKNOWN, Value

UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What an unknown input arrives as: this SDK does not decode the engine's sentinel."""


def plain(value: PropertyValue) -> Value:
    """A property value as plain data; unknown as ``UNKNOWN``. Secrets are returned bare: never log the result."""
    inner = value.value
    if isinstance(inner, Computed) or inner == UNKNOWN_TEXT:
        return UNKNOWN
    if inner is None or isinstance(inner, bool | str):
        return inner
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, tuple):  # how a property value keeps every sequence
        return [plain(item) for item in inner]
    raise TypeError(f"a rental resource takes plain data, not a {type(inner).__name__}")


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Value]:
    """A map of property values as plain data; engine-internal keys (``__…``) are left out."""
    return {key: plain(value) for key, value in values.items() if not key.startswith("__")}


def property_value(value: object, *, is_secret: bool = False) -> PropertyValue:
    """Plain data as the engine takes it: numbers as doubles, lists and maps all the way down.

    Raises:
        TypeError: data that the engine has no form for.
    """
    if value is None or isinstance(value, bool | str):
        return PropertyValue(value, is_secret)
    if isinstance(value, int | float):
        return PropertyValue(float(value), is_secret)
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, object]", value)
        return PropertyValue({key: property_value(item) for key, item in inner.items()}, is_secret)
    if isinstance(value, Sequence):
        items = cast("Sequence[object]", value)
        return PropertyValue([property_value(item) for item in items], is_secret)
    raise TypeError(f"the engine takes plain data, not a {type(value).__name__}")
