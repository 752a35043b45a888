"""Text Generation Inference, which is in maintenance mode. It answers to any model name, and calls itself by its id."""

from typing import Final

from modelyard.render.argv import known_value
from modelyard.render.engines.base import (
    CACHE,
    CONCURRENCY,
    CONTEXT,
    GATEWAY,
    KV_DTYPE,
    MODEL,
    PARALLEL,
    QUANTIZATION,
    SECRET,
    Command,
    EngineRenderer,
    Launch,
    checked_argv,
    flags_of,
    one_of,
)

TITLE: Final = "Text Generation Inference"
KV_DTYPES: Final = {"auto": "auto", "fp8": "fp8_e4m3fn", "fp8_e4m3": "fp8_e4m3fn", "fp8_e5m2": "fp8_e5m2"}
OWNED: Final = {
    "--model-id": MODEL,
    "--max-total-tokens": CONTEXT,
    "--max-input-tokens": CONTEXT,
    "--max-input-length": CONTEXT,
    "--max-concurrent-requests": CONCURRENCY,
    "--quantize": QUANTIZATION,
    "--kv-cache-dtype": KV_DTYPE,
    "--huggingface-hub-cache": CACHE,
    "--weights-cache-override": CACHE,
    "--hostname": GATEWAY,
    "--port": GATEWAY,
    "--ngrok": GATEWAY,
    "--ngrok-authtoken": SECRET,
    "--ngrok-edge": GATEWAY,
    "--num-shard": PARALLEL,
    "--sharded": PARALLEL,
    "--master-addr": PARALLEL,
    "--master-port": PARALLEL,
    "--api-key": SECRET,
    "--env": "it prints the environment and ends",
}
QUEUED: Final = 128
"""Requests that may wait besides those that run, before TGI answers 429: its own default for both together."""


def render(launch: Launch) -> Command:
    """Arguments of ``text-generation-launcher``."""
    argv = ["--model-id", launch.model_id, "--num-shard", str(launch.tensor_parallel_size)]
    argv += ["--max-total-tokens", str(launch.context_tokens), "--max-input-tokens", str(launch.context_tokens - 1)]
    argv += ["--max-concurrent-requests", str(launch.concurrency + QUEUED)]
    argv += ["--hostname", "0.0.0.0", "--port", str(launch.port)]  # noqa: S104  # a pod's own network; the gateway guards it
    argv += ["--huggingface-hub-cache", launch.cache_path, "--usage-stats", "off"]
    if launch.quantization is not None:
        known_value(flags_of(launch), "--quantize", launch.quantization, key="quantization", title=TITLE)
        argv += ["--quantize", launch.quantization]
    dtype = one_of(launch.kv_cache_dtype, KV_DTYPES, key="kv-cache-dtype", title=TITLE)
    if dtype != "auto":
        argv += ["--kv-cache-dtype", dtype]
    owned = {**OWNED, "--usage-stats": "nothing is reported to anyone"}
    return Command(
        argv=(*argv, *checked_argv(launch, title=TITLE, owned=owned)),
        env={"HF_HOME": launch.cache_path, "HF_HUB_DISABLE_TELEMETRY": "1"},
        served_model=launch.model_id,
    )


RENDERER = EngineRenderer(
    name="tgi",
    render=render,
    owned=OWNED,
    fit_flags={"memory_fraction": "cuda-memory-fraction", "max_num_batched_tokens": "max-batch-prefill-tokens"},
    metrics_prefix="tgi_",
    key_variable="API_KEY",
)
