"""Which splits of a model over GPUs the engine refuses, and why (vram.md §1.3)."""

from functools import lru_cache

from modelyard.catalog.models import Model
from modelyard.errors import UsageError, quote
from modelyard.fit.architecture import VOCAB_PADDING
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.memo import ById
from modelyard.fit.types import FitRequest

CANDIDATE_TPS = (*range(1, 17), 20, 24, 32, 40, 48, 64)
"""Tensor-parallel sizes that an error may suggest."""


def check_parallelism(model: Model, tp: int, pp: int = 1, *, quantization: str | None = None) -> str | None:
    """Why the engine refuses to split ``model`` over ``tp`` × ``pp`` GPUs; None when it does not.

    Args:
        model: the model.
        tp: tensor-parallel size.
        pp: pipeline-parallel size.
        quantization: also check the block size of this precision's weights.

    Raises:
        UsageError: the model has no such precision.
    """
    return _check(ById(model), tp, pp, quantization)


def allowed_tps(model: Model, *, quantization: str | None = None) -> tuple[int, ...]:
    """The tensor-parallel sizes that divide ``model``."""
    return tuple(tp for tp in CANDIDATE_TPS if check_parallelism(model, tp, quantization=quantization) is None)


def require_parallelism(model: Model, tp: int, pp: int, *, quantization: str) -> None:
    """Refuse a split that the engine would refuse.

    Raises:
        UsageError: names the split, why not, and the sizes that work.
    """
    why = check_parallelism(model, tp, pp, quantization=quantization)
    if why is None:
        return
    sizes = ", ".join(str(n) for n in allowed_tps(model, quantization=quantization))
    raise UsageError(
        f"{model.title} {quote(quantization)} cannot be split by tensor-parallel-size {tp}, pipeline-parallel {pp}",
        details=(
            f"because  {why}\n"
            f"allowed  tensor-parallel-size {sizes}; pipeline-parallel-size 1 to {model.num_hidden_layers}"
        ),
        resolution="choose a tensor-parallel-size that divides the model",
    )


def require_split(request: FitRequest) -> None:
    """Refuse a request whose GPUs the engine could not use as asked.

    Raises:
        UsageError: names the split, why not, and the sizes that work.
    """
    model, tp, dp = request.model, request.tensor_parallel_size, request.data_parallel_size
    if dp < 1:
        raise _refused("data_parallel_size", dp, "1 or more")
    context = request.decode_context_parallel_size
    heads = 1 if model.mla is not None else model.num_key_value_heads
    if context != 1 and (context < 1 or tp % context or (heads > 1 and context > tp // heads)):
        raise _refused(
            "decode_context_parallel_size", context, f"1, or a divisor of tp {tp} no larger than copies of a KV head"
        )
    if request.expert_parallel and model.moe is None:
        raise _refused("expert_parallel", request.expert_parallel, f"only for mixtures of experts, not {model.title}")
    if model.moe is None or not (request.expert_parallel or dp > 1):
        require_parallelism(model, tp, request.pipeline_parallel_size, quantization=request.quantization)
        return
    group = tp * dp
    why = _check_heads(model, tp) if tp > 0 else "sizes are at least 1"
    if why is None and request.expert_parallel and group > model.moe.num_experts:
        why = f"{model.moe.num_experts} experts cannot be dealt to {group} GPUs"
    if why is None and not request.expert_parallel and model.moe.moe_intermediate_size % group:
        why = f"tp {tp} × dp {dp} does not divide the expert width of {model.moe.moe_intermediate_size}"
    if why is not None:
        raise UsageError(
            f"{model.title} cannot be split by tensor-parallel-size {tp}, data-parallel {dp}", details=f"because  {why}"
        )


def _refused(flag: str, value: object, allowed: str) -> UsageError:
    return UsageError(f"{quote(value)} is no {flag.replace('_', '-')}", details=f"where    {flag}\nallowed  {allowed}")


@lru_cache(maxsize=65536)
def _check(key: ById[Model], tp: int, pp: int, quantization: str | None) -> str | None:
    model = key.value
    if tp < 1 or pp < 1:
        return "both sizes are at least 1"
    if pp > model.num_hidden_layers:
        return f"{model.num_hidden_layers} layers cannot be dealt to {pp} stages"
    return (
        _check_heads(model, tp)
        or _check_widths(model, tp)
        or (_check_blocks(model, tp, quantization) if quantization else None)
    )


def _check_heads(model: Model, tp: int) -> str | None:
    if model.num_attention_heads % tp:
        return f"tp {tp} does not divide {model.num_attention_heads} attention heads"
    shapes = [model.num_key_value_heads]
    if model.global_attention is not None:
        shapes.append(model.global_attention.num_key_value_heads)
    for heads in shapes if model.mla is None else ():
        if heads % tp and tp % heads:
            return f"tp {tp} neither divides {heads} KV heads nor is a multiple of them"
    linear = model.linear_attention
    if linear is not None and (linear.num_key_heads % tp or linear.num_value_heads % tp):
        return f"tp {tp} does not divide {linear.num_key_heads} and {linear.num_value_heads} linear-attention heads"
    padded = -(-model.vocab_size // VOCAB_PADDING) * VOCAB_PADDING
    if padded % tp:
        return f"tp {tp} does not divide the padded vocabulary of {padded}"
    return None


def _widths(model: Model) -> list[tuple[str, int]]:
    widths = [("MLP width", model.intermediate_size)] if model.intermediate_size else []
    if model.moe is not None:
        widths.append(("expert width", model.moe.moe_intermediate_size))
    return widths


def _check_widths(model: Model, tp: int) -> str | None:
    for what, width in _widths(model):
        if width % tp:
            return f"tp {tp} does not divide the {what} of {width}"
    return None


def _check_blocks(model: Model, tp: int, quantization: str) -> str | None:
    block = resolve_precision(model, quantization).scheme.block
    for what, width in _widths(model) if block > 1 and tp > 1 else ():
        if width // tp % block:
            return (
                f"at tp {tp} the {what} of {width} leaves {width // tp} per GPU,"
                f" not a multiple of the {block}-wide blocks of its weights"
            )
    return None
