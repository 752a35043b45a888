"""What each resource accepts: one list of problems, each naming the property and what is allowed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation

from modelyard.errors import quote
from modelyard.resources import UNKNOWN, Value
from providers import registry
from providers.base.accounts import Accounts
from providers.base.marker import FIRST_DEADLINE, LAST_DEADLINE
from providers.base.resource import Field, ResourceType
from providers.base.volumes import why_not

VENDORS = tuple(sorted(registry.VENDORS))

_NO_ACCOUNTS = Accounts(environment={})
"""A check asks no vendor, so it needs no key."""
Problem = tuple[str, str]
"""Property path and reason."""


def problems(kind: ResourceType, inputs: Mapping[str, Value]) -> list[Problem]:
    """Everything that is wrong with a resource's inputs; unknown values are left alone."""
    found = list(_object(kind.inputs, inputs, ""))
    if kind.token.endswith(":index:Machine"):
        found += _machine(inputs)
    return [*found, *kind.check(inputs)]


def _object(fields: Sequence[Field], given: Mapping[str, Value], path: str) -> Iterator[Problem]:
    known = {field.name: field for field in fields}
    for field in fields:
        if field.required and given.get(field.name) is None:
            yield path + field.name, "is required"
    for name, value in given.items():
        if name not in known:
            yield path + name, f"is not known; allowed: {', '.join(sorted(known))}"
        elif value is not None and value is not UNKNOWN:
            yield from _value(known[name], value, path + name)


def _value(field: Field, value: Value, path: str) -> Iterator[Problem]:
    if field.kind == "array":
        if not isinstance(value, list):
            yield path, "must be a list"
            return
        if field.required and not value:
            yield path, "must be a list of at least one"
        for index, item in enumerate(value):
            yield from _item(field, item, f"{path}[{index}]")
    elif field.kind == "map":
        if not isinstance(value, dict):
            yield path, "must be a map"
            return
        for name, item in value.items():
            yield from _item(field, item, f"{path}.{name}")
    elif field.kind == "object":
        yield from _item(field, value, path)
    else:
        yield from _scalar(field, field.kind, value, path)


def _item(field: Field, value: Value, path: str) -> Iterator[Problem]:
    if value is UNKNOWN:
        return
    if field.kind == "object" or field.items == "object":
        if not isinstance(value, dict):
            yield path, "must be an object"
        elif field.fields:
            yield from _object(field.fields, value, f"{path}.")
    else:
        yield from _scalar(field, field.items, value, path)


def _scalar(field: Field, kind: str, value: Value, path: str) -> Iterator[Problem]:
    shown = "a secret" if field.secret else quote(value)
    if kind in {"integer", "number"}:
        yield from _number(field, kind, value, path, shown)
    elif kind == "boolean":
        if not isinstance(value, bool):
            yield path, f"{shown} is neither true nor false"
    elif not isinstance(value, str):
        yield path, f"{shown} is not a text"
    else:
        yield from _text(field, value, path, shown)


def _number(field: Field, kind: str, value: Value, path: str, shown: str) -> Iterator[Problem]:
    # Numbers cross the engine as doubles: 8 arrives as 8.0.
    if isinstance(value, bool) or not isinstance(value, int | float) or (kind == "integer" and value % 1 != 0):
        yield path, f"{shown} is not a {'whole ' if kind == 'integer' else ''}number"
    elif (field.minimum is not None and value < field.minimum) or (field.maximum is not None and value > field.maximum):
        yield path, f"{value:g} is out of range; allowed: {_range(field)}"


def _text(field: Field, value: str, path: str, shown: str) -> Iterator[Problem]:
    if field.choices and value not in field.choices:
        yield path, f"{shown} is not allowed; allowed: {', '.join(field.choices)}"
    elif field.pattern is not None and re.fullmatch(field.pattern, value) is None:
        yield path, f"{shown} does not have the form {field.pattern}"
    elif field.kind != "string":
        return  # the bounds of a list or map are those of its numbers
    elif field.maximum is not None and len(value) > field.maximum:
        yield path, f"{len(value)} characters are too many; allowed: {field.maximum:.0f}"
    elif field.minimum is not None and len(value) < field.minimum:
        yield path, f"{len(value)} characters are too few; at least {field.minimum:.0f}"


def _range(field: Field) -> str:
    if field.minimum is None:
        return f"up to {field.maximum:.0f}"
    return f"{field.minimum:.0f} or more" if field.maximum is None else f"{field.minimum:.0f} to {field.maximum:.0f}"


def _machine(inputs: Mapping[str, Value]) -> Iterator[Problem]:
    image = inputs.get("image")
    if isinstance(image, str) and not re.search(r"(@sha256:[0-9a-f]{64}|:(?!latest$)[\w][\w.-]*)$", image):
        yield "image", f"{quote(image)} is not pinned; give a tag other than latest, or a digest"
    yield from _network_volume(inputs)
    deadline = inputs.get("deadline")
    if isinstance(deadline, str) and not _is_utc(deadline):
        yield "deadline", f"{quote(deadline)} is not a UTC time such as 2026-12-01T18:00:00Z, of 1971 to 3999"
    candidates = inputs.get("candidates")
    for index, candidate in enumerate(candidates if isinstance(candidates, list) else ()):
        if isinstance(candidate, dict):
            for name, reason in _candidate(candidate):
                yield f"candidates[{index}].{name}", reason


def _network_volume(inputs: Mapping[str, Value]) -> Iterator[Problem]:
    """A problem when none of the candidates can have the volume; with one that can, the others are left out."""
    size, path, candidates = (inputs.get(name) for name in ("networkVolumeGb", "cachePath", "candidates"))
    if not isinstance(size, int | float) or not isinstance(candidates, list):
        return
    reasons = dict[str, None]()
    for candidate in candidates:
        vendor, trust = (candidate.get(n) if isinstance(candidate, dict) else None for n in ("vendor", "trust"))
        if not isinstance(vendor, str) or vendor not in VENDORS or not isinstance(trust, str):
            return  # not known yet, or a problem of its own
        reason = why_not(
            vendor,
            registry.find(vendor).volumes(_NO_ACCOUNTS),
            trust=trust,
            size_gb=int(size),
            cache_path=path if isinstance(path, str) else None,
        )
        if reason is None:
            return
        reasons[reason] = None
    if reasons:
        why = f"none of the candidates can have one: {'; '.join(reasons)}"
        yield "networkVolumeGb", f"{why}; take it away (in a stack: cache.kind: local-nvme), or allow other offers"


def _candidate(candidate: Mapping[str, Value]) -> Iterator[Problem]:
    vendor = candidate.get("vendor")
    if isinstance(vendor, str) and vendor not in VENDORS:
        yield "vendor", f"{quote(vendor)} cannot be rented from; allowed: {', '.join(VENDORS)}"
    price = candidate.get("usdPerHour")
    if price is UNKNOWN or price is None:
        return
    try:
        amount = Decimal(str(price))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        yield "usdPerHour", f"{quote(price)} is not a price; give US dollars an hour, more than 0"


def _is_utc(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    offset = moment.utcoffset()
    return offset is not None and not offset and FIRST_DEADLINE <= moment < LAST_DEADLINE
