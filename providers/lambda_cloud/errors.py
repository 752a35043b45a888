"""Lambda's answers as kinds of error. It is the ``code`` that counts: the vendor may change messages at any time."""

from typing import Final

from msgspec import ValidationError, convert

from providers.base.errors import Kind, VendorError
from providers.base.http import UNREADABLE, Reply
from providers.lambda_cloud.replies import ErrorBody, Refusal, oddity

VENDOR: Final = "lambda"

CODES: Final = {
    "global/invalid-api-key": Kind.AUTH,
    "global/account-inactive": Kind.BALANCE,
    "global/invalid-address": Kind.BALANCE,
    "global/invalid-parameters": Kind.INVALID,
    "global/duplicate": Kind.CONFLICT,
    "global/quota-exceeded": Kind.QUOTA,
    "provider/quota-exceeded": Kind.QUOTA,
    "global/internal-error": Kind.TRANSIENT,
    "provider/internal-unavailable": Kind.TRANSIENT,
    "instance-operations/launch/insufficient-capacity": Kind.CAPACITY,
    "instance-operations/launch/file-system-in-wrong-region": Kind.INVALID,
    "filesystems/filesystem-in-use": Kind.CONFLICT,
    "ssh-keys/key-in-use": Kind.CONFLICT,
    "firewall-rulesets/firewall-ruleset-in-use": Kind.CONFLICT,
}
"""Error code → kind. An inactive account is the only sign of a missing means of payment that there is."""

MISSING: Final = "global/object-does-not-exist"
_STATUSES: Final = {401: Kind.AUTH, 403: Kind.AUTH, 409: Kind.TRANSIENT, 410: Kind.RETIRED, 429: Kind.RATE}
_WITHOUT_WAIT_SECONDS: Final = 10.0
"""After a 429 that does not say how long to wait."""


def judge(reply: Reply, operation: str) -> VendorError | None:
    """What an answer means; None: it is a good one, of the promised shape."""
    if reply.status < 300:
        return _good(reply, operation)
    found = _error_of(reply)
    kind, detail = _kind(reply, found, operation), _detail(reply, found)
    retry_after = _retry_after(reply) if kind is Kind.RATE else None
    return VendorError(VENDOR, kind, detail, retry_after_seconds=retry_after)


def _good(reply: Reply, operation: str) -> VendorError | None:
    if reply.body is UNREADABLE:
        return VendorError(VENDOR, Kind.MALFORMED, "the answer is not JSON")
    odd = oddity(operation, reply.body)
    return None if odd is None else VendorError(VENDOR, Kind.MALFORMED, f"an odd answer: {odd}")


def _kind(reply: Reply, found: ErrorBody | None, operation: str) -> Kind:
    if found is None or reply.status in {410, 429}:
        return _STATUSES.get(reply.status) or (Kind.TRANSIENT if reply.status >= 500 else Kind.MALFORMED)
    if found.code == MISSING:
        # What a launch names and does not find is its own mistake; otherwise the object of the call is not there.
        return Kind.INVALID if operation in {"launch", "create filesystem"} else Kind.GONE
    if "rate" in found.code and "limit" in found.code:
        return Kind.RATE
    unknown = Kind.TRANSIENT if reply.status >= 500 else Kind.INVALID
    return CODES.get(found.code) or _STATUSES.get(reply.status, unknown)


def _error_of(reply: Reply) -> ErrorBody | None:
    try:
        return convert(reply.body, type=Refusal).error
    except ValidationError:
        return None


def _detail(reply: Reply, found: ErrorBody | None) -> str:
    if found is None:
        return reply.text.strip() or f"HTTP {reply.status} without a word"
    return " ".join(part for part in (found.message, found.suggestion, f"[{found.code}]") if part)


def _retry_after(reply: Reply) -> float:
    try:
        return max(float(reply.headers.get("retry-after", "")), 1.0)
    except ValueError:
        return _WITHOUT_WAIT_SECONDS
