"""The stack file as a typed object: what one environment may ask for, and the plain words for what it may not.

``StackSettings`` is the single description of ``stacks/Pulumi.<env>.yaml``: the program reads it, ``modelyard schema``
prints it as JSON Schema for editors, and ``modelyard init`` writes it. Unknown keys are mistakes, never extras.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    model_validator,
)

from modelyard import offers
from modelyard.catalog import models
from modelyard.spec import (
    Auth,
    Budget,
    Cache,
    CacheKind,
    EngineChoice,
    EngineOptions,
    Expose,
    KubernetesNodes,
    KubernetesPlace,
    KvOffload,
    Life,
    Lora,
    Monitoring,
    Place,
    ServingSpec,
    Speculative,
    Trust,
)
from modelyard.units import format_tokens
from stacks import problems
from stacks.fields import (
    AdapterSource,
    Duration,
    EngineName,
    FlagName,
    FlagSetting,
    FolderPath,
    GpuName,
    HostName,
    HubId,
    Label,
    ModelName,
    Moment,
    Region,
    RuleName,
    ShortText,
    Tokens,
    Usd,
    one_of,
    refuse,
)

NAMESPACE = "modelyard"
"""The namespace of every key of ours in a stack file."""


def _kebab(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_kebab, populate_by_name=False)


def _priced_vendors() -> tuple[str, ...]:
    return tuple(sorted({offer.vendor for offer in offers.load_offers()}))


def _rentable(value: object) -> str:
    name = one_of(_priced_vendors, "vendor")(value)
    why_not = offers.find_vendor(name).why_not_rentable
    if why_not:
        raise refuse(f"nothing can be rented from {name} yet", allowed=", ".join(offers.RENTABLE_VENDORS), hint=why_not)
    return name


RentableVendor = Annotated[str, PlainValidator(_rentable, json_schema_input_type=Literal["runpod", "lambda", "vastai"])]
PricedVendor = Annotated[str, PlainValidator(one_of(_priced_vendors, "vendor"), json_schema_input_type=str)]


class NodesSettings(_Section):
    """The GPU nodes of a cluster that is already there."""

    gpu: GpuName = Field(description="GPU of these nodes, such as H100-SXM (`modelyard gpus` lists them).")
    gpus_per_node: StrictInt = Field(ge=1, le=16, description="GPUs in one node.")
    count: StrictInt = Field(default=1, ge=1, le=1000, description="Nodes that this stack may use.")
    vendor: PricedVendor | None = Field(
        default=None, description="Whose nodes they are; with sku it gives their price."
    )
    sku: ShortText | None = Field(default=None, description="The vendor's name for the node type (`modelyard offers`).")
    usd_per_hour: Usd | None = Field(
        default=None, description="Price of one node, when you know it better than the snapshot."
    )

    @model_validator(mode="after")
    def _priced_by_both(self) -> Self:
        if (self.vendor is None) != (self.sku is None):
            missing = "sku" if self.sku is None else "vendor"
            raise refuse("vendor and sku price a node only together", allowed="both or neither", hint=f"add {missing}")
        return self


class KubernetesSettings(_Section):
    """A Kubernetes cluster that is already there."""

    namespace: Label = Field(description="Namespace that everything goes into.")
    nodes: NodesSettings = Field(description="Its GPU nodes, and what they cost.")
    context: ShortText | None = Field(default=None, description="kubeconfig context; left out: the current one.")
    storage_class: Label | None = Field(default=None, description="Storage class of the model cache and of Prometheus.")
    control_plane: Literal["eks", "eks-extended", "gke", "aks", "cks"] | None = Field(
        default=None, description="Set it when the control plane's hourly fee belongs on this stack's bill."
    )
    behind_nat: StrictBool = Field(
        default=False, description="Its nodes reach the internet through a NAT gateway, whose traffic is on the bill."
    )


class PlaceSettings(_Section):
    """Where it may run: filters over machines for rent, or an existing Kubernetes."""

    vendors: tuple[RentableVendor, ...] = Field(
        default=(), min_length=1, max_length=10, description="Left out: every vendor that can be rented from."
    )
    regions: tuple[Region, ...] = Field(default=(), min_length=1, max_length=50, description="Left out: any region.")
    trust: Trust = Field(
        default=Trust.SECURE,
        description="The least to accept: cloud (a hyperscaler), secure (a vetted data centre), community (anyone's).",
    )
    spot: StrictBool = Field(default=False, description="Accept machines that the vendor may take back.")
    nvlink: StrictBool = Field(default=False, description="Insist on a fast link between the GPUs of one replica.")
    gpus: tuple[GpuName, ...] = Field(
        default=(), min_length=1, max_length=40, description="GPUs to choose from; left out: any that holds the model."
    )
    gpu_count: StrictInt | None = Field(
        default=None, ge=1, le=64, description="GPUs per replica; left out: the cheapest that fits."
    )
    max_usd_per_hour: Usd | None = Field(default=None, description="Dearer machines are not considered.")
    kubernetes: KubernetesSettings | None = Field(default=None, description="Run on this cluster instead of renting.")

    @model_validator(mode="after")
    def _one_kind_of_place(self) -> Self:
        others = sorted(_kebab(name) for name in self.model_fields_set - {"kubernetes"})
        if self.kubernetes is not None and others:
            raise refuse(
                f"{others[0]} chooses a machine to rent, but place.kubernetes says where it runs",
                allowed="place.kubernetes alone, or filters without it",
                hint="take out " + (" and ".join((", ".join(others[:-1]), others[-1])) if others[:-1] else others[0]),
                at=(others[0],),
            )
        return self


class SpeculativeSettings(_Section):
    """Speculative decoding: something small proposes tokens, the model checks them."""

    method: Literal["ngram", "suffix", "mtp", "draft_model", "eagle", "eagle3", "dflash"] = Field(
        description="ngram and suffix propose from the text, mtp with the model's own layers, the others with a model."
    )
    tokens: StrictInt = Field(ge=1, le=64, description="Tokens proposed at once.")
    model: HubId | None = Field(default=None, description="Draft model or head, for methods that have one.")


class LoraSettings(_Section):
    """LoRA adapters beside the base model."""

    adapters: dict[Label, AdapterSource] = Field(
        default_factory=dict[str, str],
        max_length=100,
        description="Name that clients ask for: org/name on the hub, or a folder in the engine's pod.",
    )
    max_loras: StrictInt = Field(default=1, ge=1, le=1000, description="Adapters that one batch may mix.")
    max_rank: Literal[1, 8, 16, 32, 64, 128, 256, 320, 512] = Field(default=16, description="Largest rank.")
    runtime_updates: StrictBool = Field(default=False, description="Let adapters come and go without a restart.")


class KvOffloadSettings(_Section):
    """KV cache that is kept in main memory when it has to leave the GPU."""

    gib: StrictInt = Field(ge=1, le=16_384, description="Main memory of one replica, over all of its GPUs.")
    backend: Literal["native", "lmcache"] = Field(default="native", description="vLLM's own, or LMCache.")


class OptionsSettings(_Section):
    """What vLLM can do besides; left out: the engine's own default."""

    prefix_caching: StrictBool | None = Field(default=None, description="Reuse the KV cache of shared prefixes.")
    chunked_prefill: StrictBool | None = Field(default=None, description="Mix pieces of long prompts into batches.")
    speculative: SpeculativeSettings | None = Field(default=None, description="Speculative decoding.")
    lora: LoraSettings | None = Field(default=None, description="LoRA adapters.")
    tool_call_parser: ShortText | None = Field(default=None, description="How this model writes tool calls.")
    reasoning_parser: ShortText | None = Field(default=None, description="How this model writes its reasoning.")
    structured_output: Literal["auto", "xgrammar", "guidance", "outlines", "lm-format-enforcer"] | None = Field(
        default=None, description="Backend that keeps answers to a schema."
    )
    kv_offload: KvOffloadSettings | None = Field(default=None, description="Keep evicted KV cache in main memory.")
    sleep_mode: StrictBool = Field(default=False, description="Let it give GPU memory back and keep its process.")


class EngineSettings(_Section):
    """Which engine serves, and flags of it that you insist on."""

    name: EngineName = Field(default="vllm", description="Engine; the catalog pins its version and image.")
    version: ShortText | None = Field(default=None, description="Left out: the version that the catalog pins.")
    args: dict[FlagName, FlagSetting] = Field(
        default_factory=dict[str, str | int | float | bool],
        max_length=60,
        description="Flags without their dashes, such as max-num-seqs: 64. They win over what the plan would choose.",
    )
    options: OptionsSettings = Field(default_factory=OptionsSettings, description="What vLLM can do besides.")


def _engine_by_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


class CacheSettings(_Section):
    """Where the weights lie between starts."""

    kind: CacheKind = Field(
        default=CacheKind.LOCAL_NVME,
        description="local-nvme, network-volume (of a rented machine: made and ended with it) or none.",
    )
    path: FolderPath = Field(default="/models", description="Folder on the machine.")
    size_gb: StrictInt | None = Field(
        default=None, ge=1, le=100_000, description="Decimal GB; left out: the weights and a tenth more."
    )

    @model_validator(mode="after")
    def _sized_when_there(self) -> Self:
        if self.kind is CacheKind.NONE and self.size_gb is not None:
            raise refuse(
                "size-gb without a cache", allowed="size-gb with kind local-nvme or network-volume", at=("size-gb",)
            )
        return self


class ExposeSettings(_Section):
    """How the endpoint is reached."""

    auth: Auth = Field(
        default=Auth.BEARER, description="bearer: callers send a key. none: a rule refuses it unless it is private."
    )
    public: StrictBool = Field(default=True, description="Reachable from the internet.")
    hostname: HostName | None = Field(default=None, description="DNS name of the endpoint.")


class LifeSettings(_Section):
    """When it ends. Left out: it runs until it is destroyed."""

    for_: Duration | None = Field(default=None, description="Counted from the create call, such as 45m, 1h30m or 2d.")
    until: Moment | None = Field(default=None, description="A moment with its zone, such as 2026-12-01T18:00:00Z.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.for_ is None) == (self.until is None):
            problem = "life has neither for nor until" if self.for_ is None else "life has both for and until"
            raise refuse(problem, allowed="{for: 1h} or {until: 2026-12-01T18:00:00Z}")
        return self


class BudgetSettings(_Section):
    """Ceilings in US dollars; rules refuse a plan that is above one."""

    max_usd_per_hour: Usd | None = Field(default=None, description="The whole stack, an hour.")
    max_usd_per_month: Usd | None = Field(default=None, description="The whole stack, 730 hours.")
    max_spend_usd: Usd | None = Field(default=None, description="The most that it may cost until its deadline.")


class MonitoringSettings(_Section):
    """What watches it."""

    prometheus: StrictBool = Field(default=True, description="Collect metrics.")
    grafana: StrictBool = Field(default=True, description="Dashboards over Prometheus.")
    gpu_metrics: StrictBool = Field(default=True, description="NVIDIA's DCGM exporter.")
    retention_days: StrictInt = Field(default=15, ge=1, le=365, description="Days that metrics are kept.")

    @model_validator(mode="after")
    def _grafana_has_a_source(self) -> Self:
        if self.grafana and not self.prometheus and "grafana" in self.model_fields_set:
            raise refuse(
                "grafana without prometheus has nothing to show", allowed="both, or grafana: false", at=("grafana",)
            )
        return self


class ServeSettings(_Section):
    """One model behind one endpoint."""

    model: ModelName = Field(
        description="Catalog name such as llama-3.3-70b (`modelyard models`), or org/name on the hub."
    )
    context: Tokens = Field(description="Tokens per request, prompt and answer together: 16384, 16k, 128k.")
    concurrency: StrictInt = Field(
        ge=1, le=10_000, description="Requests at full context that must run at once, per replica."
    )
    quantization: ShortText | None = Field(
        default=None, description="Precision of the weights, such as fp8; left out: as released."
    )
    weights: HubId | None = Field(
        default=None,
        description="org/name on the hub of other files of this model at this precision: GGUF files, a fine-tune.",
    )
    kv_cache_dtype: Literal["auto", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2"] = Field(
        default="auto", description="Precision of the KV cache; auto: what the checkpoint declares."
    )
    replicas: StrictInt = Field(default=1, ge=1, le=1000, description="Copies of the server, each with its own GPUs.")
    trial: StrictBool = Field(
        default=False, description="Short-lived: it must have a life and should have budget.max-spend-usd."
    )
    engine: Annotated[
        EngineSettings, BeforeValidator(_engine_by_name, json_schema_input_type=EngineSettings | EngineName)
    ] = Field(
        default_factory=EngineSettings,
        description="vllm, sglang, tensorrt-llm, tgi, ollama or llama.cpp, or {name, version, args}.",
    )
    place: PlaceSettings = Field(default_factory=PlaceSettings, description="Where it may run.")
    cache: CacheSettings = Field(default_factory=CacheSettings, description="Where the weights lie between starts.")
    expose: ExposeSettings = Field(default_factory=ExposeSettings, description="How the endpoint is reached.")
    life: LifeSettings | None = Field(
        default=None, description="When it ends; left out: it runs until it is destroyed."
    )
    budget: BudgetSettings = Field(default_factory=BudgetSettings, description="Ceilings in US dollars.")
    monitoring: MonitoringSettings = Field(default_factory=MonitoringSettings, description="What watches it.")

    @model_validator(mode="after")
    def _trial_ends(self) -> Self:
        if self.trial and self.life is None:
            raise refuse(
                "a trial must end, and this one has no life",
                allowed="life: {for: 1h} or life: {until: 2026-12-01T18:00:00Z}",
                hint="add life, or take out trial",
                at=("trial",),
            )
        return self

    @model_validator(mode="after")
    def _context_within_model(self) -> Self:
        model = models.find_model(self.model)
        longest = model.max_position_embeddings
        if self.context > longest:
            raise refuse(
                f"a context of {format_tokens(self.context)} tokens is longer than {model.title} can read",
                allowed=f"at most {format_tokens(longest)}",
                at=("context",),
            )
        return self


class RulesSettings(_Section):
    """How strict the rules are."""

    unpriced: Literal["fail", "warn"] = Field(
        default="warn", description="Something that is not priced: fail, or warn."
    )
    unknown: Literal["fail", "warn"] = Field(
        default="fail", description="A value that no rule can read before up: fail, or warn."
    )
    levels: dict[RuleName, Literal["mandatory", "advisory", "off"]] = Field(
        default_factory=dict[str, Literal["mandatory", "advisory", "off"]],
        max_length=100,
        description="Change the level of single rules, by name (docs/rules.md).",
    )


class StackSettings(BaseModel):
    """Everything that modelyard reads from one stack file."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=lambda name: f"{NAMESPACE}:{_kebab(name)}")

    serve: ServeSettings = Field(description="What is served, where, for how long, and for how much.")
    rules: RulesSettings = Field(default_factory=RulesSettings, description="How strict the rules are.")
    price_age_warning_days: StrictInt = Field(
        default=60, ge=1, le=3650, description="Prices older than this many days are pointed out on every surface."
    )

    def to_spec(self, name: str) -> ServingSpec:
        """What the environment called ``name`` asks for, in the core's own types."""
        serve = self.serve
        life = serve.life
        return ServingSpec(
            name=name,
            model=serve.model,
            context_tokens=serve.context,
            concurrency=serve.concurrency,
            quantization=serve.quantization,
            weights=serve.weights,
            kv_cache_dtype=serve.kv_cache_dtype,
            replicas=serve.replicas,
            trial=serve.trial,
            engine=EngineChoice(
                name=serve.engine.name,
                version=serve.engine.version,
                args=dict(serve.engine.args),
                options=_options(serve.engine.options),
            ),
            place=_place(serve.place),
            cache=Cache(kind=serve.cache.kind, path=serve.cache.path, size_gb=serve.cache.size_gb),
            expose=Expose(auth=serve.expose.auth, public=serve.expose.public, hostname=serve.expose.hostname),
            life=Life(seconds=life.for_, until=life.until) if life else Life(),
            budget=_budget(serve.budget),
            monitoring=_monitoring(serve.monitoring),
        )


def _options(asked: OptionsSettings) -> EngineOptions:
    speculative, lora, offload = asked.speculative, asked.lora, asked.kv_offload
    return EngineOptions(
        prefix_caching=asked.prefix_caching,
        chunked_prefill=asked.chunked_prefill,
        speculative=Speculative(method=speculative.method, tokens=speculative.tokens, model=speculative.model)
        if speculative
        else None,
        lora=Lora(
            adapters=dict(lora.adapters),
            max_loras=lora.max_loras,
            max_rank=lora.max_rank,
            runtime_updates=lora.runtime_updates,
        )
        if lora
        else None,
        tool_call_parser=asked.tool_call_parser,
        reasoning_parser=asked.reasoning_parser,
        structured_output=asked.structured_output,
        kv_offload=KvOffload(gib=offload.gib, backend=offload.backend) if offload else None,
        sleep_mode=asked.sleep_mode,
    )


def _place(place: PlaceSettings) -> Place:
    return Place(
        vendors=place.vendors,
        regions=place.regions,
        trust=place.trust,
        spot=place.spot,
        nvlink=place.nvlink,
        gpus=place.gpus,
        gpu_count=place.gpu_count,
        max_usd_per_hour=place.max_usd_per_hour,
        kubernetes=_kubernetes(place.kubernetes) if place.kubernetes else None,
    )


def _kubernetes(cluster: KubernetesSettings) -> KubernetesPlace:
    nodes = cluster.nodes
    return KubernetesPlace(
        namespace=cluster.namespace,
        context=cluster.context,
        storage_class=cluster.storage_class,
        control_plane=cluster.control_plane,
        behind_nat=cluster.behind_nat,
        nodes=KubernetesNodes(
            gpu=nodes.gpu,
            gpus_per_node=nodes.gpus_per_node,
            count=nodes.count,
            vendor=nodes.vendor,
            sku=nodes.sku,
            usd_per_hour=nodes.usd_per_hour,
        ),
    )


def _budget(budget: BudgetSettings) -> Budget:
    return Budget(
        max_usd_per_hour=budget.max_usd_per_hour,
        max_usd_per_month=budget.max_usd_per_month,
        max_spend_usd=budget.max_spend_usd,
    )


def _monitoring(monitoring: MonitoringSettings) -> Monitoring:
    return Monitoring(
        prometheus=monitoring.prometheus,
        grafana=monitoring.grafana and monitoring.prometheus,
        gpu_metrics=monitoring.gpu_metrics,
        retention_days=monitoring.retention_days,
    )


def parse_settings(raw: Mapping[str, object], *, file: str, lines: problems.Lines | None = None) -> StackSettings:
    """Read the configuration of one environment.

    Args:
        raw: configuration keys with their values, such as ``{"modelyard:serve": {...}}``; the namespace may be left
            out, and keys of other namespaces are left alone.
        file: the stack file's name for messages.
        lines: where each key path stands in that file, when it was read from a file.

    Raises:
        ConfigError: something in it is not allowed: the first problem with its place, and all the others after it.
    """
    return problems.validate(StackSettings, _own_keys(raw), file=file, lines=lines or {})


def _own_keys(raw: Mapping[str, object]) -> dict[str, object]:
    own: dict[str, object] = {}
    for key, value in raw.items():
        namespace, _, name = key.rpartition(":")
        if namespace in ("", NAMESPACE):
            own[f"{NAMESPACE}:{name}"] = value
    return own


def schema_document() -> dict[str, object]:
    """The JSON Schema of a whole stack file, for editors (draft 2020-12)."""
    settings = StackSettings.model_json_schema(by_alias=True, mode="validation")
    definitions = settings.pop("$defs")
    settings["patternProperties"] = {f"^(?!{NAMESPACE}:)[^:]+:.": {}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "modelyard environment",
        "description": "stacks/Pulumi.<env>.yaml. Printed by `modelyard schema`; do not edit it by hand.",
        "type": "object",
        "properties": {
            "config": settings,
            "secretsprovider": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "encryptionsalt": {"type": "string"},
            "environment": {},
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": definitions,
    }
