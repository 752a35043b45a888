"""What a sweep is asked for, and what it finds."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal


class Why(StrEnum):
    """Why a machine is looked at."""

    IN_TIME = "in time"
    """Its deadline is to come."""
    NO_DEADLINE = "no deadline"
    EXPIRED = "expired"
    DUPLICATE = "duplicate"
    """A newer machine answers for the very same request; this one is in nobody's state."""
    ASKED = "asked for"
    ITS_MACHINE = "its machine ends"
    """A network volume that was made for a machine which must go."""
    ENDING = "ending"
    """Its end was asked for already."""


class Outcome(StrEnum):
    """What became of it."""

    KEPT = "kept"
    WOULD_DELETE = "would delete"
    DELETED = "deleted"
    GONE = "gone already"
    UNVERIFIED = "not verified"
    NOT_OURS = "not ours"
    """It was asked for by id and does not carry our marker, so it was not touched."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One machine, or one network volume, with our marker."""

    vendor: str
    machine_id: str
    """The vendor's id; of a volume, the volume's."""
    name: str
    why: Why
    outcome: Outcome
    deadline: datetime | None
    overdue_seconds: int
    usd_per_hour: Decimal | None
    console_url: str
    note: str = ""
    kind: Literal["machine", "volume"] = "machine"


@dataclass(frozen=True, kw_only=True, slots=True)
class Blind:
    """A vendor whose machines could not be listed."""

    vendor: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """What one pass found and did."""

    rows: tuple[Row, ...]
    blind: tuple[Blind, ...]

    @property
    def is_proved(self) -> bool:
        """Whether everything that had to go is proved gone, and every vendor could be asked."""
        return not self.blind and all(row.outcome is not Outcome.UNVERIFIED for row in self.rows)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What to end.

    Attributes:
        delete: False: only look.
        grace_seconds: how long after its deadline a machine is left to its own watchdog.
        machines: ``vendor/id`` of machines or volumes to end whatever their deadline; no other is looked at then.
        everything: end every machine with our marker.
        prefix: only machines whose title begins so; None: all.
    """

    delete: bool = True
    grace_seconds: int = 0
    machines: frozenset[str] = frozenset()
    everything: bool = False
    prefix: str | None = None


def must_go(why: Why) -> bool:
    """Whether what is looked at for this reason has to end."""
    return why in {Why.EXPIRED, Why.DUPLICATE, Why.ASKED, Why.ITS_MACHINE}
