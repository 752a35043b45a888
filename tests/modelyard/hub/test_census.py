"""Which part of a model a tensor belongs to, and how tensor parallelism cuts it."""

import pytest

from modelyard.hub.census import part_of, take_census
from modelyard.hub.tensors import Tensor

PARTS = {
    "model.embed_tokens.weight": "embed_tokens",
    "language_model.model.embed_tokens.weight": "embed_tokens",
    "backbone.embeddings.weight": "embed_tokens",
    "embed.weight": "embed_tokens",
    "token_embd.weight": "embed_tokens",
    "lm_head.weight": "lm_head",
    "output.weight": "lm_head",
    "head.weight": "lm_head",
    "model.norm.weight": "norms",
    "model.layers.3.input_layernorm.weight": "norms",
    "model.layers.3.self_attn.q_norm.weight": "norms",
    "model.layers.3.self_attn.q_proj.weight": "attention",
    "model.layers.3.self_attn.qkv_proj.weight": "attention",
    "layers.3.attention.wq.weight": "attention",
    "layers.3.attn.wo_a.weight": "attention",
    "blk.3.attn_k.weight": "attention",
    "model.layers.3.self_attn.sinks": "attention",
    "model.layers.3.self_attn.indexer.wk.weight": "indexer",
    "model.layers.3.linear_attn.in_proj_qkvz.weight": "linear_attention",
    "model.layers.3.linear_attn.A_log": "linear_attention",
    "model.layers.3.mamba.in_proj.weight": "linear_attention",
    "backbone.layers.3.mixer.conv1d.weight": "linear_attention",
    "backbone.layers.3.mixer.D": "linear_attention",
    "backbone.layers.3.mixer.q_proj.weight": "attention",
    "backbone.layers.3.mixer.up_proj.weight": "mlp",
    "backbone.layers.3.mixer.experts.7.up_proj.weight": "experts",
    "backbone.layers.3.mixer.shared_experts.up_proj.weight": "shared_experts",
    "backbone.layers.3.mixer.gate.weight": "router",
    "model.layers.3.mlp.gate.weight": "router",
    "model.layers.3.mlp.gate.e_score_correction_bias": "router",
    "model.layers.3.mlp.gate_proj.weight": "mlp",
    "model.layers.3.mlp.router.weight": "router",
    "model.layers.3.mlp.shared_expert_gate.weight": "router",
    "model.layers.3.mlp.shared_expert.gate_proj.weight": "shared_experts",
    "model.layers.3.mlp.experts.17.down_proj.weight": "experts",
    "model.layers.3.block_sparse_moe.experts.0.w1.weight": "experts",
    "model.layers.3.block_sparse_moe.gate.weight": "router",
    "model.layers.3.feed_forward.shared_expert.up_proj.weight": "shared_experts",
    "blk.3.ffn_gate_exps.weight": "experts",
    "blk.3.ffn_gate_inp.weight": "router",
    "blk.3.ffn_gate_shexp.weight": "shared_experts",
    "blk.3.ffn_gate.weight": "mlp",
    "layers.3.feed_forward.w2.weight": "mlp",
    "model.layers.9.self_attn.q_proj.weight": "mtp",
    "mtp.layers.0.mlp.experts.3.up_proj.weight": "mtp",
    "mtp.fc.weight": "mtp",
    "visual.blocks.3.attn.qkv.weight": "vision",
    "model.visual.merger.mlp.0.weight": "vision",
    "vision_tower.vision_model.encoder.layers.30.self_attn.q_proj.weight": "vision",
    "multi_modal_projector.linear_1.weight": "vision",
    "model.embed_vision.embedding_projection.weight": "vision",
    "mlp1.1.weight": "vision",
}


@pytest.mark.parametrize(("name", "part"), PARTS.items())
def test_part(name: str, part: str) -> None:
    assert part_of(name, layers=9) == part


def tensor(name: str, shape: tuple[int, ...], dtype: str = "BF16", width: int = 2) -> Tensor:
    size = width
    for dim in shape:
        size *= dim
    return Tensor(name=name, dtype=dtype, shape=shape, size=size)


def test_a_fused_projection_is_cut_by_its_share_of_keys_and_values() -> None:
    """24 query heads and 8 of keys and of values, each 128 wide, in one matrix of 5,120 rows."""
    fused = tensor("model.layers.0.self_attn.qkv_proj.weight", (5120, 3072))
    census = take_census([fused], layers=1, kv_share=16 / 40)
    assert census.bytes.kv_heads == 2048 * 3072 * 2
    assert census.bytes.sharded == 3072 * 3072 * 2


def test_no_byte_is_lost() -> None:
    tensors = [tensor(name, (7, 3)) for name in PARTS] + [tensor("something.nobody.knows", (5,), "F32", 4)]
    census = take_census(tensors, layers=9)
    split = census.bytes
    parts = (
        split.sharded,
        split.kv_heads,
        split.replicated,
        split.embed_tokens,
        split.lm_head,
        split.vision,
        split.mtp,
    )
    assert sum(parts) == sum(t.size for t in tensors)
    assert census.total_params + census.mtp_params == 21 * len(PARTS) + 5


def test_bnb_keeps_its_tables_beside_packed_bytes() -> None:
    at = "model.layers.0.mlp.up_proj.weight"
    tensors = [
        tensor(at, (4096 * 14336 // 2, 1), "U8", 1),
        tensor(f"{at}.absmax", (917504,), "F32", 4),
        tensor(f"{at}.quant_map", (16,), "F32", 4),
        tensor(f"{at}.quant_state.bitsandbytes__nf4", (90,), "U8", 1),
    ]
    census = take_census(tensors, layers=1, bits=4)
    assert (census.total_params, census.is_exact) == (4096 * 14336, True)
    assert "mlp" not in census.plain_parts


def test_packed_words_of_unknown_width_are_not_exact() -> None:
    census = take_census([tensor("model.layers.0.mlp.up_proj.qweight", (8, 8), "I32", 4)], layers=1)
    assert census.is_exact is False


def test_parts_in_fp8_beside_packed_experts() -> None:
    at = "model.layers.0"
    tensors = [
        tensor(f"{at}.self_attn.o_proj.weight", (64, 64), "F8_E4M3", 1),
        tensor(f"{at}.self_attn.o_proj.weight_scale_inv", (1, 1), "F32", 4),
        tensor(f"{at}.mlp.shared_experts.up_proj.weight", (64, 64), "F8_E4M3", 1),
        tensor(f"{at}.mlp.shared_experts.up_proj.weight_scale", (1,), "F32", 4),
        tensor(f"{at}.mlp.experts.0.up_proj.weight", (64, 32), "U8", 1),
        tensor(f"{at}.mlp.experts.0.up_proj.weight_scale", (64, 4), "F8_E4M3", 1),
    ]
    census = take_census(tensors, layers=1, bits=4)
    assert census.fp8_parts == {"attention": "fp8-block", "shared_experts": "fp8"}
    assert census.total_params == 3 * 64 * 64


@pytest.mark.parametrize(
    ("name", "more"), [("self_attn.k_proj", False), ("self_attn.indexer.wk", True), ("conv", True)]
)
def test_what_caches_beside_keys_and_values(name: str, more: bool) -> None:  # noqa: FBT001  # a table's column
    assert take_census([tensor(f"model.layers.0.{name}.weight", (8, 8))], layers=1).caches_more is more
