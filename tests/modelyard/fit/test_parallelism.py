import pytest

from modelyard.catalog.models import MoE
from modelyard.errors import UsageError
from modelyard.fit import allowed_tps, assess, check_parallelism
from tests.modelyard.fit.builders import a_checkpoint, a_model, a_request, deepseek_v3

QWEN3_14B = a_model(
    title="Qwen3 14B", hidden_size=5120, num_hidden_layers=40, num_attention_heads=40, vocab_size=151936,
    intermediate_size=17408,
)  # fmt: skip
PHI_4 = a_model(num_attention_heads=40, num_key_value_heads=10, vocab_size=100352, intermediate_size=17920)
QWEN3_235B_FP8 = a_model(
    num_attention_heads=64, num_key_value_heads=4, vocab_size=151936, intermediate_size=0,
    moe=MoE(num_experts=128, experts_per_token=8, moe_intermediate_size=1536), checkpoint=(a_checkpoint("fp8-block"),),
)  # fmt: skip


@pytest.mark.parametrize("tp", [1, 2, 4, 8, 16, 32])
def test_powers_of_two_divide_llama(tp: int) -> None:
    assert check_parallelism(a_model(), tp) is None


@pytest.mark.parametrize(
    ("tp", "pp", "why"),
    [
        (3, 1, "does not divide 32 attention heads"),
        (0, 1, "at least 1"),
        (1, 33, "32 layers cannot be dealt to 33 stages"),
        (1, 0, "at least 1"),
    ],
)
def test_refusals(tp: int, pp: int, why: str) -> None:
    assert why in (check_parallelism(a_model(), tp, pp) or "")


def test_qwen3_14b_at_five_is_refused() -> None:
    # a published run: 40 heads divide by 5, but neither 8 KV heads nor the padded vocabulary do
    assert check_parallelism(QWEN3_14B, 5) == "tp 5 neither divides 8 KV heads nor is a multiple of them"
    assert "padded vocabulary of 151936" in (
        check_parallelism(a_model(num_key_value_heads=5, num_attention_heads=40, vocab_size=151936), 5) or ""
    )


def test_kv_heads_divide_or_are_divided() -> None:
    assert check_parallelism(PHI_4, 4) == "tp 4 neither divides 10 KV heads nor is a multiple of them"
    assert allowed_tps(PHI_4) == (1, 2)  # 5 and 10 divide the heads, but not the vocabulary of 100,352


def test_mla_has_no_kv_heads_to_divide() -> None:
    assert check_parallelism(deepseek_v3(num_key_value_heads=3), 8) is None


def test_fp8_blocks_must_stay_whole() -> None:
    # 1536 / 8 = 192 is not a multiple of 128: vLLM refuses this checkpoint at TP 8
    assert check_parallelism(QWEN3_235B_FP8, 8) is None
    assert "leaves 192 per GPU" in (check_parallelism(QWEN3_235B_FP8, 8, quantization="fp8") or "")
    assert check_parallelism(QWEN3_235B_FP8, 4, quantization="fp8") is None


def test_assess_refuses_and_names_what_works() -> None:
    with pytest.raises(UsageError) as error:
        assess(a_request(model=QWEN3_14B, tensor_parallel_size=5))
    assert "tensor-parallel-size 5" in str(error.value)
    assert "allowed  tensor-parallel-size 1, 2, 4, 8" in str(error.value)
