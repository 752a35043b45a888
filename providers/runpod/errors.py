"""What RunPod's answers mean. It has no error codes, so lack of stock is told by its prose alone."""

from typing import Final, cast

from providers.base.errors import Kind, VendorError
from providers.base.http import UNREADABLE, Reply

VENDOR: Final = "runpod"
_CAPACITY: Final = (
    "there are no longer any instances available",
    "this machine does not have the resources to deploy this pod",
    "there are not enough free gpus on the host machine",
)
"""Beginnings of the sentences that say "not in stock"; every other 400 is a wrong request."""
_KINDS: Final = {
    401: Kind.AUTH,
    402: Kind.BALANCE,
    403: Kind.AUTH,
    404: Kind.GONE,
    405: Kind.INVALID,
    408: Kind.TRANSIENT,
    409: Kind.CONFLICT,
    410: Kind.RETIRED,
    413: Kind.INVALID,
    422: Kind.INVALID,
    429: Kind.RATE,
}


def judge(reply: Reply, operation: str) -> VendorError | None:
    """A reply as an error, or None when it is a good one.

    Args:
        reply: the vendor's answer.
        operation: ``create pod``, ``delete volume`` …: a 404 to a create is a wrong request, a 400 to a delete means
            that the object is in use; ``list pods`` names the key that the list is in.
    """
    if 200 <= reply.status < 300:
        if reply.body is UNREADABLE:
            return _error(Kind.MALFORMED, "the answer is not JSON", reply)
        verb, _, wrapper = operation.partition(" ")
        if verb == "list" and not isinstance(as_map(reply.body).get(wrapper), list):
            return _error(Kind.MALFORMED, f"an odd answer: no list of {wrapper} in it", reply)
        return None
    detail = _detail(reply)
    if detail is None and reply.status in {400, 403, 404}:
        # A proxy or a wrong base URL answers like this; it must not read as "does not exist" or "not in stock".
        return _error(Kind.MALFORMED, "an error without RunPod's own text", reply)
    return _error(_kind(reply.status, detail or "", operation), detail or f"HTTP {reply.status}", reply)


def _kind(status: int, detail: str, operation: str) -> Kind:  # noqa: PLR0911  # one return a rule of the table
    text = detail.lower()
    if status < 500 and text.startswith(_CAPACITY):
        return Kind.CAPACITY
    if status >= 500:
        return Kind.TRANSIENT
    if status < 400:
        return Kind.MALFORMED
    if status == 400:
        return Kind.CONFLICT if operation.startswith("delete") else Kind.INVALID
    if status == 403 and operation == "create pod" and "pool" in text:
        return Kind.CAPACITY  # this account may not use this pool of machines; another one may do
    if status == 404 and operation.startswith("create"):
        return Kind.INVALID  # something that the body refers to does not exist
    return _KINDS.get(status, Kind.INVALID)


def _detail(reply: Reply) -> str | None:
    """The vendor's own words: problem+json's detail and its list of violations."""
    body = as_map(reply.body)
    said = next((text for key in ("detail", "title") if isinstance(text := body.get(key), str) and text), None)
    errors = body.get("errors")
    if said is None or not isinstance(errors, list) or not errors:
        return said
    return f"{said} {'; '.join(str(e) for e in cast('list[object]', errors))}"


def _error(kind: Kind, detail: str, reply: Reply) -> VendorError:
    seconds = reply.headers.get("retry-after", "")
    wait = float(seconds) if kind is Kind.RATE and seconds.isdigit() else None
    return VendorError(VENDOR, kind, detail, status=reply.status, retry_after_seconds=wait)


def as_map(body: object) -> dict[str, object]:
    """A JSON object; anything else counts as one without keys."""
    return cast("dict[str, object]", body) if isinstance(body, dict) else {}


def invalid(detail: str, *, operation: str = "", resolution: str | None = None) -> VendorError:
    """A request that would be wrong; raised before anything is sent."""
    return VendorError(VENDOR, Kind.INVALID, detail, operation=operation, resolution=resolution)
