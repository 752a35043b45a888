import pytest

from modelyard.catalog.models import MoE
from modelyard.errors import UnknownNameError, UsageError
from modelyard.fit import resolve_precision, resolve_quantization
from modelyard.fit.weights import weigh
from tests.modelyard.fit.builders import a_checkpoint, a_model

BF16, BLOCK, AWQ = a_checkpoint("bf16"), a_checkpoint("fp8-block"), a_checkpoint("awq-int4")
META = a_checkpoint("fp8", hub_id="meta-llama/Llama-3.1-405B-FP8")


def test_none_asks_for_the_native_checkpoint() -> None:
    assert resolve_quantization(a_model(checkpoint=(BLOCK, AWQ)), None) is BLOCK


@pytest.mark.parametrize(
    ("asked", "index"), [("fp8", 1), ("FP8_block", 1), ("fp8-dynamic", 1), ("int4", 2), ("fp16", 0)]
)
def test_a_family_name_finds_its_checkpoint(asked: str, index: int) -> None:
    checkpoints = (BF16, BLOCK, AWQ)
    assert resolve_quantization(a_model(checkpoint=checkpoints), asked) is checkpoints[index]


def test_the_exact_name_goes_before_the_family() -> None:
    assert resolve_quantization(a_model(checkpoint=(BLOCK, META)), "fp8") is META


def test_a_hub_id_picks_one_of_several() -> None:
    other = a_checkpoint("fp8", hub_id="RedHatAI/Meta-Llama-3.1-405B-Instruct-FP8")
    model = a_model(checkpoint=(BF16, other, META))
    assert resolve_quantization(model, "meta-llama/llama-3.1-405b-fp8") is META


@pytest.mark.parametrize(("asked", "flag"), [("fp8", "fp8"), ("bnb-nf4", "bitsandbytes")])
def test_vllm_makes_some_while_loading(asked: str, flag: str) -> None:
    model = a_model()
    precision = resolve_precision(model, asked)
    assert precision.on_the_fly
    assert precision.engine_flag == flag
    assert precision.checkpoint is model.checkpoint[0]
    assert resolve_quantization(model, asked) is None


def test_online_fp8_can_be_asked_for_beside_a_published_one() -> None:
    assert resolve_precision(a_model(checkpoint=(BF16, BLOCK)), "fp8-online").on_the_fly


def test_what_is_neither_published_nor_made_is_refused_with_what_there_is() -> None:
    with pytest.raises(UsageError) as error:
        resolve_quantization(a_model(checkpoint=(BF16, BLOCK)), "awq-int4")
    assert "'awq-int4'" in str(error.value)
    made = "(and fp8, made while loading; bnb-nf4 as well, from vLLM 0.28 on with a plugin)"
    assert f"allowed  bf16, fp8-block {made}" in str(error.value)


def test_nothing_is_made_from_a_quantized_release() -> None:
    with pytest.raises(UsageError) as error:
        resolve_quantization(a_model(checkpoint=(a_checkpoint("mxfp4"),)), "fp8")
    assert "made while loading" not in str(error.value)


MOE = MoE(num_experts=8, experts_per_token=2, moe_intermediate_size=14336)


@pytest.mark.parametrize(
    ("quantization", "moe", "name", "experts_only"),
    [
        ("mxfp4", MOE, "mxfp4", True),
        ("mxfp4", None, "mxfp4-all", False),
        ("mxfp4-all", MOE, "mxfp4-all", False),
        ("mxfp4-all", None, "mxfp4-all", False),
        ("fp8+fp4", MOE, "fp8+fp4", False),
        *((name, moe, name, False) for moe in (MOE, None)
          for name in ("bf16", "fp8", "fp8-block", "mxfp8", "int8-w8a8", "awq-int4", "w4a16", "nvfp4", "bnb-nf4")),
    ],
)  # fmt: skip
def test_every_scheme_quantizes_something(quantization: str, moe: MoE | None, name: str, *, experts_only: bool) -> None:
    model = a_model(checkpoint=(a_checkpoint(quantization),), moe=moe)
    scheme = resolve_precision(model, quantization).scheme
    assert (scheme.name, scheme.experts_only) == (name, experts_only)
    heavy = weigh(a_model(moe=moe), "bf16", 1).fullest.weights_bytes
    light = weigh(model, quantization, 1).fullest.weights_bytes
    assert light < 0.7 * heavy if quantization != "bf16" else light == heavy


def test_fp4_experts_of_a_model_without_experts_are_refused() -> None:
    with pytest.raises(UsageError, match=r"stores experts in FP4, and Llama 3\.1 8B has no experts"):
        resolve_precision(a_model(checkpoint=(a_checkpoint("fp8+fp4"),)), "fp8+fp4")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fp8-block'"):
        resolve_quantization(a_model(checkpoint=(BF16, BLOCK)), "fp7-block")
