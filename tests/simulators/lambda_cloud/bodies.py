"""Request bodies, checked without mercy, and refusals in the vendor's form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from tests.simulators.core import SimRequest
from tests.simulators.lambda_cloud.catalog import REGIONS, TYPES


class Refused(Exception):  # noqa: N818  # an answer, not a failure of the simulator
    """An error answer."""

    def __init__(self, status: int, code: str, message: str, suggestion: str | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.suggestion = status, code, message, suggestion

    def body(self) -> dict[str, object]:
        """In the vendor's form."""
        inner = {"code": self.code, "message": self.message}
        return {"error": inner if self.suggestion is None else {**inner, "suggestion": self.suggestion}}


def invalid(field: str, why: str) -> Refused:
    """A body that is not as it should be."""
    return Refused(400, "global/invalid-parameters", "Invalid request data.", f"{field}: {why}")


def missing(message: str, suggestion: str | None = None) -> Refused:
    """An object that does not exist."""
    return Refused(404, "global/object-does-not-exist", message, suggestion)


def internal() -> Refused:
    """The vendor's own failure."""
    message, suggestion = (
        "An internal server error occurred.",
        "Try again later. Contact Support if the problem persists.",
    )
    return Refused(500, "global/internal-error", message, suggestion)


Check = Callable[[Any], str | None]
"""What is wrong with a value; None: nothing."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a body."""

    check: Check
    required: bool = False


def strict(request: SimRequest, keys: Mapping[str, Key]) -> dict[str, Any]:
    """The body; every key is known, every required one is there, every value passes its check."""
    try:
        body = _object(request.json())
    except ValueError:
        raise invalid("body", "JSON decode error") from None
    if body is None:
        raise invalid("body", "Input should be a valid dictionary")
    for name in body:
        if name not in keys:
            raise invalid(name, "Extra inputs are not permitted")
    for name, key in keys.items():
        if name not in body:
            if key.required:
                raise invalid(name, "Field required")
            continue
        wrong = key.check(body[name])
        if wrong is not None:
            raise invalid(name, wrong)
    return body


def text(low: int, high: int, pattern: str = r"(?s).*") -> Check:
    """A text of so many characters."""

    def check(value: object) -> str | None:
        if not isinstance(value, str):
            return "Input should be a valid string"
        if not low <= len(value) <= high:
            return f"String should have {low} to {high} characters"
        return None if re.fullmatch(pattern, value) else f"String should match pattern '{pattern}'"

    return check


def among(known: Mapping[str, object]) -> Check:
    """One of a set."""
    return lambda value: None if value in known else "Input is not a known value"


def listed(inner: Check, low: int = 0, high: int = 1000) -> Check:
    """A list of so many."""

    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return "Input should be a valid list"
        items = cast("list[object]", value)
        if not low <= len(items) <= high:
            return f"List should have {low} to {high} items"
        return next((wrong for item in items if (wrong := inner(item)) is not None), None)

    return check


def mapping(keys: Mapping[str, Key]) -> Check:
    """An object with known keys."""

    def check(value: object) -> str | None:
        held = _object(value)
        if held is None:
            return "Input should be a valid dictionary"
        for name in held:
            if name not in keys:
                return f"{name}: Extra inputs are not permitted"
        for name, key in keys.items():
            if name not in held:
                if key.required:
                    return f"{name}: Field required"
            elif (wrong := key.check(held[name])) is not None:
                return f"{name}: {wrong}"
        return None

    return check


def _object(value: object) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _image(value: object) -> str | None:
    return None if set(_object(value) or ()) in ({"id"}, {"family"}) else "Input should have either id or family"


def _rule(value: object) -> str | None:
    wrong = mapping(
        {
            "protocol": Key(among(dict.fromkeys(("tcp", "udp", "icmp", "all"))), required=True),
            "port_range": Key(listed(_port, 2, 2)),
            "source_network": Key(text(1, 18, r"\d+\.\d+\.\d+\.\d+(/\d+)?"), required=True),
            "description": Key(text(0, 128), required=True),
        }
    )(value)
    rule = _object(value)
    if wrong is not None or rule is None:
        return wrong
    if (rule["protocol"] == "icmp") == ("port_range" in rule):
        return "port_range: required, and not allowed for icmp"
    return None


def _port(value: object) -> str | None:
    return None if isinstance(value, int) and 1 <= value <= 65535 else "Input should be a port"


LAUNCH = {
    "region_name": Key(among(REGIONS), required=True),
    "instance_type_name": Key(among(TYPES), required=True),
    "ssh_key_names": Key(listed(text(1, 64), 1, 1), required=True),
    "file_system_names": Key(listed(text(1, 60))),
    "file_system_mounts": Key(
        listed(
            mapping(
                {
                    "mount_point": Key(text(1, 255, r"(/home|/lambda/nfs|/data)[/a-zA-Z0-9-]*"), required=True),
                    "file_system_id": Key(text(1, 64), required=True),
                }
            )
        )
    ),
    "hostname": Key(text(1, 63, r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")),
    "name": Key(text(0, 64)),
    "image": Key(_image),
    "user_data": Key(text(0, 1_000_000)),
    "tags": Key(
        listed(
            mapping(
                {
                    "key": Key(text(2, 128, r"[a-z][a-z0-9-:]+"), required=True),
                    "value": Key(text(0, 256), required=True),
                }
            )
        )
    ),
    "firewall_rulesets": Key(listed(mapping({"id": Key(text(1, 64), required=True)}))),
}
TERMINATE = {"instance_ids": Key(listed(text(1, 64), 1), required=True)}
RENAME = {"name": Key(text(0, 64), required=True)}
SSH_KEY = {"name": Key(text(1, 64), required=True), "public_key": Key(text(1, 4096))}
FILESYSTEM = {
    "name": Key(text(1, 60, r"[a-zA-Z]+[0-9a-zA-Z-]*"), required=True),
    "region": Key(among(REGIONS), required=True),
}
RULES = Key(listed(_rule), required=True)
RULESET = {"name": Key(text(1, 128), required=True), "region": Key(among(REGIONS), required=True), "rules": RULES}
RULESET_PATCH = {"name": Key(text(1, 128)), "rules": Key(listed(_rule))}
