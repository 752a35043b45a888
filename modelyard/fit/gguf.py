"""What llama.cpp's file types weigh: a file called Q4_K_M mixes block types, tensor by tensor.

The rule is ``llama_tensor_get_type`` of llama.cpp ``src/llama-quant.cpp`` (``llama-quantize``): a base type per file
type, and better ones for value and output projections, the feed-forward's way down, embeddings and head. Files are
taken to be made with an importance matrix, as the common repackagings are. Block sizes: ggml ``ggml-common.h``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.models import Model
from modelyard.fit.architecture import LayerKind, Part, Split, take_apart
from modelyard.fit.memo import ById

BLOCK_BITS = {
    "f32": 32.0, "f16": 16.0, "q4_0": 4.5, "q4_1": 5.0, "q5_0": 5.5, "q5_1": 6.0, "q8_0": 8.5, "q2_k": 2.625,
    "q3_k": 3.4375, "q4_k": 4.5, "q5_k": 5.5, "q6_k": 6.5625, "iq1_s": 1.5625, "iq1_m": 1.75, "iq2_xxs": 2.0625,
    "iq2_xs": 2.3125, "iq2_s": 2.5625, "iq3_xxs": 3.0625, "iq3_s": 3.4375, "iq4_nl": 4.5, "iq4_xs": 4.25,
    "tq1_0": 1.6875, "tq2_0": 2.0625, "mxfp4": 4.25,
}  # fmt: skip
"""Bits per weight of each block type."""

BASE_TYPE = {
    "q4_0": "q4_0", "q4_1": "q4_1", "q5_0": "q5_0", "q5_1": "q5_1", "q8_0": "q8_0", "q2_k": "q2_k", "q2_k_s": "q2_k",
    "q3_k_s": "q3_k", "q3_k_m": "q3_k", "q3_k_l": "q3_k", "q4_k_s": "q4_k", "q4_k_m": "q4_k", "q5_k_s": "q5_k",
    "q5_k_m": "q5_k", "q6_k": "q6_k", "iq1_s": "iq1_s", "iq1_m": "iq1_m", "iq2_xxs": "iq2_xxs", "iq2_xs": "iq2_xs",
    "iq2_s": "iq2_xs", "iq2_m": "iq2_s", "iq3_xxs": "iq3_xxs", "iq3_xs": "iq3_s", "iq3_s": "iq3_s", "iq3_m": "iq3_s",
    "iq4_nl": "iq4_nl", "iq4_xs": "iq4_xs", "tq1_0": "tq1_0", "tq2_0": "tq2_0", "mxfp4": "mxfp4",
}  # fmt: skip
"""File type → the block type that most of its tensors have."""

ALIASES = {"q3_k": "q3_k_m", "q4_k": "q4_k_m", "q5_k": "q5_k_m"}
"""Other names that llama-quantize takes for a file type."""

AVERAGE_BITS = {
    "q4_0": 4.5, "q4_1": 5.0, "q5_0": 5.5, "q5_1": 6.0, "q8_0": 8.5, "q2_k": 3.16, "q2_k_s": 2.97, "q3_k_s": 3.64,
    "q3_k_m": 4.0, "q3_k_l": 4.3, "q4_k_s": 4.67, "q4_k_m": 4.85, "q5_k_s": 5.57, "q5_k_m": 5.7, "q6_k": 6.5625,
    "iq1_s": 2.0, "iq1_m": 2.15, "iq2_xxs": 2.38, "iq2_xs": 2.59, "iq2_s": 2.74, "iq2_m": 2.93, "iq3_xxs": 3.25,
    "iq3_xs": 3.5, "iq3_s": 3.66, "iq3_m": 3.76, "iq4_nl": 4.65, "iq4_xs": 4.43, "tq1_0": 1.9, "tq2_0": 2.25,
    "mxfp4": 4.25,
}  # fmt: skip
"""Bits per weight of whole files, where shapes do not count: Llama 3.1 8B in llama.cpp ``tools/quantize/README.md``."""

_NARROW = {
    "q2_k": "q4_0", "q3_k": "q4_0", "tq1_0": "q4_0", "tq2_0": "q4_0", "q4_k": "q5_0", "q5_k": "q5_1", "q6_k": "q8_0",
}  # fmt: skip
"""What stands in where a row is no multiple of 256 (``tensor_type_fallback``); the i-quants become IQ4_NL."""
_BLOCK_ROW = frozenset({"f32", "f16", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "iq4_nl", "mxfp4"})
"""Types whose blocks are 32 weights or fewer."""

_LOWEST = frozenset({"iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m"})
_TWO_BIT_UP = frozenset({"iq2_s", "iq2_m"})
_FUSED_QKV = frozenset({"phi"})
"""Families whose queries, keys and values are one tensor, which counts as a value projection."""
_MIXTRAL_EXPERTS = 8
_GROUPED = 4
"""Query heads per key/value head from which value projections are small enough to be kept better."""


def file_type(name: str) -> str | None:
    """The file type that a quantization name means (``Q4_K_M``, ``gguf-q4-k-m``, ``q4_k``); None when it means none.

    A bare ``mxfp4`` is the format of checkpoints on the hub: the file type is ``gguf-mxfp4``.
    """
    text = name.strip().lower().replace("-", "_")
    bare = text.removeprefix("gguf_")
    found = ALIASES.get(bare, bare)
    return found if found in BASE_TYPE and (found != "mxfp4" or text != bare) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a tensor is."""

    model: Model
    layer: int

    @property
    def grouped(self) -> bool:
        """Whether value projections are small beside the queries."""
        return self.model.num_attention_heads // self.model.num_key_value_heads >= _GROUPED

    @property
    def experts(self) -> int:
        """Experts of a layer; 0 in a dense model."""
        return self.model.moe.num_experts if self.model.moe is not None else 0

    @property
    def early(self) -> bool:
        """In the first eighth of the layers."""
        return self.layer < self.model.num_hidden_layers // 8

    @property
    def matters(self) -> bool:
        """First and last eighth, and every third layer between them (``use_more_bits``)."""
        count = self.model.num_hidden_layers
        edge = count // 8
        return self.layer < edge or self.layer >= 7 * count // 8 or (self.layer - edge) % 3 == 2


def mixed_bytes(model: Model, file_type: str) -> tuple[tuple[int, ...], int, int]:
    """A GGUF file's bytes, without its metadata: of every layer, of the embedding, and of the output head.

    Args:
        model: the model; its vision tower is a file of its own (mmproj) and not counted.
        file_type: a key of ``BASE_TYPE``.

    Returns:
        Layers, embedding, and head with the last norm; the head is the embedding again where it is tied.
    """
    return _mixed(ById(model), file_type)


@lru_cache(maxsize=1024)
def _mixed(key: ById[Model], file_type: str) -> tuple[tuple[int, ...], int, int]:
    model = key.value
    anatomy = take_apart(model)
    unlisted = max(0, anatomy.unlisted_params) if "vision.params" not in model.unknown else 0
    rest = unlisted / model.num_hidden_layers * BLOCK_BITS[BASE_TYPE[file_type]] / 8
    layers = tuple(round(_layer(model, file_type, index, kind) + rest) for index, kind in enumerate(anatomy.layers))
    tied = anatomy.lm_head is None
    ends = model.vocab_size * model.hidden_size
    embedding = round(ends * _bits(_embedding_type(file_type, tied=tied), model.hidden_size) / 8)
    head = round(ends * _bits(_output_type(file_type), model.hidden_size) / 8)
    return layers, embedding, head + model.hidden_size * 4


def _layer(model: Model, file_type: str, index: int, kind: LayerKind) -> float:
    place = _Place(model=model, layer=index)
    return sum(_part(part, file_type, place) for part in take_apart(model).parts[kind])


def _part(part: Part, file_type: str, place: _Place) -> float:
    """Bytes of a part: its tensors by their roles."""
    if part.name in {"norms", "router", "linear_state"}:
        return part.params * 4
    if part.name in {"mlp", "shared_experts", "experts"} and part.split is not Split.REPLICATED:
        return _feed_forward(part, file_type, place)
    if part.name == "attention_output" or (part.name == "attention" and place.model.mla is None):
        return _attention(part, file_type, place)
    return part.params * _bits(_other(file_type), place.model.hidden_size) / 8


def _attention(part: Part, file_type: str, place: _Place) -> float:
    hidden, is_fused = place.model.hidden_size, place.model.family in _FUSED_QKV
    value = _value(file_type, place)
    if part.split is Split.KV_HEADS:
        key = value if is_fused else _key(file_type, place)
        return part.params / 2 * (_bits(key, hidden) + _bits(value, hidden)) / 8
    if part.fused:
        return part.params * _bits(value if is_fused else _query(file_type), hidden) / 8
    return part.params * _bits(_attention_output(file_type, place), part.params // hidden) / 8


def _feed_forward(part: Part, file_type: str, place: _Place) -> float:
    """Gate and up projections read the hidden state, the down projection the inner width."""
    model, moe = place.model, place.model.moe
    share = 1 / 3 if model.gated_mlp else 1 / 2
    inner = moe.moe_intermediate_size if moe is not None and part.name == "experts" else model.intermediate_size
    if file_type == "mxfp4":
        return part.params * BLOCK_BITS["mxfp4" if part.name == "experts" else "q8_0"] / 8
    up, down = _bits(_up(file_type, place), model.hidden_size), _bits(_down(file_type, place), inner)
    return part.params * ((1 - share) * up + share * down) / 8


def _bits(block: str, columns: int) -> float:
    """Bits per weight, of the type that stands in where rows are no multiple of 256."""
    if block not in _BLOCK_ROW and columns % 256:
        block = _NARROW.get(block, "iq4_nl")
    return BLOCK_BITS[block]


def _other(file_type: str) -> str:
    return "q8_0" if file_type == "mxfp4" else BASE_TYPE[file_type]


def _output_type(file_type: str) -> str:
    if file_type in {"mxfp4", "q8_0"}:
        return "q8_0"
    return "q5_k" if file_type in _LOWEST or file_type == "iq3_xxs" else "q6_k"


def _embedding_type(file_type: str, *, tied: bool) -> str:
    if tied:
        return _output_type(file_type)
    if file_type in _TWO_BIT_UP or file_type == "iq3_xxs":
        return "iq3_s"
    if file_type in _LOWEST:
        return "q2_k"
    return "q4_k" if file_type in {"tq1_0", "tq2_0"} else _other(file_type)


def _query(file_type: str) -> str:
    return {"iq3_xs": "iq3_xxs", "iq3_xxs": "iq2_s"}.get(file_type, _other(file_type))


def _key(file_type: str, place: _Place) -> str:
    if place.experts == _MIXTRAL_EXPERTS:
        return "q4_k" if file_type in _LOWEST else "q8_0"
    return _query(file_type)


def _value(file_type: str, place: _Place) -> str:
    if file_type in _LOWEST:
        many = place.grouped or place.experts >= _GROUPED
        return "q4_k" if many else "iq3_s" if file_type in _TWO_BIT_UP else "q2_k"
    if place.experts == _MIXTRAL_EXPERTS:
        return "q8_0"
    found = _VALUE[file_type](place) if file_type in _VALUE else _other(file_type)
    large = (
        place.model.num_hidden_layers == 80
    )  # llama.cpp calls it the 70B type, and keeps its small value projections
    return "q5_k" if large and found in {"q3_k", "q4_k"} else found


_VALUE: dict[str, Callable[[_Place], str]] = {
    "q2_k": lambda place: "q4_k" if place.grouped else "q3_k",
    "q2_k_s": lambda place: "q4_k" if place.grouped else "q2_k",
    "iq3_xxs": lambda place: "q4_k" if place.grouped else "iq3_xxs",
    "iq3_xs": lambda place: "q4_k" if place.grouped else "iq3_s",
    "iq3_s": lambda place: "q4_k" if place.grouped else "iq3_s",
    "iq3_m": lambda _: "q4_k",
    "q3_k_m": lambda place: "q5_k" if place.layer < 2 else "q4_k",
    "q3_k_l": lambda _: "q5_k",
    "iq4_nl": lambda place: "q5_k" if place.grouped else "iq4_nl",
    "iq4_xs": lambda place: "q5_k" if place.grouped else "iq4_xs",
    "q4_k_s": lambda place: "q5_k" if place.layer < 4 else "q4_k",
    "q4_k_m": lambda place: "q6_k" if place.matters else "q4_k",
    "q5_k_m": lambda place: "q6_k" if place.matters else "q5_k",
}


def _down(file_type: str, place: _Place) -> str:
    base, early = BASE_TYPE[file_type], place.early
    if file_type in _LOWEST:
        return ("iq3_s" if file_type in _TWO_BIT_UP else "q2_k") if early else base
    if file_type == "q3_k_m":
        return "q5_k" if place.layer < place.model.num_hidden_layers // 16 else "q4_k"
    if file_type == "iq3_m":
        return "q4_k" if early or (place.experts == _MIXTRAL_EXPERTS and place.matters) else base
    if file_type in {"q4_k_m", "q5_k_m"}:
        return "q6_k" if place.matters else base
    always = {"q2_k": "q3_k", "q3_k_l": "q5_k"}
    at_first = {"q2_k_s": "q4_k", "q4_k_s": "q5_k", "q4_0": "q4_1", "q5_0": "q5_1"}
    return always.get(file_type) or (at_first.get(file_type) if early else None) or base


def _attention_output(file_type: str, place: _Place) -> str:
    if place.experts == _MIXTRAL_EXPERTS:
        better = {"q2_k", "q3_k_s", "q3_k_m", "q4_k_s", "q4_k_m", "iq3_xxs", "iq3_xs", "iq3_s", "iq3_m", "iq4_nl",
                  "iq4_xs", *_LOWEST}  # fmt: skip
        return "q5_k" if file_type in better else _other(file_type)
    kept = {
        "q2_k": "q3_k", "q3_k_m": "q4_k", "q3_k_l": "q5_k", "iq3_xxs": "iq3_s", "iq3_m": "q4_k", "iq1_s": "iq2_xxs",
        "iq1_m": "iq2_xxs", "iq2_s": "iq3_s", "iq2_m": "iq3_s",
    }  # fmt: skip
    return kept.get(file_type, _other(file_type))


def _up(file_type: str, place: _Place) -> str:
    count = place.model.num_hidden_layers
    inside = count // 8 <= place.layer < 7 * count // 8
    return "iq3_xxs" if file_type == "iq3_xs" and inside else BASE_TYPE[file_type]
