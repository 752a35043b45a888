"""What each rental resource accepts: one list of problems, each naming the property and what is allowed."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from modelyard.resources import UNKNOWN, Value
from providers.plugin.rental_schema import RESOURCES

VENDORS = ("lambda", "runpod", "vastai")

Problem = tuple[str, str]
"""Property path and reason."""


def problems(token: str, inputs: Mapping[str, Value]) -> list[Problem]:
    """Everything that is wrong with the inputs of a resource of type ``token``; unknown values are left alone."""
    facts = RESOURCES[token]
    found: list[Problem] = [(name, "is required") for name in facts["requiredInputs"] if inputs.get(name) is None]
    allowed = sorted(facts["inputProperties"])
    found += [(name, f"is not known; allowed: {', '.join(allowed)}") for name in inputs if name not in allowed]
    kind = token.rsplit(":", 1)[1]
    if kind == "Machine":
        found += _machine(inputs)
    elif kind == "Ready":
        found += _whole(inputs, "port", 1, 65535)
        found += _whole(inputs, "timeoutSeconds", 60, 86400)
    else:
        found += _whole(inputs, "length", 16, 128)
    return found


def _machine(inputs: Mapping[str, Value]) -> Iterator[Problem]:
    yield from _candidates(inputs.get("candidates"))
    image = inputs.get("image")
    if isinstance(image, str) and not re.search(r"(@sha256:[0-9a-f]{64}|:(?!latest$)[\w][\w.-]*)$", image):
        yield "image", f"'{image}' is not pinned; give a tag other than latest, or a digest"
    yield from _whole(inputs, "diskGb", 10, 100_000)
    yield from _whole(inputs, "networkVolumeGb", 10, 100_000)
    yield from _whole(inputs, "lifetimeSeconds", 60, 366 * 86400)
    ports = inputs.get("ports")
    for index, port in enumerate(ports if isinstance(ports, list) else ()):
        yield from ((f"ports[{index}]", reason) for _, reason in _whole({"port": port}, "port", 1, 65535))
    deadline = inputs.get("deadline")
    if isinstance(deadline, str) and not _is_utc(deadline):
        yield "deadline", f"'{deadline}' is not a UTC time such as 2026-12-01T18:00:00Z"


def _candidates(candidates: Value) -> Iterator[Problem]:
    if candidates is None or candidates is UNKNOWN:
        return
    if not isinstance(candidates, list) or not candidates:
        yield "candidates", "must be a list of at least one offer"
        return
    for index, candidate in enumerate(candidates):
        if isinstance(candidate, dict):
            for name, reason in _candidate(candidate):
                yield f"candidates[{index}].{name}", reason
        elif candidate is not UNKNOWN:
            yield f"candidates[{index}]", "must be an offer"


def _candidate(candidate: Mapping[str, Value]) -> Iterator[Problem]:
    vendor = candidate.get("vendor")
    if vendor is not UNKNOWN and vendor not in VENDORS:
        yield "vendor", f"'{vendor}' cannot be rented from; allowed: {', '.join(VENDORS)}"
    yield from _whole(candidate, "gpuCount", 1, 64)
    price = candidate.get("usdPerHour")
    if price is UNKNOWN:
        return
    try:
        amount = Decimal(str(price))
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        yield "usdPerHour", f"'{price}' is not a price; give US dollars an hour, more than 0"


def _whole(inputs: Mapping[str, Value], name: str, low: int, high: int) -> Iterator[Problem]:
    value = inputs.get(name)
    if value is None or value is UNKNOWN:
        return
    # Numbers cross the engine as doubles: 8 arrives as 8.0.
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        yield name, f"'{value}' is not a whole number"
    elif not low <= value <= high:
        yield name, f"{int(value)} is out of range; allowed: {low} to {high}"


def _is_utc(text: str) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    offset = moment.utcoffset()
    return offset is not None and not offset
