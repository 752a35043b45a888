"""What every way of starting a rented machine needs to know, and which way each vendor takes.

A container vendor (RunPod, Vast) runs our script inside the engine's image. A vendor of virtual machines (Lambda) runs
cloud-init, which starts the same parts with Docker Compose.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.spec import Auth

GATEWAY_PORT: Final = 8080
PROMETHEUS_PORT: Final = 9090
GRAFANA_PORT: Final = 3000

SPLIT_VARIABLE: Final = "MODELYARD_TENSOR_PARALLEL_SIZE"
"""Environment variable in which the create call says over how many GPUs the candidate that it got splits the model."""

SKIPPED_FILES: Final = ("original/*", "*.pth", "*.gguf", "onnx/*")
"""Files of a checkpoint's repository that repeat the weights in a format that the engine does not load."""


class BootKind(StrEnum):
    """How a rented machine is started."""

    CONTAINER = "container"
    """A bash script that is the entry point of the engine's image."""
    VM = "vm"
    """cloud-init user data of a virtual machine with Docker."""


BOOT_KINDS: Final = {
    "runpod": BootKind.CONTAINER,
    "vastai": BootKind.CONTAINER,
    "lambda": BootKind.VM,
    "verda": BootKind.VM,
}
"""Vendor → how its machines are started."""

PROXIED_VENDORS: Final = frozenset({"runpod"})
"""Vendors whose own proxy ends TLS in front of the gateway."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineText:
    """Everything that start-up text is made of. No secret is part of it: keys come from the environment."""

    name: str
    engine_image: str
    engine_version: str
    argv: tuple[str, ...]
    """Arguments of ``vllm serve``."""
    engine_port: int
    health_path: str
    metrics_path: str
    hub_id: str
    download_bytes: int
    cache_path: str
    tensor_parallel_size: int
    """The largest among the machines that may be rented: what shared memory is sized for."""
    auth: Auth
    lifetime_seconds: int | None
    """Seconds from the create call; the create call also gives the absolute time as ``MODELYARD_DEADLINE``."""
    has_prometheus: bool
    has_grafana: bool
    has_gpu_metrics: bool
    retention_days: int
    gateway_port: int = GATEWAY_PORT


def shm_bytes(tensor_parallel_size: int) -> int:
    """Shared memory for the engine's worker processes: 16 GiB, and 32 GiB from eight GPUs on."""
    return (32 if tensor_parallel_size >= 8 else 16) << 30
