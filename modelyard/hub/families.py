"""Which ``model_type`` is read in which way. Only what is listed here gives a confident answer.

``defaults`` are values of the published configuration classes that config files leave out (Hugging Face transformers,
``models/*/configuration_*.py``); nothing else is filled in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Pattern(StrEnum):
    """How layers that see everything alternate with layers that do not, where the config has no list of layers."""

    PLAIN = "plain"
    """All alike; with ``sliding_window`` set, all of them windowed."""
    ALTERNATE = "alternate"
    """Every second layer is full, starting with a windowed one."""
    LAST_OF_GROUP = "last of group"
    """One full layer closes each group of ``sliding_window_pattern``."""
    CHUNKED = "chunked"
    """One layer in four (``no_rope_layers``) is full, the others attend within a chunk."""
    LINEAR = "linear"
    """One layer in ``full_attention_interval`` is full, the others keep a state."""
    INDEXED = "indexed"
    """``attn_layer_indices``, or ``attn_layer_period`` and ``attn_layer_offset``, name the full layers; the others keep
    a state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """How one ``model_type`` is read."""

    name: str
    """Family of the catalog."""
    pattern: Pattern = Pattern.PLAIN
    defaults: Mapping[str, object] = field(default_factory=dict[str, object])
    expert_width_is_intermediate: bool = False
    """``intermediate_size`` is the width of an expert, and no layer is dense."""
    dense_beside_experts: bool = False
    """The dense MLP runs in every layer, beside the experts."""
    compressed: bool = False
    """Attention whose cache has no plain size per token (DeepSeek V4)."""
    encoder: bool = False
    """Every token sees all others, so that nothing is cached."""


_QKV_BIAS: Mapping[str, object] = {"attention_bias": True}
_TIED: Mapping[str, object] = {"tie_word_embeddings": True}
_UNGATED: Mapping[str, object] = {"gated_mlp": False}
_MAMBA: Mapping[str, object] = {**_UNGATED, "mamba_ssm_cache_dtype": "float32"}
_GEMMA3: Mapping[str, object] = {
    "vocab_size": 262208, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "sliding_window": 4096,
    "max_position_embeddings": 131072, "sliding_window_pattern": 6, "tie_word_embeddings": True,
}  # fmt: skip


def _all(names: str, **facts: object) -> dict[str, Family]:
    family = Family(**facts)  # type: ignore[arg-type]  # the rows below are the only callers
    return dict.fromkeys(names.split(), family)


FAMILIES: Mapping[str, Family] = {
    **_all("llama smollm3 seed_oss internlm3 apertus arcee stablelm mimo", name="llama"),
    **_all("llama4 llama4_text", name="llama", pattern=Pattern.CHUNKED),
    **_all("mistral mistral3 mistral4 ministral ministral3 pixtral", name="mistral"),
    **_all("mixtral", name="mistral", expert_width_is_intermediate=True),
    **_all("qwen2 qwen2_moe qwen2_vl qwen2_vl_text qwen2_5_vl qwen2_5_vl_text", name="qwen", defaults=_QKV_BIAS),
    **_all("qwen3 qwen3_moe qwen3_vl qwen3_vl_text qwen3_vl_moe qwen3_vl_moe_text", name="qwen"),
    **_all("qwen3_next qwen3_5 qwen3_5_text qwen3_5_moe qwen3_5_moe_text", name="qwen", pattern=Pattern.LINEAR),
    **_all("gemma", name="gemma", defaults=_TIED),
    **_all("gemma2", name="gemma", pattern=Pattern.ALTERNATE, defaults=_TIED),
    **_all("gemma3 gemma3_text", name="gemma", pattern=Pattern.LAST_OF_GROUP, defaults=_GEMMA3),
    **_all(
        "gemma4 gemma4_text", name="gemma", pattern=Pattern.LAST_OF_GROUP, defaults=_TIED, dense_beside_experts=True
    ),
    **_all("phi3", name="phi"),
    **_all("phimoe", name="phi", expert_width_is_intermediate=True),
    **_all("gpt_oss", name="gpt-oss", pattern=Pattern.ALTERNATE, expert_width_is_intermediate=True),
    **_all("deepseek_v2 deepseek_v3 deepseek_v32 dots1", name="deepseek"),
    **_all("deepseek_v4", name="deepseek", compressed=True),
    **_all("kimi_k2 kimi_k25", name="kimi"),
    **_all("kimi_linear", name="kimi", pattern=Pattern.LINEAR),
    **_all("glm glm4 glm4_moe glm4_moe_lite glm_moe_dsa glm4v glm4v_text glm4v_moe glm4v_moe_text", name="glm"),
    **_all("nemotron", name="nemotron", defaults=_UNGATED),
    **_all("nemotron_h", name="nemotron", pattern=Pattern.LINEAR, defaults=_MAMBA),
    **_all("minimax_m2", name="minimax", expert_width_is_intermediate=True),
    **_all("cohere", name="cohere", defaults=_TIED),
    **_all("cohere2", name="cohere", pattern=Pattern.LAST_OF_GROUP, defaults={**_TIED, "sliding_window_pattern": 4}),
    **_all("olmo olmo2", name="olmo"),
    **_all("olmo3", name="olmo", pattern=Pattern.LAST_OF_GROUP, defaults={"sliding_window_pattern": 4}),
    **_all("olmoe", name="olmo", expert_width_is_intermediate=True),
    **_all("granite", name="granite"),
    **_all("granitemoe", name="granite", expert_width_is_intermediate=True),
    **_all("granitemoehybrid bamba", name="granite", pattern=Pattern.INDEXED, expert_width_is_intermediate=True),
    **_all("jamba", name="jamba", pattern=Pattern.INDEXED),
    **_all("exaone", name="exaone"),
    **_all("exaone4", name="exaone", pattern=Pattern.LAST_OF_GROUP),
    **_all("ernie4_5 ernie4_5_moe", name="ernie"),
    **_all(
        "bert roberta xlm-roberta camembert electra albert mpnet distilbert deberta deberta-v2",
        name="bert",
        encoder=True,
        defaults=_UNGATED,
    ),
    **_all("modernbert nomic_bert new gte eurobert neobert", name="bert", encoder=True),
    **_all("starcoder2", name="starcoder", defaults={**_UNGATED, "attention_bias": True, "tie_word_embeddings": True}),
}


def find_family(model_type: str | None) -> Family | None:
    """How to read ``model_type``; None when it is not known."""
    return FAMILIES.get(model_type or "")
