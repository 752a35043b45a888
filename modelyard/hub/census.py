"""What the tensors of a checkpoint say: sizes by part, true parameter counts, and which parts are not quantized.

Names are those that Hugging Face checkpoints, Mistral's own files and ggml use. A name that no rule knows counts as a
sharded part of its layer: its bytes are never lost.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from modelyard.catalog.models import TensorBytes
from modelyard.hub.tensors import Tensor

PLAIN = frozenset({"BF16", "F16", "F32", "F64"})
_PACKED_WORD_BITS = {"I32": 32, "U32": 32, "I64": 64}
_PACKED_NAMES = {
    "I32": ("qweight", "weight_packed", "packed"), "U32": ("qweight", "weight_packed", "packed", ".weight"),
    "I64": ("qweight", "weight_packed", "packed"),
}  # fmt: skip
"""How packed weights are called; MLX's are words that are called like the weights."""

_NUMBER = re.compile(r"\.\d+\.")
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blk|blocks)\.(\d+)\.")
_VISION = re.compile(
    r"(?:^|\.)(?:vision|visual|image_|audio|multi_modal|multimodal|mm_|mm\.|patch_merger|pre_mm|embed_vision"
    r"|embed_audio|mlp1\.|sam_model|aligner|resampler|connector)"
)
_SCALE = re.compile(
    r"(?:^|[._])(?:scale|scales|biases|scale_inv|scale_2|global_scale|qzeros|zero_point|weight_shape|g_idx|absmax|quant_map"
    r"|quant_state[\w.]*|SCB|weight_format|e8m0|weight_scale_inv)$|\.(?:absmax|quant_map|nested_absmax|nested_quant_map)$"
    r"|quant_state"
)
_RULES = tuple(
    (part, re.compile(pattern))
    for part, pattern in (
        ("lm_head", r"(?:^|\.)(?:lm_head|embed_out)\.|^(?:output|head)\.weight"),
        ("embed_tokens", r"embed_tokens|tok_embeddings|embed_in\.|\.wte\.|token_embd|^embed\.|embeddings\."),
        ("norms", r"norm"),
        ("shared_experts", r"shared_expert(?!_gate)|shared_mlp|shexp"),
        ("experts", r"\.experts\.|switch_mlp|block_sparse_moe\.(?:input|output)_linear|_exps"),
        ("router", r"(?:mlp|moe|mixer|ffn|forward)\.gate\.|router|shared_expert_gate|ffn_gate_inp|e_score_corr"),
        ("indexer", r"\.indexer\."),
        ("linear_attention", r"linear_attn|mamba|mixer\.(?:in_proj|out_proj|conv1d|A_log|D$|dt)|ssm_|conv1d"),
        ("attention", r"attn|attention|\b(?:q|k|v|o|qkv)_proj\b|\bw[qkvo]"),
    )
)  # fmt: skip
_CACHES_MORE = re.compile(r"index|compress|conv|ssm|mamba|linear_attn|state|A_log")
_KEY_VALUE = frozenset({"k_proj", "v_proj", "wk", "wv", "attn_k", "attn_v", "key", "value"})
_REPLICATED_LEAVES = frozenset(
    {
        "q_a_proj",
        "kv_a_proj_with_mqa",
        "fused_qkv_a_proj_with_mqa",
        "wq_a",
        "wkv_a_with_mqa",
        "attn_q_a",
        "attn_kv_a_mqa",
    }
)
_FUSED = frozenset({"qkv_proj", "query_key_value", "attn_qkv", "c_attn", "wqkv"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Census:
    """What was counted."""

    bytes: TensorBytes
    total_params: int
    """Without the MTP layers; a tied output head counts once."""
    vision_params: int
    mtp_params: int
    mtp_layers: int
    plain_parts: tuple[str, ...]
    """Parts of which no matrix is quantized."""
    fp8_parts: Mapping[str, str]
    """Parts whose matrices are in fp8, and how they are scaled: ``fp8`` or ``fp8-block``."""
    caches_more: bool
    """Whether something was seen that caches beside keys and values: an indexer, a convolution, a state."""
    float_dtype: str | None
    """The commonest 16- or 32-bit dtype, as the format writes it."""
    stored_dtype: str | None
    """The dtype of most bytes."""
    has_lm_head: bool
    has_bias: bool | None
    """Whether query or key projections have a bias; None: no such projection was found."""
    has_gate: bool | None
    """Whether the MLP is gated; None: no MLP was found."""
    kv_rows: frozenset[int] = field(default_factory=frozenset[int])
    """Output rows of the key projections that are not packed, over all layers."""
    layers: frozenset[int] = field(default_factory=frozenset[int])
    """Layers of the language model that have tensors, without MTP."""
    is_exact: bool = True


def take_census(
    tensors: Iterable[Tensor],
    *,
    layers: int,
    bits: int = 16,
    tied: bool | None = None,
    kv_share: float = 0.0,
    is_ggml: bool = False,
) -> Census:
    """Count tensors.

    Args:
        tensors: every tensor, once.
        layers: ``num_hidden_layers``; layers beyond are MTP.
        bits: bits of a packed weight.
        tied: whether the output head is the embedding; then a stored copy of it is not loaded.
        kv_share: share of keys and values in a fused query-key-value projection.
        is_ggml: elements are weights whatever the type.
    """
    count = _Count(layers=layers, bits=bits, kv_share=kv_share, is_ggml=is_ggml)
    for tensor in tensors:
        part = part_of(tensor.name, layers)
        if part == "lm_head" and tied:
            continue
        count.add(tensor, part)
    return count.result()


def part_of(name: str, layers: int) -> str:
    """Which part of the model a tensor belongs to, such as ``attention``, ``experts``, ``vision`` or ``mtp``."""
    part = _part(_NUMBER.sub(".0.", name))
    layer = _LAYER.search(name) if part != "vision" else None
    return "mtp" if layer is not None and int(layer[1]) >= layers else part


@lru_cache(maxsize=8192)
def _part(name: str) -> str:
    """The part, for a name whose numbers are all 0: a hundred thousand tensors have some dozens of these."""
    if _VISION.search(name):
        return "vision"
    if re.search(r"(?:^|\.)(?:mtp|nextn)\b|mtp_", name):
        return "mtp"
    return next((part for part, rule in _RULES if rule.search(name)), "mlp" if _LAYER.search(name) else "other")


@lru_cache(maxsize=8192)
def _matches_cache(name: str) -> bool:
    return _CACHES_MORE.search(name) is not None


def _caches_more(name: str) -> bool:
    return _matches_cache(_NUMBER.sub(".0.", name))


@lru_cache(maxsize=8192)
def _is_scale(name: str) -> bool:
    return _SCALE.search(name) is not None


def _is_matrix(tensor: Tensor) -> bool:
    """Whether its rows are output rows: packed weights have other shapes."""
    return len(tensor.shape) == 2 and (tensor.dtype in PLAIN or tensor.dtype.startswith("F8_E"))


class _Count:
    """The tallies while tensors are added."""

    def __init__(self, *, layers: int, bits: int, kv_share: float, is_ggml: bool) -> None:
        self._layers, self._bits, self._kv_share, self._is_ggml = layers, bits, kv_share, is_ggml
        self._sizes: Counter[str] = Counter()
        self._params: Counter[str] = Counter()
        self._dtypes: Counter[str] = Counter()
        self._all_dtypes: Counter[str] = Counter()
        self._plain: dict[str, bool] = {}
        self._fp8: Counter[str] = Counter()
        self._blocks: set[str] = set()
        self._caches_more = False
        self._leaves: set[str] = set()
        self._biased: set[str] = set()
        self._kv_rows: set[int] = set()
        self._mtp_layers: set[str] = set()
        self._layers_seen: set[int] = set()
        self._exact = True

    def add(self, tensor: Tensor, part: str) -> None:
        """Count one tensor."""
        params = self._weights(tensor)
        self._params[part] += params
        self._all_dtypes[tensor.dtype] += tensor.size
        if tensor.dtype in PLAIN:
            self._dtypes[tensor.dtype] += tensor.size
        if params and len(tensor.shape) > 1:
            self._plain[part] = self._plain.get(part, True) and tensor.dtype in PLAIN
            self._fp8[part] += tensor.size if tensor.dtype.startswith("F8_E4M3") else -tensor.size
        for kind, size in self._split(tensor, part):
            self._sizes[kind] += size
        self._note(tensor, part)

    def _note(self, tensor: Tensor, part: str) -> None:
        self._caches_more = self._caches_more or (part not in {"vision", "mtp"} and _caches_more(tensor.name))
        if tensor.name.endswith("scale_inv"):
            self._blocks.add(part)
        layer = _LAYER.search(tensor.name) if part != "vision" else None
        if layer is not None and part != "mtp":
            self._layers_seen.add(int(layer[1]))
        if part == "mtp":
            self._mtp_layers.add(layer[1] if layer is not None else "0")
        elif part in {"attention", "mlp", "experts", "shared_experts"}:
            leaf = tensor.leaf if tensor.name.endswith((".weight", ".bias")) else tensor.name.rpartition(".")[2]
            self._leaves.add(leaf)
            if tensor.name.endswith(".bias"):
                self._biased.add(leaf)
            if leaf in {"k_proj", "wk"} and tensor.name.endswith(".weight") and _is_matrix(tensor):
                self._kv_rows.add(tensor.shape[0])

    def _split(self, tensor: Tensor, part: str) -> tuple[tuple[str, int], ...]:
        if part in {"embed_tokens", "lm_head", "vision", "mtp"}:
            return ((part, tensor.size),)
        owner = tensor.name.split(".")
        if part in {"norms", "router", "indexer"} or not _REPLICATED_LEAVES.isdisjoint(owner):
            return (("replicated", tensor.size),)
        if part == "attention" and not _KEY_VALUE.isdisjoint(owner):
            return (("kv_heads", tensor.size),)
        if part == "attention" and self._kv_share and not _FUSED.isdisjoint(owner):
            shared = round(tensor.size * self._kv_share)
            return ("kv_heads", shared), ("sharded", tensor.size - shared)
        return (("sharded", tensor.size),)

    def _weights(self, tensor: Tensor) -> int:
        """Weights that a tensor stores: none in scales, several in each element of a packed one."""
        if self._is_ggml:
            return tensor.elements
        if _is_scale(_NUMBER.sub(".0.", tensor.name)):
            return 0
        if tensor.dtype in _PACKED_WORD_BITS:
            is_packed = tensor.name.endswith(_PACKED_NAMES[tensor.dtype])
            self._exact = self._exact and (self._bits < 16 or not is_packed)
            return tensor.elements * _PACKED_WORD_BITS[tensor.dtype] // self._bits if is_packed else 0
        if tensor.dtype == "U8" or (tensor.dtype == "I8" and self._bits == 4):
            self._exact = self._exact and self._bits < 16
            return tensor.elements * 8 // min(self._bits, 8)
        if tensor.dtype == "BOOL":
            return 0
        return tensor.elements

    def result(self) -> Census:
        """What was counted."""
        sizes, params = self._sizes, self._params
        queries = {"q_proj", "k_proj", "qkv_proj", "query_key_value", "c_attn", "attn_q", "attn_qkv"}
        mlp = {"gate_proj", "up_proj", "gate_up_proj", "w1", "w3", "fc1", "c_fc", "gate_up_proj_blocks", "ffn_up"}
        gated = {"gate_proj", "gate_up_proj", "w3", "gate_up_proj_blocks", "gate_up_proj_bias", "ffn_gate"}
        seen = self._leaves
        return Census(
            bytes=TensorBytes(
                sharded=sizes["sharded"], kv_heads=sizes["kv_heads"], replicated=sizes["replicated"],
                embed_tokens=sizes["embed_tokens"], lm_head=sizes["lm_head"], vision=sizes["vision"], mtp=sizes["mtp"],
            ),
            total_params=sum(params.values()) - params["mtp"],
            vision_params=params["vision"],
            mtp_params=params["mtp"],
            mtp_layers=len(self._mtp_layers),
            plain_parts=tuple(part for part, plain in self._plain.items() if plain and part not in {"mtp", "other"}),
            fp8_parts={
                part: "fp8-block" if part in self._blocks else "fp8"
                for part, more in self._fp8.items()
                if more > 0 and part not in {"mtp", "other"}
            },
            caches_more=self._caches_more,
            float_dtype=self._dtypes.most_common(1)[0][0] if self._dtypes else None,
            stored_dtype=self._all_dtypes.most_common(1)[0][0] if self._all_dtypes else None,
            has_lm_head=sizes["lm_head"] > 0,
            has_bias=bool(self._biased & queries) if seen & queries else None,
            has_gate=bool(seen & gated) if seen & mlp else None,
            kv_rows=frozenset(self._kv_rows),
            layers=frozenset(self._layers_seen),
            is_exact=self._exact,
        )  # fmt: skip
