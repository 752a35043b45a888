import pytest

from modelyard.plan.accuracy import accuracy_kept, accuracy_words


@pytest.mark.parametrize(
    ("quantization", "low", "high", "measured"),
    [
        ("bf16", 100.0, 100.0, False),
        ("fp8", 99.6, 100.0, True),
        ("FP8_Block", 99.6, 100.0, True),
        ("int8-w8a8", 97.0, 99.0, True),
        ("awq-int4", 99.2, 100.0, True),
        ("w4a16", 93.0, 99.7, True),
        ("mxfp4", 96.0, 98.0, False),
        ("nvfp4", 97.3, 98.9, True),
    ],
)
def test_measured_before_rule_of_thumb(quantization: str, low: float, high: float, measured: bool) -> None:  # noqa: FBT001  # a column
    kept = accuracy_kept(quantization)
    assert kept is not None
    assert (kept.low, kept.high, kept.measured) == (low, high, measured)
    assert kept.source


def test_words() -> None:
    assert accuracy_words("mxfp4").startswith("keeps 96 to 98 % of the 16-bit score (the guides' rule of thumb")
    assert accuracy_words("int8-w8a8").endswith("(measured: Llama 3.1 8B to 405B, academic and real tasks)")


@pytest.mark.parametrize("quantization", ["bnb-nf4", "gguf-q6_k", "fp3"])
def test_what_nobody_measured_is_not_known(quantization: str) -> None:
    assert accuracy_kept(quantization) is None
    assert accuracy_words(quantization) == (
        f"what {quantization} costs in accuracy is not known: check it on your task"
    )


def test_another_format_of_the_family_stands_in() -> None:
    assert accuracy_kept("w4a8") == accuracy_kept("awq-int4")
    assert accuracy_kept("fp8-dynamic") == accuracy_kept("fp8-block")
