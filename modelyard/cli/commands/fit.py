"""`modelyard fit`: whether a model fits, how its memory is spent, and what to do when it does not."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import click

from modelyard.cli.options import json_option, tokens
from modelyard.errors import ExitCode

if TYPE_CHECKING:
    from modelyard.catalog.gpus import Gpu
    from modelyard.catalog.models import Model
    from modelyard.fit import Fit, FitRequest

DEFAULT_CONTEXT = 16 * 1024
"""Context when none is asked for: enough to be useful, and never more than the model reads."""
TP_SIZES = (1, 2, 4, 8)
"""Sizes that are tried when none is asked for: what one machine has."""
SHOWN = 20
"""Rows of the ranking that fit a screen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The options, read."""

    quantization: str | None
    gpu: str | None
    tp: int | None
    pp: int
    max_model_len: int | None
    concurrency: int
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    gpu_memory_utilization: float | None
    kv_cache_dtype: str
    engine_version: str | None
    enforce_eager: bool

    @property
    def about_one_gpu(self) -> tuple[str, ...]:
        """Options that were set although they say something only about one GPU configuration."""
        values = {
            "--tensor-parallel-size": self.tp,
            "--pipeline-parallel-size": self.pp if self.pp != 1 else None,
            "--max-num-seqs": self.max_num_seqs,
            "--max-num-batched-tokens": self.max_num_batched_tokens,
            "--gpu-memory-utilization": self.gpu_memory_utilization,
            "--kv-cache-dtype": None if self.kv_cache_dtype == "auto" else self.kv_cache_dtype,
            "--enforce-eager": self.enforce_eager or None,
        }
        return tuple(name for name, value in values.items() if value is not None)


@click.command("fit", short_help="Say whether a model fits on GPUs, or rank those that hold it.")
@click.argument("model")
@click.option("--quantization", "-q", help="Precision of the weights, such as fp8; default: as released.")
@click.option("--gpu", help="GPU, such as H100-SXM; left out: rank every configuration that holds the model.")
@click.option("--tensor-parallel-size", "--tp", "tp", type=click.IntRange(1, 64), help="Default: the least that fits.")
@click.option("--pipeline-parallel-size", "--pp", "pp", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--max-model-len", type=tokens, help="Tokens per request, such as 16384 or 16k.  [default: 16k]")
@click.option("--concurrency", type=click.IntRange(1, 10_000), default=1, help="Requests at full length at once.")
@click.option("--max-num-seqs", type=click.IntRange(1), help="Default: the engine's.")
@click.option("--max-num-batched-tokens", type=tokens, help="Default: the engine's.")
@click.option("--gpu-memory-utilization", type=click.FloatRange(0, 1, min_open=True), help="Default: the engine's.")
@click.option("--kv-cache-dtype", default="auto", show_default=True, help="auto, bfloat16, fp8 …")
@click.option("--engine-version", help="vLLM version; default: the one that the catalog pins.")
@click.option("--enforce-eager", is_flag=True, help="No CUDA graphs.")
@click.option("--all", "show_all", is_flag=True, help="Without --gpu: every configuration, not the 20 cheapest.")
@json_option
def command(model: str, *, show_all: bool, as_json: bool, **options: object) -> int:
    """Say whether MODEL fits: weights, KV cache, activations, CUDA graphs and runtime per GPU, and what to do if not.

    MODEL is a catalog name (`modelyard models`) or a hub id. Option names follow vLLM's. Without --gpu, every GPU
    configuration that holds the model is ranked by the cheapest offer. Exit code 3: it does not fit.

    \b
    Examples:
      modelyard fit llama-3.3-70b
      modelyard fit llama-3.3-70b -q fp8 --gpu H100-SXM --tp 2 --max-model-len 32k --concurrency 8
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.catalog.models import find_model

    asked = Asked(**cast("dict[str, Any]", options))
    found = find_model(model)
    return _one(found, asked, as_json=as_json) if asked.gpu else _rank(found, asked, show_all=show_all, as_json=as_json)


def _one(model: "Model", asked: Asked, *, as_json: bool) -> int:
    from modelyard.catalog.gpus import find_gpu, load_gpus
    from modelyard.cli import fit_view
    from modelyard.cli.console import emit, emit_json
    from modelyard.fit import Verdict, find_remedies

    fit = _smallest(model, find_gpu(asked.gpu or ""), asked)
    remedies = () if fit.verdict is Verdict.FITS else find_remedies(fit, gpus=load_gpus())
    if as_json:
        emit_json(fit_view.as_json(fit, remedies))
    else:
        emit(fit_view.as_text(fit, remedies))
    return int(ExitCode.VIOLATED if fit.verdict is Verdict.DOES_NOT_FIT else ExitCode.OK)


def _smallest(model: "Model", gpu: "Gpu", asked: Asked) -> "Fit":
    """The fit as asked; without a tensor-parallel size, the least that holds the model, else the largest allowed."""
    from modelyard.fit import Verdict, assess, check_parallelism, resolve_quantization

    resolve_quantization(model, asked.quantization)
    if asked.tp is not None:
        return assess(_request(model, gpu, asked, asked.tp))
    quantization = asked.quantization or model.native_quantization
    sizes = [tp for tp in TP_SIZES if check_parallelism(model, tp, asked.pp, quantization=quantization) is None]
    fits = [assess(_request(model, gpu, asked, tp)) for tp in sizes or [1]]
    for wanted in (Verdict.FITS, Verdict.TIGHT):
        for fit in fits:
            if fit.verdict is wanted:
                return fit
    return fits[-1]


def _request(model: "Model", gpu: "Gpu", asked: Asked, tp: int) -> "FitRequest":
    from modelyard.catalog.engines import find_engine
    from modelyard.fit import FitRequest

    return FitRequest(
        model=model,
        quantization=asked.quantization or model.native_quantization,
        gpu=gpu,
        max_model_len=asked.max_model_len or min(DEFAULT_CONTEXT, model.max_position_embeddings),
        tensor_parallel_size=tp,
        pipeline_parallel_size=asked.pp,
        engine_version=asked.engine_version or find_engine("vllm").version,
        gpu_memory_utilization=asked.gpu_memory_utilization,
        max_num_seqs=asked.max_num_seqs,
        max_num_batched_tokens=asked.max_num_batched_tokens,
        kv_cache_dtype=asked.kv_cache_dtype,
        enforce_eager=asked.enforce_eager,
        concurrency=asked.concurrency,
    )


def _rank(model: "Model", asked: Asked, *, show_all: bool, as_json: bool) -> int:
    from modelyard.catalog.engines import find_engine
    from modelyard.catalog.gpus import load_gpus
    from modelyard.cli import fit_view
    from modelyard.cli.console import emit, emit_json, say
    from modelyard.fit import Verdict, rank, resolve_quantization

    if asked.about_one_gpu:
        raise click.UsageError(f"{asked.about_one_gpu[0]} needs --gpu: it says something about one GPU configuration")
    resolve_quantization(model, asked.quantization)
    fits = rank(
        model,
        gpus=load_gpus(),
        max_model_len=asked.max_model_len or min(DEFAULT_CONTEXT, model.max_position_embeddings),
        concurrency=asked.concurrency,
        quantizations=(asked.quantization,) if asked.quantization else None,
        engine_version=asked.engine_version or find_engine("vllm").version,
    )
    ranked = fit_view.with_prices([fit for fit in fits if fit.verdict is not Verdict.DOES_NOT_FIT])
    if as_json:
        emit_json(fit_view.ranking_json(model, ranked))
    elif ranked:
        emit(fit_view.ranking(model, ranked, limit=None if show_all else SHOWN))
        if not show_all and len(ranked) > SHOWN:
            say(f"{len(ranked) - SHOWN} more, dearer or not on sale: --all")
    if not ranked:
        say(f"no configuration of one machine in the catalog holds {model.title} like this; try fewer tokens or fp8")
    return int(ExitCode.OK if ranked else ExitCode.VIOLATED)
