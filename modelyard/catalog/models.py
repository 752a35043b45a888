"""Models: the facts of each architecture that memory, speed and licence depend on.

Key names follow Hugging Face ``config.json`` where it has one. Parameters are counts; sizes are elements, not bytes.
"""

from dataclasses import dataclass, field
from datetime import date
from functools import cache

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import CatalogError, UnknownNameError


@dataclass(frozen=True, kw_only=True, slots=True)
class MoE:
    """Mixture of experts. All experts are resident, however few are active."""

    num_experts: int
    experts_per_token: int
    moe_intermediate_size: int
    num_shared_experts: int = 0
    shared_expert_intermediate_size: int = 0
    first_dense_layers: int = 0
    moe_layer_step: int = 1
    """1: every layer (after the dense ones) has experts; 2: every second."""
    latent_size: int | None = None
    """Width that routed experts work at, where it is not ``hidden_size``: two projections per layer lead there and back
    (Nemotron 3 Super and Ultra). The router and the shared experts stay at ``hidden_size``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MLA:
    """Multi-head latent attention: one compressed row per token and layer, not divided by tensor parallelism."""

    kv_lora_rank: int
    qk_rope_head_dim: int
    q_lora_rank: int | None = None
    qk_nope_head_dim: int | None = None
    v_head_dim: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Indexer:
    """A sparse-attention indexer: it caches a key beside MLA (DeepSeek V3.2) or beside keys and values (MiniMax M3)."""

    cache_bytes_per_layer: int
    """Bytes per token and layer."""
    heads: int | None = None
    head_dim: int | None = None
    topk: int | None = None
    layers: int | None = None
    """Layers with an indexer and its cache, where the others use a neighbour's choice (GLM-5.2) or see everything
    (MiniMax M3). None: every layer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CompressedAttention:
    """DeepSeek V4: a cached row stands for several tokens; every layer also keeps a window of whole rows."""

    fine_layers: int
    """Layers with ``fine_ratio`` tokens per row, which have an indexer."""
    coarse_layers: int
    """Layers with ``coarse_ratio`` tokens per row."""
    fine_ratio: int = 4
    coarse_ratio: int = 128
    window: int = 128
    head_dim: int = 512
    index_head_dim: int = 128


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Layers that keep only a window of tokens."""

    kind: str
    """``sliding`` or ``chunked``."""
    size: int
    """Tokens."""
    layers: int
    full_layers: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GlobalAttention:
    """The shape of full-attention layers where it differs from the windowed ones'."""

    num_key_value_heads: int
    head_dim: int
    k_eq_v: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LinearAttention:
    """Gated-DeltaNet or Mamba-2 layers: a state per request instead of a row per token.

    Mamba-2 says it with the same keys: its groups are the key heads (``n_groups``, which carry B and C), its heads the
    value heads (``mamba_num_heads``), its state size the key width (``ssm_state_size``), its head width the value
    width (``mamba_head_dim``). So the convolution is as wide and the state as large in both kinds.
    """

    layers: int
    full_layers: int
    num_key_heads: int
    num_value_heads: int
    key_head_dim: int
    value_head_dim: int
    conv_kernel_dim: int
    state_dtype: str
    kind: str = "gated_delta_net"
    """``gated_delta_net``, ``mamba2`` (one gate per head instead of two; a bias on the convolution; a norm over all
    heads) or ``kimi_delta`` (Kimi Linear: decay and output gate come from two low-rank pairs, one gate per head)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Vision:
    """A vision tower."""

    params: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MTP:
    """Multi-token-prediction layers; loaded only with speculative decoding."""

    layers: int
    params: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorBytes:
    """Bytes of a checkpoint's tensors by how tensor parallelism cuts them, as the headers of its files list them."""

    sharded: int
    """Of the layers: divided by the tensor-parallel size."""
    kv_heads: int
    """Key and value projections: divided as far as there are key/value heads."""
    replicated: int
    """Norms, routers, latent down-projections: whole on every GPU."""
    embed_tokens: int
    lm_head: int = 0
    vision: int = 0
    mtp: int = 0
    """Multi-token-prediction layers: loaded only with speculative decoding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """One published set of weight files."""

    quantization: str
    hub_id: str
    source: Source
    as_of: date
    group_size: int | None = None
    zero_point: bool | None = None
    bytes: int | None = None
    """Size of the weight files, when published."""
    kv_cache_dtype: str | None = None
    """Set when the checkpoint declares an fp8 KV cache."""
    unquantized: tuple[str, ...] = ()
    """Parts that stay in the model's dtype: lm_head, embed_tokens, router, vision, attention."""
    tensors: TensorBytes | None = None
    """Exact sizes, where the headers of the weight files were read."""
    quant_method: str | None = None
    """The method that the checkpoint declares where engines treat it apart: ``modelopt`` (NVIDIA's own FP8)."""
    part_quantization: dict[str, str] = field(default_factory=dict[str, str])
    """Parts in a third precision (mixed checkpoints): part → quantization, such as ``attention = "fp8"`` beside NVFP4
    experts. Same names of parts as ``unquantized``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model as it is served."""

    name: str
    title: str
    hub_id: str
    family: str
    license: str
    gated: str
    total_params: int
    max_position_embeddings: int
    torch_dtype: str
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    vocab_size: int
    intermediate_size: int
    source: Source
    as_of: date
    checkpoint: tuple[Checkpoint, ...]
    active_params: int | None = None
    aliases: tuple[str, ...] = ()
    params_exact: bool = False
    tie_word_embeddings: bool | None = None
    attention_bias: bool = False
    rotary_dim: int | None = None
    """Width of a head that rotary embeddings turn, where it is not the whole head (``partial_rotary_factor``)."""
    gated_mlp: bool = True
    layer_pattern: str = ""
    """One letter per layer where layers differ in what they have: ``M`` Mamba-2 alone, ``*`` attention alone, ``E``
    experts alone, ``-`` dense MLP alone (``hybrid_override_pattern`` of Nemotron-H), ``B`` attention and dense MLP (the
    layers of a pruned model that kept both, such as Llama-Nemotron Super). Empty: every layer has both."""
    intermediate_sizes: tuple[int, ...] = ()
    """Width of the dense MLP layer by layer, 0 for none, where it differs (Llama-Nemotron Super); ``intermediate_size``
    is then the widest. Empty: ``intermediate_size`` everywhere."""
    encoder: bool = False
    """Every token sees all others (BERT and its kin, many embedding models): nothing is cached between steps."""
    moe: MoE | None = None
    mla: MLA | None = None
    indexer: Indexer | None = None
    compressed: CompressedAttention | None = None
    window: Window | None = None
    global_attention: GlobalAttention | None = None
    linear_attention: LinearAttention | None = None
    vision: Vision | None = None
    mtp: MTP | None = None
    notes: str = ""
    unknown: tuple[str, ...] = field(default_factory=tuple)
    """Keys whose value is not known; a fit says so instead of guessing."""

    @property
    def native_quantization(self) -> str:
        """The precision that the model was released in."""
        return self.checkpoint[0].quantization

    @property
    def quantizations(self) -> tuple[str, ...]:
        """Precisions for which a published checkpoint is known, the native one first."""
        return tuple(dict.fromkeys(c.quantization for c in self.checkpoint))


def load_models() -> tuple[Model, ...]:
    """Every model of the catalog, by family file, in the order written.

    Raises:
        CatalogError: a row that cannot be trusted, or a name taken twice.
    """
    return _index()[0]


def find_model(name: str) -> Model:
    """The model called ``name``: catalog name, alias, or hub id of any of its checkpoints (any case).

    Raises:
        UnknownNameError: no such model; names the nearest.
    """
    models, by_name = _index()
    found = by_name.get(name.strip().lower())
    if found is None:
        raise UnknownNameError("model", name, (m.name for m in models), see="`modelyard models` lists them all.")
    return found


def repackaging(model: Model, name: str) -> str | None:
    """The hub id of a repackaged checkpoint of ``model``, if ``name`` is one: it says the precision as well.

    None for the model's own names: they leave the precision open.
    """
    wanted = name.strip().lower()
    return next((c.hub_id for c in model.checkpoint if c.hub_id.lower() == wanted != model.hub_id.lower()), None)


@cache
def _index() -> tuple[tuple[Model, ...], dict[str, Model]]:
    models: list[Model] = []
    by_name: dict[str, Model] = {}
    for path in sorted((data_dir() / "models").glob("*.toml")):
        rows = parse_rows(Model, read_toml(path).get("model", []), file=f"models/{path.name}", label="model")
        for model in rows:
            if not model.checkpoint:
                raise CatalogError(f"model '{model.name}' has no checkpoint", details=f"where    models/{path.name}")
            keys = {model.name, model.hub_id, *model.aliases, *(c.hub_id for c in model.checkpoint)}
            for key in {k.lower() for k in keys}:
                if by_name.setdefault(key, model) is not model:
                    raise CatalogError(
                        f"'{key}' names two models: {by_name[key].name} and {model.name}",
                        details=f"where    models/{path.name}",
                    )
            models.append(model)
    return tuple(models), by_name
