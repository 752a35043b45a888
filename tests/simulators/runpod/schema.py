"""Strict bodies: every key known, every required key there, every value of its type; errors in RunPod's own form."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

Rule = Callable[[Any, str], list[str]]
"""(value, path) → violations."""


def string(*, minimum: int = 0, maximum: int = 1 << 30, pattern: str = "", choices: Iterable[str] = ()) -> Rule:
    """A text."""
    allowed = tuple(choices)

    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, str):
            return [_mistyped(path, value, "string")]
        if not minimum <= len(value) <= maximum:
            return [f"{path}: length must be {minimum} to {maximum}, got {len(value)}"]
        if pattern and re.search(pattern, value) is None:
            return [f"{path}: does not match pattern '{pattern}'"]
        if allowed and value not in allowed:
            return [f"{path}: value must be one of {', '.join(repr(each) for each in allowed)}"]
        return []

    return check


def integer(minimum: int | None = None, maximum: int | None = None) -> Rule:
    """A whole number."""

    def check(value: Any, path: str) -> list[str]:
        if isinstance(value, bool) or not isinstance(value, int):
            return [_mistyped(path, value, "integer")]
        return _in_range(value, path, minimum, maximum)

    return check


def number(minimum: float | None = None) -> Rule:
    """A number."""

    def check(value: Any, path: str) -> list[str]:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return [_mistyped(path, value, "number")]
        return _in_range(value, path, minimum, None)

    return check


def boolean() -> Rule:
    """True or false."""
    return lambda value, path: [] if isinstance(value, bool) else [_mistyped(path, value, "boolean")]


def null_or(rule: Rule) -> Rule:
    """Null or something."""
    return lambda value, path: [] if value is None else rule(value, path)


def array(item: Rule, *, minimum: int = 0, maximum: int = 1000) -> Rule:
    """A list."""

    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, list):
            return [_mistyped(path, value, "array")]
        items = cast("list[object]", value)
        if not minimum <= len(items) <= maximum:
            return [f"{path}: must have {minimum} to {maximum} items, got {len(items)}"]
        return [e for index, each in enumerate(items) for e in item(each, f"{path}[{index}]")]

    return check


def mapping(maximum: int = 50) -> Rule:
    """A map from text to text."""

    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, dict):
            return [_mistyped(path, value, "object")]
        items = cast("dict[str, object]", value)
        if len(items) > maximum:
            return [f"{path}: must have at most {maximum} properties, got {len(items)}"]
        return [_mistyped(f"{path}.{key}", each, "string") for key, each in items.items() if not isinstance(each, str)]

    return check


def record(properties: Mapping[str, Rule], *, required: Iterable[str] = (), at_least_one: bool = False) -> Rule:
    """An object with these properties and no others."""
    needed = tuple(required)

    def check(value: Any, path: str) -> list[str]:
        if not isinstance(value, dict):
            return [_mistyped(path, value, "object")]
        items = cast("dict[str, object]", value)
        unknown = [f"{path}: additional properties '{key}' not allowed" for key in items if key not in properties]
        missing = [f"{path}: missing property '{key}'" for key in needed if key not in items]
        if at_least_one and not items:
            missing.append(f"{path}: must have at least 1 property")
        inner = [e for key, each in items.items() if key in properties for e in properties[key](each, f"{path}.{key}")]
        return [*unknown, *missing, *inner]

    return check


def _in_range(value: float, path: str, minimum: float | None, maximum: float | None) -> list[str]:
    if minimum is not None and value < minimum:
        return [f"{path}: must be >= {minimum}, got {value}"]
    if maximum is not None and value > maximum:
        return [f"{path}: must be <= {maximum}, got {value}"]
    return []


def _mistyped(path: str, value: object, wanted: str) -> str:
    names: dict[type, str] = {
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
        list: "array",
        dict: "object",
    }
    return f"{path}: got {names.get(type(value), 'null')}, want {wanted}"
