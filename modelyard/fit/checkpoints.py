"""Which weight files a wanted precision means: a published checkpoint, or the released one quantized while loading."""

from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.models import Checkpoint, Model
from modelyard.errors import UnknownNameError, UsageError, quote
from modelyard.fit.memo import ById
from modelyard.fit.schemes import MXFP4_EVERYWHERE, Scheme, canonical, find_scheme, same_family

ON_THE_FLY = {"fp8": "fp8", "bnb": "bitsandbytes"}
"""Families that vLLM makes from a 16-bit checkpoint while loading, and the value of its ``--quantization`` flag.

bitsandbytes is a plugin's since 0.28: ``modelyard.fit.precision`` says so.
"""

MADE_NAMES = ("fp8-online", "fp8-runtime")
"""Spellings that ask for this even where a checkpoint is published."""


CONVERTED = frozenset({"gguf", "mlx"})
"""Families that anybody converts any model to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Precision:
    """A model's weights at one precision."""

    quantization: str
    """As the catalog writes it; as asked when it is made while loading."""
    scheme: Scheme
    checkpoint: Checkpoint
    """What is downloaded."""
    engine_flag: str | None
    """The engine's ``--quantization`` value when weights are quantized while loading; None: published like this."""

    @property
    def on_the_fly(self) -> bool:
        """Whether the engine quantizes while loading."""
        return self.engine_flag is not None


def resolve_quantization(model: Model, asked: str | None) -> Checkpoint | None:
    """The published checkpoint of ``model`` at the precision ``asked``; None when the engine makes it while loading.

    ``asked`` may be a family name: ``fp8`` finds a checkpoint that calls itself ``fp8-block``. It may also be a
    checkpoint's hub id, where several share a precision. None asks for the native one.

    Raises:
        UsageError: neither published nor made by the engine; names what there is.
    """
    precision = resolve_precision(model, asked)
    return None if precision.on_the_fly else precision.checkpoint


def resolve_precision(model: Model, asked: str | None) -> Precision:
    """What ``asked`` means for ``model``: the checkpoint to download and how heavy its elements are.

    Raises:
        UsageError: neither published nor made by the engine; names what there is.
    """
    return _resolve(ById(model), asked)


def resolve_file(model: Model, asked: str) -> Precision:
    """The same for engines that read GGUF files or MLX's own format, which exist for nearly every model.

    Raises:
        UsageError: neither published nor one of these formats.
    """
    scheme = find_scheme(asked)
    published = any(canonical(asked) in {canonical(c.quantization), canonical(c.hub_id)} for c in model.checkpoint)
    if scheme is not None and scheme.family in CONVERTED and not published:
        return Precision(quantization=asked, scheme=scheme, checkpoint=model.checkpoint[0], engine_flag=None)
    return resolve_precision(model, asked)


@lru_cache(maxsize=4096)
def _resolve(key: ById[Model], asked: str | None) -> Precision:
    model = key.value
    wanted = canonical(asked) if asked is not None else canonical(model.native_quantization)
    checkpoint = None if wanted in MADE_NAMES else _find(model, wanted)
    if checkpoint is not None:
        return _published(model, checkpoint)
    scheme = find_scheme(wanted)
    native = find_scheme(model.native_quantization)
    available = ", ".join(model.quantizations)
    if scheme is None:
        raise UnknownNameError(
            "quantization", asked or "", model.quantizations, see=f"{model.title} is known as {available}."
        )
    flag = ON_THE_FLY.get(scheme.family)
    if flag is None or native is None or native.family != "bf16":
        raise UsageError(
            f"no {quote(asked)} checkpoint of {model.title} is known",
            details=f"where    quantization\nallowed  {available}{_made(native)}",
            resolution="choose one of these, or add the checkpoint to the catalog with its source",
        )
    return Precision(quantization=wanted, scheme=scheme, checkpoint=model.checkpoint[0], engine_flag=flag)


def _find(model: Model, wanted: str) -> Checkpoint | None:
    """The checkpoint called ``wanted`` (or with this hub id), else the first of its family."""
    exact = (c for c in model.checkpoint if wanted in {canonical(c.quantization), canonical(c.hub_id)})
    alike = (c for c in model.checkpoint if same_family(c.quantization, wanted))
    return next(exact, None) or next(alike, None)


def _published(model: Model, checkpoint: Checkpoint) -> Precision:
    scheme = find_scheme(checkpoint.quantization, group_size=checkpoint.group_size, zero_point=checkpoint.zero_point)
    if scheme is None:
        raise UsageError(
            f"the size of {quote(checkpoint.quantization)} weights is not known",
            details=f"where    checkpoint {checkpoint.hub_id}",
            resolution="ask for another quantization of this model",
        )
    scheme = _applied(model, checkpoint, scheme)
    return Precision(quantization=checkpoint.quantization, scheme=scheme, checkpoint=checkpoint, engine_flag=None)


def _applied(model: Model, checkpoint: Checkpoint, scheme: Scheme) -> Scheme:
    """What a scheme means for this model: one that quantizes experts says nothing of a model without any."""
    if model.moe is not None:
        return scheme
    if scheme.family == "fp8-fp4":
        raise UsageError(
            f"{quote(checkpoint.quantization)} stores experts in FP4, and {model.title} has no experts",
            details=f"where    checkpoint {checkpoint.hub_id}",
            resolution="say fp8-block, or mxfp4-all where every linear layer is in MXFP4",
        )
    everywhere = find_scheme(MXFP4_EVERYWHERE) if scheme.experts_only else None
    return everywhere or scheme


def _made(native: Scheme | None) -> str:
    if native is None or native.family != "bf16":
        return ""
    return " (and fp8, made while loading; bnb-nf4 as well, from vLLM 0.28 on with a plugin)"
