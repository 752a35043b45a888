"""Weights per GPU: what tensor parallelism cuts, what it copies, and how pipeline stages share the layers.

Rules and checks: vram.md §1 (bytes per element §1.1, splits §1.3, surprises §1.4). MTP layers are not loaded, because
speculative decoding is off.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from modelyard.catalog.models import Model
from modelyard.fit.allocation import rounding, row_padding
from modelyard.fit.architecture import LayerKind, Part, Split, absorbed_elements, take_apart
from modelyard.fit.checkpoints import Precision, resolve_file, resolve_precision
from modelyard.fit.constants import FITTED
from modelyard.fit.gguf import file_type, mixed_bytes
from modelyard.fit.memo import ById
from modelyard.fit.mxfp4 import Kernels, growth
from modelyard.fit.schemes import Scheme, find_scheme
from modelyard.units import gib

ALWAYS_UNQUANTIZED = frozenset({"embed_tokens", "lm_head", "norms", "router", "vision", "linear_state"})
"""Parts that no checkpoint of ours quantizes (vram.md §1.1)."""

_ATTENTION = ("attention", "attention_output", "linear_attention")

_ALIASES = {
    "attention": _ATTENTION,
    "self_attn": _ATTENTION,
    "mlp": ("mlp",),
    "shared_expert": ("shared_experts",),
}

FIRST_LAST = "first_last_layers"
"""In a checkpoint's ``unquantized``: its first and last block stay unquantized (Meta's own Llama 3.1 405B FP8)."""

GEMMA3_ROPE_FACTOR = 8
"""Gemma 3 from 4B up scales rope linearly by 8, and vLLM tabulates all the scaled positions."""

SURPLUS_TOLERANCE = FITTED["surplus_tolerance"]
"""Share by which weight files may exceed the computed size without a word."""

UNLISTED_TOLERANCE = FITTED["unlisted_tolerance"]
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
    """What a GPU may hold more, where it is not known which layers are left unquantized, or which kernels run."""

    @property
    def fullest(self) -> Stage:
        """The stage with the most bytes."""
        return max(self.stages, key=lambda stage: stage.weights_bytes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One addend of a stage's weights."""

    kind: str
    """``part``, ``absorbed``, ``rounding``, ``rows``, ``unlisted``, ``surplus``, ``ends``, ``norm`` or ``rotary``."""
    name: str
    size: float
    """Bytes of one."""
    count: int = 1
    """How many layers have it."""
    part: Part | None = None
    layer: LayerKind | None = None
    element_bytes: float = 0.0
    row_scale_bytes: int = 0
    scheme: Scheme | None = None
    """None: unquantized."""
    tensor: float = 0.0
    """Bytes of the tensor that is rounded up."""
    quantized: float = 0.0
    """Bytes that such a layer was counted with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spread:
    """How the weights of one replica lie over its GPUs."""

    tp: int = 1
    pp: int = 1
    dp: int = 1
    """Data-parallel ranks: attention is copied, experts are shared out over all ranks (vLLM's flattened group)."""
    expert_parallel: bool = False
    """Whole experts per GPU; otherwise every GPU has a slice of each."""
    amd: bool = False
    """On ROCm rows are padded."""
    float32: bool = False
    """Unquantized weights are loaded as float32 (``modelyard.fit.dtype``); otherwise in 16 bits, whatever the files."""
    mxfp4: Kernels = Kernels.PADDED
    """How experts in MXFP4 are laid out."""

    @property
    def expert_group(self) -> int:
        """GPUs that share the experts."""
        return self.tp * self.dp


def weigh(model: Model, quantization: str, tp: int, pp: int = 1) -> Weights:
    """Weights of every pipeline stage, in bytes per GPU; cached per model, precision and split.

    Raises:
        UsageError: the model has no such precision.
    """
    return weigh_spread(model, quantization, Spread(tp=tp, pp=pp))


def weigh_spread(model: Model, quantization: str, spread: Spread) -> Weights:
    """The same for any way of spreading.

    Raises:
        UsageError: the model has no such precision.
    """
    return _weigh(ById(model), quantization, spread)


def checkpoint_bytes(model: Model, quantization: str) -> int:
    """Bytes of weight files to download: as published, else computed from the parts, MTP layers included.

    Raises:
        UsageError: the model has no such precision.
    """
    precision = resolve_precision(model, quantization)
    if precision.checkpoint.bytes is not None:
        return precision.checkpoint.bytes
    if precision.scheme.family == "gguf":
        files = file_layers(model, quantization)
        return sum(files.layers) + files.embedding + (0 if model.tie_word_embeddings else files.output)
    mtp = mtp_params(model)
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
    exact = precision.checkpoint.tensors
    if exact is not None:  # read off the files' own headers, so the difference counts both ways
        layers = exact.sharded + exact.kv_heads + exact.replicated
        return layers + exact.embed_tokens + exact.lm_head + exact.vision - computed
    left = precision.checkpoint.bytes - computed - mtp_params(model) * dtype_bytes(model)
    return left if left > SURPLUS_TOLERANCE * computed else 0


def mtp_params(model: Model) -> int:
    """Parameters of the MTP layers; those of as many average layers where they are not known."""
    if model.mtp is None:
        return 0
    return model.mtp.params or model.total_params // model.num_hidden_layers * model.mtp.layers


@lru_cache(maxsize=4096)
def _file_bytes(key: ById[Model], quantization: str) -> int:
    model = key.value
    sums = _Sums(model, resolve_precision(model, quantization), Spread(), as_loaded=False)
    return sums.stage(0, model.num_hidden_layers, is_first=True, is_last=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class FileLayers:
    """A checkpoint's bytes, layer by layer, for engines that place layers one at a time."""

    layers: tuple[int, ...]
    embedding: int
    output: int
    """The output head, or the embedding again where it is tied."""


def file_layers(model: Model, quantization: str) -> FileLayers:
    """The bytes of every layer and of the ends, as they lie in the files; any GGUF preset is a precision here.

    Raises:
        UsageError: no such precision.
    """
    return _file_layers(ById(model), quantization)


@lru_cache(maxsize=1024)
def _file_layers(key: ById[Model], quantization: str) -> FileLayers:
    model = key.value
    precision = resolve_file(model, quantization)
    if (mixed := file_type(precision.scheme.name)) is not None:  # by llama.cpp's mixing rule
        layers, embedding, output = mixed_bytes(model, mixed)
        return _as_read(FileLayers(layers=layers, embedding=embedding, output=output), precision)
    sums = _Sums(model, precision, Spread(), as_loaded=False)
    count = model.num_hidden_layers
    layers = tuple(sums.stage(i, i + 1, is_first=False, is_last=False) for i in range(count))
    first = sums.stage(0, 1, is_first=True, is_last=False) - layers[0]
    last = sums.stage(count - 1, count, is_first=False, is_last=True) - layers[-1]
    return _as_read(FileLayers(layers=layers, embedding=first, output=last), precision)


def _as_read(computed: FileLayers, precision: Precision) -> FileLayers:
    """The same, scaled to the bytes in the headers of the files where these were read."""
    exact = precision.checkpoint.tensors
    if exact is None or precision.checkpoint.quantization != precision.quantization:
        return computed
    share = Fraction(exact.sharded + exact.kv_heads + exact.replicated, sum(computed.layers))
    return FileLayers(
        layers=tuple(round(size * share) for size in computed.layers),
        embedding=exact.embed_tokens,
        output=exact.lm_head or exact.embed_tokens,
    )


@lru_cache(maxsize=65536)
def _weigh(key: ById[Model], quantization: str, spread: Spread) -> Weights:
    model, precision, pp = key.value, resolve_precision(key.value, quantization), spread.pp
    sums = _Sums(model, precision, spread, as_loaded=True, surplus=surplus_bytes(key, quantization))
    stages = _deal(sums, model.num_hidden_layers, pp)
    unknown = _unknown(model)
    unsure = 0
    if _is_composition_unknown(model, precision):
        more = _Sums(model, precision, spread, as_loaded=True, skip=frozenset(_ATTENTION))
        unsure = max(s.weights_bytes for s in _deal(more, model.num_hidden_layers, pp))
        unsure -= max(s.weights_bytes for s in stages)
        hub_id = precision.checkpoint.hub_id
        unknown = (
            *unknown,
            f"whether {hub_id} leaves attention unquantized ({gib(unsure):.1f} GiB per GPU): taken as not",
        )
    if spread.mxfp4 is Kernels.TRITON_OR_PADDED and precision.scheme.experts_only:
        padded = weigh_spread(model, quantization, replace(spread, mxfp4=Kernels.PADDED)).fullest.weights_bytes
        larger = max(0, padded - max(s.weights_bytes for s in stages))
        unsure += larger
        why = (
            "which MXFP4 kernels run: taken as Triton's, as in the official image; installed with pip, without"
            f" triton_kernels, it is Marlin's, with {gib(larger):.2f} GiB per GPU more"
        )
        unknown = (*unknown, why)
    return Weights(stages=stages, unknown=unknown, unsure_bytes=unsure)


def weight_pieces(model: Model, quantization: str, spread: Spread, stage: Stage) -> tuple[Piece, ...]:
    """The addends of a stage's weights on one GPU.

    Raises:
        UsageError: the model has no such precision.
    """
    surplus = surplus_bytes(ById(model), quantization)
    sums = _Sums(model, resolve_precision(model, quantization), spread, as_loaded=True, surplus=surplus)
    return tuple(sums.pieces(stage))


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
    """Bytes of an element in the model's own dtype, as its files have it."""
    return 4 if model.torch_dtype == "float32" else 2


class _Sums:
    """Adds up the bytes of one model at one precision and split."""

    def __init__(
        self,
        model: Model,
        precision: Precision,
        spread: Spread,
        *,
        as_loaded: bool,
        surplus: int = 0,
        skip: frozenset[str] = frozenset(),
    ) -> None:
        self._model, self._spread, self._tp, self._as_loaded = model, spread, spread.tp, as_loaded
        stored = _stored_bytes(model, precision)
        self._plain = plain_bytes(model, precision, spread) if as_loaded else stored
        self._scheme = _as_loaded(precision.scheme, self._plain) if as_loaded else precision.scheme
        self._skip = _unquantized(precision) | skip
        self._mixed = _mixed(precision)
        self._anatomy = take_apart(model)
        self._layer = {kind: self._layer_bytes(kind) for kind in self._anatomy.parts}
        self._surplus = surplus / spread.tp * self._plain / stored

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
        return round(total) + (rope_bytes(model, self._plain) if self._as_loaded else 0)

    def pieces(self, stage: Stage) -> Iterator[Piece]:
        """The same sum, addend by addend."""
        anatomy, model, stop = self._anatomy, self._model, stage.first_layer + stage.layers
        for kind, count in anatomy.count(stage.first_layer, stop).items():
            for part in anatomy.parts[kind]:
                if part.params:
                    yield self._piece(part, count, kind)
            if kind.attention == "mla" and (absorbed := absorbed_elements(model, self._tp)):
                yield Piece(kind="absorbed", name="W_UK and W_UV once more", count=count, size=absorbed * self._plain)
            yield from self._allocated_pieces(kind, count)
        share = stage.layers / model.num_hidden_layers
        for name, size in (("unlisted", self._unlisted()), ("surplus", self._surplus)):
            if size:
                yield Piece(kind=name, name=name, size=size * share, element_bytes=self._unlisted_element())
        yield from self._end_pieces(stage)

    def _end_pieces(self, stage: Stage) -> Iterator[Piece]:
        anatomy, model = self._anatomy, self._model
        if FIRST_LAST in self._skip:
            ends = {0: stage.index == 0, model.num_hidden_layers - 1: stage.is_last}
            for kind in (anatomy.layers[i] for i, has in ends.items() if has):
                size = self._plain_layer(kind) - self._layer[kind]
                yield Piece(kind="ends", name="first or last layer in 16 bits", size=size, quantized=self._layer[kind])
        if stage.index == 0:
            for part in (anatomy.embedding, *anatomy.ends):
                yield self._piece(part, 1)
        if stage.is_last:
            yield Piece(kind="norm", name="final norm", size=model.hidden_size * self._plain, element_bytes=self._plain)
            if anatomy.lm_head is not None:
                yield self._piece(anatomy.lm_head, 1)
            elif stage.index:
                yield self._piece(anatomy.embedding, 1)
        yield Piece(kind="rotary", name="rotary table", size=rope_bytes(model, self._plain), element_bytes=self._plain)

    def _piece(self, part: Part, count: int, layer: LayerKind | None = None) -> Piece:
        scheme, element = self._scheme_of(part), float(self._plain)
        if scheme is not None:
            element = scheme.expert_bytes if part.name == "experts" else scheme.linear_bytes
        return Piece(
            kind="part",
            name=part.name,
            count=count,
            size=self._bytes(part),
            part=part,
            layer=layer,
            element_bytes=element,
            row_scale_bytes=0 if scheme is None else scheme.row_scale_bytes,
            scheme=scheme,
        )

    def _allocated_pieces(self, kind: LayerKind, count: int) -> Iterator[Piece]:
        for name, size in self._tensors(kind):
            if added := rounding(size):
                yield Piece(kind="rounding", name=name, count=count, size=added, tensor=size)
        if self._spread.amd:
            for part in self._anatomy.parts[kind]:
                if added := self._padded_rows(part):
                    yield Piece(kind="rows", name=part.name, count=count, size=added)

    def _layer_bytes(self, kind: LayerKind) -> float:
        total = sum(self._bytes(part) for part in self._anatomy.parts[kind])
        if not self._as_loaded:
            return total
        if kind.attention == "mla":
            total += absorbed_elements(self._model, self._tp) * self._plain
        return total + self._allocated(kind)

    def _allocated(self, kind: LayerKind) -> float:
        """What the allocator and AMD's padding add to one layer."""
        added = sum(rounding(size) for _, size in self._tensors(kind))
        if self._spread.amd:
            added += sum(self._padded_rows(part) for part in self._anatomy.parts[kind])
        return added

    def _tensors(self, kind: LayerKind) -> Iterator[tuple[str, float]]:
        """Names and bytes of one layer's tensors on one GPU, but for experts, which kernels lay out anew."""
        fused: dict[str, float] = {}
        for part in self._anatomy.parts[kind]:
            size = part.params * self._share(part) * self._element(part)
            if part.fused:
                fused[part.fused] = fused.get(part.fused, 0.0) + size
            elif part.name != "experts":
                yield from ((part.name, size * share) for share in part.tensors)
        yield from fused.items()

    def _element(self, part: Part) -> float:
        """Bytes of an element without the scales, which are tensors of their own."""
        scheme = self._scheme_of(part)
        if scheme is None:
            return self._plain
        size = scheme.expert_bytes if part.name == "experts" else scheme.linear_bytes
        return next((whole for whole in (4.0, 2.0, 1.0, 0.5) if size >= whole), size)

    def _padded_rows(self, part: Part) -> float:
        """Padding of 16-bit experts, and of fp8 linear layers with one scale per tensor or block, on ROCm."""
        model, moe, element = self._model, self._model.moe, self._element(part)
        hidden = model.hidden_size
        if part.name == "experts" and moe is not None and element == 2:
            width = moe.moe_intermediate_size / (1 if self._spread.expert_parallel else self._spread.expert_group)
            local = moe.num_experts / (self._spread.expert_group if self._spread.expert_parallel else 1)
            return local * (row_padding(2 * width, hidden * 2) + row_padding(hidden, width * 2))
        scheme = self._scheme_of(part)
        if part.name not in {"attention", "attention_output", "mlp", "shared_experts"} or scheme is None:
            return 0.0
        if scheme.family != "fp8" or (scheme.row_scale_bytes and scheme.name != "fp8"):
            return 0.0  # one scale per row: this path does not pad
        if len(part.tensors) > 1:
            width = (part.rows - hidden) // 2 / self._tp
            return row_padding(2 * width, hidden) + row_padding(hidden, width)
        columns = part.params / part.rows if part.rows else 0
        into_hidden = part.rows == hidden and not part.fused
        if into_hidden:
            return row_padding(hidden, columns / self._tp)
        return row_padding(part.rows * self._share(part), columns)

    def _plain_layer(self, kind: LayerKind) -> float:
        return sum(part.params * self._share(part) * self._plain for part in self._anatomy.parts[kind])

    def _unlisted(self) -> float:
        left = max(0, self._anatomy.unlisted_params)
        return self._bytes(Part(name=self._unlisted_name(), params=left))

    def _unlisted_name(self) -> str:
        # Left over beside a vision tower of unknown size: the tower. Otherwise it is taken for linear layers.
        return "vision" if "vision.params" in self._model.unknown else "attention"

    def _unlisted_element(self) -> float:
        return self._piece(Part(name=self._unlisted_name(), params=1), 1).element_bytes

    def _scheme_of(self, part: Part) -> Scheme | None:
        """The scheme of a part; None for one that stays unquantized."""
        return self._mixed.get(part.name, None if part.name in self._skip else self._scheme)

    def _bytes(self, part: Part) -> float:
        scheme, share = self._scheme_of(part), self._share(part)
        if scheme is None:
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
        return 1 / (self._spread.expert_group if part.name == "experts" else self._tp)

    def _padding(self) -> float:
        moe = self._model.moe
        if moe is None or self._scheme.family != "mxfp4" or not self._as_loaded:
            return 1.0
        cut = 1 if self._spread.expert_parallel else self._spread.expert_group
        return growth(self._spread.mxfp4, hidden=self._model.hidden_size, width=moe.moe_intermediate_size / cut)


def _stored_bytes(model: Model, precision: Precision) -> int:
    """Bytes of an unquantized element in the files."""
    return round(precision.scheme.linear_bytes) if precision.scheme.family == "fp32" else dtype_bytes(model)


def plain_bytes(model: Model, precision: Precision, spread: Spread) -> int:
    """Bytes of an unquantized element as it is loaded: float32 files become 16 bits unless the engine keeps them."""
    return 4 if spread.float32 else min(2, _stored_bytes(model, precision))


def _as_loaded(scheme: Scheme, plain: int) -> Scheme:
    """The scheme of an unquantized checkpoint follows the dtype that it is loaded in."""
    if scheme.family not in {"bf16", "fp32"}:
        return scheme
    return replace(scheme, linear_bytes=float(plain), expert_bytes=float(plain))


def _mixed(precision: Precision) -> dict[str, Scheme]:
    """Parts in a third precision. A name that stands for several parts yields to those that are named themselves."""
    named = {} if precision.on_the_fly else precision.checkpoint.part_quantization
    schemes = {part: scheme for part, name in named.items() if (scheme := find_scheme(name)) is not None}
    wide = {part: scheme for name, scheme in schemes.items() for part in _ALIASES.get(name, (name,))}
    apart = set(precision.checkpoint.unquantized) - set(schemes)
    return {part: scheme for part, scheme in wide.items() if part not in apart} | schemes


def _unquantized(precision: Precision) -> frozenset[str]:
    scheme = precision.scheme
    if scheme.everything:
        return frozenset({"norms"})
    names = set(ALWAYS_UNQUANTIZED)
    if scheme.experts_only:
        names |= {*_ATTENTION, "mlp", "shared_experts", "indexer"}
    for written in precision.checkpoint.unquantized if not precision.on_the_fly else ():
        names.update(_ALIASES.get(written, (written,)))
    return frozenset(names)


def rope_bytes(model: Model, element_bytes: int = 2) -> int:
    """The table of rotary embeddings that every GPU holds: all positions × rotary width, in the dtype that is loaded.

    Outside any parameter count: 0.03 GiB for most, 0.5 GiB for Gemma 3, 2.5 GiB for Llama 4 Scout's 10M positions.
    """
    width = model.mla.qk_rope_head_dim if model.mla is not None else model.rotary_dim or model.head_dim
    table = model.max_position_embeddings * width * element_bytes
    if model.family == "gemma" and model.window is not None and model.window.size == 1024 and model.vision is not None:
        return table * (1 + GEMMA3_ROPE_FACTOR) if model.global_attention is None else table
    return table


def _unknown(model: Model) -> tuple[str, ...]:
    notes: list[str] = []
    left = take_apart(model).unlisted_params
    if model.tie_word_embeddings is None:
        notes.append("whether the output head is tied to the embedding: taken as separate, which is the larger")
    if "vision.params" in model.unknown:
        size = gib(min(2, dtype_bytes(model)) * max(0, left))
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
