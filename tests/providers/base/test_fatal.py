import pytest

from providers.base.fatal import FATAL, find_fatal

CASES = [
    ("Error response from daemon: manifest for vllm/vllm-openai:v9 not found", "the image cannot be pulled"),
    ('failed to resolve reference "docker.io/x/y:1": not found', "the image cannot be pulled"),
    ("toomanyrequests: You have reached your pull rate limit", "the image cannot be pulled"),
    ("no matching manifest for linux/arm64/v8 in the manifest list entries", "the image cannot be pulled"),
    ("OCI runtime create failed: unable to start container process", "the container cannot be started on this host"),
    ('docker: Error response: could not select device driver "" with capabilities: [[gpu]]', "the container cannot be"),
    ("RuntimeError: no CUDA-capable device is detected", "the machine came up without GPUs"),
    ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver", "came up without GPUs"),
    ("Found no NVIDIA driver on your system", "came up without GPUs"),
    ("CUDA driver version is insufficient for CUDA runtime version", "driver does not match the image's CUDA"),
    ("The NVIDIA driver on your system is too old (found version 12020)", "driver does not match"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "does not fit as configured"),
    ("ValueError: No available memory for the cache blocks.", "does not fit as configured"),
    ("Free memory on device (10/80 GiB) on startup is less than desired GPU memory utilization", "does not fit"),
    ("huggingface_hub.errors.GatedRepoError: 401 Client Error", "gated"),
    ("RepositoryNotFoundError: 404 Client Error", "not on the hub"),
    ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ("vllm serve: error: unrecognized arguments: --max-modle-len", "refuses its arguments"),
    ("ValueError: Model architectures ['FooForCausalLM'] are not supported for now.", "refuses its arguments"),
]


@pytest.mark.parametrize(("line", "what"), CASES)
def test_what_waiting_does_not_mend_is_recognised(line: str, what: str) -> None:
    found = find_fatal(["INFO starting", line, "INFO later"])
    assert found is not None
    assert what in found[0].what
    assert found[1] == line


def test_every_kind_of_end_is_among_the_cases() -> None:
    whats = {found[0].what for line, _ in CASES if (found := find_fatal([line]))}
    missing = {fatal.what for fatal in FATAL} - whats
    assert missing == {"the engine ended and was started again without success"}


@pytest.mark.parametrize(
    "line",
    [
        "INFO 11-21 12:00:00 Downloading weights: 12%",
        "WARNING: NCCL version 2.27 out of date",
        "Pulling image: 404 MB of 9 GB",
        "memory profiling takes 2.1 seconds",
        "",
    ],
)
def test_what_is_only_talk_is_not(line: str) -> None:
    assert find_fatal([line]) is None
