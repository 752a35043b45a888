"""Quantization schemes: what one parameter weighs, and which spellings mean the same scheme.

Names differ between checkpoints, engines and people (``fp8``, ``fp8-block``, ``fp8-dynamic``; ``w4a16``,
``gptq-int4``). Here a name becomes a scheme: bytes per element of a quantized linear layer, its scales, its family.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

GROUP_INT4 = 128
"""Group size of AWQ and GPTQ checkpoints that do not say theirs."""

_FP8_BLOCK = 128 * 128
_FP4_EXPERTS = 0.5 + 1 / 32

# Bits per weight of ggml's block layouts; the mixed presets are what their files come to on average.
_GGUF_BITS = {
    "q2_k": 2.625, "q3_k": 3.4375, "q4_0": 4.5, "q4_1": 5.0, "q4_k": 4.5, "q5_0": 5.5, "q5_1": 6.0, "q5_k": 5.5,
    "q6_k": 6.5625, "q8_0": 8.5, "q8_k": 8.03, "iq1_s": 1.56, "iq1_m": 1.75, "iq2_xxs": 2.06, "iq2_xs": 2.31,
    "iq2_s": 2.5, "iq3_xxs": 3.06, "iq3_s": 3.44, "iq4_xs": 4.25, "iq4_nl": 4.5, "tq1_0": 1.6875, "tq2_0": 2.0625,
    "mxfp4": 4.25, "q4_k_m": 4.85, "q5_k_m": 5.7, "q3_k_m": 3.9, "q4_k_s": 4.6,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheme:
    """What a quantized element weighs."""

    name: str
    family: str
    """``bf16``, ``fp32``, ``fp8``, ``int8``, ``int4``, ``nvfp4``, ``mxfp4``, ``fp8-fp4``, ``bnb`` or ``gguf``."""
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
    gguf = _gguf(text)
    if gguf is not None:
        return gguf
    if re.search(r"fp8.*(fp4|mxfp4)|(fp4|mxfp4).*fp8", text) and "nvfp4" not in text:
        return Scheme(
            name=text, family="fp8-fp4", linear_bytes=1 + 4 / _FP8_BLOCK, expert_bytes=_FP4_EXPERTS, block=128
        )
    return _plain(text) or _eight_bit(text) or _four_bit(text, group_size, zero_point=zero_point)


def _plain(text: str) -> Scheme | None:
    sizes = {"bf16": 2, "bfloat16": 2, "fp16": 2, "float16": 2, "half": 2, "fp32": 4, "float32": 4, "float": 4}
    size = sizes.get(text)
    return _uniform(text, "bf16" if size == 2 else "fp32", float(size)) if size else None


def _eight_bit(text: str) -> Scheme | None:
    if text.startswith(("int8", "w8a8", "w8a16")):
        return _uniform(text, "int8", 1.0, rows=4)
    if "fp8" not in text:
        return None
    if "mx" in text:
        return _uniform(text, "fp8", 1 + 1 / 32)
    if "block" in text:
        return _uniform(text, "fp8", 1 + 4 / _FP8_BLOCK, block=128)
    return _uniform(text, "fp8", 1.0, rows=4)


def _four_bit(text: str, group_size: int | None, *, zero_point: bool | None) -> Scheme | None:
    if "nvfp4" in text or text == "fp4":
        return _uniform(text, "nvfp4", 0.5 + 1 / (group_size or 16))
    if "mxfp4" in text:
        return Scheme(
            name=text, family="mxfp4", linear_bytes=_FP4_EXPERTS, expert_bytes=_FP4_EXPERTS, experts_only=True
        )
    if "nf4" in text or text.startswith(("bnb", "bitsandbytes")):
        return _uniform(text, "bnb", 0.5 + (1 / 32 if "double" in text else 4 / 64))
    if not text.startswith(("int4", "awq", "gptq", "w4a16", "w4a8")):
        return None
    written = re.search(r"g(\d+)$", text)
    group = group_size or (int(written[1]) if written else GROUP_INT4)
    zeros = zero_point if zero_point is not None else text.startswith("awq")
    return _uniform(text, "int4", 0.5 + 2 / group + (0.5 / group if zeros else 0.0))


def _gguf(text: str) -> Scheme | None:
    bare = text.removeprefix("gguf-").replace("-", "_")
    bits = _GGUF_BITS.get(bare)
    if bits is None or (bare == "mxfp4" and not text.startswith("gguf-")):
        return None
    size = bits / 8
    return Scheme(name=text, family="gguf", linear_bytes=size, expert_bytes=size, everything=True)


def same_family(one: str, other: str) -> bool:
    """Whether two quantization names belong to one family, so that one may stand for the other."""
    first, second = find_scheme(one), find_scheme(other)
    return first is not None and second is not None and first.family == second.family
