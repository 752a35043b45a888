import pytest

from modelyard.catalog.models import Checkpoint, GlobalAttention, LinearAttention, Model, Window
from modelyard.errors import UsageError
from modelyard.fit.defaults import Flags
from modelyard.fit.kv_cache import group_size, linear_state_bytes, plan_cache
from modelyard.fit.kv_dtype import KvDtype, resolve_kv_dtype
from modelyard.units import GIB
from tests.modelyard.fit.builders import (
    a_4090,
    a_checkpoint,
    a_gpu,
    a_model,
    deepseek_v3,
    deepseek_v32,
    gemma3_12b,
)

BF16 = KvDtype(name="bfloat16", element_bytes=2)
PACKED = KvDtype(name="fp8_ds_mla", element_bytes=1, latent_row_bytes=656)
FP8 = KvDtype(name="fp8", element_bytes=1)


def flags(version: tuple[int, int] = (0, 19), in_flight: int = 16384) -> Flags:
    return Flags(
        version=version,
        gpu_memory_utilization=0.9,
        max_num_seqs=1024,
        max_num_batched_tokens=8192,
        in_flight_tokens=in_flight,
        is_v0=False,
    )


GDN = LinearAttention(
    layers=48, full_layers=16, num_key_heads=16, num_value_heads=48, key_head_dim=128, value_head_dim=128,
    conv_kernel_dim=4, state_dtype="float32",
)  # fmt: skip
QWEN35_27B = a_model(
    family="qwen", hidden_size=5120, num_hidden_layers=64, num_attention_heads=24, num_key_value_heads=4,
    head_dim=256, vocab_size=248320, intermediate_size=17408, max_position_embeddings=262144, linear_attention=GDN,
)  # fmt: skip
GEMMA4_31B = a_model(
    family="gemma", hidden_size=5376, num_hidden_layers=60, num_attention_heads=32, num_key_value_heads=16,
    head_dim=256, vocab_size=262144, intermediate_size=21504,
    window=Window(kind="sliding", size=1024, layers=50, full_layers=10),
    global_attention=GlobalAttention(num_key_value_heads=4, head_dim=512, k_eq_v=True),
)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "dtype", "tp", "expected"),
    [
        pytest.param(a_model(), BF16, 1, 131_072, id="gqa: 32 × 8 × 2 × 128 × 2"),
        pytest.param(a_model(), FP8, 1, 65_536, id="fp8 halves it"),
        pytest.param(a_model(), BF16, 4, 32_768, id="tp divides"),
        pytest.param(a_model(), BF16, 16, 16_384, id="not below one head"),
        pytest.param(deepseek_v3(), BF16, 1, 70_272, id="mla: 61 × 576 × 2"),
        pytest.param(deepseek_v3(), BF16, 8, 70_272, id="mla is not divided"),
        pytest.param(deepseek_v32(), BF16, 8, 61 * (1152 + 132), id="indexer beside mla"),
        pytest.param(
            deepseek_v32(),
            KvDtype(name="fp8_ds_mla", element_bytes=1, latent_row_bytes=656),
            8,
            61 * 788,
            id="packed rows",
        ),
        pytest.param(QWEN35_27B, BF16, 1, 16 * 4 * 2 * 256 * 2, id="linear layers cost no token"),
        pytest.param(GEMMA4_31B, BF16, 1, 50 * 16384 + 10 * 8192, id="global layers have their own shape"),
    ],
)
def test_bytes_per_token(model: Model, dtype: KvDtype, tp: int, expected: int) -> None:
    assert plan_cache(model, dtype, tp).bytes_per_token == expected


def test_gemma_3_12b_worked_example() -> None:
    # vram.md §2.2: 48,867 blocks, (512 + 5 × 513) a request, 15.88 requests of 8,192, and 130,304 tokens by the log
    layout = plan_cache(gemma3_12b(), BF16, 1)
    budget = round(47.72 * GIB)
    assert layout.group_count == 6
    assert layout.block_bytes == 8 * 16 * 8 * 2 * 256 * 2
    assert layout.blocks(budget) == pytest.approx(48_867, abs=5)
    assert layout.blocks_per_request(8192, 16384) == 512 + 5 * 513
    assert layout.concurrency(48_867 * layout.block_bytes, 8192, 16384) == pytest.approx(15.88, abs=0.005)
    assert layout.tokens(48_867 * layout.block_bytes, 8192, flags()) == 130_304


def test_the_token_metric_changed_at_0_21() -> None:
    layout = plan_cache(gemma3_12b(), BF16, 1)
    budget = 48_867 * layout.block_bytes
    assert layout.tokens(budget, 8192, flags((0, 20))) == 48_867 // 6 * 16
    assert layout.tokens(budget, 8192, flags((0, 21))) == int(48_867 / 3077 * 8192)
    # a longer context counts for more: windowed layers keep no more of it
    assert layout.tokens(budget, 131072, flags((0, 21))) > 2 * layout.tokens(budget, 8192, flags((0, 21)))


def test_dense_tokens_are_whole_blocks() -> None:
    layout = plan_cache(a_model(), BF16, 1)
    assert layout.block_bytes == 131_072 * 16
    assert layout.tokens(10 * layout.block_bytes + 1, 8192, flags()) == 160
    assert layout.tokens(-5, 8192, flags()) == 0
    assert layout.bytes_for(3, 100, 0) == 3 * 7 * layout.block_bytes


def test_qwen3_8_27b_run_on_two_3090() -> None:
    # published: 4.99 GiB, fp8 cache, TP 2: 302,921 tokens and 2.31 requests of 131,072
    layout = plan_cache(QWEN35_27B, FP8, 2)
    assert {group.block_tokens for group in layout.groups} == {1568}
    budget = round(4.99 * GIB)
    assert layout.blocks(budget) == 208
    assert layout.blocks_per_request(131072, 16384) == 84 + 3 * 2
    assert layout.tokens(budget, 131072, flags((0, 26))) == 302_921


def test_a_linear_state_is_counted_once() -> None:
    # (2 × 16 × 128 + 48 × 128) / 2 × 3 × 2 B of convolution + 24 × 128 × 128 × 4 B of state
    assert linear_state_bytes(GDN, 2) == 5120 * 3 * 2 + 24 * 128 * 128 * 4


def test_smaller_rows_get_longer_blocks() -> None:
    layout = plan_cache(GEMMA4_31B, BF16, 1)
    assert {(g.kind, g.count, g.block_tokens) for g in layout.groups} == {("full", 1, 32), ("sliding", 5, 16)}
    assert layout.block_bytes == 10 * 16 * 16384


def test_chunked_layers_keep_their_chunk_and_what_is_in_flight() -> None:
    scout = a_model(
        num_hidden_layers=48,
        num_attention_heads=40,
        window=Window(kind="chunked", size=8192, layers=36, full_layers=12),
    )
    layout = plan_cache(scout, BF16, 1)
    assert layout.blocks_per_request(1_000_000, 2048) == 62_500 + 3 * 640


@pytest.mark.parametrize(
    ("layers", "expected"), [([8, 40], 8), ([12, 12], 12), ([12, 13], 13), ([10, 15], 10), ([21, 21], 21)]
)
def test_group_size(layers: list[int], expected: int) -> None:
    assert group_size(layers) == expected


def test_a_stage_holds_its_layers_only() -> None:
    assert plan_cache(a_model(), BF16, 1, 16).block_bytes == plan_cache(a_model(), BF16, 1).block_bytes // 2


def test_compressed_attention_is_said_to_be_unknown() -> None:
    layout = plan_cache(a_model(title="V4", unknown=("mla",)), BF16, 1)
    assert len(layout.unknown) == 1
    assert "584 bytes per layer" in layout.unknown[0]


@pytest.mark.parametrize(
    ("checkpoint", "asked", "expected"),
    [
        pytest.param(a_checkpoint("fp8"), "auto", "bfloat16", id="fp8 weights keep a 16-bit cache"),
        pytest.param(a_checkpoint("fp8", kv_cache_dtype="fp8"), "auto", "fp8", id="declared"),
        pytest.param(a_checkpoint("fp8", kv_cache_dtype="fp8"), "bfloat16", "bfloat16", id="asked wins"),
        pytest.param(a_checkpoint(), "FP8_E5M2", "fp8_e5m2", id="any case"),
    ],
)
def test_cache_dtype(checkpoint: Checkpoint, asked: str, expected: str) -> None:
    assert resolve_kv_dtype(a_model(), checkpoint, asked, a_gpu()).name == expected


def test_sparse_mla_packs_fp8_rows() -> None:
    assert resolve_kv_dtype(deepseek_v32(), a_checkpoint(), "fp8", a_gpu()).latent_row_bytes == 656


@pytest.mark.parametrize(
    ("asked", "capability", "word"),
    [("int3", "9.0", "auto, bfloat16"), ("fp8", "7.5", "no fp8 KV cache"), ("fp8_ds_mla", "9.0", "latent attention")],
)
def test_impossible_cache_dtypes_are_refused(asked: str, capability: str, word: str) -> None:
    gpu = a_gpu(compute_capability=capability)
    with pytest.raises(UsageError, match=word):
        resolve_kv_dtype(a_model(), a_checkpoint(), asked, gpu)


def test_fp8_cache_from_ampere_on() -> None:
    assert resolve_kv_dtype(a_model(), a_checkpoint(), "fp8", a_4090()).element_bytes == 1
