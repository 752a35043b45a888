"""The Plan: spec + fit + ranked offers, decided. Frozen, serialisable, the only thing that components accept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from modelyard.cost.types import Bill
from modelyard.fit.types import Fit
from modelyard.offers.types import Offer
from modelyard.spec import ServingSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class EnginePlan:
    """What is started."""

    name: str
    version: str
    image: str
    argv: tuple[str, ...]
    """Arguments of the image's entry point, no secrets in them."""
    port: int
    health_path: str
    metrics_path: str
    """Empty: it has no metrics."""
    command: tuple[str, ...] = ()
    """Entry point; empty: the image's own."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it is set up with besides; no secrets in it."""
    served_model: str = ""
    """The name that a request has to carry in ``model``."""
    key_variable: str | None = "VLLM_API_KEY"
    """Environment variable with which it checks the access key itself; None: the gateway alone does."""
    shutdown_flag: str | None = "--shutdown-timeout"
    """Flag that takes the seconds in which running requests may end; None: it has none."""
    host_gib: int = 0
    """Main memory that one replica takes besides what every engine does, such as an offloaded KV cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What is loaded."""

    hub_id: str
    quantization: str
    download_bytes: int
    """Size of the weight files."""
    gated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class StartPhase:
    """One phase of a cold start."""

    name: str
    """``machine``, ``image``, ``weights`` or ``load``."""
    seconds: int
    why: str
    """How the number came about, such as ``410 GB at 0.8 GB/s``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StartupBudget:
    """How long a cold start takes, and how long to wait before calling it failed."""

    phases: tuple[StartPhase, ...]
    timeout_seconds: int
    """Readiness time-out: twice the expected time, at least ten minutes, at most the lifetime."""

    @property
    def expected_seconds(self) -> int:
        """Sum of the phases."""
        return sum(phase.seconds for phase in self.phases)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """An offer that holds the model within every filter, with its fit and the cost of the asked time."""

    offer: Offer
    fit: Fit
    tensor_parallel_size: int
    bill: Bill
    ranked_usd: Decimal
    """Total cost of the asked duration (an hour's worth when there is no end), which ranks it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Loser:
    """A configuration that was looked at and not taken, and why."""

    label: str
    usd_per_hour: Decimal
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """Every decision, made."""

    spec: ServingSpec
    model_name: str
    model_title: str
    weights: Weights
    engine: EnginePlan
    fit: Fit
    gpu: str
    gpus_per_replica: int
    nodes: int
    """Machines in all: replicas × nodes of one replica (on Kubernetes, the nodes that the pods need)."""
    tensor_parallel_size: int
    candidates: tuple[Candidate, ...]
    """Best first; empty on an existing Kubernetes."""
    losers: tuple[Loser, ...]
    startup: StartupBudget
    bill: Bill
    cache_gb: int
    lifetime_seconds: int | None
    deadline: datetime | None
    """Absolute UTC when the spec names one; otherwise fixed by the create call from ``lifetime_seconds``."""
    warnings: tuple[str, ...]

    @property
    def chosen(self) -> Candidate | None:
        """The best candidate; None on an existing Kubernetes."""
        return self.candidates[0] if self.candidates else None
