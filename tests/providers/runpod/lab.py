"""One simulated account and a client to it, in virtual time."""

from collections.abc import Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from providers.base.accounts import Accounts
from providers.base.machines import Candidate, MachineOrder
from providers.base.marker import Marker
from providers.runpod.client import RunpodClient, client_for
from providers.runpod.machines import RunpodMachines
from tests.simulators.core import SimClock
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.transport import SimTransport
from tests.simulators.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
H100 = "NVIDIA H100 80GB HBM3"
KEY = "test-account-key"


class Lab:
    """A simulator, and everything that talks to it."""

    def __init__(self, home: Path) -> None:
        self.clock = SimClock()
        self.sim = RunpodSimulator(clock=self.clock, key=KEY)
        self.accounts = Accounts(
            settings={"runpodUrl": "http://localhost/v2", "runpodApiKey": KEY},
            environment={"RUNPOD_PROXY_URL": "http://localhost/proxy/{pod}/{port}"},
            home=home,
            clock=VirtualClock(self.clock),
            transport=SimTransport({"localhost": self.sim}),
        )

    @property
    def client(self) -> RunpodClient:
        """A typed client."""
        return client_for(self.accounts)

    @property
    def machines(self) -> RunpodMachines:
        """Pods as machines."""
        return RunpodMachines(self.accounts)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run to the end in virtual time."""
        return run_virtual(self.clock, main)


def marker(**changes: Any) -> Marker:
    facts: dict[str, Any] = {"title": "trial", "owner": "acme/llm/dev", "urn": "urn:a", "spec": {}, "deadline": None}
    return Marker.new(**{**facts, **changes})


def candidate(**changes: Any) -> Candidate:
    facts: dict[str, Any] = {
        "vendor": "runpod",
        "sku": H100,
        "gpu": "H100-SXM",
        "gpu_count": 8,
        "tensor_parallel_size": 8,
        "region": "any",
        "trust": "secure",
        "spot": False,
        "usd_per_hour": Decimal("31.92"),
    }
    return Candidate(**{**facts, **changes})


def order(**changes: Any) -> MachineOrder:
    mark = changes.pop("marker", None) or marker()
    facts: dict[str, Any] = {
        "marker": mark,
        "candidate": candidate(),
        "image": "vllm/vllm-openai:v0.33.0",
        "boot": "echo booting",
        "env": {"MODELYARD_MARKER": mark.name, "MODELYARD_DEADLINE": "1800003600", "HF_TOKEN": "hf_verysecret"},
        "ports": (8080,),
        "disk_gb": 600,
    }
    return MachineOrder(**{**facts, **changes})
