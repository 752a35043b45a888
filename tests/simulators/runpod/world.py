"""What the simulated RunPod's parts share: its objects, its stock, its bills, and how it says no."""

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.simulators.core import Faults, Ledger, SimClock, SimResponse, json_response
from tests.simulators.runpod.catalog import Stock
from tests.simulators.runpod.schema import Rule

HOURS_A_MONTH = Decimal(730)
NO_STOCK = (
    "There are no longer any instances available with the requested specifications. Please refresh and try again."
)
GENERIC = "request could not be processed"
_TITLES = {
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 409: "Conflict", 410: "Gone", 413: "Content Too Large", 422: "Unprocessable Entity",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
}  # fmt: skip


class Problem(Exception):  # noqa: N818  # an answer, not a failure of ours
    """A refusal."""

    def __init__(self, status: int, detail: str, *, errors: list[str] | None = None, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers

    def response(self) -> SimResponse:
        """As problem+json."""
        body: dict[str, object] = {
            "title": _TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = self.errors
        answer = json_response(self.status, body, **self.headers)
        return SimResponse(
            status=answer.status,
            body=answer.body,
            headers={**answer.headers, "content-type": "application/problem+json"},
        )


@dataclass(kw_only=True, slots=True)
class Thing:
    """Any object."""

    id: str
    name: str
    number: int
    """Order of creation; lists are paged by it."""
    created: float
    asked: dict[str, Any]
    """The create body with the changes since."""
    visible_from: float = 0.0
    deleted: bool = False
    shown_until: float = 0.0
    """A deleted object is shown again until then."""

    def is_visible(self, now: float) -> bool:
        """Whether reads and lists show it."""
        return now >= self.visible_from and (not self.deleted or now < self.shown_until)


@dataclass(kw_only=True, slots=True)
class Pod(Thing):
    """A pod: its status follows from the time since it began to boot."""

    gpu_id: str | None
    gpu_count: int
    cloud: str
    data_center: str
    usd_per_hour: Decimal
    """For the machine without its disks."""
    boot_began: float
    boot_seconds: float
    never_ready: bool = False
    state: str = ""
    """``EXITED`` or ``ERROR`` where it is not on its way to RUNNING."""
    cluster: str | None = None
    rank: int | None = None
    locked: bool = False
    port_base: int = 10000
    resets: int = 0
    provisioning_seconds: float = 5.0

    def status(self, now: float) -> str:
        """Where it is in its life."""
        if self.deleted:
            return "TERMINATED" if now >= self.shown_until else "EXITED"
        if self.state:
            return self.state
        since = now - self.boot_began
        if since < self.provisioning_seconds:
            return "PROVISIONING"
        return "STARTING" if self.never_ready or since < self.boot_seconds else "RUNNING"


@dataclass(kw_only=True)
class World:
    """One account."""

    clock: SimClock
    faults: Faults
    ledger: Ledger
    random: random.Random
    stock: Stock = field(default_factory=Stock)
    balance: Decimal | None = None
    """US dollars on the account; None: as much as it takes."""
    creates: dict[str, int] = field(default_factory=dict[str, int])
    provisioning_seconds: float = 5.0
    boot_seconds: float = 60.0
    proxy_seconds: float = 30.0
    """After RUNNING, until the proxy stops answering 502."""
    _numbers: int = 0

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now

    def new_id(self) -> str:
        """An opaque id."""
        return "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=14))

    def number(self) -> int:
        """The next object's place in the order of creation."""
        self._numbers += 1
        return self._numbers

    def afford(self, usd_per_hour: Decimal) -> None:
        """Refuse what the account could not pay for an hour."""
        if self.balance is not None and self.balance - self.ledger.total() < usd_per_hour:
            raise Problem(402, "insufficient balance: at least one hour of credit is needed")


class Api(ABC):
    """One kind of object: what a path such as ``/pods`` does."""

    wrapper: str
    create_rule: Rule
    patch_rule: Rule | None
    missing = "resource not found"

    def __init__(self, world: World) -> None:
        self.world = world
        self.things: dict[str, Any] = {}

    @abstractmethod
    def create(self, body: dict[str, Any]) -> Thing:
        """Make an object; raises Problem."""

    @abstractmethod
    def patch(self, thing: Any, body: dict[str, Any]) -> None:
        """Change an object; raises Problem."""

    @abstractmethod
    def delete(self, thing: Any) -> None:
        """What a delete does beside the object's end; raises Problem when it may not be."""

    @abstractmethod
    def show(self, thing: Any) -> dict[str, Any]:
        """The object as the API shows it."""

    def named(self, name: str) -> bool:
        """Whether a living object has this name."""
        return any(thing.name == name and not thing.deleted for thing in self.things.values())

    def base(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What every new object begins with."""
        return {
            "id": self.world.new_id(),
            "name": body["name"],
            "number": self.world.number(),
            "created": self.world.now,
            "asked": dict(body),
        }


def stamp(seconds: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def container(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The container fields as they are shown: entrypoint and cmd come back inside of args too."""
    packed = {key: asked[key] for key in ("entrypoint", "cmd") if asked.get(key)}
    return {
        "image": asked.get("image"),
        "args": json.dumps(packed) if packed else asked.get("args"),
        "entrypoint": asked.get("entrypoint", []),
        "cmd": asked.get("cmd", []),
        "disk": asked.get("disk", 20),
        "env": asked.get("env", {}),
        "ports": asked.get("ports", []),
        "registry": asked.get("registry"),
    }


def network_mounts(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The network volumes of a create body."""
    mounts: dict[str, Any] = asked.get("mounts") or {}
    network: list[dict[str, Any]] = mounts.get("network") or []
    return network


def persistent_gb(asked: Mapping[str, Any]) -> int:
    """The size of the pod's own volume; 0: none."""
    mounts: dict[str, Any] = asked.get("mounts") or {}
    persistent: dict[str, Any] = mounts.get("persistent") or {}
    return int(persistent.get("size", 0))


def texts(value: Any) -> dict[str, str]:  # decoded JSON
    """A map from text to text; nothing counts as an empty one."""
    return dict[str, str](value or {})
