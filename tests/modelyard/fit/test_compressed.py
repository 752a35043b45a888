"""DeepSeek V4's cache against what vLLM itself reported."""

import pytest

from modelyard.catalog.models import CompressedAttention
from modelyard.fit.compressed import compressed_groups, compressed_token_bytes
from modelyard.fit.kv_cache import Layout, plan_cache
from modelyard.fit.kv_dtype import KvDtype
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_model

FLASH = CompressedAttention(fine_layers=21, coarse_layers=20)
MODEL = a_model(num_hidden_layers=43, compressed=FLASH, head_dim=512, num_key_value_heads=1)
FP8 = KvDtype(name="fp8", element_bytes=1)


def layout(version: tuple[int, int]) -> Layout:
    return plan_cache(MODEL, FP8, 2, version=version)


def test_0_22_needs_what_its_error_said() -> None:
    # vllm#44376: 16,384 tokens in flight; 6.66 GiB for 30,000 tokens; 5.44 GiB are good for 13,528
    old = layout((0, 22))
    assert old.bytes_for(1, 30_000, 16_384) / GIB == pytest.approx(6.66, abs=0.005)
    assert old.bytes_for(1, 13_528, 16_384) / GIB == pytest.approx(5.44, abs=0.005)


def test_from_0_23_the_widest_group_sizes_the_block() -> None:
    # vllm#54703: groups of 1,002,240 (compressed), 823,680 and 786,240 (windows), 870,912 and 656,640 (states)
    new = layout((0, 28))
    assert new.block_bytes == 1_002_240
    # PR 52495: cdiv(16384 …, 4) = 4,099 and cdiv(…, 8) = 2,065 pages of state
    assert new.blocks_per_request(131_072, 16_384) == 512 + 2 * 259 + 4_099 + 2_065


def test_a_token_costs_little_beyond_what_is_in_flight() -> None:
    assert compressed_token_bytes(FLASH) == 1_002_240 // 256
    assert [group.count for group in compressed_groups(FLASH, 43, (0, 28))[1]] == [1, 2, 1, 1]


def test_stages_share_the_block_by_layers() -> None:
    half = plan_cache(MODEL, FP8, 1, 22, version=(0, 28))
    assert half.block_bytes == -(-1_002_240 * 22 // 43)
