"""Puts the facts of a config and of the weight headers together as one row of the catalog."""

import re
from dataclasses import dataclass, fields
from datetime import date

from modelyard.catalog.models import MTP, Checkpoint, Model, TensorBytes, Vision
from modelyard.hub.attention import Attention, read_attention, rotary_dim
from modelyard.hub.census import Census
from modelyard.hub.config import Config
from modelyard.hub.families import Family, find_family
from modelyard.hub.feedforward import read_feedforward
from modelyard.hub.files import Origin
from modelyard.hub.quantization import DTYPES, Quantization

_FLOATS = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}
FOUR_BITS = 4
_POSITIONS = ("max_position_embeddings", "max_sequence_length", "n_positions", "seq_length", "max_seq_len", "n_ctx")
_PARTS = (
    "lm_head", "embed_tokens", "router", "vision", "attention", "linear_attention", "shared_experts", "experts", "mlp",
    "indexer",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What the config alone says."""

    config: Config
    """The language model's part, with its family's defaults."""
    family: Family | None
    attention: Attention

    @property
    def kv_share(self) -> float:
        """Share of keys and values in a fused query-key-value projection."""
        kv = 2 * self.attention.num_key_value_heads
        return kv / (self.attention.num_attention_heads + kv)

    @property
    def dtype(self) -> str | None:
        """``torch_dtype``, if it is one that is known."""
        written = (self.config.text("torch_dtype", "dtype") or "").removeprefix("torch.")
        return written if written in DTYPES else None

    @property
    def tied(self) -> bool | None:
        """Whether the output head is the embedding; None: not said."""
        return self.config.flag("tie_word_embeddings")


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What the weight files say."""

    checkpoints: tuple[Checkpoint, ...]
    total_params: int
    census: Census | None = None
    """None: only sizes of files are known."""
    notes: tuple[str, ...] = ()


def read_shape(whole: Config) -> Shape:
    """The facts of a config.

    Raises:
        UsageError: a count that is missing or impossible.
    """
    config = whole.language_model()
    family = find_family(config.text("model_type"))
    if family is not None:
        config = config.over(family.defaults)
    return Shape(config=config, family=family, attention=read_attention(config, family))


def make_checkpoint(
    origin: Origin,
    today: date,
    *,
    quantization: Quantization | None,
    census: Census,
    dtype: str | None,
) -> Checkpoint:
    """The row of one set of weight files.

    Args:
        origin: which model.
        today: date of reading.
        quantization: as the config says; None: stored as the dtype says.
        census: what its headers say.
        dtype: ``torch_dtype`` of the config.
    """
    stored = _FLOATS.get(census.float_dtype or "", dtype or "bfloat16")
    if quantization is None and (census.stored_dtype or "").startswith("F8_E4M3"):
        quantization = Quantization(name="fp8", bits=8)
    plain = tuple(part for part in _PARTS if part in census.plain_parts)
    return Checkpoint(
        quantization=quantization.name if quantization is not None else DTYPES.get(stored, stored),
        hub_id=origin.hub_id,
        source=origin.source,
        as_of=today,
        group_size=quantization.group_size if quantization is not None else None,
        zero_point=quantization.zero_point if quantization is not None else None,
        quant_method=quantization.quant_method if quantization is not None else None,
        bytes=sum(getattr(census.bytes, field.name) for field in fields(TensorBytes)),
        kv_cache_dtype=quantization.kv_cache_dtype if quantization is not None else None,
        unquantized=plain if quantization is not None else (),
        part_quantization=_mixed(quantization, census),
        tensors=census.bytes,
    )


def _mixed(quantization: Quantization | None, census: Census) -> dict[str, str]:
    """Parts of a 4-bit checkpoint that are in fp8."""
    if quantization is None or quantization.bits != FOUR_BITS or quantization.name == "fp8+fp4":
        return {}
    return {part: census.fp8_parts[part] for part in _PARTS if part in census.fp8_parts}


def assemble(origin: Origin, shape: Shape, weights: Weights, today: date) -> Model:
    """The model as a row of the catalog.

    Args:
        origin: which model, and where its facts are from.
        shape: what its config says.
        weights: what its weight files say.
        today: date of reading.

    Raises:
        UsageError: a count that is missing or impossible.
    """
    config, census = shape.config, weights.census
    attention = _confirmed(shape.attention, census)
    feedforward = read_feedforward(config, shape.family, attention.num_hidden_layers)
    dtype = shape.dtype or _FLOATS.get(census.float_dtype or "" if census else "")
    vision, mtp = _vision(config, census), _mtp(config, census)
    unknown = [*attention.unknown]
    unknown += ["license"] if origin.license == "unknown" else []
    unknown += ["torch_dtype"] if dtype is None else []
    unknown += ["total_params"] if census is None else []
    unknown += ["vision.params"] if vision is not None and vision.params is None else []
    unknown += ["mtp.params"] if mtp is not None and mtp.params is None else []
    return Model(
        name=slug(origin.hub_id),
        title=origin.title,
        hub_id=origin.hub_id,
        family=shape.family.name if shape.family is not None else config.word("model_type") or "unknown",
        license=origin.license,
        gated=origin.gated,
        total_params=weights.total_params,
        params_exact=census is not None and census.is_exact,
        max_position_embeddings=config.need(*_POSITIONS),
        torch_dtype=dtype or "bfloat16",
        tie_word_embeddings=_tied(shape, census),
        hidden_size=config.need("hidden_size", "n_embd", "d_model", "dim"),
        num_hidden_layers=attention.num_hidden_layers,
        num_attention_heads=attention.num_attention_heads,
        num_key_value_heads=attention.num_key_value_heads,
        head_dim=attention.head_dim,
        vocab_size=config.need("vocab_size", "padded_vocab_size"),
        intermediate_size=feedforward.intermediate_size,
        attention_bias=_bias(config, census),
        rotary_dim=rotary_dim(config, attention.head_dim) if attention.mla is None else None,
        gated_mlp=_gated(config, census),
        moe=feedforward.moe,
        mla=attention.mla,
        indexer=attention.indexer,
        compressed=attention.compressed,
        window=attention.window,
        global_attention=attention.global_attention,
        linear_attention=attention.linear_attention,
        layer_pattern=attention.layer_pattern,
        encoder=attention.encoder,
        vision=vision,
        mtp=mtp,
        checkpoint=weights.checkpoints,
        source=origin.source,
        as_of=today,
        notes="; ".join((*weights.notes, *_notes(origin, shape, attention))),
        unknown=tuple(unknown),
    )


def slug(hub_id: str) -> str:
    """A catalog name from a hub id or folder: ``Qwen/Qwen3-8B`` → ``qwen3-8b``."""
    last = hub_id.rstrip("/").rpartition("/")[2]
    return re.sub(r"[^a-z0-9.]+", "-", last.lower()).strip("-.") or "model"


def _confirmed(attention: Attention, census: Census | None) -> Attention:
    """The bound of an unknown architecture, drawn tighter where key projections of all layers show their width."""
    if attention.unknown[:1] != ("architecture",) or census is None or not census.kv_rows or census.caches_more:
        return attention
    if attention.mla or attention.window or attention.linear_attention or attention.global_attention:
        return attention
    widest = -(-max(census.kv_rows) // attention.head_dim)
    if widest > attention.num_attention_heads:
        return attention
    return Attention(
        num_hidden_layers=attention.num_hidden_layers,
        num_attention_heads=attention.num_attention_heads,
        num_key_value_heads=widest,
        head_dim=attention.head_dim,
        unknown=attention.unknown,
    )


def _tied(shape: Shape, census: Census | None) -> bool | None:
    if census is not None and not census.has_lm_head:
        return True
    return shape.tied if shape.tied is not None else (False if census is not None else None)


def _bias(config: Config, census: Census | None) -> bool:
    if census is not None and census.has_bias is not None:
        return census.has_bias
    return config.flag("attention_bias", "qkv_bias", "use_bias") is True


def _gated(config: Config, census: Census | None) -> bool:
    written = config.flag("gated_mlp")
    if written is not None:
        return written
    return census is None or census.has_gate is not False


def _vision(config: Config, census: Census | None) -> Vision | None:
    if census is not None:
        return Vision(params=census.vision_params) if census.vision_params else None
    return Vision() if config.section("vision_config") is not None else None


def _mtp(config: Config, census: Census | None) -> MTP | None:
    written = config.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules") or 0
    if census is None:
        return MTP(layers=written) if written else None
    if not census.mtp_layers:
        return None
    return MTP(layers=written or census.mtp_layers, params=census.mtp_params)


def _notes(origin: Origin, shape: Shape, attention: Attention) -> tuple[str, ...]:
    notes: list[str] = []
    if origin.renamed_from is not None:
        notes.append(f"asked for as {origin.renamed_from}, which the hub now calls {origin.hub_id}")
    if "architecture" in attention.unknown:
        model_type = shape.config.word("model_type") or "none"
        why = "is not known" if shape.family is None else "has layers whose cache is not known"
        notes.append(
            f"architecture {model_type} {why}: the KV cache is bounded by full attention on all"
            f" {attention.num_hidden_layers} layers with {attention.num_key_value_heads} heads of {attention.head_dim}"
        )
    return tuple(notes)
