"""Every GPU configuration that holds a model, the smallest first."""

from collections.abc import Iterator, Sequence

from modelyard.catalog.engines import pinned_version
from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model
from modelyard.fit.assess import assess
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.parallelism import check_parallelism
from modelyard.fit.precision import precision_support
from modelyard.fit.types import Fit, FitRequest, Verdict
from modelyard.fit.weights import weigh


def rank(
    model: Model,
    *,
    gpus: Sequence[Gpu],
    max_model_len: int,
    concurrency: int = 1,
    quantizations: Sequence[str] | None = None,
    engine_version: str | None = None,
    gpu_counts: Sequence[int] = (1, 2, 4, 8),
    every_count: bool = False,
) -> tuple[Fit, ...]:
    """GPU configurations that hold ``model``: those that fit first, then by memory bought, then by number of GPUs.

    For each GPU and precision the smallest number of GPUs that fits is given, and smaller numbers where it is tight.

    Args:
        model: the model.
        gpus: GPUs to try.
        max_model_len: tokens per request.
        concurrency: requests of that length at once.
        quantizations: precisions to try; None: every published one.
        engine_version: vLLM version; None: the pinned one.
        gpu_counts: numbers of GPUs to try.
        every_count: also give numbers beyond the smallest that fits.

    Raises:
        UsageError: a context longer than the model's, or an unknown precision.
    """
    names = quantizations if quantizations is not None else model.quantizations
    wanted = tuple(dict.fromkeys(resolve_precision(model, name).quantization for name in names))
    version, fits = engine_version or pinned_version(), list[Fit]()
    for gpu in (gpu for gpu in gpus if not gpu.is_apple):  # vLLM does not run there
        for quantization in wanted:
            support = precision_support(gpu, quantization, version=version)
            if not support.ok or support.plugin is not None:
                continue
            for tp, pp in _splits(model, quantization, gpu, gpu_counts):
                fit = assess(
                    FitRequest(
                        model=model,
                        quantization=quantization,
                        gpu=gpu,
                        max_model_len=max_model_len,
                        tensor_parallel_size=tp,
                        pipeline_parallel_size=pp,
                        engine_version=version,
                        concurrency=concurrency,
                    )
                )
                if fit.verdict is not Verdict.DOES_NOT_FIT:
                    fits.append(fit)
                if fit.verdict is Verdict.FITS and not every_count:
                    break
    return tuple(sorted(fits, key=_order))


def _splits(model: Model, quantization: str, gpu: Gpu, counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """How each number of GPUs is used: all in tensor parallel, else the widest that divides, times stages."""
    for count in sorted(set(counts)):
        for tp in range(count, 0, -1):
            if count % tp or check_parallelism(model, tp, count // tp, quantization=quantization) is not None:
                continue
            if weigh(model, quantization, tp, count // tp).fullest.weights_bytes < gpu.total_memory_bytes:
                yield tp, count // tp
            break


def _order(fit: Fit) -> tuple[bool, int, int, str, str]:
    request = fit.request
    bought = request.gpu_count * request.gpu.total_memory_bytes
    return fit.verdict is not Verdict.FITS, bought, request.gpu_count, request.gpu.name, request.quantization
