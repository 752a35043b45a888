"""Reads nested plain values without trusting them: a missing or odd value is nothing, never a crash in a report."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import cast

from modelyard.resources import Unknown, Value, lookup

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Document = dict[str, Json]
"""A ``modelyard.preview/1`` document."""


class Reader:
    """One map of values; every look-up takes a dotted path and answers in one type."""

    def __init__(self, values: "Mapping[str, Value] | Document") -> None:
        # A document is values without unknowns, but lists are invariant, so the types cannot say so.
        self._values = cast("Mapping[str, Value]", values)

    def __bool__(self) -> bool:
        return bool(self._values)

    def get(self, path: str) -> Value:
        """The value; None when it is missing or not known."""
        value = lookup(self._values, path)
        return None if isinstance(value, Unknown) else value

    def raw(self, path: str) -> str | None:
        """A text as it stands; None when it is missing or something else."""
        value = self.get(path)
        return value if isinstance(value, str) else None

    def text(self, path: str, default: str = "") -> str:
        """A text on one line, every character printable: names come from users, and may hold an escape sequence."""
        value = self.get(path)
        return one_line(value) if isinstance(value, str) and value else default

    def whole(self, path: str) -> int | None:
        """A whole number; ``8.0`` counts as one."""
        value = self.get(path)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            return None
        return int(value)

    def number(self, path: str) -> float | None:
        """A finite number."""
        value = self.get(path)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if abs(value) < float("inf") else None

    def flag(self, path: str) -> bool | None:
        """True or false; None when it is neither."""
        value = self.get(path)
        return value if isinstance(value, bool) else None

    def money(self, path: str) -> Decimal | None:
        """An amount, written as a decimal string or as a number."""
        value = self.get(path)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return None
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            return None
        return amount if amount.is_finite() else None

    def part(self, path: str) -> "Reader":
        """A map inside; an empty one when it is missing."""
        value = self.get(path)
        return Reader(value if isinstance(value, dict) else {})

    def parts(self, path: str) -> "list[Reader]":
        """The maps of a list."""
        value = self.get(path)
        return [Reader(item) for item in value if isinstance(item, dict)] if isinstance(value, list) else []

    def texts(self, path: str) -> list[str]:
        """The texts of a list, each on one line."""
        value = self.get(path)
        return [one_line(str(i)) for i in value if isinstance(i, str | int | float)] if isinstance(value, list) else []


def one_line(text: str) -> str:
    """A text that cannot break a line, move a cursor or turn the direction of writing."""
    return "".join(
        char if char.isprintable() else " " if char in "\n\r\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def money_text(amount: Decimal | None) -> str | None:
    """An amount as a decimal string: at least cents, at most millionths, never an exponent."""
    if amount is None:
        return None
    rounded = amount.quantize(Decimal("0.000001")).normalize()
    exponent = rounded.as_tuple().exponent
    short = isinstance(exponent, int) and exponent > -2
    return f"{rounded.quantize(Decimal('0.01')) if short else rounded:f}"
