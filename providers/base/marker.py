"""The name by which everything that we rent is known to be ours, alone and without any state.

A marker goes out in the create call itself, as the object's name (and as a tag, label or variable where the vendor has
them). It says who it belongs to and when it must be gone::

    modelyard-trial-405b-1f2e3d4c9a8b7c6d5e4f0a-t5g2k8w-3f1a
    prefix    people's   resource spec    nonce deadline check

Names are at most 64 characters: the shortest limit among the vendors (Lambda's).
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Self

PREFIX: Final = "modelyard"
MAX_NAME: Final = 64
_TITLE_MAX: Final = 18
_FORM: Final = re.compile(
    r"modelyard-(?P<title>[a-z0-9-]*?)-?(?P<resource>[0-9a-f]{8})(?P<spec>[0-9a-f]{8})(?P<nonce>[0-9a-f]{6})"
    r"-(?P<deadline>[0-9a-z]{1,7})-(?P<check>[0-9a-f]{4})"
)
FIRST_DEADLINE: Final = datetime(1970, 1, 2, tzinfo=UTC)
LAST_DEADLINE: Final = datetime(4000, 1, 1, tzinfo=UTC)
"""A marker's seven digits reach a little further; one that nobody can read again would lose the machine."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """Whose an object is, and until when.

    Attributes:
        title: for people: lower-case letters, digits and dashes, at most 18.
        resource: 8 hex digits: which resource of which stack (owner and URN).
        spec: 8 hex digits: what was asked for, secrets included, so that two stacks of the same name differ.
        nonce: 6 hex digits: which attempt.
        deadline: when it must be gone; None: it has no end.
    """

    title: str
    resource: str
    spec: str
    nonce: str
    deadline: datetime | None

    @classmethod
    def new(cls, *, title: str, owner: str, urn: str, spec: object, deadline: datetime | None) -> Self:
        """The marker of a first attempt.

        Args:
            title: any text; it is made to fit.
            owner: organization, project and stack.
            urn: the resource's URN.
            spec: plain data that says what was asked for; only its digest is kept.
            deadline: aware, or None.
        """
        return cls(
            title=short_title(title),
            resource=_digest(f"{owner}\n{urn}", 8),
            spec=_digest(json.dumps(spec, sort_keys=True, default=str), 8),
            nonce=secrets.token_hex(3),
            deadline=_whole(deadline),
        )

    def again(self) -> Self:
        """The marker of another attempt at the same thing."""
        return replace(self, nonce=secrets.token_hex(3))

    def until(self, deadline: datetime | None) -> Self:
        """The marker with another deadline."""
        return replace(self, deadline=_whole(deadline))

    def titled(self, title: str) -> Self:
        """The marker with another text for people."""
        return replace(self, title=short_title(title))

    @property
    def name(self) -> str:
        """The marker as a name."""
        ends = _base36(int(self.deadline.timestamp())) if self.deadline else "0"
        head = "-".join(p for p in (PREFIX, self.title, f"{self.resource}{self.spec}{self.nonce}", ends) if p)
        return f"{head}-{_digest(head, 4)}"

    @property
    def family(self) -> tuple[str, str]:
        """What attempts at one thing have in common."""
        return self.resource, self.spec

    def is_expired(self, now: datetime) -> bool:
        """Whether it should be gone."""
        return self.deadline is not None and now >= self.deadline


def short_title(text: str) -> str:
    """Any text as a marker's title: lower-case letters, digits and dashes, at most 18."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_TITLE_MAX].strip("-")


def read_marker(*texts: str | None) -> Marker | None:
    """The first marker among texts (a name, a tag's value …); None when none is one of ours, to the last digit."""
    for text in texts:
        found = _FORM.fullmatch((text or "").strip())
        if found is None:
            continue
        seconds = int(found["deadline"], 36)
        marker = Marker(
            title=found["title"],
            resource=found["resource"],
            spec=found["spec"],
            nonce=found["nonce"],
            deadline=datetime.fromtimestamp(seconds, UTC) if seconds else None,
        )
        if marker.name == (text or "").strip():
            return marker
    return None


def _whole(deadline: datetime | None) -> datetime | None:
    """A deadline in whole seconds UTC.

    Raises:
        ValueError: a marker cannot say it.
    """
    if deadline is None:
        return None
    if not FIRST_DEADLINE <= deadline < LAST_DEADLINE:
        raise ValueError(f"a marker cannot say the deadline {deadline}")
    return deadline.astimezone(UTC).replace(microsecond=0)


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits or "0"
