"""``params.json``, the format of Mistral's own files, as a ``config.json``."""

from modelyard.hub.config import Config

_KEYS = {
    "dim": "hidden_size", "n_layers": "num_hidden_layers", "head_dim": "head_dim", "hidden_dim": "intermediate_size",
    "n_heads": "num_attention_heads", "n_kv_heads": "num_key_value_heads", "vocab_size": "vocab_size",
    "sliding_window": "sliding_window", "tied_embeddings": "tie_word_embeddings", "q_lora_rank": "q_lora_rank",
    "kv_lora_rank": "kv_lora_rank", "qk_rope_head_dim": "qk_rope_head_dim", "qk_nope_head_dim": "qk_nope_head_dim",
    "v_head_dim": "v_head_dim",
}  # fmt: skip
_MOE_KEYS = {
    "num_experts": "n_routed_experts", "num_experts_per_tok": "num_experts_per_tok",
    "expert_hidden_dim": "moe_intermediate_size", "num_shared_experts": "n_shared_experts",
    "first_k_dense_replace": "first_k_dense_replace",
}  # fmt: skip
DEFAULT_POSITIONS = 128_000
"""vLLM's own, where the file gives none (``transformers_utils/configs/mistral.py``)."""


def as_config(params: Config) -> Config:
    """The same facts under the keys of ``config.json``."""
    raw: dict[str, object] = {"model_type": "mistral", "tie_word_embeddings": False}
    raw |= {name: value for key, name in _KEYS.items() if (value := params.value(key)) is not None}
    raw["max_position_embeddings"] = (
        params.integer("max_position_embeddings", "max_seq_len", "model_max_length") or DEFAULT_POSITIONS
    )
    moe = params.section("moe")
    if moe is not None:
        raw["model_type"] = "deepseek_v3" if params.has("kv_lora_rank") else "mixtral"
        raw |= {name: value for key, name in _MOE_KEYS.items() if (value := moe.value(key)) is not None}
    quantization = params.section("quantization")
    if quantization is not None and "fp8" in (quantization.text("qformat_weight") or ""):
        raw["quantization_config"] = {"quant_method": "fp8"}
    if params.section("vision_encoder") is not None:
        raw["vision_config"] = {}
    return Config(raw, where=params.where)
