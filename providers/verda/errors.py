"""Verda's refusals as kinds of error: ``{"code", "message"}``, where the message says more than the code."""

import re
from typing import Final

from msgspec import ValidationError, convert

from providers.base.errors import Kind, VendorError
from providers.base.http import Reply
from providers.verda.replies import ErrorBody, oddity

VENDOR: Final = "verda"
GONE_MESSAGES: Final = frozenset({"invalid instance id", "can't discontinue a discontinued instance"})
BUSY_MESSAGES: Final = frozenset({"can't discontinue a provisioning instance"})
CODES: Final = {
    "unauthorized_request": Kind.AUTH,
    "forbidden_action": Kind.AUTH,
    "insufficient_funds": Kind.BALANCE,
    "invalid_request": Kind.INVALID,
    "not_found": Kind.GONE,
    "server_error": Kind.TRANSIENT,
    "service_unavailable": Kind.TRANSIENT,
}
_STATUSES: Final = {
    401: Kind.AUTH,
    402: Kind.BALANCE,
    403: Kind.AUTH,
    409: Kind.CONFLICT,
    410: Kind.RETIRED,
    429: Kind.RATE,
}
_NO_STOCK: Final = re.compile(r"not enough resources|no capacity|insufficient capacity|not available|out of stock")
"""No page documents how a create says that there is none left, so we also ask for stock before each create."""


def judge(reply: Reply, operation: str) -> VendorError | None:
    """What an answer means; None: it is a good one, of the promised shape."""
    if reply.status < 300:
        odd = oddity(operation, reply)
        return None if odd is None else VendorError(VENDOR, Kind.MALFORMED, f"an odd answer: {odd}")
    try:
        found = convert(reply.body, type=ErrorBody)
    except ValidationError:
        found = None
    detail = f"{found.message} [{found.code}]".strip() if found else reply.text.strip() or "no word"
    return VendorError(VENDOR, _kind(reply, found, operation), detail, retry_after_seconds=_retry_after(reply))


def _kind(reply: Reply, found: ErrorBody | None, operation: str) -> Kind:
    if found is None or reply.status in {410, 429}:
        return _STATUSES.get(reply.status) or (Kind.TRANSIENT if reply.status >= 500 else Kind.MALFORMED)
    message = found.message.strip().lower().rstrip(".")
    if message in BUSY_MESSAGES:
        return Kind.CONFLICT
    if message in GONE_MESSAGES:
        return Kind.GONE
    if operation == "create instance" and _NO_STOCK.search(message):
        return Kind.CAPACITY
    kind = CODES.get(found.code) or _STATUSES.get(reply.status)
    if kind is Kind.GONE and operation == "create instance":
        return Kind.INVALID  # something that the order names
    return kind or (Kind.TRANSIENT if reply.status >= 500 else Kind.INVALID)


def _retry_after(reply: Reply) -> float | None:
    if reply.status != 429:
        return None
    try:
        return max(float(reply.headers.get("retry-after", "")), 1.0)
    except ValueError:
        return 5.0
