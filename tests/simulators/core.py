"""What every vendor simulator is made of: requests, a clock of its own, faults to order, and a ledger of its bills.

A simulator is one object with ``handle(request)``; it never waits and never reads the time. It is reached over real
HTTP (``tests.simulators.serve``) or, for campaigns of thousands of lifecycles, in the process
(``tests.simulators.transport``). It is stricter than the vendor wherever the two could differ.
"""

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, kw_only=True, slots=True)
class SimRequest:
    """A request as it arrived."""

    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes

    @classmethod
    def of(cls, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> "SimRequest":
        """From a request line's target."""
        parts = urlsplit(target)
        return cls(
            method=method.upper(),
            path=parts.path,
            query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in headers},
            body=body,
        )

    def json(self) -> Any:  # whatever JSON holds
        """The body as JSON; raises ValueError."""
        return json.loads(self.body or b"null")


@dataclass(frozen=True, kw_only=True, slots=True)
class SimResponse:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


def json_response(status: int, body: object, **headers: str) -> SimResponse:
    """An answer in JSON; header names are written with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimResponse(
        status=status, body=json.dumps(body).encode(), headers={"content-type": "application/json", **named}
    )


class Dropped(Exception):  # noqa: N818  # what happens to the connection
    """The connection breaks without an answer, ``after_seconds`` of the client's waiting."""

    def __init__(self, *, after_seconds: float = 0.0) -> None:
        super().__init__()
        self.after_seconds = after_seconds


class SimClock:
    """The simulators' time: seconds since the epoch, moved by whoever drives them."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.now = start

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self.now += seconds


@dataclass(slots=True)
class Fault:
    """Something that goes wrong ``times`` times."""

    name: str
    times: int = 1
    params: dict[str, float] = field(default_factory=dict[str, float])


class Faults:
    """Faults on order, and how many happened.

    Names: ``lost_reply`` (create committed, connection lost), ``error_before`` and ``error_after`` (5xx without and
    with commit), ``slow_accept`` (committed, answered after the client gave up), ``delayed_visibility`` (``seconds``
    during which lists and reads do not show a new object), ``duplicate_name`` (a stranger's object of the same title
    without our marker appears), ``never_ready``, ``slow_boot`` (``seconds``), ``zero_gpu``, ``malformed_list``,
    ``capacity_lie`` (in stock, then not; or another GPU is delivered), ``out_of_stock``, ``price_drift`` (``factor``),
    ``preempted``, ``volume_in_use``, ``retired`` (410), ``rate_limited`` (429), ``delete_fails`` (5xx on delete),
    ``delete_ignored`` (the delete is taken and nothing happens),
    ``delete_reappears`` (``seconds`` during which a deleted object shows again), ``read_error`` (5xx on a read),
    ``contract_in_error`` (Vast), ``auth_as_404`` (Vast).
    """

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self.happened: dict[str, int] = {}

    def arm(self, name: str, *, times: int = 1, **params: float) -> None:
        """Order a fault."""
        self._armed.append(Fault(name, times, dict(params)))

    def clear(self) -> None:
        """Cancel all orders."""
        self._armed.clear()

    def take(self, name: str) -> Fault | None:
        """Let the fault happen now if it is on order."""
        for fault in self._armed:
            if fault.name == name and fault.times > 0:
                fault.times -= 1
                self.happened[name] = self.happened.get(name, 0) + 1
                return fault
        return None


@dataclass(slots=True)
class Entry:
    """One billed object in the ledger."""

    id: str
    kind: str
    """``machine``, ``volume``, ``endpoint``, ``cluster`` …"""
    name: str
    usd_per_hour: Decimal
    created: float
    ended: float | None = None
    spent_before: Decimal = Decimal(0)
    """From times at another rate."""
    rate_since: float = 0.0

    def cost(self, now: float) -> Decimal:
        """What it has cost up to now, to the second."""
        until = self.ended if self.ended is not None else now
        return self.spent_before + self.usd_per_hour * Decimal(str(max(until - self.rate_since, 0.0))) / 3600


class Ledger:
    """Everything that was ever billed."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock
        self.entries: dict[str, Entry] = {}

    def open(self, object_id: str, *, kind: str, name: str, usd_per_hour: Decimal) -> None:
        """An object begins to cost money."""
        now = self._clock.now
        self.entries[object_id] = Entry(object_id, kind, name, usd_per_hour, now, rate_since=now)

    def rate(self, object_id: str, usd_per_hour: Decimal) -> None:
        """Its price changes from now on."""
        entry = self.entries[object_id]
        entry.spent_before, entry.rate_since = entry.cost(self._clock.now), self._clock.now
        entry.usd_per_hour = usd_per_hour

    def close(self, object_id: str) -> None:
        """It costs nothing any more."""
        entry = self.entries.get(object_id)
        if entry is not None and entry.ended is None:
            entry.ended = self._clock.now

    def alive(self, kind: str | None = None) -> list[Entry]:
        """What costs money now."""
        return [e for e in self.entries.values() if e.ended is None and (kind is None or e.kind == kind)]

    def total(self) -> Decimal:
        """All that was spent, US dollars."""
        return sum((e.cost(self._clock.now) for e in self.entries.values()), Decimal(0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Inside:
    """What goes on inside of a machine."""

    up_seconds: float | None
    """Since its container runs; None: it does not."""
    gpus_work: bool
    access_key: str | None
    """What its gateway asks for; None: it was started without one, and answers nobody."""


ACCESS_KEY_VARIABLE = "VLLM_API_KEY"


class Simulator(ABC):
    """One vendor.

    Attributes:
        name: the vendor's name in modelyard.
        clock: its time.
        faults: what is to go wrong.
        ledger: what it bills.
        random: seeded, for ids.
        calls: every request so far as ``METHOD path``.
        targets: the same with the query, as far as somebody looks for what must not stand in a URL.
        key: the API key that it accepts.
    """

    name: str
    base_path: str = ""
    """What a client's base URL ends in, such as ``/v2``."""

    def __init__(self, *, clock: SimClock, seed: int = 0, key: str = "test-account-key") -> None:
        self.clock, self.key = clock, key
        self.random = random.Random(seed)  # noqa: S311  # reproducible ids, not secrets
        self.faults = Faults()
        self.ledger = Ledger(clock)
        self.calls: list[str] = []
        self.targets: list[str] = []

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer a request.

        Raises:
            Dropped: the connection breaks instead.
        """
        self.calls.append(f"{request.method} {request.path}")
        self.targets.append(f"{request.path} {dict(request.query)}")
        return self.answer(request)

    @abstractmethod
    def answer(self, request: SimRequest) -> SimResponse:
        """The vendor's behaviour."""

    @abstractmethod
    def stock(self, sku: str, region: str, count: int) -> None:
        """Set how many machines of a SKU there are in a region."""

    @abstractmethod
    def preempt(self, machine_id: str) -> None:
        """The vendor takes a spot machine back."""

    @abstractmethod
    def remove_behind_back(self, machine_id: str) -> None:
        """Somebody deletes a machine in the vendor's console."""

    def inside(self, machine_id: str) -> Inside | None:
        """A machine from the inside; None: there is no such machine (any more)."""
        del machine_id
        return None
