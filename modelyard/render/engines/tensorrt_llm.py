"""TensorRT-LLM. Some settings exist only in a file of options, which the container writes from its environment."""

import json
from typing import Any, Final

from modelyard.errors import UsageError, quote
from modelyard.render.engines.base import (
    CONTEXT,
    FILE,
    GATEWAY,
    PARALLEL,
    Command,
    EngineRenderer,
    Launch,
    checked_argv,
    hub_environment,
    one_of,
)

TITLE: Final = "TensorRT-LLM"
OPTIONS_VARIABLE: Final = "MODELYARD_ENGINE_OPTIONS"
OPTIONS_FILE: Final = "/tmp/engine-options.yaml"  # noqa: S108  # inside the engine's own container
START: Final = (
    f'printf "%s" "${OPTIONS_VARIABLE}" > {OPTIONS_FILE} && '
    f'exec trtllm-serve serve "$@" --extra_llm_api_options {OPTIONS_FILE}'
)
"""JSON is YAML, so the variable's text is the file's."""
KV_DTYPES: Final = {"auto": "auto", "fp8": "fp8", "fp8_e4m3": "fp8"}
OWNED: Final = {
    "--backend": "the PyTorch backend loads checkpoints as they are; the others need an engine that was built before",
    "--max_seq_len": CONTEXT,
    "--host": GATEWAY,
    "--port": GATEWAY,
    "--tp_size": PARALLEL,
    "--pp_size": PARALLEL,
    "--cp_size": PARALLEL,
    "--gpus_per_node": PARALLEL,
    "--extra_llm_api_options": FILE,
    "--metadata_server_config_file": FILE,
}


def render(launch: Launch) -> Command:
    """Arguments of ``trtllm-serve serve``.

    It serves the model under the id that it was loaded by, and cannot be told another name.

    Raises:
        UsageError: weights that it would have to quantise while loading.
    """
    if launch.quantization is not None:
        raise UsageError(
            f"{TITLE} loads checkpoints as they are: it does not make {quote(launch.quantization)} while loading",
            details="where    key modelyard:serve.quantization",
            resolution="choose a precision that is published as a checkpoint, or another engine",
        )
    argv = [launch.model_id, "--max_seq_len", str(launch.context_tokens)]
    argv += ["--tp_size", str(launch.tensor_parallel_size)]
    argv += ["--host", "0.0.0.0", "--port", str(launch.port)]  # noqa: S104  # a pod's own network; the gateway guards it
    # Without the first there are no Prometheus metrics; the second is what they are made from.
    options: dict[str, Any] = {"return_perf_metrics": True, "enable_iter_perf_stats": True}
    dtype = one_of(launch.kv_cache_dtype, KV_DTYPES, key="kv-cache-dtype", title=TITLE)
    if dtype != "auto":
        options["kv_cache_config"] = {"dtype": dtype}
    return Command(
        command=("/bin/sh", "-c", START, "trtllm-serve"),
        argv=(*argv, *checked_argv(launch, title=TITLE, owned=OWNED)),
        env={**hub_environment(launch.cache_path), OPTIONS_VARIABLE: json.dumps(options, sort_keys=True)},
        served_model=launch.model_id,
    )


RENDERER = EngineRenderer(
    name="tensorrt-llm",
    render=render,
    owned=OWNED,
    fit_flags={
        "memory_fraction": "kv-cache-free-gpu-memory-fraction",
        "max_num_seqs": "max-batch-size",
        "max_num_batched_tokens": "max-num-tokens",
    },
    metrics_prefix="trtllm_",
)
