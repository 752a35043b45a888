"""SGLang. Metrics are off unless asked for, and it listens on the loopback address unless told otherwise."""

from typing import Final

from modelyard.render.argv import known_value
from modelyard.render.engines.base import (
    CACHE,
    CONTEXT,
    FILE,
    GATEWAY,
    KV_DTYPE,
    MODEL,
    PARALLEL,
    QUANTIZATION,
    SECRET,
    SERVED,
    TLS,
    Command,
    EngineRenderer,
    Launch,
    checked_argv,
    flags_of,
    hub_environment,
    one_of,
)

TITLE: Final = "SGLang"
KV_DTYPES: Final = {
    "auto": "auto",
    "bfloat16": "bf16",
    "fp8": "fp8_e4m3",
    "fp8_e4m3": "fp8_e4m3",
    "fp8_e5m2": "fp8_e5m2",
}
OWNED: Final = {
    "--model-path": MODEL,
    "--served-model-name": SERVED,
    "--context-length": CONTEXT,
    "--quantization": QUANTIZATION,
    "--kv-cache-dtype": KV_DTYPE,
    "--download-dir": CACHE,
    "--config": FILE,
    "--host": GATEWAY,
    "--port": GATEWAY,
    "--enable-metrics": "Prometheus reads them, so they are always on",
    "--tp-size": PARALLEL,
    "--pp-size": PARALLEL,
    "--dp-size": PARALLEL,
    "--nnodes": PARALLEL,
    "--node-rank": PARALLEL,
    "--dist-init-addr": PARALLEL,
    "--ssl-keyfile": TLS,
    "--ssl-certfile": TLS,
    "--api-key": SECRET,
    "--admin-api-key": SECRET,
}


def render(launch: Launch) -> Command:
    """Arguments of ``sglang.launch_server``."""
    argv = ["--model-path", launch.model_id, "--served-model-name", launch.served_model]
    argv += ["--context-length", str(launch.context_tokens), "--tp-size", str(launch.tensor_parallel_size)]
    argv += ["--host", "0.0.0.0", "--port", str(launch.port)]  # noqa: S104  # a pod's own network; the gateway guards it
    argv += ["--download-dir", launch.cache_path, "--enable-metrics"]
    if launch.quantization is not None:
        known_value(flags_of(launch), "--quantization", launch.quantization, key="quantization", title=TITLE)
        argv += ["--quantization", launch.quantization]
    dtype = one_of(launch.kv_cache_dtype, KV_DTYPES, key="kv-cache-dtype", title=TITLE)
    if dtype != "auto":
        argv += ["--kv-cache-dtype", dtype]
    return Command(
        command=("python3", "-m", "sglang.launch_server"),
        argv=(*argv, *checked_argv(launch, title=TITLE, owned=OWNED)),
        env=hub_environment(launch.cache_path),
        served_model=launch.served_model,
    )


RENDERER = EngineRenderer(
    name="sglang",
    render=render,
    owned=OWNED,
    fit_flags={"memory_fraction": "mem-fraction-static", "max_num_batched_tokens": "chunked-prefill-size"},
    metrics_prefix="sglang:",
)
