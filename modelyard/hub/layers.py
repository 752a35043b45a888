"""How many layers of which kind: from the config's own list of layers, or from its family's pattern."""

import re
from collections import Counter
from dataclasses import dataclass

from modelyard.hub.config import Config
from modelyard.hub.families import Family, Pattern

FULL_EVERY = 4
"""One full layer in four, where the config does not say (Llama 4, Qwen3-Next)."""

_KINDS = {
    "full_attention": "full", "attention": "full", "global_attention": "full", "global": "full",
    "deepseek_sparse_attention": "full",
    "sliding_attention": "sliding", "local_attention": "sliding", "sliding_window_attention": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "linear", "mamba": "linear", "mamba2": "linear",
    "mlp": "ffn", "moe": "ffn",
}  # fmt: skip
_LETTERS = {"M": "linear", "*": "full", "E": "ffn", "-": "ffn"}
"""Nemotron-H writes its layers as one string, a letter for each block …"""
_LETTER_OF = {"mamba": "M", "linear_attention": "M", "attention": "*", "full_attention": "*", "moe": "E", "mlp": "-"}
"""… or as a list of words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layers:
    """The layers by what they cache."""

    full: int
    sliding: int = 0
    chunked: int = 0
    linear: int = 0
    other: int = 0
    """Layers of a kind that is not known here."""
    window: int = 0
    """Tokens that a windowed layer sees."""


def count_layers(config: Config, family: Family, total: int) -> Layers:
    """Count the layers of a model whose family is known.

    Args:
        config: the language model's config.
        family: how it is read.
        total: ``num_hidden_layers``.
    """
    window = config.integer("attention_chunk_size" if family.pattern is Pattern.CHUNKED else "sliding_window") or 0
    if config.flag("use_sliding_window") is False:
        window = 0
    kinds = _listed(config) or _patterned(config, family, total, window)
    count = Counter(kinds)
    if not window:  # layers without a window see everything
        count["full"] += count.pop("sliding", 0) + count.pop("chunked", 0)
    known = {"full", "sliding", "chunked", "linear", "ffn"}
    return Layers(
        full=count["full"],
        sliding=count["sliding"],
        chunked=count["chunked"],
        linear=count["linear"],
        other=sum(n for kind, n in count.items() if kind not in known),
        window=window,
    )


def block_pattern(config: Config) -> str:
    """One letter per layer where a layer is one block and not attention and feed-forward part; else nothing."""
    written = config.text("hybrid_override_pattern")
    if written is None and config.text("model_type") == "nemotron_h":
        written = "".join(_LETTER_OF.get(str(kind), "?") for kind in config.items("layers_block_type") or ())
    return written if written and set(written) <= set(_LETTERS) else ""


def _listed(config: Config) -> list[str] | None:
    listed = config.items("layer_types", "layers_block_type")
    if listed:
        return [_KINDS.get(str(kind), "other") for kind in listed]
    pattern = config.text("hybrid_override_pattern")
    return [_LETTERS.get(letter, "other") for letter in pattern] if pattern else None


def _patterned(config: Config, family: Family, total: int, window: int) -> list[str]:
    if family.pattern is Pattern.LINEAR:
        return _linear(config, total)
    if family.pattern is Pattern.INDEXED:
        return _indexed(config, total)
    if family.pattern is Pattern.CHUNKED:
        return _chunked(config, total)
    if family.pattern is Pattern.ALTERNATE:
        return ["full" if index % 2 else "sliding" for index in range(total)]
    if family.pattern is Pattern.LAST_OF_GROUP:
        return _grouped(config, total)
    return _uniform(config, total, window)


def _linear(config: Config, total: int) -> list[str]:
    nested = config.section("linear_attn_config")
    full = nested.items("full_attn_layers") if nested is not None else None
    if full is not None:  # Kimi Linear counts its layers from 1
        return ["full" if index in full else "linear" for index in range(1, total + 1)]
    every = config.integer("full_attention_interval") or FULL_EVERY
    return ["linear" if (index + 1) % every else "full" for index in range(total)]


def _indexed(config: Config, total: int) -> list[str]:
    full = config.items("attn_layer_indices")
    if full is not None:
        return ["full" if index in full else "linear" for index in range(total)]
    period = config.integer("attn_layer_period")
    if period:
        offset = config.integer("attn_layer_offset") or 0
        return ["full" if index % period == offset else "linear" for index in range(total)]
    return ["full"] * total  # a member of the family without state layers


def _chunked(config: Config, total: int) -> list[str]:
    rope = config.items("no_rope_layers")
    if rope:  # 1: rotary and chunked; 0: neither
        return ["chunked" if item else "full" for item in rope]
    every = config.integer("no_rope_layer_interval") or FULL_EVERY
    return ["chunked" if (index + 1) % every else "full" for index in range(total)]


def _grouped(config: Config, total: int) -> list[str]:
    written = config.value("sliding_window_pattern", "_sliding_window_pattern", "layer_switch")
    if isinstance(written, str) and re.fullmatch(r"[LG]+", written):  # EXAONE: "LLLG"
        return ["sliding" if written[index % len(written)] == "L" else "full" for index in range(total)]
    if isinstance(written, int) and written > 0:
        return ["sliding" if (index + 1) % written else "full" for index in range(total)]
    return ["full"] * total


def _uniform(config: Config, total: int, window: int) -> list[str]:
    longest = config.integer("max_position_embeddings")
    if not window or (longest is not None and window >= longest):
        return ["full"] * total
    first = config.integer("max_window_layers") or 0 if config.flag("use_sliding_window") else 0
    return ["full" if index < first else "sliding" for index in range(total)]
