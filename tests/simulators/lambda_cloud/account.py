"""One simulated account: what is in it, its limits, and the faults that every create shares."""

from collections.abc import Callable
from typing import Any

from providers.base.marker import read_marker
from tests.simulators.core import Dropped, SimClock, Simulator
from tests.simulators.lambda_cloud.bodies import Refused, internal
from tests.simulators.lambda_cloud.instances import SimInstance

CALL_SECONDS, LAUNCH_SECONDS = 1.0, 12.0
_TOLERANCE_SECONDS = 1e-3
SLOW_ACCEPT_SECONDS = 120.0
Answer = tuple[int, object]


class Account(Simulator):
    """What one account has, how often it may call, and how creates go wrong.

    Attributes:
        creates: committed launches by exact name.
        limited: requests that came too soon.
        quota: instances that the account may have.
        is_active: whether the account has a valid means of payment.
        has_address: whether its billing address is valid.
        strangers: ids of instances that are somebody else's.
        strangers_touched: those of them that somebody renamed or terminated.
        malformed: what a malformed list answers.
    """

    name = "lambda"
    base_path = "/api/v1"

    def __init__(self, *, clock: SimClock, seed: int = 0, key: str = "test-account-key") -> None:
        super().__init__(clock=clock, seed=seed, key=key)
        self.creates: dict[str, int] = {}
        self.limited: list[str] = []
        self.quota: int | None = None
        self.is_active = self.has_address = True
        self.instances: dict[str, SimInstance] = {}
        self.keys: dict[str, dict[str, str]] = {}
        self.filesystems: dict[str, dict[str, Any]] = {}
        self.rulesets: dict[str, dict[str, Any]] = {}
        self.strangers_touched: set[str] = set()
        self.malformed: object = {"data": {}}
        self._stock: dict[tuple[str, str], int] = {}
        self._allowed_at = {"": 0.0, "launch": 0.0}
        self._hidden_until: dict[str, float] = {}

    @property
    def strangers(self) -> set[str]:
        """Ids of instances that are somebody else's."""
        return {i.id for i in self.instances.values() if i.stranger}

    def _limit(self, operation: str) -> None:
        now = self.clock.now + _TOLERANCE_SECONDS
        ordered = self.faults.take("rate_limited") is not None
        if ordered or now < self._allowed_at[""] or now < self._allowed_at[operation]:
            if not ordered:
                self.limited.append(operation or "any")
            raise Refused(429, "global/rate-limit-exceeded", "You have exceeded the request limit.")
        self._allowed_at[""] = self.clock.now + CALL_SECONDS
        if operation:
            self._allowed_at[operation] = self.clock.now + LAUNCH_SECONDS

    def _list(self, items: list[Any]) -> Answer:
        if self.faults.take("malformed_list"):
            return 200, self.malformed
        seen = [item for item in items if self._hidden_until.get(item["id"], 0.0) <= self.clock.now]
        return 200, {"data": seen}

    def _commit(self, object_id: str, name: str, commit: Callable[[], object], *, machine: bool = False) -> Answer:
        """Create something, with the faults of creates. Objects without our marker have theirs as ``shared_…``."""
        prefix = "shared_" if name.startswith("modelyard") and not read_marker(name) and not machine else ""
        if self.faults.take(f"{prefix}error_before"):
            raise internal()
        made = commit()
        if hidden := self.faults.take(f"{prefix}delayed_visibility"):
            self._hidden_until[object_id] = self.clock.now + hidden.params.get("seconds", 30.0)
        if self.faults.take(f"{prefix}lost_reply"):
            raise Dropped
        if slow := self.faults.take(f"{prefix}slow_accept"):
            raise Dropped(after_seconds=slow.params.get("seconds", SLOW_ACCEPT_SECONDS))
        if self.faults.take(f"{prefix}error_after"):
            raise internal()
        if self.faults.take(f"{prefix}malformed_create"):
            return 200, {"data": []}
        return 200, {"data": made}

    def _id(self) -> str:
        return f"{self.random.getrandbits(128):032x}"
