"""What Vast's answers mean. Its status codes mislead (a wrong key may be a 404), so its ``error`` words come first."""

import re
from collections.abc import Mapping
from typing import Final, cast

from providers.base.errors import Kind, VendorError
from providers.base.http import UNREADABLE, Reply

VENDOR: Final = "vastai"

CREATE: Final = "create"
LIST: Final = "list"
"""Operations whose answers have a meaning of their own."""

CREATE_PENALTY_SECONDS: Final = 12.0
"""How long a create that came too early has to wait."""
_LONGEST_PAUSE_SECONDS: Final = 60.0
_BY_WORD: Final[Mapping[str, Kind]] = {
    "auth_error": Kind.AUTH,
    "missing_billing": Kind.BALANCE,
    "insufficient_credit": Kind.BALANCE,
    "no_such_ask": Kind.CAPACITY,
    "deprecated_endpoint": Kind.RETIRED,
    "search_quota_exceeded": Kind.QUOTA,
    "rate_limit_exceeded": Kind.RATE,
    "not_found": Kind.GONE,
    "no_such_instance": Kind.GONE,
    "no_such_volume": Kind.GONE,
    "no_such_ssh_key": Kind.GONE,
    "invalid_id": Kind.GONE,
    "invalid_token": Kind.CONFLICT,  # a cursor that is no longer good: the list starts again
    "invalid_args": Kind.INVALID,
    "invalid_price": Kind.INVALID,
    "invalid_request": Kind.INVALID,
    "label_too_long": Kind.INVALID,
    "no_ssh_key_for_vm": Kind.INVALID,
}
_BY_STATUS: Final[Mapping[int, Kind]] = {
    401: Kind.AUTH,
    402: Kind.BALANCE,
    403: Kind.AUTH,
    408: Kind.TRANSIENT,
    409: Kind.CONFLICT,
    410: Kind.RETIRED,
    411: Kind.BALANCE,
    425: Kind.TRANSIENT,
    429: Kind.RATE,
}


def judge(reply: Reply, operation: str) -> VendorError | None:
    """A reply as an error, or None when it is a good one.

    Args:
        reply: the vendor's answer.
        operation: as in the client; a ``create`` must name the new contract.
    """
    body = as_object(reply.body) or {}
    if 200 <= reply.status < 300 and body.get("success") is not False:
        return _odd_success(reply, body, operation)
    detail = _detail(reply, body)
    kind = _kind(reply, body, detail)
    created = _contract(body) if operation == CREATE else None
    if created is not None and kind is Kind.INVALID:
        kind = Kind.CAPACITY  # Vast took the request: the contract could just not start
    return VendorError(
        VENDOR,
        kind,
        detail,
        operation=operation,
        status=reply.status,
        created_id=created,
        retry_after_seconds=_pause(reply, operation) if kind is Kind.RATE else None,
        resolution=_resolution(kind, detail),
    )


def as_object(value: object) -> dict[str, object] | None:
    """A JSON object; None when it is something else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def malformed(detail: str, operation: str) -> VendorError:
    """An answer that is not what the API promises."""
    return VendorError(VENDOR, Kind.MALFORMED, detail, operation=operation, status=200)


def invalid(detail: str, operation: str, *, resolution: str | None = None) -> VendorError:
    """A request that we do not send because it cannot be right."""
    return VendorError(VENDOR, Kind.INVALID, detail, operation=operation, resolution=resolution)


def _odd_success(reply: Reply, body: dict[str, object], operation: str) -> VendorError | None:
    if reply.body is UNREADABLE:
        return malformed("the answer is not JSON", operation)
    if operation == CREATE and _contract(body) is None:
        return malformed("the answer names no new contract", operation)
    return None


def _kind(reply: Reply, body: dict[str, object], detail: str) -> Kind:
    if reply.status >= 500:
        return Kind.TRANSIENT
    word = str(body.get("error") or "").strip().lower()
    told = _by_text(reply.status, f"{word} {detail.lower()}") or _BY_WORD.get(word) or _BY_STATUS.get(reply.status)
    if told is not None:
        return told
    # A 404 without Vast's own word comes from something in between: it says nothing about the object.
    return Kind.MALFORMED if reply.status == 404 or reply.status < 400 else Kind.INVALID


def _by_text(status: int, text: str) -> Kind | None:
    """What the prose says where Vast's word for it is too general, or missing."""
    signs = {
        Kind.CAPACITY: "no_such_ask" in text or (status == 410 and "no longer available" in text),
        Kind.AUTH: "invalid user key" in text,
        Kind.CONFLICT: "in use" in text or "in-use" in text,
        Kind.RATE: "too frequent" in text,
        Kind.BALANCE: "insufficient" in text and ("credit" in text or "balance" in text),
    }
    return next((kind for kind, shown in signs.items() if shown), None)


def _detail(reply: Reply, body: dict[str, object]) -> str:
    parts = [str(body[key]).strip() for key in ("error", "msg", "detail", "message") if body.get(key)]
    told = [part for place, part in enumerate(parts) if not any(part in other for other in parts[place + 1 :])]
    if told:
        return ": ".join(told)
    return reply.text.strip()[:200] or f"HTTP {reply.status}"


def _contract(body: dict[str, object]) -> str | None:
    number = body.get("new_contract")
    return str(number) if isinstance(number, int) and not isinstance(number, bool) and number > 0 else None


def _pause(reply: Reply, operation: str) -> float | None:
    """How long to wait: what the answer says, and for a create at least the penalty."""
    told: list[float] = []
    header = reply.headers.get("retry-after", "")
    if header.isdigit():
        told.append(float(header))
    threshold = re.search(r"threshold=(\d+(?:\.\d+)?)", reply.text)
    if threshold:
        told.append(float(threshold[1]))
    if operation == CREATE:
        told.append(CREATE_PENALTY_SECONDS)
    return min(max(told), _LONGEST_PAUSE_SECONDS) if told else None


def _resolution(kind: Kind, detail: str) -> str | None:
    if "search_quota_exceeded" in detail:
        return "Vast's daily search quota is used up; it is renewed at 00:00 UTC."
    if kind is Kind.BALANCE:
        return "Add credit at https://cloud.vast.ai/billing/, then run again."
    return None
