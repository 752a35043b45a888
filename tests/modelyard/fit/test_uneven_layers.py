"""Models whose layers are not all alike: pruned attention, shared indexers, low-rank linear attention."""

import pytest

from modelyard.catalog.models import find_model
from modelyard.fit.architecture import layer_kinds, take_apart
from modelyard.fit.kv_cache import indexer_row_bytes, linear_state_bytes, plan_cache, windowed_layers
from modelyard.fit.kv_dtype import KvDtype, resolve_kv_dtype
from modelyard.fit.weights import weigh
from tests.modelyard.fit.builders import a_gpu

BF16 = KvDtype(name="bfloat16", element_bytes=2)
SUPER, M3, LINEAR, GLM = (
    find_model(name) for name in ("llama-3.3-nemotron-super-49b", "minimax-m3", "kimi-linear-48b-a3b", "glm-5.2")
)


def test_layers_without_attention_cache_nothing() -> None:
    layout = plan_cache(SUPER, BF16, 1)
    assert layout.bytes_per_token == 49 * 2 * 8 * 128 * 2
    assert layout.block_bytes == 16 * layout.bytes_per_token
    assert sum(elements for _, elements in windowed_layers(SUPER)) == 49 * 2 * 8 * 128


@pytest.mark.parametrize(("stage_layers", "caching"), [(80, 49), (40, 37), (20, 20), (1, 1)])
def test_a_stage_is_taken_at_the_most_attention_that_it_can_have(stage_layers: int, caching: int) -> None:
    layout = plan_cache(SUPER, BF16, 1, stage_layers)
    assert layout.block_bytes == 16 * caching * 2 * 8 * 128 * 2


def test_each_layer_weighs_what_its_own_width_does() -> None:
    first, second = (weigh(SUPER, "bf16", 1, 2).stages[i].weights_bytes for i in (0, 1))
    kinds = layer_kinds(SUPER)
    widths = [sum(kind.width for kind in kinds[half : half + 40]) for half in (0, 40)]
    assert widths == [1_093_120, 549_376]
    attention = [37, 12]
    assert [sum(k.attention == "full" for k in kinds[half : half + 40]) for half in (0, 40)] == attention
    per_attention = (2 * 8192 * 8192 + 2 * 8192 * 1024) * 2
    gap = (widths[0] - widths[1]) * 3 * 8192 * 2 + (attention[0] - attention[1]) * per_attention
    assert first - second == pytest.approx(gap, rel=0.001)


def test_an_indexer_of_some_layers_is_spread_over_all() -> None:
    assert indexer_row_bytes(GLM) == -(-132 * 21 // 78)
    assert indexer_row_bytes(find_model("glm-5")) == 132
    (indexer,) = {p.params for parts in take_apart(GLM).parts.values() for p in parts if p.name == "indexer"}
    assert indexer == (2048 * 32 * 128 + 6144 * (128 + 32)) * 21 // 78


def test_an_indexer_beside_keys_and_values_is_not_divided() -> None:
    keys = -(-256 * 57 // 60)
    assert plan_cache(M3, BF16, 1).bytes_per_token == 60 * (4 * 2 * 128 * 2 + keys)
    assert plan_cache(M3, BF16, 4).bytes_per_token == 60 * (1 * 2 * 128 * 2 + keys)
    assert {group.block_tokens for group in plan_cache(M3, BF16, 1).groups} == {128}
    fp8 = resolve_kv_dtype(M3, M3.checkpoint[0], "fp8", a_gpu())
    assert (fp8.name, fp8.latent_row_bytes) == ("fp8", 0)


def test_kimi_delta_attention_has_low_rank_gates() -> None:
    hidden, wide = 2304, 32 * 128
    parts = next(p for k, p in take_apart(LINEAR).parts.items() if k.attention == "linear")
    gates = sum(part.params for part in parts if part.name in {"linear_attention", "linear_state"})
    matrices = 4 * hidden * wide + 2 * (hidden * 128 + 128 * wide)
    state = 3 * wide * 4 + wide + 32 * (hidden + 1)
    assert gates == matrices + state
    assert LINEAR.linear_attention is not None
    assert linear_state_bytes(LINEAR.linear_attention, 1) == 3 * wide * 3 * 2 + 32 * 128 * 128 * 4
    assert plan_cache(LINEAR, BF16, 1).bytes_per_token == 7 * (512 + 64) * 2
