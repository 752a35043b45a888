import pytest

from modelyard.fit.allocation import MIB, rounding, row_padding
from modelyard.fit.weights import Spread, rope_bytes, weigh_spread
from tests.modelyard.fit.builders import a_checkpoint, a_model, qwen25_72b
from tests.modelyard.fit.test_runtime import QWEN3_30B


@pytest.mark.parametrize(
    ("size", "added"),
    [
        pytest.param(32 * MIB, 0, id="whole steps"),
        pytest.param(231 * MIB, MIB, id="half a step stays"),
        pytest.param(115.5 * MIB, 0.5 * MIB, id="a quarter stays"),
        pytest.param(32.25 * MIB, 0, id="more than a MiB is split off"),
        pytest.param(9.5 * MIB, 0, id="small tensors share segments"),
    ],
)
def test_rounding(size: float, added: float) -> None:
    assert rounding(size) == added


def test_kimi_dev_at_tp4_is_rounded_by_120_mib() -> None:
    # 80 gate-up tensors of 231 MiB (+1) and 80 down tensors of 115.5 MiB (+0.5): the log says 34.01 GiB, not 33.89
    model = qwen25_72b()
    shared = 72_706_203_648 - 80 * 2 * 8192 - 8192  # all but the norms
    plain = shared / 4 * 2 + (80 * 2 + 1) * 8192 * 2 + rope_bytes(model)
    loaded = weigh_spread(model, "bf16", Spread(tp=4)).fullest.weights_bytes
    assert loaded - plain == pytest.approx(120 * MIB, abs=0.2 * MIB)


@pytest.mark.parametrize(("row_bytes", "added"), [(4096, 25_600), (1536, 25_600), (384, 0), (0, 0)])
def test_row_padding(row_bytes: float, added: float) -> None:
    assert row_padding(100, row_bytes) == added


def test_bf16_experts_are_padded_on_amd_where_rows_are_whole() -> None:
    # gate-up rows of 2048 × 2 bytes: 256 more; down rows of 768 × 2 = 3 × 512: 256 more; at tp 4 of 192 × 2: none
    one, amd = (weigh_spread(QWEN3_30B, "bf16", Spread(amd=flag)).fullest.weights_bytes for flag in (False, True))
    assert amd - one == 48 * 128 * (2 * 768 + 2048) * 256
    four, amd4 = (weigh_spread(QWEN3_30B, "bf16", Spread(tp=4, amd=f)).fullest.weights_bytes for f in (False, True))
    assert amd4 - four == 48 * 128 * 2 * 192 * 256


def test_block_fp8_layers_are_padded_on_amd() -> None:
    model = a_model(checkpoint=(a_checkpoint("fp8-block"),), total_params=1)
    plain, amd = (weigh_spread(model, "fp8-block", Spread(amd=f)).fullest.weights_bytes for f in (False, True))
    rows = (4096 + 2 * 1024) + 4096 + 2 * 14336 + 4096  # qkv, o, gate-up, down; 4096 and 14336 are whole 512s
    assert amd - plain == 32 * rows * 256
