"""Small values to fit: models and GPUs as the published configs have them, without the catalog."""

from dataclasses import replace
from datetime import date
from typing import Any

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import MLA, Checkpoint, Indexer, Model, MoE, Vision, Window
from modelyard.fit import FitRequest
from modelyard.units import GIB

SOURCE = "https://example.org/config.json"
AS_OF = date(2026, 11, 1)


def a_checkpoint(quantization: str = "bf16", **changes: Any) -> Checkpoint:
    facts: dict[str, Any] = {"hub_id": f"org/model-{quantization}", "source": SOURCE, "as_of": AS_OF, **changes}
    return Checkpoint(quantization=quantization, **facts)


def a_model(**changes: Any) -> Model:
    """Llama 3.1 8B, changed."""
    facts: dict[str, Any] = {
        "name": "llama-3.1-8b",
        "title": "Llama 3.1 8B",
        "hub_id": "meta-llama/Llama-3.1-8B-Instruct",
        "family": "llama",
        "license": "llama3.1",
        "gated": "yes",
        "total_params": 8_030_261_248,
        "params_exact": True,
        "max_position_embeddings": 131072,
        "torch_dtype": "bfloat16",
        "tie_word_embeddings": False,
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 128256,
        "intermediate_size": 14336,
        "source": SOURCE,
        "as_of": AS_OF,
        "checkpoint": (a_checkpoint(),),
        **changes,
    }
    return Model(**facts)


def qwen25_72b(**changes: Any) -> Model:
    """Qwen2.5 72B; Kimi-Dev 72B has the same shapes."""
    return a_model(
        name="qwen2.5-72b",
        title="Qwen2.5 72B",
        family="qwen",
        total_params=72_706_203_648,
        hidden_size=8192,
        num_hidden_layers=80,
        num_attention_heads=64,
        num_key_value_heads=8,
        vocab_size=152064,
        intermediate_size=29568,
        attention_bias=True,
        **changes,
    )


def deepseek_v3(**changes: Any) -> Model:
    facts: dict[str, Any] = {
        "name": "deepseek-v3",
        "title": "DeepSeek V3",
        "family": "deepseek",
        "total_params": 671_026_419_200,
        "max_position_embeddings": 163840,
        "hidden_size": 7168,
        "num_hidden_layers": 61,
        "num_attention_heads": 128,
        "num_key_value_heads": 128,
        "head_dim": 192,
        "vocab_size": 129280,
        "intermediate_size": 18432,
        "moe": MoE(
            num_experts=256,
            experts_per_token=8,
            moe_intermediate_size=2048,
            num_shared_experts=1,
            shared_expert_intermediate_size=2048,
            first_dense_layers=3,
        ),
        "mla": MLA(kv_lora_rank=512, qk_rope_head_dim=64, q_lora_rank=1536, qk_nope_head_dim=128, v_head_dim=128),
        "checkpoint": (a_checkpoint("fp8-block"),),
        **changes,
    }
    return a_model(**facts)


def deepseek_v32() -> Model:
    return deepseek_v3(indexer=Indexer(cache_bytes_per_layer=132, heads=64, head_dim=128, topk=2048))


def gemma3_12b() -> Model:
    return a_model(
        name="gemma-3-12b",
        title="Gemma 3 12B",
        family="gemma",
        total_params=12_187_325_040,
        vision=Vision(params=421_290_864),
        tie_word_embeddings=True,
        hidden_size=3840,
        num_hidden_layers=48,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=256,
        vocab_size=262208,
        intermediate_size=15360,
        window=Window(kind="sliding", size=1024, layers=40, full_layers=8),
    )


def a_gpu(**changes: Any) -> Gpu:
    """An H100 SXM as vLLM sees it: 79.19 GiB; changed."""
    facts: dict[str, Any] = {
        "name": "H100-SXM",
        "title": "NVIDIA H100 SXM 80 GB",
        "vendor": "nvidia",
        "generation": "hopper",
        "form": "sxm",
        "aliases": (),
        "memory_mib": 81559,
        "total_memory_bytes": round(79.19 * GIB),
        "marketing_gb": 80,
        "compute_capability": "9.0",
        "link": "nvlink",
        "link_between": 8,
        "precisions": ("bf16", "fp16", "fp8", "int8", "int4", "nvfp4", "mxfp4"),
        "fp8_kernel": "native",
        "source": SOURCE,
        "as_of": AS_OF,
        **changes,
    }
    return Gpu(**facts)


def an_a100(**changes: Any) -> Gpu:
    return replace(
        a_gpu(name="A100-80-SXM", title="NVIDIA A100", generation="ampere", compute_capability="8.0"),
        fp8_kernel="marlin",
        total_memory_bytes=round(79.15 * GIB),
        **changes,
    )


def a_4090(**changes: Any) -> Gpu:
    return replace(
        a_gpu(name="RTX-4090", title="RTX 4090", generation="ada", compute_capability="8.9", form="pcie"),
        total_memory_bytes=round(23.55 * GIB),
        link="none",
        link_between=1,
        **changes,
    )


def an_mi300x(**changes: Any) -> Gpu:
    return replace(
        a_gpu(name="MI300X", title="AMD MI300X", vendor="amd", generation="cdna3", compute_capability="gfx942"),
        total_memory_bytes=round(191.98 * GIB),
        precisions=("bf16", "fp16", "fp8", "int8", "int4", "nvfp4", "mxfp4"),
        **changes,
    )


def a_mac(memory_gib: int) -> Gpu:
    """An M3 Ultra with that much memory."""
    return a_gpu(
        name="M3-Ultra", title="Apple M3 Ultra", vendor="apple", generation="m3", form="soc",
        compute_capability="metal", total_memory_bytes=memory_gib * GIB, memory_options_gb=(96, 256, 512),
        link="none", link_between=1, precisions=(), fp8_kernel="none",
    )  # fmt: skip


def a_request(**changes: Any) -> FitRequest:
    """Llama 3.1 8B in bf16 on one H100 at 8k under 0.19; changed."""
    facts: dict[str, Any] = {
        "model": a_model(),
        "quantization": "bf16",
        "gpu": a_gpu(),
        "max_model_len": 8192,
        "engine_version": "0.19.0",
        **changes,
    }
    return FitRequest(**facts)
