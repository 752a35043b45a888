"""vLLM. The image's entry point is ``vllm serve``, so arguments are enough."""

from modelyard.render.argv import OWNED_FLAGS, vllm_argv
from modelyard.render.engines.base import Command, EngineRenderer, Launch, flags_of, hub_environment
from modelyard.render.engines.vllm_options import option_argv, option_environment


def render(launch: Launch) -> Command:
    """Arguments of ``vllm serve``."""
    argv = vllm_argv(
        model_id=launch.model_id,
        served_model_name=launch.served_model,
        max_model_len=launch.context_tokens,
        tensor_parallel_size=launch.tensor_parallel_size,
        port=launch.port,
        download_dir=launch.cache_path,
        quantization=launch.quantization,
        kv_cache_dtype=launch.kv_cache_dtype,
        extra=launch.args,
        engine_version=launch.version,
    )
    made = option_argv(launch.options, launch.args, flags_of(launch))
    env = {
        **option_environment(launch.options),
        **hub_environment(launch.cache_path),
        "VLLM_CACHE_ROOT": f"{launch.cache_path}/.vllm",
        "VLLM_NO_USAGE_STATS": "1",
    }
    return Command(argv=(*argv, *made), env=env, served_model=launch.served_model)


RENDERER = EngineRenderer(
    name="vllm",
    render=render,
    owned=OWNED_FLAGS,
    fit_flags={
        "gpu_memory_utilization": "gpu-memory-utilization",
        "max_num_seqs": "max-num-seqs",
        "max_num_batched_tokens": "max-num-batched-tokens",
        "enforce_eager": "enforce-eager",
    },
    metrics_prefix="vllm:",
    key_variable="VLLM_API_KEY",
    has_options=True,
    shutdown_flag="--shutdown-timeout",
)
