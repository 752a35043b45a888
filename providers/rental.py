"""The rental resources as a program declares them; the provider process in ``providers/plugin`` is behind them.

Tokens are ``modelyard-rental:index:…``. The schema in ``providers/plugin/rental_schema.py`` documents every input.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

PACKAGE = "modelyard-rental"
VERSION = "0.1.0"


class CandidateArgs(TypedDict):
    """One offer to try, in order."""

    vendor: str
    sku: str
    gpu: str
    gpuCount: int
    tensorParallelSize: int
    region: str
    trust: str
    spot: bool
    usdPerHour: str
    granularitySeconds: int
    minimumSeconds: int
    asOf: str
    source: str


class MachineArgs(TypedDict):
    """A rented GPU machine."""

    candidates: Sequence[CandidateArgs]
    image: str
    boot: pulumi.Input[str]
    otherBoots: NotRequired[Mapping[str, str]]
    env: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    ports: Sequence[int]
    diskGb: int
    owner: str
    labels: Mapping[str, str]
    lifetimeSeconds: NotRequired[int]
    deadline: NotRequired[str]
    networkVolumeGb: NotRequired[int]
    cachePath: NotRequired[str]
    name: NotRequired[str]
    driftLimit: NotRequired[float]
    onDrift: NotRequired[str]


class ReadyArgs(TypedDict):
    """Waits until a machine's model answers."""

    machineId: pulumi.Input[str]
    port: int
    healthPath: str
    timeoutSeconds: int
    phases: Sequence[Mapping[str, Any]]
    deleteOnFailure: NotRequired[bool]
    model: NotRequired[str]
    accessKey: NotRequired[pulumi.Input[str]]


class AccessKeyArgs(TypedDict):
    """A random bearer token."""

    length: int


class _Rental(pulumi.CustomResource):
    """What the three have in common: their package and that unknown outputs are declared."""

    def __init__(
        self,
        kind: str,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        merged = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(version=VERSION))
        super().__init__(f"{PACKAGE}:index:{kind}", name, {**inputs, **dict.fromkeys(outputs)}, merged)


class Machine(_Rental):
    """A rented GPU machine: the first of its candidates that can be had."""

    machine_id: pulumi.Output[str]
    """Vendor and the vendor's id, such as ``runpod/7h9k2m4n6p``."""
    address: pulumi.Output[str]
    """Base URL of its gateway; empty until the vendor tells."""
    chosen: pulumi.Output[str]
    """The candidate that was rented."""
    charged_usd_per_hour: pulumi.Output[str]
    """What the vendor charges."""
    deadline_at: pulumi.Output[str]
    """The deadline in force."""

    def __init__(self, name: str, args: MachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Machine", name, args, tuple(_MACHINE_OUTPUTS), opts)

    def translate_output_property(self, prop: str) -> str:
        """The engine's camelCase names as Python attributes."""
        return _MACHINE_OUTPUTS.get(prop, prop)


_MACHINE_OUTPUTS = {
    "machineId": "machine_id",
    "address": "address",
    "chosen": "chosen",
    "chargedUsdPerHour": "charged_usd_per_hour",
    "deadlineAt": "deadline_at",
}


class Ready(_Rental):
    """Ready once the model behind a machine has answered; its time-out is the plan's start-up budget."""

    endpoint: pulumi.Output[str]

    def __init__(self, name: str, args: ReadyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("Ready", name, args, ("endpoint",), opts)


class AccessKey(_Rental):
    """A random bearer token, made by the provider and kept as a secret in the stack's state."""

    value: pulumi.Output[str]

    def __init__(self, name: str, args: AccessKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["value"]))
        super().__init__("AccessKey", name, args, ("value",), secret)
