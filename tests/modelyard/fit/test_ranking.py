import pytest

from modelyard.errors import UsageError
from modelyard.fit import Fit, Verdict, rank
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_4090, a_checkpoint, a_gpu, a_model, an_a100, an_mi300x, qwen25_72b

H200 = a_gpu(name="H200", title="NVIDIA H200", total_memory_bytes=round(139.81 * GIB))
GPUS = (H200, a_4090(), a_gpu(), an_a100())
Config = tuple[str, int, str]


def configs(fits: tuple[Fit, ...]) -> list[Config]:
    return [(fit.request.gpu.name, fit.request.gpu_count, fit.verdict.value) for fit in fits]


def test_the_smallest_configuration_that_fits_comes_first() -> None:
    # 67.8 GiB of weights on each of two: an A100 reserves for 256 sequences and keeps room, an H100 for 1,024
    ranked = rank(qwen25_72b(), gpus=GPUS, max_model_len=8192)
    assert configs(ranked) == [
        ("A100-80-SXM", 2, "fits"),
        ("RTX-4090", 8, "fits"),
        ("H200", 2, "fits"),
        ("H100-SXM", 4, "fits"),
    ]


def test_larger_numbers_are_left_out_unless_asked_for() -> None:
    few = rank(a_model(), gpus=(a_gpu(),), max_model_len=8192)
    every = rank(a_model(), gpus=(a_gpu(),), max_model_len=8192, every_count=True)
    assert configs(few) == [("H100-SXM", 1, "fits")]
    assert [fit.request.gpu_count for fit in every] == [1, 2, 4, 8]


def test_numbers_that_do_not_divide_become_stages() -> None:
    # ten KV heads: four GPUs are two wide and two deep
    model = a_model(
        num_attention_heads=40, num_key_value_heads=10, hidden_size=5120, vocab_size=100352, intermediate_size=17920
    )
    (fit,) = rank(model, gpus=(a_gpu(),), max_model_len=8192, gpu_counts=(4,))
    assert (fit.request.tensor_parallel_size, fit.request.pipeline_parallel_size) == (2, 2)


def test_unsupported_precisions_are_skipped() -> None:
    model = a_model(checkpoint=(a_checkpoint("bf16"), a_checkpoint("w4a8")))
    ranked = rank(model, gpus=(an_mi300x(),), max_model_len=8192)
    assert {fit.request.quantization for fit in ranked} == {"bf16"}


def test_precisions_can_be_chosen() -> None:
    model = a_model(checkpoint=(a_checkpoint("bf16"), a_checkpoint("fp8-block")))
    ranked = rank(model, gpus=(a_gpu(),), max_model_len=8192, quantizations=("fp8",))
    assert [fit.request.quantization for fit in ranked] == ["fp8-block"]


def test_nothing_holds_it() -> None:
    assert rank(qwen25_72b(), gpus=(a_4090(),), max_model_len=8192, gpu_counts=(1, 2)) == ()


def test_a_context_beyond_the_model_is_refused() -> None:
    with pytest.raises(UsageError, match="beyond Llama"):
        rank(a_model(), gpus=GPUS, max_model_len=200_000)


def test_tight_ones_follow_those_that_fit() -> None:
    ranked = rank(a_model(), gpus=GPUS, max_model_len=131072, concurrency=4)
    verdicts = [fit.verdict is Verdict.FITS for fit in ranked]
    assert verdicts == sorted(verdicts, reverse=True)
    assert False in verdicts
    assert True in verdicts
