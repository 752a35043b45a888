"""llama.cpp's own server. One context is reserved at load, and the requests that run at once share it."""

from typing import Final

from modelyard.render.engines.base import (
    CONCURRENCY,
    CONTEXT,
    GATEWAY,
    KV_DTYPE,
    MODEL,
    PARALLEL,
    SECRET,
    SERVED,
    TLS,
    Command,
    EngineRenderer,
    Launch,
    checked_argv,
    one_of,
)

TITLE: Final = "llama.cpp"
KV_DTYPES: Final = {"auto": "f16", "bfloat16": "bf16"}
OWNED: Final = {
    "--model": MODEL,
    "--model-url": MODEL,
    "--hf-repo": MODEL,
    "--hf-file": MODEL,
    "--hf-token": SECRET,
    "--alias": SERVED,
    "--ctx-size": CONTEXT,
    "--parallel": CONCURRENCY,
    "--cache-type-k": KV_DTYPE,
    "--cache-type-v": KV_DTYPE,
    "--host": GATEWAY,
    "--port": GATEWAY,
    "--metrics": "Prometheus reads them, so they are always on",
    "--split-mode": PARALLEL,
    "--api-key": SECRET,
    "--api-key-file": SECRET,
    "--ssl-key-file": TLS,
    "--ssl-cert-file": TLS,
}


def render(launch: Launch) -> Command:
    """Arguments of ``llama-server``, which is the image's entry point."""
    argv = ["--hf-repo", launch.model_id, "--alias", launch.served_model]
    argv += ["--ctx-size", str(launch.context_tokens * launch.concurrency), "--parallel", str(launch.concurrency)]
    argv += ["--host", "0.0.0.0", "--port", str(launch.port), "--metrics", "--jinja"]  # noqa: S104  # a pod's own network; the gateway guards it
    dtype = one_of(launch.kv_cache_dtype, KV_DTYPES, key="kv-cache-dtype", title=TITLE)
    if dtype != "f16":
        argv += ["--cache-type-k", dtype, "--cache-type-v", dtype]
    if not {"n-gpu-layers", "gpu-layers", "n_gpu_layers"} & set(launch.args):
        argv += ["--n-gpu-layers", "all"]
    return Command(
        argv=(*argv, *checked_argv(launch, title=TITLE, owned=OWNED)),
        env={"LLAMA_CACHE": launch.cache_path, "HF_HOME": launch.cache_path, "HF_HUB_CACHE": launch.cache_path},
        served_model=launch.served_model,
    )


RENDERER = EngineRenderer(
    name="llama.cpp",
    render=render,
    owned=OWNED,
    fit_flags={"gpu_layers": "n-gpu-layers", "max_num_batched_tokens": "ubatch-size"},
    metrics_prefix="llamacpp:",
    reads_gguf=True,
)
