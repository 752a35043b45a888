"""A Vast account on the simulator, in virtual time."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from providers.base.accounts import Accounts
from providers.base.machines import Candidate, MachineOrder
from providers.base.marker import Marker
from providers.vastai.client import VastClient, vast_client
from providers.vastai.machines import VastMachines
from tests.simulators.core import SimClock
from tests.simulators.transport import SimTransport
from tests.simulators.vastai import VastSimulator
from tests.simulators.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
KEY = "test-account-key"
LOG_HOST = "vast-logs.s3.amazonaws.com"


@dataclass
class Setting:
    """One simulator and what talks to it."""

    clock: SimClock = field(default_factory=SimClock)
    key: str = KEY
    sim: VastSimulator = field(init=False)
    accounts: Accounts = field(init=False)

    def __post_init__(self) -> None:
        self.sim = VastSimulator(clock=self.clock, key=KEY)
        self.sim.log_host = LOG_HOST
        self.accounts = Accounts(
            environment={"VAST_API_KEY": self.key},
            home=Path("/nonexistent"),
            clock=VirtualClock(self.clock),
            transport=SimTransport({"console.vast.ai": self.sim, LOG_HOST: self.sim}),
        )

    @property
    def machines(self) -> VastMachines:
        """The vendor."""
        return VastMachines(self.accounts)

    @property
    def client(self) -> VastClient:
        """Its client."""
        return vast_client(self.accounts)

    def run(self, main: Callable[[VastMachines], Coroutine[Any, Any, T]]) -> T:
        """Do something with the machines, in virtual time."""
        return run_virtual(self.clock, main(self.machines))

    def marker(self, *, hours: float = 1.0, title: str = "trial") -> Marker:
        """A new marker."""
        now = datetime.fromtimestamp(0, UTC) + timedelta(seconds=self.clock.now)
        deadline = now + timedelta(hours=hours)
        return Marker.new(title=title, owner="acme/x/dev", urn="urn:1", spec={"a": 1}, deadline=deadline)

    def order(self, marker: Marker | None = None, **changes: Any) -> MachineOrder:
        """An order of one H100."""
        known = marker or self.marker()
        facts: dict[str, Any] = {
            "marker": known,
            "candidate": candidate(),
            "image": "vllm/vllm-openai:v0.33.0",
            "boot": "#!/bin/bash\necho hello\n",
            "env": {"MODELYARD_MARKER": known.name, "VLLM_API_KEY": "sk-very-secret-key"},
            "ports": (8080,),
            "disk_gb": 100,
        }
        return MachineOrder(**(facts | changes))


def candidate(**changes: Any) -> Candidate:
    """One H100 at the price of the snapshot."""
    facts: dict[str, Any] = {
        "vendor": "vastai",
        "sku": "H100 SXM",
        "gpu": "H100-SXM",
        "gpu_count": 1,
        "tensor_parallel_size": 1,
        "region": "marketplace",
        "trust": "community",
        "spot": False,
        "usd_per_hour": Decimal("1.74"),
    }
    return Candidate(**(facts | changes))


def only(mapping: Mapping[Any, T]) -> T:
    """The one value."""
    (value,) = mapping.values()
    return value
