"""`modelyard fit`: whether a model fits, how its memory is spent, and what to do when it does not."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import click

from modelyard.cli.fit_options import Asked, fit_options
from modelyard.cli.lookup import find_anywhere
from modelyard.cli.options import json_option
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


@click.command("fit", short_help="Say whether a model fits on GPUs, or rank those that hold it.")
@click.argument("model", required=False)
@fit_options
@click.option("--explain", "explained", is_flag=True, help="With --gpu: every term with its formula and source.")
@click.option("--from-csv", metavar="FILE", help="Many at once: a CSV table with one run a row (- for stdin); JSON.")
@click.option("--all", "show_all", is_flag=True, help="Without --gpu: every configuration, not the 20 cheapest.")
@json_option
def command(
    model: str | None, *, explained: bool, from_csv: str | None, show_all: bool, as_json: bool, **options: object
) -> int:
    """Say whether MODEL fits: weights, KV cache, activations, CUDA graphs and runtime per GPU, and what to do if not.

    MODEL is a catalog name (`modelyard models`), a hub id (ORG/NAME) or a folder. Option names follow vLLM's. Without
    --gpu, every GPU configuration that holds the model is ranked by the cheapest offer. Exit code 3: it does not fit.

    \b
    Examples:
      modelyard fit llama-3.3-70b
      modelyard fit llama-3.3-70b -q fp8 --gpu H100-SXM --tp 2 --max-model-len 32k --concurrency 8
      modelyard fit llama-3.3-70b -q fp8 --gpu H100-SXM --tp 2 --explain
      modelyard fit --from-csv runs.csv --json
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    asked = Asked(**cast("dict[str, Any]", options))
    if from_csv is not None:
        if model is not None:
            raise click.UsageError("--from-csv takes its models from the table: leave MODEL out")
        return _table(from_csv)
    if model is None:
        raise click.UsageError("missing argument 'MODEL'")
    if explained and not asked.gpu:
        raise click.UsageError("--explain needs --gpu: it explains one fit")
    from modelyard.catalog.models import repackaging

    found = find_anywhere(model)
    asked = replace(asked, quantization=asked.quantization or repackaging(found, model), engine_version=_version(asked))
    if asked.gpu:
        return _one(found, asked, explained=explained, as_json=as_json)
    return _rank(found, asked, show_all=show_all, as_json=as_json)


def _version(asked: Asked) -> str | None:
    """The engine version as asked; None: the pinned one, and what that was read from is said."""
    from modelyard.catalog.engines import find_engine, read_version
    from modelyard.cli.console import say

    if asked.engine_version is None:
        return None
    version, assumed = read_version(asked.engine_version, find_engine(asked.engine or "vllm").name)
    for note in assumed:
        say(note)
    return None if assumed else version


def _table(file: str) -> int:
    from modelyard.cli.commands.fit_batch import fit_batch
    from modelyard.cli.console import emit
    from modelyard.cli.lookup import hub_resolver

    text, code = fit_batch(file, resolver=hub_resolver())
    emit(text)
    return int(code)


def _one(model: "Model", asked: Asked, *, explained: bool, as_json: bool) -> int:
    from modelyard.catalog.gpus import load_gpus
    from modelyard.cli import fit_view
    from modelyard.cli.advice_view import counsel_on
    from modelyard.cli.console import emit, emit_json
    from modelyard.fit import Verdict, explain, find_remedies
    from modelyard.fit.explain import to_text

    fit = _smallest(model, _gpu_asked(asked), asked)
    if as_json:
        document = fit_view.as_json(fit, find_remedies(fit, gpus=load_gpus()), counsel_on(fit))
        emit_json({**document, "terms": explain(fit)} if explained else document)
    elif explained:
        emit(to_text(explain(fit)))
    else:
        emit(fit_view.as_text(fit, counsel_on(fit)))
    return int(ExitCode.VIOLATED if fit.verdict is Verdict.DOES_NOT_FIT else ExitCode.OK)


def _gpu_asked(asked: Asked) -> "Gpu":
    """The GPU, with the memory that was asked for; one of Apple's chips also where the catalog lacks it."""
    from modelyard.catalog.gpus import find_gpu
    from modelyard.cli.console import say
    from modelyard.fit.apple_chips import read_chip
    from modelyard.units import GIB

    name = asked.gpu or ""
    chip = read_chip(name, asked.gpu_mem)
    if chip is not None:
        for note in chip.notes:
            say(note)
        return chip.gpu
    gpu = find_gpu(name)
    if asked.gpu_mem is None:
        return gpu
    return replace(gpu, total_memory_bytes=round(asked.gpu_mem * GIB), total_memory_estimated=False)


def _smallest(model: "Model", gpu: "Gpu", asked: Asked) -> "Fit":
    """The fit as asked; without a tensor-parallel size, the least that holds the model, else the largest allowed."""
    from modelyard.fit import Verdict, assess, check_parallelism, resolve_quantization
    from modelyard.fit.engines import LOCAL

    if gpu.is_apple or asked.engine in LOCAL:  # one machine, layer by layer, from a GGUF file of any preset
        return assess(_request(model, gpu, asked, asked.tp or 1))
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
    from modelyard.fit.engines.apple import engine_for
    from modelyard.fit.engines.mlx import mlx_quantization
    from modelyard.units import MIB

    quantization = asked.quantization or model.native_quantization
    engine = find_engine(asked.engine or engine_for(gpu, quantization))
    return FitRequest(
        model=model,
        quantization=mlx_quantization(quantization) if engine.name == "mlx" else quantization,
        gpu=gpu,
        max_model_len=asked.max_model_len or min(DEFAULT_CONTEXT, model.max_position_embeddings),
        tensor_parallel_size=tp,
        pipeline_parallel_size=asked.pp,
        data_parallel_size=asked.dp,
        expert_parallel=asked.expert_parallel,
        decode_context_parallel_size=asked.dcp,
        kv_cache_memory_bytes=asked.kv_cache_memory_bytes,
        memory_fraction=asked.memory_fraction,
        parallel=asked.parallel,
        gpu_layers=asked.gpu_layers,
        wired_limit_bytes=None if asked.wired_limit_mb is None else asked.wired_limit_mb * MIB,
        engine=engine.name,
        engine_version=asked.engine_version or engine.version,
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
