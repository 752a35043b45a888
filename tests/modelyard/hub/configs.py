"""Configs as published, cut down to what sizes a model; keys are the model's name in the catalog."""

from typing import Any

_GEMMA4_LAYERS = ["sliding_attention"] * 5 + ["full_attention"]
_QWEN_LINEAR = {
    "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16, "linear_value_head_dim": 128,
}  # fmt: skip
_DEEPSEEK_MOE = {
    "first_k_dense_replace": 3, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_routed_experts": 256,
    "n_shared_experts": 1, "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4,
}  # fmt: skip
_DEEPSEEK_MLA = {
    "kv_lora_rank": 512, "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
}  # fmt: skip
_FP8_BLOCK = {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128]}

DEEPSEEK_V3: dict[str, Any] = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "max_position_embeddings": 163840,
    "num_attention_heads": 128, "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 129280, "attention_bias": False,
    "quantization_config": _FP8_BLOCK, **_DEEPSEEK_MOE, **_DEEPSEEK_MLA,
}  # fmt: skip

LLAMA_3_1_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "max_position_embeddings": 131072, "torch_dtype": "bfloat16", "tie_word_embeddings": False, "attention_bias": False,
}  # fmt: skip

NEMOTRON_3_NANO: dict[str, Any] = {
    "model_type": "nemotron_h", "hidden_size": 2688, "intermediate_size": 1856, "num_hidden_layers": 52,
    "hybrid_override_pattern": "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", "mamba_head_dim": 64,
    "mamba_num_heads": 64, "mamba_ssm_cache_dtype": "float32", "max_position_embeddings": 262144,
    "mlp_hidden_act": "relu2", "moe_intermediate_size": 1856, "moe_shared_expert_intermediate_size": 3712,
    "n_groups": 8, "n_routed_experts": 128, "n_shared_experts": 1, "num_attention_heads": 32, "head_dim": 128,
    "num_experts_per_tok": 6, "num_key_value_heads": 2, "ssm_state_size": 128, "conv_kernel": 4,
    "torch_dtype": "bfloat16", "tie_word_embeddings": False, "vocab_size": 131072,
}  # fmt: skip

CONFIGS: dict[str, dict[str, Any]] = {
    "llama-3.1-8b": LLAMA_3_1_8B,
    "llama-4-scout": {
        "model_type": "llama4", "torch_dtype": "bfloat16",
        "text_config": {
            "model_type": "llama4_text", "attention_chunk_size": 8192, "head_dim": 128, "hidden_size": 5120,
            "interleave_moe_layer_step": 1, "intermediate_size": 8192, "intermediate_size_mlp": 16384,
            "max_position_embeddings": 10485760, "num_attention_heads": 40, "num_experts_per_tok": 1,
            "num_hidden_layers": 48, "num_key_value_heads": 8, "num_local_experts": 16, "vocab_size": 202048,
            "attention_bias": False,
        },
        "vision_config": {"model_type": "llama4_vision_model", "hidden_size": 1408, "num_hidden_layers": 34},
    },
    "llama-4-maverick": {
        "model_type": "llama4", "torch_dtype": "bfloat16",
        "text_config": {
            "model_type": "llama4_text", "attention_chunk_size": 8192, "head_dim": 128, "hidden_size": 5120,
            "interleave_moe_layer_step": 2, "intermediate_size": 8192, "intermediate_size_mlp": 16384,
            "max_position_embeddings": 1048576, "num_attention_heads": 40, "num_experts_per_tok": 1,
            "num_hidden_layers": 48, "num_key_value_heads": 8, "num_local_experts": 128, "vocab_size": 202048,
            "no_rope_layers": [1, 1, 1, 0] * 12,
        },
    },
    "mistral-small-3.1": {
        "model_type": "mistral3", "torch_dtype": "bfloat16",
        "text_config": {
            "model_type": "mistral", "head_dim": 128, "hidden_size": 5120, "intermediate_size": 32768,
            "max_position_embeddings": 131072, "num_attention_heads": 32, "num_hidden_layers": 40,
            "num_key_value_heads": 8, "sliding_window": None, "vocab_size": 131072,
        },
        "vision_config": {"model_type": "pixtral", "hidden_size": 1024, "num_hidden_layers": 24},
    },
    "mixtral-8x7b": {
        "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 32768,
        "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "num_local_experts": 8, "sliding_window": None, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
        "vocab_size": 32000,
    },
    "qwen2.5-7b": {
        "model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944, "max_position_embeddings": 32768,
        "max_window_layers": 28, "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
        "sliding_window": 131072, "use_sliding_window": False, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": 152064,
    },
    "qwen3-0.6b": {
        "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "max_position_embeddings": 40960,
        "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "head_dim": 128,
        "sliding_window": None, "use_sliding_window": False, "tie_word_embeddings": True, "attention_bias": False,
        "torch_dtype": "bfloat16", "vocab_size": 151936, "max_window_layers": 28,
    },
    "qwen3-30b-a3b": {
        "model_type": "qwen3_moe", "decoder_sparse_step": 1, "head_dim": 128, "hidden_size": 2048,
        "intermediate_size": 6144, "max_position_embeddings": 40960, "mlp_only_layers": [],
        "moe_intermediate_size": 768,
        "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
        "num_key_value_heads": 4, "sliding_window": None, "use_sliding_window": False, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": 151936, "attention_bias": False,
    },
    "qwen3-next-80b-a3b": {
        "model_type": "qwen3_next", "attention_bias": False, "decoder_sparse_step": 1, "full_attention_interval": 4,
        "head_dim": 256, "hidden_size": 2048, "intermediate_size": 5120, **_QWEN_LINEAR, "linear_num_value_heads": 32,
        "max_position_embeddings": 262144, "mlp_only_layers": [], "moe_intermediate_size": 512,
        "num_attention_heads": 16, "num_experts": 512, "num_experts_per_tok": 10, "num_hidden_layers": 48,
        "num_key_value_heads": 2, "shared_expert_intermediate_size": 512, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": 151936,
    },
    "qwen3.5-35b-a3b": {
        "model_type": "qwen3_5_moe", "tie_word_embeddings": False,
        "text_config": {
            "model_type": "qwen3_5_moe_text", "attn_output_gate": True, "dtype": "bfloat16", "head_dim": 256,
            "full_attention_interval": 4, "hidden_size": 2048, **_QWEN_LINEAR, "linear_num_value_heads": 32,
            "layer_types": (["linear_attention"] * 3 + ["full_attention"]) * 10, "mamba_ssm_dtype": "float32",
            "max_position_embeddings": 262144, "mlp_only_layers": [], "moe_intermediate_size": 512,
            "mtp_num_hidden_layers": 1, "num_attention_heads": 16, "num_experts": 256, "num_experts_per_tok": 8,
            "num_hidden_layers": 40, "num_key_value_heads": 2, "shared_expert_intermediate_size": 512,
            "vocab_size": 248320,
        },
        "vision_config": {"model_type": "qwen3_5_moe", "depth": 27, "hidden_size": 1152},
    },
    "gemma-2-27b": {
        "model_type": "gemma2", "head_dim": 128, "hidden_size": 4608, "intermediate_size": 36864,
        "max_position_embeddings": 8192, "num_attention_heads": 32, "num_hidden_layers": 46,
        "num_key_value_heads": 16, "sliding_window": 4096, "sliding_window_size": 4096, "torch_dtype": "bfloat16",
        "vocab_size": 256000,
    },
    "gemma-3-12b": {
        "model_type": "gemma3", "torch_dtype": "bfloat16",
        "text_config": {
            "model_type": "gemma3_text", "hidden_size": 3840, "intermediate_size": 15360, "num_attention_heads": 16,
            "num_hidden_layers": 48, "num_key_value_heads": 8, "sliding_window": 1024,
        },
        "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 1152, "num_hidden_layers": 27},
    },
    "gemma-4-26b-a4b": {
        "model_type": "gemma4", "dtype": "bfloat16", "tie_word_embeddings": True,
        "text_config": {
            "model_type": "gemma4_text", "attention_k_eq_v": True, "dtype": "bfloat16", "enable_moe_block": True,
            "global_head_dim": 512, "head_dim": 256, "hidden_size": 2816, "intermediate_size": 2112,
            "layer_types": _GEMMA4_LAYERS * 5, "max_position_embeddings": 262144, "moe_intermediate_size": 704,
            "num_attention_heads": 16, "num_experts": 128, "num_global_key_value_heads": 2, "num_hidden_layers": 30,
            "num_key_value_heads": 8, "num_kv_shared_layers": 0, "sliding_window": 1024, "tie_word_embeddings": True,
            "top_k_experts": 8, "vocab_size": 262144,
        },
    },
    "gemma-4-31b": {
        "model_type": "gemma4", "dtype": "bfloat16",
        "text_config": {
            "model_type": "gemma4_text", "attention_k_eq_v": True, "dtype": "bfloat16", "enable_moe_block": False,
            "expert_intermediate_size": None, "global_head_dim": 512, "head_dim": 256, "hidden_size": 5376,
            "intermediate_size": 21504, "layer_types": _GEMMA4_LAYERS * 10, "max_position_embeddings": 262144,
            "num_attention_heads": 32, "num_experts": None, "num_global_key_value_heads": 4, "num_hidden_layers": 60,
            "num_key_value_heads": 16, "num_kv_shared_layers": 0, "sliding_window": 1024, "top_k_experts": None,
            "vocab_size": 262144,
        },
    },
    "phi-4-mini": {
        "model_type": "phi3", "attention_bias": False, "hidden_size": 3072, "intermediate_size": 8192,
        "max_position_embeddings": 131072, "num_attention_heads": 24, "num_hidden_layers": 32,
        "num_key_value_heads": 8, "sliding_window": 262144, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
        "vocab_size": 200064,
    },
    "gpt-oss-20b": {
        "model_type": "gpt_oss", "attention_bias": True, "experts_per_token": 4, "head_dim": 64, "hidden_size": 2880,
        "intermediate_size": 2880, "layer_types": ["sliding_attention", "full_attention"] * 12,
        "max_position_embeddings": 131072, "num_attention_heads": 64, "num_experts_per_tok": 4,
        "num_hidden_layers": 24, "num_key_value_heads": 8, "num_local_experts": 32, "sliding_window": 128,
        "tie_word_embeddings": False, "vocab_size": 201088,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn"]},
    },
    "deepseek-v2-lite": {
        "model_type": "deepseek_v2", "first_k_dense_replace": 1, "hidden_size": 2048, "intermediate_size": 10944,
        "kv_lora_rank": 512, "max_position_embeddings": 163840, "moe_intermediate_size": 1408, "moe_layer_freq": 1,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_attention_heads": 16, "num_experts_per_tok": 6,
        "num_hidden_layers": 27, "num_key_value_heads": 16, "q_lora_rank": None, "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "v_head_dim": 128,
        "vocab_size": 102400,
    },
    "deepseek-v3": DEEPSEEK_V3,
    "deepseek-v3.2": {
        **DEEPSEEK_V3, "model_type": "deepseek_v32", "index_head_dim": 128, "index_n_heads": 64, "index_topk": 2048,
    },
    "deepseek-v4-flash": {
        "model_type": "deepseek_v4", "expert_dtype": "fp4", "head_dim": 512, "hidden_size": 4096,
        "index_head_dim": 128, "index_n_heads": 64, "index_topk": 512, "max_position_embeddings": 1048576,
        "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1, "num_attention_heads": 64,
        "num_experts_per_tok": 6, "num_hidden_layers": 43, "num_key_value_heads": 1, "num_nextn_predict_layers": 1,
        "q_lora_rank": 1024, "qk_rope_head_dim": 64, "sliding_window": 128, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": 129280, "quantization_config": _FP8_BLOCK,
        "compress_ratios": [0, 0, *([4, 128] * 20), 4, 0],
    },
    "kimi-k2": {
        "model_type": "kimi_k2", "first_k_dense_replace": 1, "hidden_size": 7168, "intermediate_size": 18432,
        "max_position_embeddings": 131072, "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_routed_experts": 384,
        "n_shared_experts": 1, "num_attention_heads": 64, "num_experts_per_tok": 8, "num_hidden_layers": 61,
        "num_key_value_heads": 64, "num_nextn_predict_layers": 0, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "vocab_size": 163840, "quantization_config": _FP8_BLOCK, **_DEEPSEEK_MLA,
    },
    "glm-4.5": {
        "model_type": "glm4_moe", "attention_bias": True, "first_k_dense_replace": 3, "head_dim": 128,
        "hidden_size": 5120, "intermediate_size": 12288, "max_position_embeddings": 131072,
        "moe_intermediate_size": 1536, "n_routed_experts": 160, "n_shared_experts": 1, "num_attention_heads": 96,
        "num_experts_per_tok": 8, "num_hidden_layers": 92, "num_key_value_heads": 8, "num_nextn_predict_layers": 1,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 151552,
    },
    "mistral-small-4": {
        "model_type": "mistral3", "dtype": "bfloat16",
        "text_config": {
            "model_type": "mistral4", "first_k_dense_replace": 0, "hidden_size": 4096, "intermediate_size": 12288,
            "kv_lora_rank": 256, "max_position_embeddings": 1048576, "moe_intermediate_size": 2048,
            "n_routed_experts": 128, "n_shared_experts": 1, "num_attention_heads": 32, "num_experts_per_tok": 4,
            "num_hidden_layers": 36, "num_key_value_heads": 32, "q_lora_rank": 1024, "qk_nope_head_dim": 64,
            "qk_rope_head_dim": 64, "tie_word_embeddings": False, "v_head_dim": 128, "vocab_size": 131072,
        },
    },
    "nemotron-3-nano-30b-a3b": NEMOTRON_3_NANO,
    "nemotron-3-super-120b-a12b": {
        **NEMOTRON_3_NANO, "hidden_size": 4096, "intermediate_size": 2688, "mamba_num_heads": 128,
        "hybrid_override_pattern": (
            "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME"
        ),
        "moe_intermediate_size": 2688, "moe_latent_size": 1024, "moe_shared_expert_intermediate_size": 5376,
        "n_routed_experts": 512, "num_experts_per_tok": 22, "num_hidden_layers": 88, "num_nextn_predict_layers": 1,
    },
    "granite-4.0-h-small": {
        "model_type": "granitemoehybrid", "hidden_size": 4096, "intermediate_size": 768, "num_hidden_layers": 40,
        "layer_types": ["attention" if i in {5, 15, 25, 35} else "mamba" for i in range(40)], "mamba_d_conv": 4,
        "mamba_d_head": 64, "mamba_d_state": 128, "mamba_expand": 2, "mamba_n_groups": 1, "mamba_n_heads": 128,
        "max_position_embeddings": 131072, "num_attention_heads": 32, "num_experts_per_tok": 10,
        "num_key_value_heads": 8, "num_local_experts": 72, "shared_intermediate_size": 1536,
        "tie_word_embeddings": True, "torch_dtype": "bfloat16", "vocab_size": 100352, "attention_bias": False,
    },
    "minimax-m2": {
        "model_type": "minimax_m2", "head_dim": 128, "hidden_size": 3072, "intermediate_size": 1536,
        "max_position_embeddings": 196608, "mtp_transformer_layers": 1, "num_attention_heads": 48,
        "num_experts_per_tok": 8, "num_hidden_layers": 62, "num_key_value_heads": 8, "num_local_experts": 256,
        "num_mtp_modules": 3, "shared_intermediate_size": 0, "tie_word_embeddings": False, "use_mtp": True,
        "vocab_size": 200064, "torch_dtype": "bfloat16", "quantization_config": _FP8_BLOCK,
    },
    "command-a": {
        "model_type": "cohere2", "head_dim": 128, "hidden_size": 12288, "intermediate_size": 36864,
        "layer_switch": 4, "max_position_embeddings": 262144, "num_attention_heads": 96, "num_hidden_layers": 64,
        "num_key_value_heads": 8, "sliding_window": 4096, "sliding_window_pattern": 4, "torch_dtype": "bfloat16",
        "vocab_size": 256000, "attention_bias": False,
    },
    "olmo-3-7b": {
        "model_type": "olmo3", "hidden_size": 4096, "intermediate_size": 11008,
        "layer_types": (["sliding_attention"] * 3 + ["full_attention"]) * 8, "max_position_embeddings": 65536,
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 32, "sliding_window": 4096,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 100278, "attention_bias": False,
    },
}  # fmt: skip
