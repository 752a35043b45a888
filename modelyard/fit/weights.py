"""Weights per GPU: what tensor parallelism cuts, what it copies, and how pipeline stages share the layers.

Rules and checks: vram.md §1 (bytes per element §1.1, splits §1.3, surprises §1.4). MTP layers are not loaded, because
speculative decoding is off.
"""

from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.models import Model
from modelyard.fit.architecture import LayerKind, Part, Split, absorbed_elements, take_apart
from modelyard.fit.checkpoints import Precision, resolve_precision
from modelyard.fit.memo import ById
from modelyard.fit.schemes import find_scheme
from modelyard.units import gib

ALWAYS_UNQUANTIZED = frozenset({"embed_tokens", "lm_head", "norms", "router", "vision", "linear_state"})
"""Parts that no checkpoint of ours quantizes (vram.md §1.1)."""

_ALIASES = {
    "attention": ("attention", "linear_attention"),
    "self_attn": ("attention", "linear_attention"),
    "mlp": ("mlp",),
    "shared_expert": ("shared_experts",),
}

FIRST_LAST = "first_last_layers"
"""In a checkpoint's ``unquantized``: its first and last block stay unquantized (Meta's own Llama 3.1 405B FP8)."""

MXFP4_HIDDEN_MULTIPLE, MXFP4_WIDTH_MULTIPLE = 256, 128
"""Marlin and TRT-LLM kernels pad expert weights to these (vLLM ``oracle/mxfp4.py``; gpt-oss: 2880² → 3072 × 2944)."""

GEMMA3_ROPE_FACTOR = 8
"""Gemma 3 from 4B up scales rope linearly by 8, and vLLM tabulates all the scaled positions."""

SURPLUS_TOLERANCE = 0.01
"""Share by which weight files may exceed the computed size without a word."""

UNLISTED_TOLERANCE = 0.02
"""Share of a published, rounded parameter count that may differ from the listed shapes without a word."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """One pipeline stage on one GPU."""

    index: int
    layers: int
    first_layer: int
    is_last: bool
    weights_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What the GPUs of one replica load."""

    stages: tuple[Stage, ...]
    unknown: tuple[str, ...]
    unsure_bytes: int = 0
    """What a GPU may hold more, where it is not known which layers a checkpoint leaves unquantized."""

    @property
    def fullest(self) -> Stage:
        """The stage with the most bytes."""
        return max(self.stages, key=lambda stage: stage.weights_bytes)


def weigh(model: Model, quantization: str, tp: int, pp: int = 1) -> Weights:
    """Weights of every pipeline stage, in bytes per GPU; cached per model, precision and split.

    Raises:
        UsageError: the model has no such precision.
    """
    return _weigh(ById(model), quantization, tp, pp)


def checkpoint_bytes(model: Model, quantization: str) -> int:
    """Bytes of weight files to download: as published, else computed from the parts, MTP layers included.

    Raises:
        UsageError: the model has no such precision.
    """
    precision = resolve_precision(model, quantization)
    if precision.checkpoint.bytes is not None:
        return precision.checkpoint.bytes
    mtp = _mtp_params(model)
    if precision.on_the_fly:  # what is downloaded is the released, 16-bit checkpoint
        return _file_bytes(ById(model), model.native_quantization) + round(mtp * dtype_bytes(model))
    return _file_bytes(ById(model), quantization) + round(mtp * precision.scheme.linear_bytes)


@lru_cache(maxsize=4096)
def surplus_bytes(key: ById[Model], quantization: str) -> int:
    """Bytes that a checkpoint's files hold beyond what its scheme explains: parts that it leaves less quantized.

    The published size is the better witness (vram.md §0), so the difference is loaded as well.
    """
    model = key.value
    precision = resolve_precision(model, quantization)
    if precision.checkpoint.bytes is None or precision.on_the_fly:
        return 0
    computed = _file_bytes(key, quantization)
    left = precision.checkpoint.bytes - computed - _mtp_params(model) * dtype_bytes(model)
    return left if left > SURPLUS_TOLERANCE * computed else 0


def _mtp_params(model: Model) -> int:
    """Parameters of the MTP layers; those of as many average layers where they are not known."""
    if model.mtp is None:
        return 0
    return model.mtp.params or model.total_params // model.num_hidden_layers * model.mtp.layers


@lru_cache(maxsize=4096)
def _file_bytes(key: ById[Model], quantization: str) -> int:
    model = key.value
    sums = _Sums(model, resolve_precision(model, quantization), tp=1, as_loaded=False)
    return sums.stage(0, model.num_hidden_layers, is_first=True, is_last=True)


@lru_cache(maxsize=65536)
def _weigh(key: ById[Model], quantization: str, tp: int, pp: int) -> Weights:
    model, precision = key.value, resolve_precision(key.value, quantization)
    sums = _Sums(model, precision, tp=tp, as_loaded=True, surplus=surplus_bytes(key, quantization))
    stages = _deal(sums, model.num_hidden_layers, pp)
    unknown = _unknown(model)
    unsure = 0
    if _is_composition_unknown(model, precision):
        more = _Sums(model, precision, tp=tp, as_loaded=True, skip=frozenset({"attention", "linear_attention"}))
        unsure = max(s.weights_bytes for s in _deal(more, model.num_hidden_layers, pp))
        unsure -= max(s.weights_bytes for s in stages)
        hub_id = precision.checkpoint.hub_id
        unknown = (
            *unknown,
            f"whether {hub_id} leaves attention unquantized ({gib(unsure):.1f} GiB per GPU): taken as not",
        )
    return Weights(stages=stages, unknown=unknown, unsure_bytes=unsure)


def _is_composition_unknown(model: Model, precision: Precision) -> bool:
    """4-bit checkpoints of all but plain dense models often leave attention alone; some catalog rows do not say."""
    is_plain = model.moe is None and model.mla is None and model.linear_attention is None
    checkpoint = precision.checkpoint
    is_said = bool(checkpoint.unquantized) or checkpoint.bytes is not None
    return precision.scheme.family in {"nvfp4", "int4"} and not is_plain and not is_said


def _deal(sums: "_Sums", layers: int, pp: int) -> tuple[Stage, ...]:
    """The bytes of every pipeline stage."""
    stages: list[Stage] = []
    start = 0
    for index, count in enumerate(split_layers(layers, pp)):
        is_last = index == pp - 1
        size = sums.stage(start, start + count, is_first=index == 0, is_last=is_last)
        stages.append(Stage(index=index, layers=count, first_layer=start, is_last=is_last, weights_bytes=size))
        start += count
    return tuple(stages)


def split_layers(layers: int, pp: int) -> tuple[int, ...]:
    """Layers per pipeline stage, as vLLM deals them: evenly, the remainder to the stages before the last."""
    base, rest = divmod(layers, pp)
    counts = [base] * pp
    for offset in range(2, rest + 2):
        counts[-offset] += 1
    return tuple(counts)


def dtype_bytes(model: Model) -> int:
    """Bytes of an element in the model's own dtype."""
    return 4 if model.torch_dtype == "float32" else 2


class _Sums:
    """Adds up the bytes of one model at one precision and split."""

    def __init__(
        self,
        model: Model,
        precision: Precision,
        *,
        tp: int,
        as_loaded: bool,
        surplus: int = 0,
        skip: frozenset[str] = frozenset(),
    ) -> None:
        self._model, self._tp, self._as_loaded = model, tp, as_loaded
        self._scheme = precision.scheme
        native = find_scheme(precision.quantization)
        self._plain = int(native.linear_bytes) if native and native.family == "fp32" else dtype_bytes(model)
        self._skip = _unquantized(precision) | skip
        self._anatomy = take_apart(model)
        self._layer = {kind: self._layer_bytes(kind) for kind in self._anatomy.parts}
        self._surplus = surplus / tp

    def stage(self, start: int, stop: int, *, is_first: bool, is_last: bool) -> int:
        """Bytes of layers ``[start, stop)`` with the ends that belong to the stage."""
        anatomy, model = self._anatomy, self._model
        total = sum(self._layer[kind] * count for kind, count in anatomy.count(start, stop).items())
        total += (self._unlisted() + self._surplus) * (stop - start) / model.num_hidden_layers
        if FIRST_LAST in self._skip:
            ends = [anatomy.layers[i] for i, has in ((0, is_first), (model.num_hidden_layers - 1, is_last)) if has]
            total += sum(self._plain_layer(kind) - self._layer[kind] for kind in ends)
        if is_first:
            total += self._bytes(anatomy.embedding) + sum(self._bytes(part) for part in anatomy.ends)
        if is_last:
            total += model.hidden_size * self._plain
            if anatomy.lm_head is not None:
                total += self._bytes(anatomy.lm_head)
            elif not is_first:
                total += self._bytes(anatomy.embedding)
        return round(total) + (rope_bytes(model) if self._as_loaded else 0)

    def _layer_bytes(self, kind: LayerKind) -> float:
        total = sum(self._bytes(part) for part in self._anatomy.parts[kind])
        if kind.attention == "mla" and self._as_loaded:
            total += absorbed_elements(self._model, self._tp) * self._plain
        return total

    def _plain_layer(self, kind: LayerKind) -> float:
        return sum(part.params * self._share(part) * self._plain for part in self._anatomy.parts[kind])

    def _unlisted(self) -> float:
        left = max(0, self._anatomy.unlisted_params)
        # Left over beside a vision tower of unknown size: the tower. Otherwise it is taken for linear layers.
        name = "vision" if "vision.params" in self._model.unknown else "attention"
        return self._bytes(Part(name=name, params=left))

    def _bytes(self, part: Part) -> float:
        scheme, share = self._scheme, self._share(part)
        if part.name in self._skip:
            return part.params * share * self._plain
        if part.name == "experts":
            return (part.params * self._padding() * scheme.expert_bytes + part.rows * scheme.row_scale_bytes) * share
        return (part.params * scheme.linear_bytes + part.rows * scheme.row_scale_bytes) * share

    def _share(self, part: Part) -> float:
        """The share of a part that one GPU holds."""
        if part.split is Split.REPLICATED:
            return 1.0
        if part.split is Split.KV_HEADS:
            return max(1, part.kv_heads // self._tp) / part.kv_heads
        return 1 / self._tp

    def _padding(self) -> float:
        moe = self._model.moe
        if moe is None or self._scheme.family != "mxfp4" or not self._as_loaded:
            return 1.0
        hidden, width = self._model.hidden_size, moe.moe_intermediate_size / self._tp
        return _round_up(hidden, MXFP4_HIDDEN_MULTIPLE) / hidden * _round_up(width, MXFP4_WIDTH_MULTIPLE) / width


def _round_up(value: float, multiple: int) -> int:
    return -int(-value // multiple) * multiple


def _unquantized(precision: Precision) -> frozenset[str]:
    scheme = precision.scheme
    if scheme.everything:
        return frozenset({"norms"})
    names = set(ALWAYS_UNQUANTIZED)
    if scheme.experts_only:
        names |= {"attention", "linear_attention", "mlp", "shared_experts", "indexer"}
    for written in precision.checkpoint.unquantized if not precision.on_the_fly else ():
        names.update(_ALIASES.get(written, (written,)))
    return frozenset(names)


def rope_bytes(model: Model) -> int:
    """The table of rotary embeddings that every GPU holds: all positions × rotary width, in the model's dtype.

    Outside any parameter count: 0.03 GiB for most, 0.5 GiB for Gemma 3, 2.5 GiB for Llama 4 Scout's 10M positions.
    """
    width = model.mla.qk_rope_head_dim if model.mla is not None else model.head_dim
    table = model.max_position_embeddings * width * dtype_bytes(model)
    if model.family == "gemma" and model.window is not None and model.window.size == 1024 and model.vision is not None:
        return table * (1 + GEMMA3_ROPE_FACTOR) if model.global_attention is None else table
    return table


def _unknown(model: Model) -> tuple[str, ...]:
    notes: list[str] = []
    left = take_apart(model).unlisted_params
    if model.tie_word_embeddings is None:
        notes.append("whether the output head is tied to the embedding: taken as separate, which is the larger")
    if "vision.params" in model.unknown:
        size = gib(dtype_bytes(model) * max(0, left))
        notes.append(f"size of the vision tower: taken as {size:.2f} GiB, what the published total leaves over")
    elif "mla" in model.unknown and model.mla is None:
        notes.append("dimensions of the compressed attention: its weights are taken from the published total")
    elif abs(left) > UNLISTED_TOLERANCE * model.total_params:
        notes.append(
            f"parameters: the published {model.total_params / 1e9:.1f}B differ from the listed shapes by"
            f" {left / 1e9:+.1f}B, and the larger is taken"
        )
    if model.mla is not None and (model.mla.qk_nope_head_dim is None or model.mla.v_head_dim is None):
        notes.append("dimensions of the latent attention: its weights are taken from the published total")
    return tuple(notes)
