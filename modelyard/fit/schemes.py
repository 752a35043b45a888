"""Quantization schemes: what one parameter weighs, and which spellings mean the same scheme.

Names differ between checkpoints, engines and people (``fp8``, ``fp8-block``, ``fp8-dynamic``; ``w4a16``,
``gptq-int4``). Here a name becomes a scheme: bytes per element of a quantized linear layer, its scales, its family.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from modelyard.fit.gguf import AVERAGE_BITS, file_type

GROUP_INT4 = 128
"""Group size of AWQ and GPTQ checkpoints that do not say theirs."""

GROUP_MLX = 64
"""The same of MLX's own checkpoints."""

MXFP4_EVERYWHERE = "mxfp4-all"
"""MXFP4 in every linear layer. Plain ``mxfp4`` means gpt-oss's method, which quantizes experts alone."""

_FP8_BLOCK = 128 * 128
_FP4_EXPERTS = 0.5 + 1 / 32
_WEIGHTS_IN_8_BITS = re.compile(r"w8a16|(?:gptq|awq)-?(?:w8a16|int8|8-?bit)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheme:
    """What a quantized element weighs."""

    name: str
    family: str
    """``bf16``, ``fp32``, ``fp8``, ``int8``, ``int4``, ``nvfp4``, ``mxfp4``, ``fp8-fp4``, ``bnb``, ``gguf``,
    ``mlx``."""
    linear_bytes: float
    """Bytes per element of a quantized linear layer, group or block scales included."""
    expert_bytes: float
    """The same for expert weights, which some checkpoints quantize further."""
    row_scale_bytes: int = 0
    """Bytes per output row, for per-channel scales."""
    block: int = 1
    """A tensor-parallel shard of a quantized layer must be a multiple of this."""
    experts_only: bool = False
    """Only expert weights are quantized unless the checkpoint says more."""
    everything: bool = False
    """Embeddings and output head are quantized as well."""


def _uniform(name: str, family: str, size: float, *, rows: int = 0, block: int = 1) -> Scheme:
    return Scheme(name=name, family=family, linear_bytes=size, expert_bytes=size, row_scale_bytes=rows, block=block)


def canonical(name: str) -> str:
    """A quantization name in lower case with dashes: ``FP8_Block`` and ``fp8-block`` are one."""
    return name.strip().lower().replace("_", "-")


@lru_cache(maxsize=512)
def find_scheme(name: str, *, group_size: int | None = None, zero_point: bool | None = None) -> Scheme | None:
    """The scheme that ``name`` means, or None when it means none.

    Args:
        name: any spelling, such as ``fp8-block`` or ``awq-int4-g128``.
        group_size: elements that share a scale, when the checkpoint says so.
        zero_point: whether groups carry a zero as well, when the checkpoint says so.
    """
    text = canonical(name)
    own = _gguf(text) or _mlx(text, group_size)
    if own is not None:
        return own
    if re.search(r"fp8.*(fp4|mxfp4)|(fp4|mxfp4).*fp8", text) and "nvfp4" not in text:
        return Scheme(
            name=text, family="fp8-fp4", linear_bytes=1 + 4 / _FP8_BLOCK, expert_bytes=_FP4_EXPERTS, block=128
        )
    return _plain(text) or _eight_bit(text, group_size) or _four_bit(text, group_size, zero_point=zero_point)


def _plain(text: str) -> Scheme | None:
    sizes = {"bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2, "half": 2, "fp32": 4, "float32": 4, "float": 4}
    size = sizes.get(text)
    return _uniform(text, "bf16" if size == 2 else "fp32", float(size)) if size else None


def _eight_bit(text: str, group_size: int | None) -> Scheme | None:
    if _WEIGHTS_IN_8_BITS.match(text):
        return _weights_in_8_bits(text, group_size)
    if re.match(r"(?:bnb|bitsandbytes)-(?:int8|8-?bit)", text):
        return _uniform(text, "bnb", 1.0, rows=4)
    if text.startswith(("int8", "w8a8")):
        return _uniform(text, "int8", 1.0, rows=4)
    return _fp8(text) if "fp8" in text else None


def _fp8(text: str) -> Scheme:
    if "mx" in text:
        return _uniform(text, "fp8", 1 + 1 / 32)
    if "block" in text:
        return _uniform(text, "fp8", 1 + 4 / _FP8_BLOCK, block=128)
    return _uniform(text, "fp8", 1.0, rows=4)


def _weights_in_8_bits(text: str, group_size: int | None) -> Scheme:
    """GPTQ in 8 bits has a 16-bit scale per group; ``w8a16`` that says no group, one scale per row."""
    written = re.search(r"g(\d+)$", text)
    group = int(written[1]) if written else group_size or (None if text.startswith("w8a16") else GROUP_INT4)
    if group is None:
        return _uniform(text, "int8", 1.0, rows=4)
    return _uniform(text, "int8", 1 + 2 / group)


def _four_bit(text: str, group_size: int | None, *, zero_point: bool | None) -> Scheme | None:
    if "nvfp4" in text or text == "fp4":
        return _uniform(text, "nvfp4", 0.5 + 1 / (group_size or 16))
    if "mxfp4" in text:
        plain = _uniform(text, "mxfp4", _FP4_EXPERTS)
        return plain if text == MXFP4_EVERYWHERE else replace(plain, experts_only=True)
    if "nf4" in text or text.startswith(("bnb", "bitsandbytes")):
        return _uniform(text, "bnb", 0.5 + (1 / 32 if "double" in text else 4 / 64))
    if not text.startswith(("int4", "awq", "gptq", "w4a16", "w4a8")):
        return None
    written = re.search(r"g(\d+)$", text)
    group = group_size or (int(written[1]) if written else GROUP_INT4)
    zeros = zero_point if zero_point is not None else text.startswith("awq")
    return _uniform(text, "int4", 0.5 + 2 / group + (0.5 / group if zeros else 0.0))


def _gguf(text: str) -> Scheme | None:
    found = file_type(text)
    if found is None:
        return None
    size = AVERAGE_BITS[found] / 8
    return Scheme(name=text, family="gguf", linear_bytes=size, expert_bytes=size, everything=True)


def _mlx(text: str, group_size: int | None) -> Scheme | None:
    """MLX's own format: packed weights, and a 16-bit scale and bias per group (``mlx_lm.convert``, groups of 64)."""
    match = re.fullmatch(r"mlx-([234568])-?bit(?:-gs?(\d+))?", text)
    if match is None:
        return None
    group = group_size or int(match[2] or GROUP_MLX)
    size = int(match[1]) / 8 + 4 / group
    return Scheme(name=text, family="mlx", linear_bytes=size, expert_bytes=size, everything=True)


def same_family(one: str, other: str) -> bool:
    """Whether two quantization names belong to one family, so that one may stand for the other."""
    first, second = find_scheme(one), find_scheme(other)
    return first is not None and second is not None and first.family == second.family
