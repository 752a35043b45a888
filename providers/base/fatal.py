"""Lines in a machine's log after which waiting any longer only costs money."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Fatal:
    """Something that will not mend itself."""

    pattern: re.Pattern[str]
    what: str
    resolution: str


def _fatal(pattern: str, what: str, resolution: str) -> Fatal:
    return Fatal(pattern=re.compile(pattern, re.IGNORECASE), what=what, resolution=resolution)


FATAL: Final = (
    _fatal(
        r"manifest (for .* )?(unknown|not found)|pull access denied|ErrImagePull|ImagePullBackOff|"
        r"toomanyrequests: .*pull rate limit|failed to resolve reference|no matching manifest for",
        "the image cannot be pulled",
        "Check the image's name and tag, and the registry credential.",
    ),
    _fatal(
        r"OCI runtime create failed|failed to create (shim )?task|could not select device driver",
        "the container cannot be started on this host",
        "Run again: another host may do; if all fail, check the image.",
    ),
    _fatal(
        r"no CUDA-capable device is detected|NVIDIA-SMI has failed|No devices were found|came up without working GPUs|"
        r"found no NVIDIA driver on your system",
        "the machine came up without GPUs",
        "Delete it and take another: this host will not get them back.",
    ),
    _fatal(
        r"CUDA driver version is insufficient|NVIDIA driver on your system is too old|"
        r"no kernel image is available for execution|unsupported toolchain|forward compatibility was attempted",
        "the host's driver does not match the image's CUDA",
        "Ask for hosts with a newer driver, or take an image built for an older CUDA.",
    ),
    _fatal(
        r"CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|No available memory for the cache blocks|"
        r"larger than the (maximum number of tokens|available KV cache memory)|"
        r"Free memory on device .* is less than desired",
        "the model does not fit as configured",
        "Run `modelyard fit` for it: less context, fewer sequences, another precision or more GPUs.",
    ),
    _fatal(
        r"GatedRepoError|Cannot access gated repo|Access to model .* is restricted|401 Client Error.*huggingface",
        "the model is gated and the hub token does not open it",
        "Accept the model's terms on the hub and set `huggingface:token`.",
    ),
    _fatal(
        r"RepositoryNotFoundError|Repository Not Found for url|RevisionNotFoundError",
        "the model is not on the hub under this name",
        "Check the model's name and revision.",
    ),
    _fatal(
        r"No space left on device|has .* KiB free",
        "the disk is full",
        "Give the cache a larger size.",
    ),
    _fatal(
        r"unrecognized arguments:|error: argument --|Model architectures .* are not supported",
        "the engine refuses its arguments or the model",
        "Check engine.args against the pinned version, and whether it knows the architecture.",
    ),
    _fatal(
        r"modelyard .*the engine is not running any more",
        "the engine ended and was started again without success",
        "Read the log above.",
    ),
)


def find_fatal(lines: Sequence[str]) -> tuple[Fatal, str] | None:
    """The first line of a log that waiting does not mend, with what it means."""
    for line in lines:
        for fatal in FATAL:
            if fatal.pattern.search(line):
                return fatal, line
    return None
