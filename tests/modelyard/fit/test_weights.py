import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import MTP, Model, MoE, Vision, find_model
from modelyard.fit import FitRequest, assess, checkpoint_bytes
from modelyard.fit.weights import Spread, rope_bytes, split_layers, weigh, weigh_spread, weight_pieces
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_checkpoint, a_model, deepseek_v3, gemma3_12b, qwen25_72b

AWQ = a_checkpoint("awq-int4", group_size=128, zero_point=True)


def per_gpu_gib(model: Model, quantization: str, tp: int, pp: int = 1) -> float:
    return weigh(model, quantization, tp, pp).fullest.weights_bytes / GIB


def test_bf16_is_two_bytes_a_parameter_and_the_rope_table() -> None:
    # 8,030,261,248 × 2 = 14.957 GiB; rope 131,072 × 128 × 2 B = 0.03125 GiB; the log says 14.99
    assert weigh(a_model(), "bf16", 1).fullest.weights_bytes == 8_030_261_248 * 2 + 131072 * 128 * 2


@pytest.mark.parametrize(
    ("model", "quantization", "tp", "expected", "within"),
    [
        # vram.md §1: computed without the rope table (0.03125 GiB here), so that is added
        pytest.param(qwen25_72b(checkpoint=(AWQ,)), "awq-int4", 2, 19.3899, 0.02, id="qwen2.5-72b-awq-tp2"),
        pytest.param(qwen25_72b(), "bf16", 4, 33.86 + 0.0313 + 120 / 1024, 0.01, id="kimi-dev-72b-tp4"),
        pytest.param(deepseek_v3(), "fp8-block", 8, 79.33, 0.25, id="r1-fp8-tp8"),
        pytest.param(a_model(), "fp8-online", 1, 8.49, 0.01, id="llama-8b-online-fp8"),
        pytest.param(
            a_model(checkpoint=(a_checkpoint("w4a16", group_size=128, zero_point=False),)),
            "w4a16", 1, 5.31 + 0.0313, 0.01, id="llama-8b-w4a16",
        ),
    ],
)  # fmt: skip
def test_matches_the_worked_examples(model: Model, quantization: str, tp: int, expected: float, within: float) -> None:
    assert per_gpu_gib(model, quantization, tp) == pytest.approx(expected, abs=within)


def test_norms_are_copied_and_heads_are_cut() -> None:
    # 65 norms of 4,096 in bf16 stay whole on each of 4 GPUs; all else is a quarter
    norms, rope = 65 * 4096 * 2, 131072 * 128 * 2
    expected = (8_030_261_248 * 2 - norms) / 4 + norms + rope
    assert weigh(a_model(), "bf16", 4).fullest.weights_bytes == round(expected)


def test_a_kv_head_is_copied_once_there_are_more_gpus_than_heads() -> None:
    # 8 KV heads over 16 GPUs: one head each, twice an even share. k and v: 2 × 4096 × 8 × 128 elements a layer
    even = weigh(a_model(num_key_value_heads=32, total_params=1), "bf16", 16).fullest.weights_bytes
    kv_elements = 2 * 4096 * 128
    copied = weigh(a_model(total_params=1), "bf16", 16).fullest.weights_bytes
    # 32 KV heads: 2 a GPU; 8 KV heads: 1 a GPU
    assert even - copied == 32 * kv_elements * 2


def test_mla_down_projections_are_copied_and_absorbed_matrices_added() -> None:
    one, two = (weigh(deepseek_v3(), "fp8-block", tp).fullest.weights_bytes for tp in (1, 2))
    replicated = 61 * 7168 * (1536 + 576) * (1 + 4 / 16384)  # q_a and kv_a in fp8
    replicated += 61 * 2 * 7168 * 2 + 58 * 256 * 7168 * 2 + 7168 * 2  # norms and routers in bf16
    replicated += 163840 * 64 * 2  # rope
    rounded = 61 * 3 * 2**20  # the allocator rounds a layer's tensors up by less than this
    assert two == pytest.approx((one - replicated) / 2 + replicated, abs=rounded)


def test_pipeline_stages_hold_the_ends() -> None:
    # 16 layers each of 218,112,000 parameters; embedding and head of 525,336,576 on either end
    first, last = weigh(a_model(), "bf16", 1, 2).stages
    rope = 131072 * 128 * 2
    assert first.weights_bytes == (16 * 218_112_000 + 525_336_576) * 2 + rope
    assert last.weights_bytes == (16 * 218_112_000 + 525_336_576 + 4096) * 2 + rope
    assert last.is_last
    assert not first.is_last


def test_a_tied_embedding_is_on_both_ends_of_a_pipeline() -> None:
    first, last = weigh(gemma3_12b(), "bf16", 1, 2).stages
    vision, final_norm = 421_290_864 * 2, 3840 * 2
    assert first.weights_bytes - last.weights_bytes == vision - final_norm


@pytest.mark.parametrize(
    ("layers", "pp", "expected"),
    [(32, 1, (32,)), (32, 4, (8, 8, 8, 8)), (36, 5, (7, 7, 7, 8, 7)), (61, 2, (31, 30)), (62, 4, (15, 16, 16, 15))],
)
def test_layers_are_dealt_as_vllm_deals_them(layers: int, pp: int, expected: tuple[int, ...]) -> None:
    assert split_layers(layers, pp) == expected


@pytest.mark.parametrize(("tp", "width"), [(1, 2944), (2, 1536), (4, 768), (8, 384)])
def test_mxfp4_experts_are_padded(tp: int, width: int) -> None:
    moe = MoE(num_experts=32, experts_per_token=4, moe_intermediate_size=2880)
    facts = {"hidden_size": 2880, "intermediate_size": 0, "moe": moe, "total_params": 1, "vocab_size": 64}
    padded = weigh(a_model(checkpoint=(a_checkpoint("mxfp4"),), **facts), "mxfp4", tp).fullest.weights_bytes
    plain = weigh(a_model(**facts), "bf16", tp).fullest.weights_bytes
    experts = 32 * 32 * 3 / tp  # layers × experts × matrices
    loaded = experts * 3072 * width * tp * 0.53125
    assert padded - loaded == pytest.approx(plain - experts * 2880 * 2880 * 2, abs=8)


def test_gemma_3_tabulates_its_scaled_positions() -> None:
    model = a_model(family="gemma", head_dim=256, window=gemma3_12b().window, vision=Vision(params=420_000_000))
    assert rope_bytes(model) == 131072 * 256 * 2 * 9  # 8 × for global layers, once for the windowed ones


def test_only_what_is_turned_is_tabulated() -> None:
    assert rope_bytes(a_model(head_dim=256, rotary_dim=64)) == 131072 * 64 * 2
    assert rope_bytes(a_model(head_dim=256)) == 131072 * 256 * 2


def test_parts_that_a_checkpoint_leaves_alone_stay_16_bit() -> None:
    whole, some = a_checkpoint("fp8-block"), a_checkpoint("fp8-block", unquantized=("attention",))
    attention = 32 * (4096 * 4096 * 2 + 4096 * 1024 * 2)
    gained = (
        weigh(a_model(checkpoint=(some,)), "fp8-block", 1).fullest.weights_bytes
        - weigh(a_model(checkpoint=(whole,)), "fp8-block", 1).fullest.weights_bytes
    )
    assert gained == pytest.approx(attention * (1 - 4 / 16384), abs=2)


def test_larger_published_files_are_believed() -> None:
    plain = weigh(a_model(checkpoint=(a_checkpoint("nvfp4"),)), "nvfp4", 2).fullest.weights_bytes
    larger = a_checkpoint("nvfp4", bytes=checkpoint_bytes(a_model(checkpoint=(a_checkpoint("nvfp4"),)), "nvfp4") + GIB)
    assert weigh(a_model(checkpoint=(larger,)), "nvfp4", 2).fullest.weights_bytes == plain + GIB // 2


def test_checkpoint_size_counts_mtp_layers_that_are_not_loaded() -> None:
    with_mtp = a_model(mtp=MTP(layers=1, params=1_000_000))
    assert checkpoint_bytes(with_mtp, "bf16") - checkpoint_bytes(a_model(), "bf16") == 2_000_000
    assert weigh(with_mtp, "bf16", 1) == weigh(a_model(), "bf16", 1)


def test_published_size_wins() -> None:
    assert checkpoint_bytes(a_model(checkpoint=(a_checkpoint(bytes=16_060_556_376),)), "bf16") == 16_060_556_376


def test_what_is_downloaded_for_online_fp8_is_the_16_bit_checkpoint() -> None:
    assert checkpoint_bytes(a_model(), "fp8") == checkpoint_bytes(a_model(), "bf16") == 8_030_261_248 * 2


def test_an_unknown_tie_is_taken_as_separate_and_said() -> None:
    weights = weigh(a_model(tie_word_embeddings=None), "bf16", 1)
    assert weights.fullest == weigh(a_model(), "bf16", 1).fullest
    assert weights.unknown == (
        "whether the output head is tied to the embedding: taken as separate, which is the larger",
    )


def test_first_and_last_block_may_stay_16_bit() -> None:
    # Meta's own Llama 3.1 405B FP8 leaves attention and the two outer blocks alone
    some = a_checkpoint("fp8", unquantized=("attention",))
    outer = a_checkpoint("fp8", unquantized=("attention", "first_last_layers"))
    gained = (
        weigh(a_model(checkpoint=(outer,)), "fp8", 1).fullest.weights_bytes
        - weigh(a_model(checkpoint=(some,)), "fp8", 1).fullest.weights_bytes
    )
    mlp, rows = 3 * 4096 * 14336, 2 * 14336 + 4096
    assert gained == 2 * (mlp - 4 * rows)  # a byte more per weight, no row scales


def test_a_4_bit_moe_whose_layers_are_not_listed_is_unsure() -> None:
    bare = deepseek_v3(checkpoint=(a_checkpoint("nvfp4"),))
    said = deepseek_v3(checkpoint=(a_checkpoint("nvfp4", unquantized=("attention",)),))
    unsure = weigh(bare, "nvfp4", 8)
    assert unsure.fullest.weights_bytes + unsure.unsure_bytes == weigh(said, "nvfp4", 8).fullest.weights_bytes
    assert "whether org/model-nvfp4 leaves attention unquantized" in unsure.unknown[0]
    assert weigh(said, "nvfp4", 8).unknown == ()
    assert weigh(a_model(checkpoint=(a_checkpoint("awq-int4"),)), "awq-int4", 1).unknown == ()


FP32 = a_model(torch_dtype="float32", checkpoint=(a_checkpoint("fp32", bytes=8_030_261_248 * 4),))


@pytest.mark.parametrize(("engine", "factor"), [("vllm", 1), ("sglang", 1), ("tgi", 1), ("tensorrt-llm", 2)])
def test_a_float32_checkpoint_is_loaded_as_the_engine_says(engine: str, factor: int) -> None:
    """Two bytes a parameter, and a cache of two bytes an element, but for the engine that keeps the config's dtype."""
    here = FitRequest(model=FP32, quantization="fp32", gpu=find_gpu("H100-SXM"), max_model_len=8192, engine=engine)
    fit = assess(here)
    assert fit.per_gpu.weights == pytest.approx(factor * (8_030_261_248 * 2 + 131072 * 128 * 2), rel=1e-3)
    assert fit.kv_bytes_per_token == 32 * 2 * 8 * 128 * 2 * factor


def test_a_float32_download_is_as_large_as_its_files() -> None:
    assert checkpoint_bytes(FP32, "fp32") == 8_030_261_248 * 4
    assert (
        checkpoint_bytes(a_model(torch_dtype="float32", checkpoint=(a_checkpoint("fp32"),)), "fp32") == 32_121_044_992
    )


def test_dense_mxfp4_is_four_bits_in_every_linear_layer() -> None:
    dense = a_model(checkpoint=(a_checkpoint("mxfp4"),))
    linear = 32 * (4096 * 4096 * 2 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
    ends = 2 * 128256 * 4096 * 2 + 65 * 4096 * 2 + rope_bytes(dense)
    assert weigh(dense, "mxfp4", 1).fullest.weights_bytes == pytest.approx(linear * 0.53125 + ends, rel=1e-4)


@pytest.mark.parametrize(
    ("facts", "heavier"),
    [
        pytest.param({"unquantized": ("attention_output",)}, 32 * 4096 * 4096, id="the output projection in bf16"),
        pytest.param(
            {"unquantized": ("attention",), "part_quantization": {"attention_output": "fp8"}},
            32 * (4096 * 4096 + 2 * 4096 * 1024), id="all of attention but its output",
        ),
        pytest.param({"part_quantization": {"attention": "fp8"}, "unquantized": ("attention_output",)},
                     32 * 4096 * 4096, id="a part named itself goes before one that stands for several"),
    ],
)  # fmt: skip
def test_the_output_projection_has_a_precision_of_its_own(facts: dict[str, object], heavier: int) -> None:
    """Each parameter left in bf16 weighs one byte more than in fp8; a 4-byte scale per row goes."""
    plain = weigh(a_model(checkpoint=(a_checkpoint("fp8"),)), "fp8", 1).fullest.weights_bytes
    mixed = weigh(a_model(checkpoint=(a_checkpoint("fp8", **facts),)), "fp8", 1).fullest.weights_bytes
    assert mixed - plain == pytest.approx(heavier, rel=2e-3)


def test_nvidias_deepseek_quantizes_the_output_projection_alone() -> None:
    """DeepSeek V3.1 NVFP4, by its own list of exceptions: queries and latents in bf16, the output projection not."""
    spread = Spread(tp=8)
    (stage,) = weigh_spread(find_model("deepseek-v3.1"), "nvfp4", spread).stages
    pieces = weight_pieces(find_model("deepseek-v3.1"), "nvfp4", spread, stage)
    elements = {p.name: p.element_bytes for p in pieces if p.kind == "part" and p.name.startswith("attention")}
    assert elements == {"attention": 2, "attention_output": 0.5625}
    # 7,168 × 16,384 / 8 of half a byte is 7 MiB, which shares a segment; in bf16 it would be 28 MiB and rounded
    assert "attention_output" not in {p.name for p in pieces if p.kind == "rounding"}


def test_amd_pads_a_part_by_its_own_precision() -> None:
    mixed = a_model(checkpoint=(a_checkpoint("nvfp4", part_quantization={"attention_output": "fp8-block"}),))
    cdna, cuda = (weigh_spread(mixed, "nvfp4", Spread(amd=amd)).fullest.weights_bytes for amd in (True, False))
    assert cdna - cuda == 32 * 4096 * 256  # 4,096 rows of 4,096 bytes: 256 more each
