"""Every resource type with least inputs, a change in place and one that replaces: what conformance goes through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tests.simulators.scenarios import SKUS

SECRET: Final = "sk-secret-of-the-program-0123456789"
IMAGE: Final = "docker.io/vllm/vllm-openai:v0.33.0"
H100: Final = "NVIDIA H100 80GB HBM3"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """One resource type.

    Attributes:
        inputs: what a program gives.
        in_place: inputs that change without a new object; empty: nothing does.
        replacing: inputs that take a new object.
        secret: inputs that arrive as secrets.
        is_reversible: whether the change in place can be taken back: a volume does not shrink.
    """

    inputs: Mapping[str, Any]
    in_place: Mapping[str, Any] = field(default_factory=dict[str, Any])
    replacing: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secret: frozenset[str] = frozenset()
    is_reversible: bool = True


MACHINE: Final[Mapping[str, Any]] = {
    "candidates": [dict(SKUS["runpod"][0])],
    "image": IMAGE,
    "boot": "#!/bin/bash\necho start",
    "otherBoots": {"vm": "#cloud-config\nruncmd: []\n", "container": "#!/bin/bash\necho start"},
    "env": {"TOKEN": SECRET},
    "ports": [8080],
    "diskGb": 100,
    "owner": "organization/modelyard/trial",
    "labels": {"team": "research"},
    "lifetimeSeconds": 3600,
}
_RULE: Final = {"protocol": "tcp", "firstPort": 443, "sourceNetwork": "0.0.0.0/0", "description": "https"}

SUBJECTS: Final[Mapping[str, Subject]] = {
    "index:Machine": Subject(
        inputs=MACHINE,
        in_place={"lifetimeSeconds": 7200, "labels": {"team": "product"}},
        replacing={"image": "docker.io/vllm/vllm-openai:v0.34.0"},
        secret=frozenset({"env"}),
    ),
    "index:AccessKey": Subject(inputs={"length": 32}, replacing={"length": 64}),
    "runpod:Pod": Subject(
        inputs={"image": IMAGE, "gpu": {"id": H100, "count": 1}, "diskGb": 20, "env": {"TOKEN": SECRET}},
        in_place={"locked": True},
        replacing={"cloud": "COMMUNITY"},
        secret=frozenset({"env"}),
    ),
    "runpod:NetworkVolume": Subject(
        inputs={"sizeGb": 100, "dataCenter": "US-KS-2"},
        in_place={"sizeGb": 200},
        replacing={"dataCenter": "EU-RO-1"},
        is_reversible=False,
    ),
    "runpod:Template": Subject(
        inputs={"image": IMAGE, "env": {"TOKEN": SECRET}},
        in_place={"diskGb": 30},
        secret=frozenset({"env"}),
        is_reversible=False,
    ),
    "runpod:RegistryAuth": Subject(
        inputs={"username": "me", "password": SECRET}, replacing={"username": "you"}, secret=frozenset({"password"})
    ),
    "runpod:Endpoint": Subject(
        inputs={
            "type": "QUEUE",
            "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},
            "image": IMAGE,
            "gpu": {"pools": ["ADA_80_PRO"]},
        },
        in_place={"workersMax": 3},
        replacing={"type": "LOAD_BALANCER"},
        is_reversible=False,
    ),
    "runpod:Cluster": Subject(
        inputs={"type": "TRAINING", "gpuTypeId": H100, "gpuCountPerPod": 8, "podCount": 2, "image": IMAGE},
        in_place={"name": "renamed"},
        replacing={"podCount": 4},
    ),
    "lambda:Instance": Subject(
        inputs={"region": "us-west-1", "instanceType": "gpu_1x_a10", "userData": f"#cloud-config\n# {SECRET}\n"},
        in_place={"name": "renamed"},
        replacing={"region": "us-east-1"},
        secret=frozenset({"userData"}),
    ),
    "lambda:Filesystem": Subject(inputs={"region": "us-west-1"}, replacing={"region": "us-east-1"}),
    "lambda:SshKey": Subject(inputs={"publicKey": "ssh-ed25519 AAAA"}, replacing={"publicKey": "ssh-ed25519 BBBB"}),
    "lambda:FirewallRuleset": Subject(
        inputs={"region": "us-west-1", "rules": [_RULE]},
        in_place={"rules": [{**_RULE, "firstPort": 8443}]},
        replacing={"region": "us-east-1"},
    ),
    "vastai:Instance": Subject(
        inputs={
            "gpu": "RTX-4090",
            "gpuCount": 2,
            "image": IMAGE,
            "diskGb": 50,
            "maxUsdPerHour": "9.00",
            "env": {"TOKEN": SECRET},
        },
        in_place={"label": "renamed"},
        replacing={"gpuCount": 1},
        secret=frozenset({"env"}),
    ),
    "vastai:Volume": Subject(
        inputs={"sizeGb": 200, "maxUsdPerGbMonth": "0.50"},
        in_place={"maxUsdPerGbMonth": "0.60"},
        replacing={"sizeGb": 300},
    ),
}
"""Ready is not among them: it waits for a machine, and has tests of its own."""
