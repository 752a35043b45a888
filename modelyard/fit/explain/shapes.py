"""Which formula of a model's own numbers a part's parameter count is: hidden size × heads × head width, and so on.

The parts themselves come from ``architecture.py``; here their counts are read back as formulas. A formula is only used
where it comes to the count, so an architecture that is described nowhere shows its plain count instead of a wrong one.
"""

from collections.abc import Iterator

from modelyard.catalog.models import Model
from modelyard.fit.architecture import VOCAB_PADDING, LayerKind, Part, Split
from modelyard.fit.arithmetic import evaluate
from modelyard.fit.terms import Number, Symbols, make_term


def shape_of(
    model: Model, part: Part, layer: LayerKind | None = None
) -> tuple[str, str, dict[str, tuple[str, Number]]]:
    """What a part is, the formula of its parameter count, and its symbols with the model's numbers."""
    known = dict(symbols_of(model, layer))
    for label, formula in _candidates(part):
        try:
            term = make_term("", part.params, formula, known, "")
        except KeyError:  # a formula of another architecture
            continue
        if evaluate(term.formula) == part.params:
            return label, f"({formula})", known
    what = {"vision": "vision tower"}.get(part.name, part.name)
    known["P"] = (f"parameters of the {what}, as published", part.params)
    return what, "P", known


def symbols_of(model: Model, layer: LayerKind | None = None) -> Symbols:
    """The numbers of a model's config by the symbols that formulas use."""
    known: dict[str, tuple[str, Number]] = {
        "L": ("layers", model.num_hidden_layers),
        "H": ("hidden size", model.hidden_size),
        "N": ("attention heads", model.num_attention_heads),
        "K": ("key/value heads", model.num_key_value_heads),
        "d": ("head width", model.head_dim),
        "F": ("feed-forward width", (layer.width if layer else 0) or model.intermediate_size),
        "V": ("vocabulary", model.vocab_size),
    }
    return {**known, **dict(_special(model))}


def _special(model: Model) -> Iterator[tuple[str, tuple[str, Number]]]:
    if model.global_attention is not None:
        yield "K_g", ("key/value heads of global layers", model.global_attention.num_key_value_heads)
        yield "d_g", ("head width of global layers", model.global_attention.head_dim)
    if model.moe is not None:
        moe = model.moe
        yield "E", ("experts", moe.num_experts)
        yield "k", ("experts per token", moe.experts_per_token)
        yield "F_e", ("width of an expert", moe.moe_intermediate_size)
        yield "H_e", ("width at which experts work", moe.latent_size or model.hidden_size)
        shared = moe.shared_expert_intermediate_size or moe.num_shared_experts * moe.moe_intermediate_size
        yield "F_s", ("width of the shared experts", shared)
    if model.mla is not None:
        mla = model.mla
        names = {"r_kv": ("rank of keys and values", mla.kv_lora_rank), "r_q": ("rank of queries", mla.q_lora_rank)}
        names |= {"d_rope": ("rotary width", mla.qk_rope_head_dim), "d_nope": ("plain width", mla.qk_nope_head_dim)}
        names |= {"d_v": ("value width", mla.v_head_dim)}
        yield from ((symbol, (meaning, value)) for symbol, (meaning, value) in names.items() if value)
    if model.indexer is not None and model.indexer.heads and model.indexer.head_dim:
        yield "N_i", ("heads of the indexer", model.indexer.heads)
        yield "d_i", ("head width of the indexer", model.indexer.head_dim)
        yield "L_i", ("layers with an indexer", model.indexer.layers or model.num_hidden_layers)
    if model.linear_attention is not None:
        linear = model.linear_attention
        yield "K_l", ("key heads of linear attention", linear.num_key_heads)
        yield "V_l", ("value heads of linear attention", linear.num_value_heads)
        yield "d_k", ("key width of linear attention", linear.key_head_dim)
        yield "d_l", ("value width of linear attention", linear.value_head_dim)
        yield "c", ("width of its convolution", linear.conv_kernel_dim)


_MIXED = "2 * K_l * d_k + V_l * d_l"
_INDEXER = ("r_q * N_i * d_i + H * (d_i + N_i)", "H * N_i * d_i + H * (d_i + N_i)", "H * N_i * d_i + H * d_i")

_QUERIES = (
    ("attention q", "H * N * d"),
    ("attention q, with bias", "(H + 1) * N * d"),
    ("attention q, with gate", "H * 2 * N * d"),
    ("attention q, with gate and bias", "(H + 1) * 2 * N * d"),
    ("attention q", "H * N * d_g"),
    ("attention q, with bias", "(H + 1) * N * d_g"),
    ("attention q, with gate", "H * 2 * N * d_g"),
)
_KEYS = (
    ("attention k and v", "H * 2 * K * d"),
    ("attention k and v, with bias", "(H + 1) * 2 * K * d"),
    ("attention k and v", "H * 2 * K_g * d_g"),
    ("attention k, which is v as well", "H * K_g * d_g"),
    ("attention k and v, with bias", "(H + 1) * 2 * K_g * d_g"),
    ("attention k, which is v as well, with bias", "(H + 1) * K_g * d_g"),
)
_LATENT = (
    ("attention kv down", "H * (r_kv + d_rope)"),
    ("attention q down", "H * r_q"),
    ("attention q up", "r_q * N * (d_nope + d_rope)"),
    ("attention q", "H * N * (d_nope + d_rope)"),
    ("attention kv up", "r_kv * N * (d_nope + d_v)"),
    ("attention o", "N * d * H"),
    ("attention o", "N * d_g * H"),
)
_NAMED: dict[str, tuple[tuple[str, str], ...]] = {
    "attention_output": (("attention o", "N * d_v * H"), ("attention o", "N * d * H"), ("attention o", "N * d_g * H")),
    "indexer": tuple(
        ("indexer", text) for formula in _INDEXER for text in (formula, f"floor(({formula}) * L_i / L)")
    ),
    "linear_attention": (
        ("linear attention in", f"H * ({_MIXED} + V_l * d_l)"),
        ("linear attention in", f"H * ({_MIXED})"),
        ("linear attention out", "V_l * d_l * H"),
        ("linear attention gate down", "2 * H * d_l"),
        ("linear attention gate up", "2 * d_l * V_l * d_l"),
    ),
    "linear_state": (
        ("linear attention convolution and gates", f"({_MIXED}) * c + 2 * V_l * (H + 1)"),
        ("linear attention convolution and gates", f"({_MIXED}) * (c + 1) + V_l * d_l + V_l * (H + 1)"),
        ("linear attention convolution and gates", f"({_MIXED}) * c + V_l * d_l + V_l * (H + 1)"),
    ),
    "mlp": (
        ("feed-forward gate, up and down", "3 * H * F"),
        ("feed-forward up and down", "2 * H * F"),
        ("projections to and from the experts' width", "2 * H * H_e"),
    ),
    "experts": (("experts gate, up and down", "E * 3 * H_e * F_e"), ("experts up and down", "E * 2 * H_e * F_e")),
    "router": (("router", "E * H"),),
    "shared_experts": (
        ("shared experts gate, up and down", "3 * H * F_s"), ("shared experts up and down", "2 * H * F_s"),
    ),
    "norms": (("norms", "2 * H"), ("norms", "1 * H")),
    "embed_tokens": (("embedding, vocabulary padded", f"ceil(V / {VOCAB_PADDING}) * {VOCAB_PADDING} * H"),),
    "lm_head": (("output head, vocabulary padded", f"ceil(V / {VOCAB_PADDING}) * {VOCAB_PADDING} * H"),),
}  # fmt: skip


def _candidates(part: Part) -> tuple[tuple[str, str], ...]:
    if part.name != "attention":
        return _NAMED.get(part.name, ())
    if part.split is Split.KV_HEADS:
        return _KEYS
    return _QUERIES if part.fused else _LATENT
