"""A rented GPU machine, wherever it is: the offers that may become it, and what it runs when it starts."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import NotRequired, TypedDict, cast

import pulumi

from components.base import PACKAGE, below, whole, without_none
from components.machine_text import boot_texts
from modelyard.plan import sizes
from modelyard.plan.types import Candidate, Plan
from modelyard.render.machine import GATEWAY_PORT
from providers import rental


class CandidateArgs(TypedDict):
    """One offer that may be rented."""

    vendor: str
    """Vendor, such as ``runpod``."""
    sku: str
    """The vendor's own name of the machine."""
    gpu: str
    """Catalog name of its GPUs."""
    gpu_count: int
    """GPUs of the whole machine."""
    tensor_parallel_size: int
    """GPUs over which the model is split on this machine."""
    region: str
    """Region, or ``any``."""
    trust: str
    """``cloud``, ``secure`` or ``community``."""
    spot: bool
    """Whether the vendor may take it back."""
    usd_per_hour: str
    """Price of the whole machine, a decimal number."""
    granularity_seconds: int
    """Steps in which time is billed."""
    minimum_seconds: int
    """Least time that is billed."""
    as_of: str
    """Date of the price, ISO 8601."""
    source: str
    """Where the price is from."""


class GpuNodeArgs(TypedDict):
    """What a GpuNode is made of."""

    candidates: Sequence[CandidateArgs]
    """Offers, in the order in which they are tried."""
    image: str
    """Image of the container, where the vendor rents containers."""
    boot: str
    """Start-up text for the first candidate's kind of machine. It holds no secret."""
    other_boots: NotRequired[Mapping[str, str]]
    """Start-up text for the other kinds of machine among the candidates, by kind."""
    env: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment of the machine: the access key and the hub token. A secret as a whole."""
    ports: Sequence[int]
    """Ports that the world may reach."""
    disk_gb: int
    """Decimal GB of the machine's own disk."""
    network_volume_gb: NotRequired[int]
    """Decimal GB of a network volume."""
    cache_path: NotRequired[str]
    """Folder at which that volume is mounted."""
    lifetime_seconds: NotRequired[int]
    """Seconds from the create call to the deadline."""
    deadline: NotRequired[str]
    """The deadline, ISO 8601 UTC, when it is already fixed."""
    labels: Mapping[str, str]
    """What the machine is marked with."""


class GpuNode(pulumi.ComponentResource):
    """A rented GPU machine."""

    machine_id: pulumi.Output[str]
    """The vendor's id of the machine."""
    address: pulumi.Output[str]
    """Base URL of its gateway."""

    def __init__(self, name: str, args: GpuNodeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare the machine. Nothing is rented in a preview."""
        first = args["candidates"][0]
        lifetime = whole(args["lifetime_seconds"]) if "lifetime_seconds" in args else None
        facts = without_none(
            vendor=first["vendor"],
            gpu=first["gpu"],
            gpuCount=whole(first["gpu_count"]),
            usdPerHour=first["usd_per_hour"],
            lifetimeSeconds=lifetime,
            deadline=args.get("deadline"),
        )
        super().__init__(f"{PACKAGE}:index:GpuNode", name, facts, opts)
        self.machine = rental.Machine(f"{name}-machine", _machine_args(args), below(self))
        self.machine_id = self.machine.id
        self.address = self.machine.address
        self.register_outputs({"machineId": self.machine_id, "address": self.address})


def args_for(plan: Plan) -> GpuNodeArgs:
    """The machine that ``plan`` decided on.

    Raises:
        ValueError: the plan is for an existing Kubernetes.
    """
    if not plan.candidates:
        raise ValueError("a plan for an existing Kubernetes rents nothing")
    boot, *others = boot_texts(plan).items()
    args = GpuNodeArgs(
        candidates=[_candidate(candidate) for candidate in plan.candidates],
        image=plan.engine.image,
        boot=boot[1],
        ports=[GATEWAY_PORT],
        disk_gb=sizes.disk_gb(plan.spec, plan.cache_gb),
        labels={"modelyard-environment": plan.spec.name, "modelyard-model": plan.model_name},
    )
    if others:
        args["other_boots"] = {kind.value: text for kind, text in others}
    volume = sizes.network_volume_gb(plan.spec, plan.cache_gb)
    if volume is not None:
        args["network_volume_gb"] = volume
        args["cache_path"] = plan.spec.cache.path
    if plan.deadline is not None:
        args["deadline"] = plan.deadline.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if plan.lifetime_seconds is not None:
        args["lifetime_seconds"] = plan.lifetime_seconds
    return args


def _machine_args(args: GpuNodeArgs) -> rental.MachineArgs:
    """The machine's inputs: the plugin's own key names, and the environment as one secret."""
    inputs: dict[str, object] = {
        "candidates": [_camel(candidate) for candidate in args["candidates"]],
        "image": args["image"],
        "boot": args["boot"],
        "env": pulumi.Output.secret(dict(args.get("env", {}))),
        "ports": [whole(port) for port in args["ports"]],
        "diskGb": whole(args["disk_gb"]),
        "labels": dict(args["labels"]),
        "owner": f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}",
    }
    if "other_boots" in args:
        inputs["otherBoots"] = dict(args["other_boots"])
    if "network_volume_gb" in args:
        inputs["networkVolumeGb"] = whole(args["network_volume_gb"])
    if "cache_path" in args:
        inputs["cachePath"] = args["cache_path"]
    if "lifetime_seconds" in args:
        inputs["lifetimeSeconds"] = whole(args["lifetime_seconds"])
    if "deadline" in args:
        inputs["deadline"] = args["deadline"]
    return cast("rental.MachineArgs", inputs)


def _candidate(candidate: Candidate) -> CandidateArgs:
    offer = candidate.offer
    return CandidateArgs(
        vendor=offer.vendor,
        sku=offer.sku,
        gpu=offer.gpu,
        gpu_count=offer.gpu_count,
        tensor_parallel_size=candidate.tensor_parallel_size,
        region=offer.region,
        trust=offer.trust.value,
        spot=offer.spot,
        usd_per_hour=str(offer.usd_per_hour),
        granularity_seconds=offer.billing.granularity_seconds,
        minimum_seconds=offer.billing.minimum_seconds,
        as_of=offer.as_of.isoformat(),
        source=offer.source,
    )


def _camel(candidate: CandidateArgs) -> rental.CandidateArgs:
    """A candidate as the plugin reads it."""
    return rental.CandidateArgs(
        vendor=candidate["vendor"],
        sku=candidate["sku"],
        gpu=candidate["gpu"],
        gpuCount=whole(candidate["gpu_count"]),
        tensorParallelSize=whole(candidate["tensor_parallel_size"]),
        region=candidate["region"],
        trust=candidate["trust"],
        spot=candidate["spot"],
        usdPerHour=candidate["usd_per_hour"],
        granularitySeconds=whole(candidate["granularity_seconds"]),
        minimumSeconds=whole(candidate["minimum_seconds"]),
        asOf=candidate["as_of"],
        source=candidate["source"],
    )
