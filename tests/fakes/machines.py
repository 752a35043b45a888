"""A rented machine's facts, with every part switched on; a test changes what it is about."""

from dataclasses import replace
from typing import Any

from modelyard.render import vllm_argv
from modelyard.render.machine import MachineText
from modelyard.spec import Auth

_TRIAL = MachineText(
    name="trial-405b",
    engine_image="docker.io/vllm/vllm-openai:v0.33.0",
    engine_version="0.33.0",
    argv=vllm_argv(
        model_id="meta-llama/Llama-3.1-405B-Instruct-FP8",
        served_model_name="llama-3.1-405b",
        max_model_len=16384,
        tensor_parallel_size=4,
        port=8000,
        download_dir="/models",
        quantization=None,
        kv_cache_dtype="auto",
        extra={"max-num-seqs": 64},
    ),
    engine_port=8000,
    health_path="/health",
    metrics_path="/metrics",
    hub_id="meta-llama/Llama-3.1-405B-Instruct-FP8",
    download_bytes=410_000_000_000,
    cache_path="/models",
    tensor_parallel_size=4,
    auth=Auth.BEARER,
    lifetime_seconds=3600,
    has_prometheus=True,
    has_grafana=True,
    has_gpu_metrics=True,
    retention_days=15,
)


def machine_text(**changes: Any) -> MachineText:
    """The 405B trial's machine with ``changes``."""
    return replace(_TRIAL, **changes)
