"""Precision of a checkpoint, from ``quantization_config``, ``hf_quant_config.json`` or ``quantize_config.json``.

The names are the catalog's: ``fp8-block``, ``awq-int4``, ``w4a16``, ``nvfp4`` … A method that has no name here keeps
its own, and a fit then says that the size of such weights is not known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modelyard.hub.config import Config

DTYPES = {
    "bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32", "bf16": "bf16",
}  # fmt: skip
MXFP4_GROUP = 32

_PARTS = {
    "lm_head": ("lm_head",), "embed_tokens": ("embed_tokens",), "router": ("router", "mlp.gate", "sparse_moe.gate"),
    "vision": ("vision", "visual", "multi_modal"), "attention": ("self_attn", "attention"),
    "shared_experts": ("shared_expert",),
}  # fmt: skip
"""Parts that a list of exceptions names when one of these is in one of its patterns."""

_MLX_MODES = {"mxfp4": "mxfp4-all"}
"""Modes of MLX that have another name here."""

_ALGORITHMS = (
    ("NVFP4", "nvfp4", 4), ("MXFP4", "mxfp4-all", 4), ("AWQ", "awq-int4", 4), ("W4", "w4a16", 4),
    ("FP8_PB", "fp8-block", 8), ("BLOCK", "fp8-block", 8), ("FP8", "fp8", 8), ("INT8", "int8-w8a8", 8),
    ("W8A8", "int8-w8a8", 8),
)  # fmt: skip
"""Marks in the names of ModelOpt's algorithms, the most telling first; name here; bits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantization:
    """How the weights are stored."""

    name: str
    group_size: int | None = None
    zero_point: bool | None = None
    kv_cache_dtype: str | None = None
    unquantized: tuple[str, ...] = ()
    bits: int = 16
    """Bits of a packed weight."""
    quant_method: str | None = None
    """The declared method, where engines treat it apart: ``modelopt``."""


def read_quantization(config: Config, separate: Config | None) -> Quantization | None:
    """What the checkpoint says of its precision; None when it says nothing and its weights are as the dtype says.

    Args:
        config: the model's config, with ``quantization_config`` where there is one.
        separate: ``hf_quant_config.json`` or ``quantize_config.json``, where there is one.
    """
    own = _mlx(config)
    if own is not None:
        return own
    section = config.section("quantization_config") or config.section("compression_config")
    if section is None and separate is not None:
        section = separate.section("quantization") or separate
    if section is None or section.text("quant_method") == "none":
        return None
    found = _by_method(section, config)
    exceptions = section.items("modules_to_not_convert", "ignore", "exclude_modules", "exclude") or ()
    unquantized = found.unquantized or _parts([str(item) for item in exceptions])
    cached = section.value("kv_cache_scheme", "kv_cache_quant_algo", "kv_cache_quant_method")
    return replace(
        found,
        unquantized=unquantized,
        kv_cache_dtype=_cache_dtype(section, cached),
        quant_method=_declared(section),
    )


def _mlx(config: Config) -> Quantization | None:
    """MLX's own format: ``quantization`` beside or instead of ``quantization_config``, without a method."""
    section = config.section("quantization")
    bits = section.integer("bits") if section is not None else None
    if section is None or bits is None or section.text("quant_method") is not None:
        return None
    mode, group = section.text("mode") or "affine", section.integer("group_size")
    if mode != "affine":  # mxfp4, nvfp4, mxfp8: the formats of that name, for every matrix
        return Quantization(name=_MLX_MODES.get(mode, mode), group_size=group, bits=bits)
    return Quantization(name=f"mlx-{bits}bit", group_size=group, bits=bits)


def _by_method(section: Config, config: Config) -> Quantization:
    method = (section.word("quant_method") or section.word("quant_algo") or "gptq").lower().replace("_", "-")
    if method.startswith("modelopt"):
        method = "modelopt"
    if method == "compressed-tensors" or section.section("config_groups") is not None:
        return _compressed(section)
    if method in {"fp8", "fbgemm-fp8"}:
        return _fp8(section, config)
    if method in {"awq", "gptq", "auto-round", "autoawq", "intel-auto-round"}:
        return _integer(section, "awq" if "awq" in method else "gptq")
    if method == "mxfp4":
        return Quantization(name="mxfp4", group_size=MXFP4_GROUP, bits=4)
    if method in {"bitsandbytes", "bnb"}:
        return _bitsandbytes(section)
    algorithm = (section.word("quant_algo") or "").upper()
    return _algorithm(algorithm or method.upper(), section)


def _declared(section: Config) -> str | None:
    """ModelOpt says its name, or in a file of its own (``hf_quant_config.json``) the algorithm alone."""
    method = (section.word("quant_method") or "").lower()
    return "modelopt" if method.startswith("modelopt") or (not method and section.word("quant_algo")) else None


def _fp8(section: Config, config: Config) -> Quantization:
    block = section.items("weight_block_size")
    size = block[0] if block and isinstance(block[0], int) else None
    if config.text("expert_dtype") == "fp4":
        return Quantization(name="fp8+fp4", group_size=size, bits=4)
    return Quantization(name="fp8-block" if size else "fp8", group_size=size, bits=8)


def _integer(section: Config, kind: str) -> Quantization:
    bits = section.integer("bits", "w_bit", "wbits") or 4
    group = (
        section.integer("group_size", "q_group_size") if _is_positive(section, "group_size", "q_group_size") else None
    )
    symmetric = section.flag("sym")
    zeros = section.flag("zero_point")
    if zeros is None:
        zeros = not symmetric if symmetric is not None else kind == "awq"
    name = f"{kind}-int4" if bits == 4 else "w8a16" if bits == 8 else f"{kind}-int{bits}"
    return Quantization(name=name, group_size=group, zero_point=zeros, bits=bits)


def _is_positive(section: Config, *keys: str) -> bool:
    """Group size −1 means one group per row."""
    value = section.value(*keys)
    return isinstance(value, int) and value > 0


def _compressed(section: Config) -> Quantization:
    groups = section.section("config_groups")
    weights = [w for group in (groups.sections() if groups else ()) if (w := group.section("weights")) is not None]
    if not weights:
        return Quantization(name="compressed-tensors")
    first = min(weights, key=_bits)  # of a mixed checkpoint the lightest; the headers say what is heavier
    if (first.text("type") or "int") == "float":
        return _float(first, is_mx="mxfp4" in (section.text("format") or ""))
    bits = _bits(first)
    size = first.integer("group_size") if _is_positive(first, "group_size") else None
    if bits == 8:
        return Quantization(name="int8-w8a8", group_size=size, bits=8)
    return Quantization(name=f"w{bits}a16", group_size=size, zero_point=first.flag("symmetric") is False, bits=bits)


def _bits(weights: Config) -> int:
    return weights.integer("num_bits") or 16


def _float(weights: Config, *, is_mx: bool) -> Quantization:
    """Floating-point weights of compressed-tensors: 4 bits in groups, or 8 bits by block, channel or tensor."""
    size = weights.integer("group_size") if _is_positive(weights, "group_size") else None
    if _bits(weights) == 4:
        return Quantization(name="mxfp4-all" if is_mx or size == MXFP4_GROUP else "nvfp4", group_size=size, bits=4)
    block, strategy = weights.items("block_structure"), weights.text("strategy")
    if block or strategy == "block":
        side = block[0] if block and isinstance(block[0], int) else 128
        return Quantization(name="fp8-block", group_size=side, bits=8)
    return Quantization(name="fp8" if strategy == "tensor" else "fp8-dynamic", bits=8)


def _bitsandbytes(section: Config) -> Quantization:
    if section.flag("load_in_8bit"):
        return Quantization(name="int8", bits=8)
    double = section.flag("bnb_4bit_use_double_quant") is True
    return Quantization(name="bnb-nf4-double" if double else "bnb-nf4", bits=4)


def _algorithm(algorithm: str, section: Config) -> Quantization:
    """ModelOpt names an algorithm; its mixed checkpoints name one per layer, of which the lightest counts."""
    group = section.integer("group_size") if _is_positive(section, "group_size") else None
    layers = section.section("quantized_layers") if "MIXED" in algorithm else None
    if layers is not None:
        named = {text.upper() for layer in layers.sections() if (text := layer.word("quant_algo"))}
        algorithm = min(sorted(named), key=lambda text: "4" not in text, default=algorithm)
    for mark, name, bits in _ALGORITHMS:
        if mark in algorithm:
            sizes = {"nvfp4": 16, "mxfp4-all": MXFP4_GROUP, "fp8-block": 128}
            return Quantization(name=name, group_size=group or sizes.get(name), bits=bits)
    return Quantization(name=algorithm.lower().replace("_", "-"))


def _cache_dtype(section: Config, cached: object) -> str | None:
    scheme = section.section("kv_cache_scheme")
    if scheme is not None:
        return "fp8" if scheme.integer("num_bits") == 8 and scheme.text("type") == "float" else None
    return "fp8" if isinstance(cached, str) and cached.upper() == "FP8" else None


def _parts(patterns: Sequence[str]) -> tuple[str, ...]:
    """Parts of the model that a list of exceptions leaves in the model's dtype."""
    plain = [pattern.replace("\\", "").lower() for pattern in patterns]
    return tuple(part for part, marks in _PARTS.items() if any(m in text for text in plain for m in marks))
