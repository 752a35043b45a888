"""The parts of a model: how many parameters each has and how tensor parallelism cuts it.

The catalog gives shapes; here they become parts per layer. What the parts leave unexplained of the published parameter
count is a part as well, so that nothing is dropped.
"""

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from modelyard.catalog.models import MLA, LinearAttention, Model
from modelyard.fit.memo import ById

VOCAB_PADDING = 64
"""vLLM pads the vocabulary to a multiple of this (vram.md §1.3)."""


class Split(StrEnum):
    """How a part is cut over the GPUs of one tensor-parallel group."""

    SHARDED = "sharded"
    KV_HEADS = "kv_heads"
    """By key/value head; a head is copied once there are more GPUs than heads."""
    REPLICATED = "replicated"


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Some parameters of one layer or of the ends of the model."""

    name: str
    params: int
    split: Split = Split.SHARDED
    rows: int = 0
    """Output rows, which carry the scales of per-channel schemes."""
    kv_heads: int = 1
    fused: str = ""
    """Parts of one layer with the same word are loaded as one tensor."""
    tensors: tuple[float, ...] = (1.0,)
    """The shares of a part that are tensors of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerKind:
    """What a layer is made of."""

    attention: str
    """``full``, ``window``, ``global``, ``mla``, ``linear``, ``unknown`` or ``none``."""
    ffn: str
    """``dense``, ``moe``, ``both`` or ``none``."""
    width: int = 0
    """Width of its dense MLP where layers differ; 0: the model's."""


BLOCK_KINDS = {
    "M": LayerKind(attention="linear", ffn="none"),
    "*": LayerKind(attention="full", ffn="none"),
    "E": LayerKind(attention="none", ffn="moe"),
    "-": LayerKind(attention="none", ffn="dense"),
    "B": LayerKind(attention="full", ffn="dense"),
}
"""The letters of ``Model.layer_pattern``: models whose layers are one block each, or lost one (Nemotron)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Anatomy:
    """A model taken apart."""

    layers: tuple[LayerKind, ...]
    parts: dict[LayerKind, tuple[Part, ...]]
    embedding: Part
    lm_head: Part | None
    """None when tied to the embedding."""
    ends: tuple[Part, ...]
    """What belongs to the first stage besides the embedding: the vision tower."""
    unlisted_params: int
    """Published parameters that the parts do not explain; negative when the parts come to more."""

    def count(self, start: int, stop: int) -> Counter[LayerKind]:
        """How many layers of each kind lie in ``[start, stop)``."""
        return Counter(self.layers[start:stop])


def take_apart(model: Model) -> Anatomy:
    """The parts of ``model``, cached per model."""
    return _take_apart(ById(model))


@lru_cache(maxsize=1024)
def _take_apart(key: ById[Model]) -> Anatomy:
    model = key.value
    kinds = layer_kinds(model)
    parts = {kind: _layer_parts(model, kind) for kind in set(kinds)}
    vocab_params = -(-model.vocab_size // VOCAB_PADDING) * VOCAB_PADDING * model.hidden_size
    embedding = Part(name="embed_tokens", params=vocab_params)
    tied = model.tie_word_embeddings is True
    vision = model.vision.params if model.vision is not None and model.vision.params is not None else 0
    body = sum(part.params for kind in kinds for part in parts[kind])
    listed = body + model.vocab_size * model.hidden_size * (1 if tied else 2) + vision + model.hidden_size
    return Anatomy(
        layers=kinds,
        parts=parts,
        embedding=embedding,
        lm_head=None if tied else Part(name="lm_head", params=vocab_params),
        ends=(Part(name="vision", params=vision),) if vision else (),
        unlisted_params=model.total_params - listed,
    )


def layer_kinds(model: Model) -> tuple[LayerKind, ...]:
    """What every layer is, in order; rarer kinds are spread evenly, as in published patterns (one layer in six …)."""
    if model.layer_pattern:
        kinds = tuple(BLOCK_KINDS[letter] for letter in model.layer_pattern)
        widths = model.intermediate_sizes
        return tuple(replace(k, width=w) for k, w in zip(kinds, widths, strict=True)) if widths else kinds
    count = model.num_hidden_layers
    return tuple(LayerKind(attention=_attention_kind(model, i, count), ffn=_ffn_kind(model, i)) for i in range(count))


def _attention_kind(model: Model, index: int, count: int) -> str:
    if "mla" in model.unknown and model.mla is None:
        return "unknown"
    full, other = 0, ""
    if model.window is not None:
        full, other = model.window.full_layers, "window"
    elif model.linear_attention is not None:
        full, other = model.linear_attention.full_layers, "linear"
    main = "mla" if model.mla is not None else "full"
    if not full:
        return other or main
    is_full = (index + 1) * full // count > index * full // count
    if not is_full:
        return other
    return "global" if model.global_attention is not None else main


def _ffn_kind(model: Model, index: int) -> str:
    moe = model.moe
    if moe is None:
        return "dense"
    if index < moe.first_dense_layers:
        return "dense"
    if moe.moe_layer_step > 1:
        return "moe" if (index - moe.first_dense_layers + 1) % moe.moe_layer_step == 0 else "dense"
    # A dense width although no layer is dense: the dense MLP runs beside the experts (Gemma 4 26B).
    return "both" if model.intermediate_size and not moe.first_dense_layers else "moe"


def _layer_parts(model: Model, kind: LayerKind) -> tuple[Part, ...]:
    blocks = (kind.attention != "none") + (kind.ffn != "none")
    norms = Part(name="norms", params=blocks * model.hidden_size, split=Split.REPLICATED)
    return (*_attention_parts(model, kind.attention), *_ffn_parts(model, kind), norms)


def _attention_parts(model: Model, kind: str) -> tuple[Part, ...]:
    if kind in {"unknown", "none"}:
        return ()
    if kind == "linear":
        return _linear_parts(model)
    if kind == "mla" and model.mla is not None:
        return (*_mla_parts(model, model.mla), *_indexer_parts(model))
    if kind == "global" and model.global_attention is not None:
        shape = model.global_attention
        return _gqa_parts(model, shape.num_key_value_heads, shape.head_dim, share_kv=shape.k_eq_v)
    parts = _gqa_parts(model, model.num_key_value_heads, model.head_dim, share_kv=False)
    return (*parts, *_indexer_parts(model)) if kind == "full" else parts


def _gqa_parts(model: Model, kv_heads: int, head_dim: int, *, share_kv: bool) -> tuple[Part, ...]:
    width = model.num_attention_heads * head_dim
    # Qwen's hybrids gate the attention output: q_proj yields query and gate.
    queries = width * (2 if model.linear_attention is not None and model.family == "qwen" else 1)
    kv_rows = kv_heads * head_dim * (1 if share_kv else 2)
    bias = 1 if model.attention_bias else 0
    return (
        Part(name="attention", params=(model.hidden_size + bias) * queries, rows=queries, fused="qkv"),
        Part(
            name="attention", params=(model.hidden_size + bias) * kv_rows, rows=kv_rows,
            split=Split.KV_HEADS, kv_heads=kv_heads, fused="qkv",
        ),
        Part(name="attention_output", params=width * model.hidden_size, rows=model.hidden_size),
    )  # fmt: skip


def _mla_parts(model: Model, mla: MLA) -> tuple[Part, ...]:
    if mla.qk_nope_head_dim is None or mla.v_head_dim is None:
        return ()  # shapes unknown: what they come to stays among the unlisted parameters
    hidden, heads = model.hidden_size, model.num_attention_heads
    queries = heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim)
    latent = mla.kv_lora_rank + mla.qk_rope_head_dim
    up = heads * (mla.qk_nope_head_dim + mla.v_head_dim)
    down = mla.q_lora_rank or 0
    parts = [
        Part(name="attention", params=(down or hidden) * queries, rows=queries),
        Part(name="attention", params=hidden * latent, rows=latent, split=Split.REPLICATED),
        Part(name="attention", params=mla.kv_lora_rank * up, rows=up),
        Part(name="attention_output", params=heads * mla.v_head_dim * hidden, rows=hidden),
    ]
    if down:
        parts.append(Part(name="attention", params=hidden * down, rows=down, split=Split.REPLICATED))
    return tuple(parts)


def absorbed_elements(model: Model, tp: int) -> int:
    """Elements per MLA layer and GPU that vLLM keeps a second time, unquantized, to absorb W_UK and W_UV."""
    mla = model.mla
    if mla is None or mla.qk_nope_head_dim is None or mla.v_head_dim is None:
        return 0
    return -(-model.num_attention_heads // tp) * mla.kv_lora_rank * (mla.qk_nope_head_dim + mla.v_head_dim)


def _indexer_parts(model: Model) -> tuple[Part, ...]:
    indexer, mla = model.indexer, model.mla
    if indexer is None or indexer.heads is None or indexer.head_dim is None:
        return ()
    inputs = mla.q_lora_rank if mla is not None else None
    params = (inputs or model.hidden_size) * indexer.heads * indexer.head_dim
    params += model.hidden_size * (indexer.head_dim + (indexer.heads if mla is not None else 0))
    # Where only some layers have one, every layer is given its share: they lie evenly over the stages.
    share = params * (indexer.layers or model.num_hidden_layers) // model.num_hidden_layers
    return (Part(name="indexer", params=share, split=Split.REPLICATED),)


def _linear_parts(model: Model) -> tuple[Part, ...]:
    linear = model.linear_attention
    if linear is None:
        return ()
    values = linear.num_value_heads * linear.value_head_dim
    mixed = 2 * linear.num_key_heads * linear.key_head_dim + values
    if linear.kind == "kimi_delta":
        return _kimi_delta_parts(model, linear, values, mixed)
    inputs = mixed + values
    is_mamba = linear.kind == "mamba2"  # one gate per head, a bias on the convolution, a norm over all heads
    state = mixed * (linear.conv_kernel_dim + is_mamba) + (values if is_mamba else 0)
    gates = (1 if is_mamba else 2) * linear.num_value_heads
    return (
        Part(name="linear_attention", params=model.hidden_size * inputs, rows=inputs),
        Part(name="linear_attention", params=values * model.hidden_size, rows=model.hidden_size),
        # convolution, gates and their biases stay unquantized
        Part(name="linear_state", params=state + gates * (model.hidden_size + 1)),
    )


def _kimi_delta_parts(model: Model, linear: LinearAttention, values: int, mixed: int) -> tuple[Part, ...]:
    """Kimi Delta Attention: queries, keys, values; two low-rank pairs instead of a full output gate."""
    rank = linear.value_head_dim
    return (
        Part(name="linear_attention", params=model.hidden_size * mixed, rows=mixed),
        Part(name="linear_attention", params=2 * model.hidden_size * rank, rows=2 * rank, split=Split.REPLICATED),
        Part(name="linear_attention", params=2 * rank * values, rows=2 * values),
        Part(name="linear_attention", params=values * model.hidden_size, rows=model.hidden_size),
        # convolution, decay and its bias, and one gate per head stay unquantized
        Part(
            name="linear_state",
            params=mixed * linear.conv_kernel_dim + values + linear.num_value_heads * (model.hidden_size + 1),
        ),
    )


def _ffn_parts(model: Model, layer: LayerKind) -> tuple[Part, ...]:
    matrices = 3 if model.gated_mlp else 2
    cut = (2 / 3, 1 / 3) if model.gated_mlp else (0.5, 0.5)  # gate and up in one tensor, down in another
    hidden, kind, parts = model.hidden_size, layer.ffn, list[Part]()
    if kind in {"dense", "both"}:
        width = layer.width or model.intermediate_size
        rows = (matrices - 1) * width + hidden
        parts.append(Part(name="mlp", params=matrices * hidden * width, rows=rows, tensors=cut))
    moe = model.moe
    if moe is None or kind in {"dense", "none"}:
        return tuple(parts)
    width, inner = moe.moe_intermediate_size, moe.latent_size or hidden
    rows = moe.num_experts * ((matrices - 1) * width + inner)
    shared = moe.shared_expert_intermediate_size or moe.num_shared_experts * width
    parts.append(Part(name="experts", params=moe.num_experts * matrices * inner * width, rows=rows))
    if moe.latent_size:  # down to the latent width and back, whole on every GPU
        parts.append(Part(name="mlp", params=2 * hidden * inner, rows=hidden + inner, split=Split.REPLICATED))
    parts.append(Part(name="router", params=moe.num_experts * hidden, split=Split.REPLICATED))
    if shared:
        rows = (matrices - 1) * shared + hidden
        parts.append(Part(name="shared_experts", params=matrices * hidden * shared, rows=rows, tensors=cut))
    return tuple(parts)
