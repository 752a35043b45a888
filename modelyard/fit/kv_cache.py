"""The KV cache: what a token costs, how layers share blocks, and how many requests a budget holds.

Follows vLLM's block planning (vram.md §2; ``v1/core/kv_cache_planning.py``): layers of one type form groups, all groups
draw blocks of one size from one pool, and a request takes blocks from every group.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from modelyard.catalog.models import LinearAttention, Model
from modelyard.fit.architecture import layer_kinds
from modelyard.fit.compressed import compressed_groups, compressed_token_bytes
from modelyard.fit.constants import FITTED
from modelyard.fit.defaults import MODELLED, Flags, Version
from modelyard.fit.groups import Group
from modelyard.fit.kv_dtype import KvDtype
from modelyard.fit.memo import ById

BLOCK = 16
"""Tokens per block of vLLM on GPUs."""
SPARSE_MLA_BLOCK = 64
SPARSE_GQA_BLOCK = 128
"""MiniMax M3 selects whole blocks of this (vLLM recipe ``MiniMax-M3``: ``--block-size 128``)."""
LINEAR_PAGES_PER_REQUEST = 2
"""Prefix caching is on by default, which makes the state cache ``align``: two states per request."""
UNEVEN_GROUPS = FITTED["vllm_uneven_groups"]
"""Below this ratio of layer counts vLLM pads the smaller type up instead of splitting the larger one."""
COMPRESSED_ROW_BYTES = 584
"""One stored row of DeepSeek V4's compressed cache."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The KV cache of one GPU."""

    block_bytes: int
    """Bytes of one block over all the layers of one group."""
    groups: tuple[Group, ...]
    bytes_per_token: int
    """Over all layers, each counted at full attention."""
    unknown: tuple[str, ...] = ()
    group_layers: int = 0
    """Layers of one group on this stage."""
    page_tokens: int = 0
    """Tokens of a block in the layers with the widest rows."""

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
        if flags.counts_by_concurrency:
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Shares:
    """How an engine without vLLM's shared pool reserves room for what is not full attention."""

    window: float = 1.0
    """Tokens that windowed layers keep, per token of full attention."""
    state: float = 0.0
    """Bytes for states, per byte for tokens."""


def plan_cache(
    model: Model,
    dtype: KvDtype,
    tp: int,
    layers: int | None = None,
    *,
    context_parallel: int = 1,
    version: Version = MODELLED,
) -> Layout:
    """The layout of vLLM's KV cache on one GPU.

    Args:
        model: the model.
        dtype: dtype of the cache.
        tp: tensor-parallel size.
        layers: layers of the stage; None: all of them.
        context_parallel: GPUs that share one copy of the cache, token by token: a block then stands for as many more.
        version: of vLLM; compressed attention is packed differently before and after 0.23.
    """
    count = model.num_hidden_layers if layers is None else layers
    return _plan(ById(model), dtype, tp, count, context_parallel, version)


def plain_layout(model: Model, dtype: KvDtype, tp: int, layers: int, *, block: int = 1, shares: Shares) -> Layout:
    """One pool in which every token takes a row in every layer, as engines other than vLLM have it."""
    return _plain(ById(model), dtype, tp, layers, block, shares)


@lru_cache(maxsize=65536)
def _plain(key: ById[Model], dtype: KvDtype, tp: int, layers: int, block: int, shares: Shares) -> Layout:
    model = key.value
    types = _types(model, dtype, tp)
    weights = [shares.window if t.kind in {"sliding", "chunked"} and len(types) > 1 else 1.0 for t in types]
    row = sum(t.layers * t.token_bytes * weight for t, weight in zip(types, weights, strict=True))
    per_token = row * layers / model.num_hidden_layers
    if model.linear_attention is not None:
        per_token *= 1 + shares.state
    group = Group(kind="full", count=1, block_tokens=block)
    return Layout(
        block_bytes=max(1, round(per_token * block)),
        groups=(group,),
        bytes_per_token=round(per_token),
        unknown=_unknown(model),
    )


@lru_cache(maxsize=65536)
def _plan(
    key: ById[Model], dtype: KvDtype, tp: int, stage_layers: int, context_parallel: int, version: Version
) -> Layout:
    model = key.value
    if model.compressed is not None:
        block_bytes, compressed = compressed_groups(model.compressed, model.num_hidden_layers, version)
        return Layout(
            block_bytes=-(-block_bytes * stage_layers // model.num_hidden_layers),
            groups=compressed,
            bytes_per_token=compressed_token_bytes(model.compressed) * stage_layers // model.num_hidden_layers,
            unknown=_unknown(model),
        )
    types = _types(model, dtype, tp)
    per_token = sum(t.layers * t.token_bytes for t in types) * stage_layers // model.num_hidden_layers
    block = BLOCK
    if model.indexer is not None:
        block = SPARSE_MLA_BLOCK if model.mla is not None else SPARSE_GQA_BLOCK
    if len(types) == 1:
        only = types[0]
        group_layers, page_tokens = caching_layers(model, stage_layers), block
        size = group_layers * only.token_bytes * block
        groups: tuple[Group, ...] = (Group(kind=only.kind, count=1, block_tokens=block, window=only.window),)
    else:
        page, blocks = _unify(types)
        per_group = group_size([t.layers for t in types])
        groups = tuple(
            Group(kind=t.kind, count=-(-t.layers // per_group), block_tokens=tokens, window=t.window)
            for t, tokens in zip(types, blocks, strict=True)
        )
        group_layers = -(-per_group * stage_layers // model.num_hidden_layers)
        page_tokens = page // max(t.token_bytes for t in types)
        size = group_layers * page
    if context_parallel > 1:
        groups = tuple(
            replace(g, block_tokens=g.block_tokens * context_parallel) if g.kind == "full" else g for g in groups
        )
        per_token = -(-per_token // context_parallel)
    return Layout(
        block_bytes=size,
        groups=groups,
        bytes_per_token=per_token,
        unknown=_unknown(model),
        group_layers=group_layers,
        page_tokens=page_tokens,
    )


def caching_layers(model: Model, stage_layers: int) -> int:
    """Layers with attention in a stage of ``stage_layers``; the most that any stage can have where layers differ."""
    if not model.layer_pattern:
        return stage_layers
    caches = [kind.attention != "none" for kind in layer_kinds(model)]
    return max(sum(caches[start : start + stage_layers]) for start in range(len(caches) - stage_layers + 1))


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
    elif model.global_attention is not None:
        shape = model.global_attention
        full_bytes = _token_bytes(shape.num_key_value_heads, shape.head_dim, dtype, tp)
    full_bytes += indexer_row_bytes(model)
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
    return [_Type(kind="full", layers=caching_layers(model, model.num_hidden_layers), token_bytes=full_bytes)]


def indexer_row_bytes(model: Model) -> int:
    """Bytes of the indexer's key per token, spread over all layers: it is whole on every GPU, whatever the KV dtype."""
    indexer = model.indexer
    if indexer is None:
        return 0
    return -(-indexer.cache_bytes_per_layer * (indexer.layers or model.num_hidden_layers) // model.num_hidden_layers)


def _token_bytes(kv_heads: int, head_dim: int, dtype: KvDtype, tp: int) -> int:
    return round(max(1, kv_heads // tp) * 2 * head_dim * dtype.element_bytes)


def linear_state_bytes(linear: LinearAttention, tp: int) -> int:
    """Bytes of one request's state in one linear-attention layer: convolution tail (16 bit) and recurrent state."""
    mixed = linear.key_head_dim * linear.num_key_heads * 2 + linear.value_head_dim * linear.num_value_heads
    conv = mixed // tp * (linear.conv_kernel_dim - 1) * 2
    recurrent = linear.num_value_heads // tp * linear.key_head_dim * linear.value_head_dim
    return conv + recurrent * (4 if linear.state_dtype in {"float32", "fp32"} else 2)


def windowed_layers(model: Model) -> tuple[tuple[str, int], ...]:
    """For every layer its kind (``full``, ``window`` or ``linear``) and the elements that it caches per token."""
    full = 2 * model.num_key_value_heads * model.head_dim
    if model.mla is not None:
        full = model.mla.kv_lora_rank + model.mla.qk_rope_head_dim
    elif model.compressed is not None:
        full = model.compressed.head_dim
    wide = (
        2 * model.global_attention.num_key_value_heads * model.global_attention.head_dim
        if model.global_attention
        else full
    )
    elements = {"linear": 0, "none": 0, "global": wide}
    kinds = (kind.attention for kind in layer_kinds(model))
    return tuple((kind if kind in {"window", "linear"} else "full", elements.get(kind, full)) for kind in kinds)


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
    if "architecture" in model.unknown:
        why = (
            f"how {model.title} attends ({model.family} is no architecture that is known here): its KV cache is taken "
            f"as full attention on all {model.num_hidden_layers} layers with {model.num_key_value_heads} heads of "
            f"{model.head_dim}, the most that it can be"
        )
        return (why,)
    if model.compressed is not None:
        return ()
    if ("mla" in model.unknown and model.mla is None) or "kv_bytes_per_token" in model.unknown:
        why = (
            f"KV cache per token of {model.title}'s compressed attention: taken as {COMPRESSED_ROW_BYTES} bytes"
            " per layer, while published runs differ widely with max-model-len"
        )
        return (why,)
    return ()
