"""What one layer of each kind caches, with the shapes that it follows from: the inside of ``kv_cache.py``'s blocks."""

from dataclasses import dataclass

from modelyard.catalog.models import LinearAttention, Model
from modelyard.fit.kv_cache import COMPRESSED_ROW_BYTES, caching_layers, indexer_row_bytes, linear_state_bytes
from modelyard.fit.kv_dtype import KvDtype


@dataclass(frozen=True, kw_only=True, slots=True)
class CachedRow:
    """Layers that cache alike."""

    kind: str
    """``full``, ``sliding``, ``chunked`` or ``linear``."""
    layers: int
    bytes: int
    """Of one token in one layer; of one request's state where ``kind`` is linear."""
    kv_heads: int = 0
    head_dim: int = 0
    latent: int = 0
    indexer_bytes: int = 0
    conv_elements: int = 0
    state_elements: int = 0
    state_element_bytes: int = 0
    fixed: int = 0
    """A row whose inside is not known."""


def cached_rows(model: Model, dtype: KvDtype, tp: int) -> tuple[CachedRow, ...]:
    """What every kind of layer caches on one GPU, full attention first."""
    window, linear = model.window, model.linear_attention
    if "mla" in model.unknown and model.mla is None:
        size = COMPRESSED_ROW_BYTES
        return (CachedRow(kind="full", layers=model.num_hidden_layers, bytes=size, fixed=size),)
    if window is not None and window.layers:
        heads, width = model.num_key_value_heads, model.head_dim
        kept = CachedRow(
            kind=window.kind, layers=window.layers, bytes=_attention(heads, width, dtype, tp), kv_heads=heads,
            head_dim=width,
        )  # fmt: skip
        return (_full(model, dtype, tp, window.full_layers), kept) if window.full_layers else (kept,)
    if linear is not None:
        return (_full(model, dtype, tp, linear.full_layers), _state(linear, tp))
    return (_full(model, dtype, tp, caching_layers(model, model.num_hidden_layers)),)


def _attention(kv_heads: int, head_dim: int, dtype: KvDtype, tp: int) -> int:
    return round(max(1, kv_heads // tp) * 2 * head_dim * dtype.element_bytes)


def _full(model: Model, dtype: KvDtype, tp: int, layers: int) -> CachedRow:
    indexer = indexer_row_bytes(model)
    if model.mla is not None:
        latent = model.mla.kv_lora_rank + model.mla.qk_rope_head_dim
        size = dtype.latent_row_bytes or round(latent * dtype.element_bytes)
        return CachedRow(kind="full", layers=layers, bytes=size + indexer, latent=latent, indexer_bytes=indexer)
    shape = model.global_attention
    heads = shape.num_key_value_heads if shape is not None else model.num_key_value_heads
    width = shape.head_dim if shape is not None else model.head_dim
    size = _attention(heads, width, dtype, tp) + indexer
    return CachedRow(kind="full", layers=layers, bytes=size, kv_heads=heads, head_dim=width, indexer_bytes=indexer)


def _state(linear: LinearAttention, tp: int) -> CachedRow:
    mixed = linear.key_head_dim * linear.num_key_heads * 2 + linear.value_head_dim * linear.num_value_heads
    conv = mixed // tp * (linear.conv_kernel_dim - 1)
    state = linear.num_value_heads // tp * linear.key_head_dim * linear.value_head_dim
    size = linear_state_bytes(linear, tp)
    return CachedRow(
        kind="linear", layers=linear.layers, bytes=size, conv_elements=conv, state_elements=state,
        state_element_bytes=4 if linear.state_dtype in {"float32", "fp32"} else 2,
    )  # fmt: skip
