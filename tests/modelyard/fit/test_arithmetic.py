import pytest

from modelyard.fit.arithmetic import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 + 3 * 4", 14), ("(2 + 3) * 4 / 8", 2.5), ("0.25 * 2**30", 268435456), ("ceil(7 / 2) - floor(7 / 2)", 1),
        ("max(1, min(5, 3))", 3), ("-2 + round(2.6)", 1), ("10 - 2 - 3", 5),
    ],
)  # fmt: skip
def test_values(text: str, value: float) -> None:
    assert evaluate(text) == value


@pytest.mark.parametrize("text", ["__import__('os')", "a + 1", "[1]", "'x' * 3", "max(1, key=2)", "1 if 2 else 3"])
def test_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="no arithmetic"):
        evaluate(text)
