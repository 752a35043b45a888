from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard import units
from modelyard.errors import UsageError


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("16k", 16384), ("128K", 131072), ("1m", 1048576), ("16384", 16384), (8192, 8192), ("1.5k", 1536)],
)
def test_tokens_are_read(text: str | int, tokens: int) -> None:
    assert units.parse_tokens(text) == tokens


@pytest.mark.parametrize("text", ["", "0", "-1", "16kb", "1.3", "k", "nan", "9999999m", True])
def test_what_is_not_tokens_is_refused(text: str | int) -> None:
    with pytest.raises(UsageError, match="is not a number of tokens"):
        units.parse_tokens(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45m", 2700), ("1h", 3600), ("1h30m", 5400), ("2d", 172800), ("1d 2h 3min", 93780)],
)
def test_durations_are_read(text: str, seconds: int) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "0h", "-1h", "1.5h", "367d", "1w", "99999999999999999999d"])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a length of time"):
        units.parse_duration(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "lots", "1e99", True])
def test_what_is_not_an_amount_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an amount"):
        units.parse_usd(text)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("18.36", "$18.36"), ("13402.8", "$13,402.80"), ("0.00016", "$0.00016"), ("0", "$0.00"), ("-2.5", "-$2.50")],
)
def test_money_is_shown(amount: str, text: str) -> None:
    assert units.format_usd(Decimal(amount)) == text


def test_a_ceiling_is_never_promised_too_low() -> None:
    assert units.cents_up(Decimal("20.3001")) == Decimal("20.31")
    assert units.cents(Decimal("20.3049")) == Decimal("20.30")


@given(st.integers(min_value=1, max_value=366 * 1440))
def test_a_shown_duration_reads_back(minutes: int) -> None:
    assert units.parse_duration(units.format_duration(minutes * 60)) == minutes * 60


@pytest.mark.parametrize(
    ("change", "moves", "words"),
    [
        ("-13.56", True, "−$13.56/h"), ("4.8", True, "+$4.80/h"), ("0", True, "same price"), ("0.00", False, "free"),
        (None, True, "not priced"), (None, False, "not priced"),
    ],
)  # fmt: skip
def test_a_change_of_price(change: str | None, words: str, *, moves: bool) -> None:
    assert units.format_usd_change(None if change is None else Decimal(change), moves=moves) == words
