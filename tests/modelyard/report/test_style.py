"""Bars, wrapping and columns."""

import pytest

from modelyard.report.reader import one_line
from modelyard.report.style import Paint, Sheet, bar, columns, visible, wrap


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((1, 1), "aaaaabbbbb"),
        ((2, 1), "aaaaaaabbb"),
        ((999, 1), "aaaaaaaaaa"),
        ((0, 3), "bbbbbbbbbb"),
        ((0, 0), "          "),
    ],
)
def test_a_bar_is_always_exactly_full(sizes: tuple[int, int], expected: str) -> None:
    assert bar((("a", sizes[0]), ("b", sizes[1])), width=10) == expected


@pytest.mark.parametrize("width", [10, 23, 60])
def test_wrapped_lines_fit_and_lose_no_word(width: int) -> None:
    text = "the quick brown fox jumps over the lazy dog, twice"
    lines = wrap(text, width, indent=2)
    assert all(visible(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()) == text


def test_a_word_longer_than_a_line_is_cut() -> None:
    assert wrap("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    painted = wrap(Paint(color=True)("red", "abcdefghij"), 4)
    assert painted == ["\x1b[31mabcd\x1b[0m", "\x1b[31mefgh\x1b[0m", "\x1b[31mij\x1b[0m"]


def test_color_is_put_on_word_by_word_and_takes_no_room() -> None:
    painted = Paint(color=True)("red", "two words")
    assert painted == "\x1b[31mtwo\x1b[0m \x1b[31mwords\x1b[0m"
    assert visible(painted) == len("two words")
    assert Paint()("red", "two words") == "two words"


def test_columns_align_and_wrap_the_last_cell_in_its_own_column() -> None:
    rows = [["a", "10", "short"], ["long", "9", "a text that does not fit beside the others"]]
    assert columns(rows, width=32, right=frozenset({1})) == [
        "a     10  short",
        "long   9  a text that does not",
        "          fit beside the others",
    ]


def test_a_row_hangs_under_its_label() -> None:
    sheet = Sheet(width=20)
    sheet.row("Fit", "one two three four")
    assert sheet.text() == "Fit     one two\n        three four\n"


def test_one_line_takes_out_what_moves_a_cursor_or_turns_the_writing() -> None:
    assert one_line("a\nb\tc\x1b[31md\u202ee\x00") == "a b c�[31md�e�"
