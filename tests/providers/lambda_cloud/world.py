"""A simulated Lambda account with the parts that talk to it."""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from providers.base.accounts import Accounts
from providers.base.machines import Candidate, MachineOrder
from providers.base.marker import Marker
from providers.base.resource import LiveOffer
from providers.lambda_cloud.machines import LambdaMachines
from providers.lambda_cloud.offers import live_offers
from tests.simulators.core import SimClock
from tests.simulators.lambda_cloud import LambdaSimulator
from tests.simulators.transport import SimTransport
from tests.simulators.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
KEY = "test-account-key"
BOOT = (
    "#cloud-config\nwrite_files:\n- {path: /etc/modelyard/start.sh, permissions: '0755', content: echo}\nruncmd: []\n"
)
DEADLINE = datetime(2027, 1, 15, 10, 0, tzinfo=UTC)


@dataclass
class World:
    """A simulator, its clock, and accounts that reach it."""

    clock: SimClock = field(default_factory=SimClock)
    environment: dict[str, str] = field(default_factory=lambda: {"LAMBDA_API_KEY": KEY})
    settings: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self.sim = LambdaSimulator(clock=self.clock, key=KEY)
        self.accounts = Accounts(
            settings=self.settings,
            environment=self.environment,
            home=Path("/nonexistent"),
            clock=VirtualClock(self.clock),
            transport=SimTransport({"cloud.lambda.ai": self.sim}),
        )
        self.machines = LambdaMachines(self.accounts)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end in virtual time."""
        return run_virtual(self.clock, main)

    def create(self, order: MachineOrder) -> str:
        """One create call."""
        return self.run(self.machines.create(order))

    def run_offers(self) -> list[LiveOffer]:
        """What is on sale."""
        return self.run(live_offers(self.accounts))

    def only(self) -> dict[str, Any]:
        """The launch request of the only instance."""
        (instance,) = self.sim.instances.values()
        return dict(instance.body)


def marker(title: str = "trial-405b", **changes: Any) -> Marker:
    return Marker.new(
        title=title,
        owner=changes.get("owner", "org/project/stack"),
        urn=changes.get("urn", "urn:machine"),
        spec=changes.get("spec", {"gpu": "H100-SXM"}),
        deadline=DEADLINE,
    )


def order(**changes: Any) -> MachineOrder:
    """An order of one machine; candidate's fields and the order's own by name."""
    candidate: dict[str, Any] = {
        "vendor": "lambda",
        "sku": "gpu_8x_h100_sxm5",
        "gpu": "H100-SXM",
        "gpu_count": 8,
        "tensor_parallel_size": 8,
        "region": "us-east-1",
        "trust": "secure",
        "spot": False,
        "usd_per_hour": Decimal("31.92"),
    }
    whole: dict[str, Any] = {
        "marker": marker(),
        "image": "vllm/vllm-openai:v0.33.0",
        "boot": BOOT,
        "env": {"VLLM_API_KEY": "sk-very-secret-key-1", "MODELYARD_DEADLINE": "2027-01-15T10:00:00Z"},
        "ports": [8080],
        "disk_gb": 600,
        "labels": {"modelyard-environment": "trial-405b", "stack": "org/project/stack", "Owner Name": "ada"},
    }
    for name, value in changes.items():
        (candidate if name in candidate else whole)[name] = value
    return MachineOrder(candidate=Candidate(**candidate), **whole)
