"""What attention caches: heads, latent rows, windows and states, from ``config.json``."""

from dataclasses import dataclass

from modelyard.catalog.models import MLA, CompressedAttention, GlobalAttention, Indexer, LinearAttention, Window
from modelyard.hub.config import Config
from modelyard.hub.families import Family
from modelyard.hub.layers import Layers, block_pattern, count_layers

INDEXER_SCALE_BYTES = 4
"""The sparse indexer caches its head in fp8 with one fp32 scale: 128 + 4 bytes."""

UNSURE_ATTENTION = ("architecture", "kv_bytes_per_token")
"""In ``Model.unknown``: the KV cache is bounded, not computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attention:
    """The attention facts of a model."""

    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    mla: MLA | None = None
    indexer: Indexer | None = None
    compressed: CompressedAttention | None = None
    window: Window | None = None
    global_attention: GlobalAttention | None = None
    linear_attention: LinearAttention | None = None
    layer_pattern: str = ""
    encoder: bool = False
    """Every token sees all others: nothing is cached."""
    unknown: tuple[str, ...] = ()


def read_attention(config: Config, family: Family | None) -> Attention:
    """Read the attention facts; of a family that is not known only the bound: every head cached, on every layer.

    Args:
        config: the language model's config.
        family: how it is read; None: not known.

    Raises:
        UsageError: a count that is missing or impossible.
    """
    layers = len(block_pattern(config)) or config.need("num_hidden_layers", "num_layers", "n_layer", "n_layers")
    heads = config.need("num_attention_heads", "n_head", "n_heads")
    hidden = config.need("hidden_size", "n_embd", "d_model", "dim")
    kv_heads = _key_value_heads(config, heads)
    head_dim = config.count("head_dim", "attention_head_dim", "kv_channels") or max(1, hidden // heads)
    if _is_encoder(config, family):
        return Attention(
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head_dim,
            encoder=True,
        )  # fmt: skip
    if family is None:
        return _bounded(config, layers, heads, head_dim)
    if family.compressed:
        unknown = ("mla", "indexer", "window", "kv_bytes_per_token")
        return Attention(
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=kv_heads, head_dim=head_dim,
            compressed=_compressed(config, layers, head_dim), unknown=unknown,
        )  # fmt: skip
    kinds = count_layers(config, family, layers)
    mla = _mla(config)
    if mla is not None and mla.qk_nope_head_dim is not None:
        head_dim = mla.qk_nope_head_dim + mla.qk_rope_head_dim
    linear = _linear(config, kinds)
    unsure = bool(kinds.other or (kinds.linear and linear is None) or config.integer("num_kv_shared_layers"))
    return Attention(
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head_dim,
        mla=mla,
        indexer=_indexer(config) if mla is not None else None,
        window=_window(kinds),
        global_attention=_global(config, kinds),
        linear_attention=linear,
        layer_pattern=block_pattern(config),
        unknown=UNSURE_ATTENTION if unsure else (),
    )


def _key_value_heads(config: Config, heads: int) -> int:
    keys = ("num_key_value_heads", "num_kv_heads", "multi_query_group_num")
    found = config.count(*keys) or heads
    if heads % found:
        raise config.refused(keys, found, f"a divisor of the {heads} attention heads")
    return found


def _is_encoder(config: Config, family: Family | None) -> bool:
    """Whether it reads both ways: a family of encoders, or a decoder that was trained on into one."""
    if config.flag("is_decoder"):
        return False
    both_ways = config.flag("is_causal") is False or config.flag("use_bidirectional_attention") is True
    return both_ways or (family is not None and family.encoder)


def rotary_dim(config: Config, head_dim: int) -> int | None:
    """Width of a head that rotary embeddings turn; None for all of it, which is the rule."""
    told = config.integer("rotary_dim")
    scaling = config.section("rope_parameters")
    for section in (config, scaling):
        share = section.value("partial_rotary_factor", "rotary_pct", "rope_pct") if section is not None else None
        if told is None and isinstance(share, int | float) and not isinstance(share, bool):
            told = int(head_dim * share)
    return told if told is not None and 0 < told < head_dim else None


def _bounded(config: Config, layers: int, heads: int, head_dim: int) -> Attention:
    """The most that it can cache: keys and values of every attention head on every layer, at the widest head."""
    nope, rope = config.integer("qk_nope_head_dim"), config.integer("qk_rope_head_dim")
    widest = max(head_dim, (nope or 0) + (rope or 0), config.integer("v_head_dim", "global_head_dim") or 0)
    return Attention(
        num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=heads, head_dim=widest,
        unknown=UNSURE_ATTENTION,
    )  # fmt: skip


def _mla(config: Config) -> MLA | None:
    rank, rope = config.integer("kv_lora_rank"), config.integer("qk_rope_head_dim")
    if not rank or rope is None:
        return None
    return MLA(
        kv_lora_rank=rank,
        qk_rope_head_dim=rope,
        q_lora_rank=config.integer("q_lora_rank") or 0,
        qk_nope_head_dim=config.integer("qk_nope_head_dim"),
        v_head_dim=config.integer("v_head_dim"),
    )


def _indexer(config: Config) -> Indexer | None:
    topk, width = config.integer("index_topk"), config.integer("index_head_dim")
    if not topk or not width:
        return None
    return Indexer(
        cache_bytes_per_layer=width + INDEXER_SCALE_BYTES,
        heads=config.integer("index_n_heads"),
        head_dim=width,
        topk=topk,
        layers=_indexer_layers(config),
    )


def _indexer_layers(config: Config) -> int | None:
    """GLM-5.2 lists which layers choose for themselves (``full``) and which use a neighbour's choice (``shared``)."""
    listed = config.items("indexer_types") or ()
    return listed.count("full") if "shared" in listed else None


def _compressed(config: Config, layers: int, head_dim: int) -> CompressedAttention | None:
    """DeepSeek V4 lists how many tokens a row of each layer stands for; 0: none, beyond the last layer: MTP."""
    listed = [item for item in (config.items("compress_ratios") or ())[:layers] if isinstance(item, int) and item > 0]
    if len(set(listed)) != 2:
        return None
    fine, coarse = sorted(set(listed))
    return CompressedAttention(
        fine_layers=listed.count(fine),
        coarse_layers=listed.count(coarse),
        fine_ratio=fine,
        coarse_ratio=coarse,
        window=config.need("sliding_window"),
        head_dim=head_dim,
        index_head_dim=config.need("index_head_dim"),
    )


def _window(kinds: Layers) -> Window | None:
    count = kinds.sliding + kinds.chunked
    if not count:
        return None
    kind = "chunked" if kinds.chunked else "sliding"
    return Window(kind=kind, size=kinds.window, layers=count, full_layers=kinds.full)


def _global(config: Config, kinds: Layers) -> GlobalAttention | None:
    head_dim = config.integer("global_head_dim")
    if head_dim is None or not kinds.sliding or not kinds.full:
        return None
    kv_heads = config.integer("num_global_key_value_heads") or config.need("num_key_value_heads")
    return GlobalAttention(
        num_key_value_heads=kv_heads, head_dim=head_dim, k_eq_v=config.flag("attention_k_eq_v") is True
    )


def _linear(config: Config, kinds: Layers) -> LinearAttention | None:
    if not kinds.linear:
        return None
    shape, kind = _delta_net(config), "gated_delta_net"
    if shape is None:
        shape, kind = _kimi_delta(config), "kimi_delta"
    if shape is None:
        shape, kind = _mamba2(config) or _mamba1(config), "mamba2"
    if shape is None:
        return None
    key_heads, value_heads, key_dim, value_dim, conv = shape
    dtype = config.word("mamba_ssm_dtype", "mamba_ssm_cache_dtype", "torch_dtype", "dtype")
    return LinearAttention(
        layers=kinds.linear,
        full_layers=kinds.full,
        num_key_heads=key_heads,
        num_value_heads=value_heads,
        key_head_dim=key_dim,
        value_head_dim=value_dim,
        conv_kernel_dim=conv,
        state_dtype="float32" if kind == "kimi_delta" else dtype or "bfloat16",  # vLLM: kda_state_dtype
        kind=kind,
    )


_Shape = tuple[int, int, int, int, int]
"""Key heads, value heads, key width, value width, convolution width."""


def _delta_net(config: Config) -> _Shape | None:
    if not config.has("linear_num_value_heads"):
        return None
    keys = ("linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim", "linear_value_head_dim")
    return (*(config.need(key) for key in keys), config.integer("linear_conv_kernel_dim") or 4)  # type: ignore[return-value]  # four and one


def _kimi_delta(config: Config) -> _Shape | None:
    nested = config.section("linear_attn_config")
    if nested is None:
        return None
    heads, width = nested.need("num_heads"), nested.need("head_dim")
    return heads, heads, width, width, nested.integer("short_conv_kernel_size") or 4


def _mamba2(config: Config) -> _Shape | None:
    """Mamba 2: groups share B and C like key heads, the state is the key width."""
    heads = config.integer("mamba_num_heads", "mamba_n_heads")
    state = config.integer("ssm_state_size", "mamba_d_state")
    if not heads or not state:
        return None
    width = config.value("mamba_head_dim", "mamba_d_head")
    if not isinstance(width, int):
        width = (config.integer("mamba_expand", "expand") or 2) * config.need("hidden_size") // heads
    groups = config.integer("mamba_n_groups", "n_groups") or 1
    return groups, heads, state, width, config.integer("conv_kernel", "mamba_d_conv") or 4


def _mamba1(config: Config) -> _Shape | None:
    """Mamba 1 has no heads: every channel of the inner width is one of width 1, and only it is convolved."""
    state = config.integer("mamba_d_state")
    if not state:
        return None
    inner = (config.integer("mamba_expand") or 2) * config.need("hidden_size")
    return 0, inner, state, 1, config.integer("mamba_d_conv") or 4
