"""The options of `modelyard fit`, read: names follow vLLM's where it has one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from modelyard.cli.options import tokens

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The options, read."""

    quantization: str | None
    gpu: str | None
    tp: int | None
    pp: int
    dp: int
    max_model_len: int | None
    concurrency: int
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    gpu_memory_utilization: float | None
    kv_cache_dtype: str
    kv_cache_memory_bytes: int | None
    expert_parallel: bool
    dcp: int
    memory_fraction: float | None
    parallel: int | None
    gpu_layers: int | None
    gpu_mem: float | None
    wired_limit_mb: int | None
    engine: str | None
    engine_version: str | None
    enforce_eager: bool

    @property
    def about_one_gpu(self) -> tuple[str, ...]:
        """Options that were set although they say something only about one GPU configuration."""
        values = {
            "--tensor-parallel-size": self.tp,
            "--pipeline-parallel-size": self.pp != 1,
            "--data-parallel-size": self.dp != 1,
            "--decode-context-parallel-size": self.dcp != 1,
            "--enable-expert-parallel": self.expert_parallel,
            "--max-num-seqs": self.max_num_seqs,
            "--max-num-batched-tokens": self.max_num_batched_tokens,
            "--gpu-memory-utilization": self.gpu_memory_utilization,
            "--kv-cache-dtype": self.kv_cache_dtype != "auto",
            "--kv-cache-memory-bytes": self.kv_cache_memory_bytes,
            "--memory-fraction": self.memory_fraction,
            "--parallel": self.parallel,
            "--gpu-layers": self.gpu_layers,
            "--gpu-mem": self.gpu_mem,
            "--wired-limit-mb": self.wired_limit_mb,
            "--engine": self.engine not in {None, "vllm"},
            "--enforce-eager": self.enforce_eager,
        }
        return tuple(name for name, value in values.items() if value not in (None, False))


_ONE_OR_MORE = click.IntRange(1)
_OPTIONS = (
    click.option("--quantization", "-q", help="Precision of the weights, such as fp8; default: as released."),
    click.option("--gpu", help="GPU, such as H100-SXM or M4-Max; left out: rank all that hold the model."),
    click.option("--gpu-mem", type=click.FloatRange(0.5, 10_000), help="Its memory in GiB, where it differs."),
    click.option(
        "--tensor-parallel-size", "--tp", "tp", type=click.IntRange(1, 64), help="Default: the least that fits."
    ),
    click.option("--pipeline-parallel-size", "--pp", "pp", type=click.IntRange(1, 64), default=1, show_default=True),
    click.option("--data-parallel-size", "--dp", "dp", type=click.IntRange(1, 64), default=1, show_default=True),
    click.option("--max-model-len", type=tokens, help="Tokens per request, such as 16384 or 16k.  [default: 16k]"),
    click.option("--concurrency", type=click.IntRange(1, 10_000), default=1, help="Requests at full length at once."),
    click.option("--max-num-seqs", type=_ONE_OR_MORE, help="Default: the engine's."),
    click.option("--max-num-batched-tokens", type=tokens, help="Default: the engine's."),
    click.option("--gpu-memory-utilization", type=click.FloatRange(0, 1, min_open=True), help="Default: the engine's."),
    click.option("--kv-cache-dtype", default="auto", show_default=True, help="auto, bfloat16, fp8 …"),
    click.option("--kv-cache-memory-bytes", type=_ONE_OR_MORE, help="Sets the KV cache outright."),
    click.option("--enable-expert-parallel", "expert_parallel", is_flag=True, help="Whole experts per GPU."),
    click.option(
        "--decode-context-parallel-size", "--dcp", "dcp", type=click.IntRange(1, 64), default=1, show_default=True
    ),
    click.option("--engine", help="vllm, sglang, tensorrt-llm, tgi, llama.cpp …  [default: vllm; mlx on Apple chips]"),
    click.option("--engine-version", help="Default: the one that the catalog pins."),
    click.option(
        "--memory-fraction",
        type=click.FloatRange(0, 1, min_open=True),
        help="SGLang's, TensorRT-LLM's or TGI's own fraction.",
    ),
    click.option("--parallel", "-np", type=_ONE_OR_MORE, help="llama.cpp's and Ollama's parallel requests."),
    click.option(
        "--gpu-layers", "--n-gpu-layers", "-ngl", "gpu_layers", type=click.IntRange(0), help="llama.cpp's, on the GPU."
    ),
    click.option("--wired-limit-mb", type=_ONE_OR_MORE, help="A Mac's iogpu.wired_limit_mb; default: that of macOS."),
    click.option("--enforce-eager", is_flag=True, help="No CUDA graphs."),
)


def fit_options(command: F) -> F:
    """Give a command all of them, in the order written."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
