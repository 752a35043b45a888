"""What was asked: the ServingSpec, in plain frozen values. Text became types before it got here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

FlagValue = str | int | float | bool


class Trust(StrEnum):
    """Whose machine it is. Wanting ``community`` also accepts everything safer."""

    CLOUD = "cloud"
    """A hyperscaler's data centre."""
    SECURE = "secure"
    """A rental vendor's vetted data centre."""
    COMMUNITY = "community"
    """A third party's host on a marketplace."""


class CacheKind(StrEnum):
    """Where the weights lie between starts."""

    LOCAL_NVME = "local-nvme"
    NETWORK_VOLUME = "network-volume"
    NONE = "none"


class Auth(StrEnum):
    """Who may call the endpoint."""

    BEARER = "bearer"
    NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Speculative:
    """Speculative decoding: something small proposes tokens, the model checks them."""

    method: str
    """``ngram``, ``draft_model``, ``eagle``, ``eagle3``, ``mtp``, ``dflash`` or ``suffix``."""
    tokens: int
    """Proposed at once."""
    model: str | None = None
    """Hub id of the draft model or head, for methods that have one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lora:
    """LoRA adapters beside the base model."""

    adapters: Mapping[str, str] = field(default_factory=dict[str, str])
    """Name that clients ask for → hub id or folder."""
    max_loras: int = 1
    """Adapters that one batch may mix."""
    max_rank: int = 16
    runtime_updates: bool = False
    """Whether adapters may be added and removed without a restart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KvOffload:
    """KV cache that is kept in main memory when it has to leave the GPU."""

    gib: int
    """Main memory of one replica, over all of its GPUs."""
    backend: str = "native"
    """``native`` or ``lmcache``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineOptions:
    """What vLLM can do besides; None: the engine's own default."""

    prefix_caching: bool | None = None
    chunked_prefill: bool | None = None
    speculative: Speculative | None = None
    lora: Lora | None = None
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None
    structured_output: str | None = None
    """Backend that keeps answers to a schema."""
    kv_offload: KvOffload | None = None
    sleep_mode: bool = False
    """Whether it can give its GPU memory back and keep its process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EngineChoice:
    """Which engine serves, and the flags the user insists on."""

    name: str = "vllm"
    version: str | None = None
    """None: the version that the catalog pins."""
    args: Mapping[str, FlagValue] = field(default_factory=dict[str, FlagValue])
    """Flags without their dashes, such as ``max-num-seqs``; they win over what the plan would choose."""
    options: EngineOptions = field(default_factory=EngineOptions)


@dataclass(frozen=True, kw_only=True, slots=True)
class KubernetesNodes:
    """The GPU nodes of a cluster that is already there."""

    gpu: str
    """Catalog name of the GPU, such as ``H100-SXM``."""
    gpus_per_node: int
    count: int
    """Nodes that may be used."""
    vendor: str | None = None
    sku: str | None = None
    """With ``vendor``: the offer whose price the nodes have. Without both the nodes are not priced."""
    usd_per_hour: Decimal | None = None
    """Price of one node when the user knows it better than the snapshot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KubernetesPlace:
    """A cluster that is already there."""

    namespace: str
    nodes: KubernetesNodes
    context: str | None = None
    """kubeconfig context; None: the current one."""
    storage_class: str | None = None
    control_plane: str | None = None
    """``eks``, ``gke``, ``aks`` … when its hourly fee belongs on this stack's bill."""
    behind_nat: bool = False
    """Whether the nodes reach the internet through a NAT gateway that bills by the GB, as on AWS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where it may run: a rented machine (filters over offers) or an existing Kubernetes."""

    vendors: tuple[str, ...] = ()
    """Empty: every vendor that modelyard can rent from."""
    regions: tuple[str, ...] = ()
    trust: Trust = Trust.SECURE
    spot: bool = False
    nvlink: bool = False
    """Insist on a fast link between the GPUs of one tensor-parallel group."""
    gpus: tuple[str, ...] = ()
    gpu_count: int | None = None
    max_usd_per_hour: Decimal | None = None
    kubernetes: KubernetesPlace | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cache:
    """The model cache."""

    kind: CacheKind = CacheKind.LOCAL_NVME
    path: str = "/models"
    size_gb: int | None = None
    """Decimal GB; None: the checkpoint and a tenth more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Expose:
    """How the endpoint is reached."""

    auth: Auth = Auth.BEARER
    public: bool = True
    hostname: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Life:
    """When it ends. Both None: it runs until destroyed."""

    seconds: int | None = None
    """Counted from the create call."""
    until: datetime | None = None
    """Aware UTC."""

    @property
    def is_bounded(self) -> bool:
        """Whether there is an end at all."""
        return self.seconds is not None or self.until is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Ceilings in US dollars; None: no ceiling of that kind."""

    max_usd_per_hour: Decimal | None = None
    max_usd_per_month: Decimal | None = None
    max_spend_usd: Decimal | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Monitoring:
    """What watches it."""

    prometheus: bool = True
    grafana: bool = True
    gpu_metrics: bool = True
    retention_days: int = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class ServingSpec:
    """Everything that one environment asked for."""

    name: str
    """The environment's name, such as ``trial-405b``."""
    model: str
    """Catalog name or hub id."""
    context_tokens: int
    """Per request, prompt and answer together."""
    concurrency: int
    """Requests at full context that must run at once, per replica."""
    quantization: str | None = None
    """None: the precision that the model was released in."""
    weights: str | None = None
    """``org/name`` on the hub of files of this model at this precision; None: the catalog's checkpoint."""
    kv_cache_dtype: str = "auto"
    replicas: int = 1
    trial: bool = False
    """A trial must have a deadline and a spending ceiling."""
    engine: EngineChoice = field(default_factory=EngineChoice)
    place: Place = field(default_factory=Place)
    cache: Cache = field(default_factory=Cache)
    expose: Expose = field(default_factory=Expose)
    life: Life = field(default_factory=Life)
    budget: Budget = field(default_factory=Budget)
    monitoring: Monitoring = field(default_factory=Monitoring)
