"""Models whose cache follows no known rule: encoders, which have none, and architectures that are not known."""

from dataclasses import replace

from modelyard.catalog.models import Model
from modelyard.errors import UsageError
from modelyard.fit.checkpoints import Precision
from modelyard.fit.defaults import Flags
from modelyard.fit.engines import LOCAL
from modelyard.fit.engines.base import StageBudget
from modelyard.fit.types import Bounds, Fit, FitRequest
from modelyard.units import format_tokens


def is_unknown(model: Model) -> bool:
    """Whether nothing is known of how it attends, so that its KV cache is only bounded."""
    return "architecture" in model.unknown


def bounds_of(request: FitRequest, precision: Precision, budget: StageBudget, flags: Flags) -> Bounds | None:
    """The bounds of an unknown architecture; None of any other."""
    if not is_unknown(request.model):
        return None
    return Bounds(
        weights_at_least=budget.stage.weights_bytes,
        weights_exact=request.model.params_exact and precision.checkpoint.tensors is not None,
        kv_per_token_at_most=budget.layout.bytes_per_token,
        kv_per_request_at_most=budget.layout.bytes_for(1, request.max_model_len, flags.in_flight_tokens),
    )


def require_cache(request: FitRequest) -> None:
    """Refuse an encoder on an engine whose encoders are not modelled.

    Raises:
        UsageError: says which engine to ask for.
    """
    if request.model.encoder and request.engine in LOCAL:
        raise UsageError(
            f"{request.model.title} is an encoder, and those of {request.engine} are not modelled",
            details="where    engine\nallowed  vllm",
        )


def without_cache(fit: Fit, flags: Flags) -> Fit:
    """The fit of an encoder: what would be KV cache is left over, and one step bounds the requests at once."""
    left, length = fit.per_gpu.kv_cache, fit.request.max_model_len
    step = min(flags.max_num_seqs, max(1, flags.max_num_batched_tokens // length)) * fit.request.data_parallel_size
    note = (
        f"no KV cache: an encoder reads a text both ways in one step and keeps nothing of it; one step takes"
        f" {step:,} request{'s' if step != 1 else ''} of {format_tokens(length)}"
    )
    return replace(
        fit,
        per_gpu=replace(fit.per_gpu, kv_cache=min(0, left), reserve=fit.per_gpu.reserve + max(0, left)),
        kv_bytes_per_token=0,
        kv_cache_tokens=0,
        max_concurrency=float(step) if left >= 0 else 0.0,
        margin_bytes=left,
        warnings=(note, *fit.warnings),
    )
