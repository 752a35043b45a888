"""The package schema: what each rental resource takes and gives, in the words that generated SDKs show."""

import json
from typing import Any

from providers.rental import PACKAGE, VERSION

STRING = {"type": "string"}
INTEGER = {"type": "integer"}
BOOLEAN = {"type": "boolean"}


def _property(
    kind: dict[str, Any], description: str, *, replaces: bool = False, secret: bool = False
) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if replaces:
        extra["replaceOnChanges"] = True
    if secret:
        extra["secret"] = True
    return {**kind, "description": description, **extra}


CANDIDATE = {
    "type": "object",
    "description": "One offer, tried in the order given; only a capacity error moves on to the next.",
    "properties": {
        "vendor": _property(STRING, "runpod, lambda or vastai."),
        "sku": _property(STRING, "The vendor's name of the machine."),
        "gpu": _property(STRING, "Catalog name of the GPU."),
        "gpuCount": _property(INTEGER, "GPUs of the machine."),
        "tensorParallelSize": _property(INTEGER, "GPUs over which the model is split on this machine."),
        "region": _property(STRING, "The vendor's region, or any."),
        "trust": _property(STRING, "cloud, secure or community."),
        "spot": _property(BOOLEAN, "Whether the vendor may take it back."),
        "usdPerHour": _property(STRING, "Quoted price of the whole machine, US dollars an hour."),
        "granularitySeconds": _property(INTEGER, "Billed in steps of so many seconds."),
        "minimumSeconds": _property(INTEGER, "Billed for at least so many seconds."),
        "asOf": _property(STRING, "Date of the price, ISO 8601."),
        "source": _property(STRING, "Where the price is from."),
    },
    "required": [
        "vendor", "sku", "gpu", "gpuCount", "tensorParallelSize", "region", "trust", "spot", "usdPerHour",
        "granularitySeconds", "minimumSeconds", "asOf", "source",
    ],
}  # fmt: skip

MACHINE_INPUTS: dict[str, Any] = {
    "candidates": _property(
        {"type": "array", "items": {"$ref": f"#/types/{PACKAGE}:index:Candidate"}},
        "Offers in the order in which they are tried.",
    ),
    "image": _property(STRING, "Container image, pinned.", replaces=True),
    "boot": _property(STRING, "What the machine runs first: arms the watchdog, then starts the engine.", replaces=True),
    "otherBoots": _property(
        {"type": "object", "additionalProperties": STRING},
        "What the other kinds of machine among the candidates run first, by kind.",
        replaces=True,
    ),
    "env": _property(
        {"type": "object", "additionalProperties": STRING}, "Environment of the machine.", replaces=True, secret=True
    ),
    "ports": _property({"type": "array", "items": INTEGER}, "Ports that are reachable from outside.", replaces=True),
    "diskGb": _property(INTEGER, "Container disk, decimal GB.", replaces=True),
    "networkVolumeGb": _property(INTEGER, "Network volume, decimal GB.", replaces=True),
    "lifetimeSeconds": _property(INTEGER, "Seconds from the create call to the deadline."),
    "deadline": _property(STRING, "Absolute UTC deadline, ISO 8601; wins over lifetimeSeconds."),
    "owner": _property(STRING, "Who answers for it; part of the marker."),
    "labels": _property({"type": "object", "additionalProperties": STRING}, "Marker labels."),
}
READY_INPUTS: dict[str, Any] = {
    "machineId": _property(STRING, "The machine to wait for.", replaces=True),
    "port": _property(INTEGER, "Port of the gateway."),
    "healthPath": _property(STRING, "Path that answers when the model does."),
    "timeoutSeconds": _property(INTEGER, "The plan's start-up budget."),
    "phases": _property({"type": "array", "items": {"$ref": "pulumi.json#/Any"}}, "The budget by phase."),
}
KEY_INPUTS: dict[str, Any] = {
    "length": _property(INTEGER, "Bytes of randomness, 16 to 128.", replaces=True),
}

RESOURCES: dict[str, dict[str, Any]] = {
    f"{PACKAGE}:index:Machine": {
        "description": "A rented GPU machine: the first of its candidates that can be had.",
        "inputProperties": MACHINE_INPUTS,
        "requiredInputs": ["candidates", "image", "boot", "env", "ports", "diskGb", "owner", "labels"],
        "properties": {
            **MACHINE_INPUTS,
            "machineId": _property(STRING, "The vendor's id."),
            "address": _property(STRING, "Where it is reached."),
            "chosen": _property(STRING, "The candidate that was rented."),
            "chargedUsdPerHour": _property(STRING, "What the vendor charges, US dollars an hour."),
        },
    },
    f"{PACKAGE}:index:Ready": {
        "description": "Waits until the model behind a machine has answered.",
        "inputProperties": READY_INPUTS,
        "requiredInputs": ["machineId", "port", "healthPath", "timeoutSeconds", "phases"],
        "properties": {**READY_INPUTS, "endpoint": _property(STRING, "Address of the OpenAI-compatible API.")},
    },
    f"{PACKAGE}:index:AccessKey": {
        "description": "A random bearer token, kept as a secret in the stack's state.",
        "inputProperties": KEY_INPUTS,
        "requiredInputs": ["length"],
        "properties": {**KEY_INPUTS, "value": _property(STRING, "The token.", secret=True)},
        "required": ["value"],
    },
}


def replaces(token: str) -> frozenset[str]:
    """The inputs of a resource type whose change replaces it."""
    inputs: dict[str, dict[str, Any]] = RESOURCES[token]["inputProperties"]
    return frozenset(name for name, facts in inputs.items() if facts.get("replaceOnChanges"))


def schema() -> str:
    """The Pulumi package schema as JSON."""
    return json.dumps(
        {
            "name": PACKAGE,
            "version": VERSION,
            "displayName": "modelyard rental",
            "description": "Rented GPU machines with a deadline",
            "license": "Apache-2.0",
            "language": {"python": {"respectSchemaVersion": True}},
            "types": {f"{PACKAGE}:index:Candidate": CANDIDATE},
            "resources": RESOURCES,
        }
    )
