"""What a vendor's answer means for what we do next. Every vendor's ``errors.py`` maps its replies to these kinds."""

from enum import StrEnum
from typing import Final

from modelyard.errors import ModelyardError


class Kind(StrEnum):
    """What went wrong, by what may be done about it."""

    CAPACITY = "capacity"
    """Not in stock. The only kind that moves a rental on to its next candidate."""
    QUOTA = "quota"
    """The account may not have more. Stops the run."""
    BALANCE = "balance"
    """No money on the account. Stops the run."""
    AUTH = "auth"
    """The key is missing, wrong or not allowed to. Stops the run."""
    INVALID = "invalid"
    """The request is wrong and will be wrong again."""
    CONFLICT = "conflict"
    """Something else is in the way for now: in use, a wrong state, a name that exists."""
    RATE = "rate"
    """Too many requests. Nothing was done."""
    TRANSIENT = "transient"
    """It may work later. Nothing was done, or doing it twice does no harm."""
    AMBIGUOUS = "ambiguous"
    """A create may or may not have happened."""
    MALFORMED = "malformed"
    """The answer is not what the API promises. Never read as "none"."""
    GONE = "gone"
    """The object does not exist (any more)."""
    RETIRED = "retired"
    """The vendor has switched off this part of its API (HTTP 410)."""


RETRIED: Final = frozenset({Kind.RATE, Kind.TRANSIENT, Kind.MALFORMED, Kind.AMBIGUOUS})
"""Kinds after which a call that changes nothing, or that may be repeated, is made again."""


class VendorError(ModelyardError):
    """A call to a vendor that did not do what it should.

    Attributes:
        vendor: vendor's name.
        kind: what may be done about it.
        status: HTTP status; None when there was no answer.
        created_id: id of an object that the call made although it failed; it must be deleted.
        retry_after_seconds: how long the vendor asks to wait.
    """

    def __init__(  # noqa: PLR0913  # each is a fact of one answer
        self,
        vendor: str,
        kind: Kind,
        detail: str,
        *,
        operation: str = "",
        status: int | None = None,
        request_id: str | None = None,
        created_id: str | None = None,
        retry_after_seconds: float | None = None,
        resolution: str | None = None,
    ) -> None:
        self.vendor, self.kind, self.detail, self.status = vendor, kind, detail, status
        self.operation, self.request_id = operation, request_id
        self.created_id, self.retry_after_seconds = created_id, retry_after_seconds
        head = f"{vendor}: {operation}: {detail}" if operation else f"{vendor}: {detail}"
        facts = [f"HTTP {status}" if status is not None else "no answer", kind.value]
        if request_id:
            facts.append(f"request {request_id}")
        super().__init__(f"{head} ({', '.join(facts)})", resolution=resolution or _RESOLUTIONS.get(kind))


_RESOLUTIONS: Final = {
    Kind.AUTH: "Check the vendor's API key and what it is allowed to do.",
    Kind.BALANCE: "Add credit to the account, then run again.",
    Kind.QUOTA: "Ask the vendor for a higher limit, or ask for less.",
    Kind.RETIRED: "The vendor has switched this API off; a newer modelyard may know its successor.",
}


class Stopped(Exception):  # noqa: N818  # not an error: somebody asked us to stop
    """The engine asked the provider to stop; nothing new may be created."""
