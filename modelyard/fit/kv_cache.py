"""The KV cache: what a token costs, how layers share blocks, and how many requests a budget holds.

Follows vLLM's block planning (vram.md §2; ``v1/core/kv_cache_planning.py``): layers of one type form groups, all groups
draw blocks of one size from one pool, and a request takes blocks from every group.
"""

from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.models import LinearAttention, Model
from modelyard.fit.defaults import TOKENS_FROM_CONCURRENCY, Flags
from modelyard.fit.kv_dtype import KvDtype
from modelyard.fit.memo import ById

BLOCK = 16
"""Tokens per block of vLLM on GPUs."""
SPARSE_MLA_BLOCK = 64
LINEAR_PAGES_PER_REQUEST = 2
"""Prefix caching is on by default, which makes the state cache ``align``: two states per request."""
UNEVEN_GROUPS = 1.5
"""Below this ratio of layer counts vLLM pads the smaller type up instead of splitting the larger one."""
COMPRESSED_ROW_BYTES = 584
"""One stored row of DeepSeek V4's compressed cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Layers that share one block table."""

    kind: str
    """``full``, ``sliding``, ``chunked`` or ``linear``."""
    count: int
    """How many groups of this kind there are."""
    block_tokens: int
    window: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The KV cache of one GPU."""

    block_bytes: int
    """Bytes of one block over all the layers of one group."""
    groups: tuple[Group, ...]
    bytes_per_token: int
    """Over all layers, each counted at full attention."""
    unknown: tuple[str, ...] = ()

    @property
    def group_count(self) -> int:
        """All groups together."""
        return sum(group.count for group in self.groups)

    def blocks(self, budget_bytes: int) -> int:
        """Blocks that ``budget_bytes`` holds."""
        return max(0, budget_bytes) // self.block_bytes

    def blocks_per_request(self, tokens: int, in_flight_tokens: int) -> int:
        """Blocks that one request of ``tokens`` takes from all groups."""
        return sum(group.count * _blocks(group, tokens, in_flight_tokens) for group in self.groups)

    def bytes_for(self, requests: int, tokens: int, in_flight_tokens: int) -> int:
        """Bytes that ``requests`` requests of ``tokens`` need."""
        return requests * self.blocks_per_request(tokens, in_flight_tokens) * self.block_bytes

    def concurrency(self, budget_bytes: int, tokens: int, in_flight_tokens: int) -> float:
        """Requests of ``tokens`` that ``budget_bytes`` holds at once."""
        return self.blocks(budget_bytes) / self.blocks_per_request(tokens, in_flight_tokens)

    def tokens(self, budget_bytes: int, max_model_len: int, flags: Flags) -> int:
        """The engine's own "KV cache size in tokens": the metric changed at 0.21 (§2.3)."""
        blocks = self.blocks(budget_bytes)
        if flags.version >= TOKENS_FROM_CONCURRENCY:
            return int(blocks / self.blocks_per_request(max_model_len, flags.in_flight_tokens) * max_model_len)
        return blocks // self.group_count * min(group.block_tokens for group in self.groups)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Type:
    """Layers of one cache type, before grouping."""

    kind: str
    layers: int
    token_bytes: int
    window: int = 0
    state_bytes: int = 0


def plan_cache(model: Model, dtype: KvDtype, tp: int, layers: int | None = None) -> Layout:
    """The layout of the KV cache on one GPU of a stage with ``layers`` layers (None: all of them)."""
    return _plan(ById(model), dtype, tp, model.num_hidden_layers if layers is None else layers)


@lru_cache(maxsize=65536)
def _plan(key: ById[Model], dtype: KvDtype, tp: int, stage_layers: int) -> Layout:
    model = key.value
    types = _types(model, dtype, tp)
    per_token = sum(t.layers * t.token_bytes for t in types) * stage_layers // model.num_hidden_layers
    block = SPARSE_MLA_BLOCK if model.indexer is not None else BLOCK
    if len(types) == 1:
        only = types[0]
        size = stage_layers * only.token_bytes * block
        groups: tuple[Group, ...] = (Group(kind=only.kind, count=1, block_tokens=block, window=only.window),)
    else:
        page, blocks = _unify(types)
        per_group = group_size([t.layers for t in types])
        groups = tuple(
            Group(kind=t.kind, count=-(-t.layers // per_group), block_tokens=tokens, window=t.window)
            for t, tokens in zip(types, blocks, strict=True)
        )
        size = -(-per_group * stage_layers // model.num_hidden_layers) * page
    return Layout(block_bytes=size, groups=groups, bytes_per_token=per_token, unknown=_unknown(model))


def group_size(layers: list[int]) -> int:
    """Layers per group: as many as the rarest type has, or the commonest where the two are close."""
    return max(layers) if max(layers) < UNEVEN_GROUPS * min(layers) else min(layers)


def _types(model: Model, dtype: KvDtype, tp: int) -> list[_Type]:
    plain = _token_bytes(model.num_key_value_heads, model.head_dim, dtype, tp)
    if "mla" in model.unknown and model.mla is None:
        return [_Type(kind="full", layers=model.num_hidden_layers, token_bytes=COMPRESSED_ROW_BYTES)]
    full_bytes = plain
    if model.mla is not None:  # one latent row, on every GPU whole
        elements = model.mla.kv_lora_rank + model.mla.qk_rope_head_dim
        full_bytes = dtype.latent_row_bytes or round(elements * dtype.element_bytes)
        full_bytes += model.indexer.cache_bytes_per_layer if model.indexer is not None else 0
    elif model.global_attention is not None:
        shape = model.global_attention
        full_bytes = _token_bytes(shape.num_key_value_heads, shape.head_dim, dtype, tp)
    if model.window is not None and model.window.layers:
        window = model.window
        types = [_Type(kind=window.kind, layers=window.layers, token_bytes=plain, window=window.size)]
        if window.full_layers:
            types.insert(0, _Type(kind="full", layers=window.full_layers, token_bytes=full_bytes))
        return types
    if model.linear_attention is not None:
        linear = model.linear_attention
        state = _Type(kind="linear", layers=linear.layers, token_bytes=0, state_bytes=linear_state_bytes(linear, tp))
        return [_Type(kind="full", layers=linear.full_layers, token_bytes=full_bytes), state]
    return [_Type(kind="full", layers=model.num_hidden_layers, token_bytes=full_bytes)]


def _token_bytes(kv_heads: int, head_dim: int, dtype: KvDtype, tp: int) -> int:
    return round(max(1, kv_heads // tp) * 2 * head_dim * dtype.element_bytes)


def linear_state_bytes(linear: LinearAttention, tp: int) -> int:
    """Bytes of one request's state in one linear-attention layer: convolution tail (16 bit) and recurrent state."""
    mixed = linear.key_head_dim * linear.num_key_heads * 2 + linear.value_head_dim * linear.num_value_heads
    conv = mixed // tp * (linear.conv_kernel_dim - 1) * 2
    recurrent = linear.num_value_heads // tp * linear.key_head_dim * linear.value_head_dim
    return conv + recurrent * (4 if linear.state_dtype in {"float32", "fp32"} else 2)


def _unify(types: list[_Type]) -> tuple[int, list[int]]:
    """One page size for all types, and each type's tokens per block: smaller rows get longer blocks."""
    state = max(t.state_bytes for t in types)
    row = max(t.token_bytes for t in types)
    base = max(BLOCK, -(-state // (row * BLOCK)) * BLOCK)
    page = row * base
    blocks: list[int] = []
    for t in types:
        whole = t.token_bytes and page % (t.token_bytes * base) == 0
        blocks.append(page // t.token_bytes if whole else base)
    return page, blocks


def _blocks(group: Group, tokens: int, in_flight: int) -> int:
    block = group.block_tokens
    if group.kind == "sliding":
        return -(-min(group.window - 1 + in_flight, tokens) // block) + 1
    if group.kind == "chunked":
        return -(-min(group.window + in_flight, tokens) // block)
    if group.kind == "linear":
        return LINEAR_PAGES_PER_REQUEST
    return -(-tokens // block)


def _unknown(model: Model) -> tuple[str, ...]:
    if ("mla" in model.unknown and model.mla is None) or "kv_bytes_per_token" in model.unknown:
        why = (
            f"KV cache per token of {model.title}'s compressed attention: taken as {COMPRESSED_ROW_BYTES} bytes"
            " per layer, while published runs differ widely with max-model-len"
        )
        return (why,)
    return ()
