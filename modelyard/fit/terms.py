"""What an explanation is made of: a term has a formula in symbols, the same with numbers, and where the rule is from.

The formula with numbers is made from the one with symbols, so the two cannot differ; ``arithmetic.evaluate`` computes
it, and so can a sceptic with a pocket calculator.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.units import GIB

FUNCTIONS = frozenset({"max", "min", "ceil", "floor", "round"})
_SYMBOL = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")

SMALL_GIB = 0.01

Number = int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """One symbol of a formula."""

    symbol: str
    meaning: str
    value: Number


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term of a fit."""

    name: str
    bytes: int
    """What it comes to; blocks, tokens, requests or a fraction in millionths where ``unit`` says so."""
    symbols: str
    """The formula."""
    formula: str
    """The same with numbers; it comes to ``bytes`` once rounded to a whole number."""
    inputs: tuple[Input, ...]
    source: str
    """Source file, function and version of the engine, or the constant and the runs that it was fitted on."""
    unit: str = "bytes"
    gib: float | None = None
    """The same in GiB; None where ``unit`` is not bytes."""


Symbols = Mapping[str, tuple[str, Number]]
"""Symbol → meaning, value."""


def make_term(name: str, size: float, symbols: str, known: Symbols, source: str, *, unit: str = "bytes") -> Term:
    """A term whose numbers are filled in from ``known``; it keeps only the symbols that the formula has.

    Args:
        name: of the term.
        size: what the fit used.
        symbols: the formula, as arithmetic.
        known: what its symbols are.
        source: where the rule is from.
        unit: of the result.
    """
    used = dict.fromkeys(word for word in _SYMBOL.findall(symbols) if word not in FUNCTIONS)
    inputs = tuple(Input(symbol=s, meaning=known[s][0], value=known[s][1]) for s in used)
    values = {entry.symbol: _written(entry.value) for entry in inputs}
    formula = _SYMBOL.sub(lambda match: values.get(match[0], match[0]), symbols)
    whole = round(size)
    return Term(
        name=name,
        bytes=whole,
        symbols=symbols,
        formula=formula,
        inputs=inputs,
        source=source,
        unit=unit,
        gib=round(whole / GIB, 6) if unit == "bytes" else None,
    )


def to_text(terms: tuple[Term, ...]) -> str:
    """The terms for people: what each comes to, formula in symbols and in numbers, what they are, and the source."""
    lines: list[str] = []
    for term in terms:
        size = (
            f"{term.bytes:,} {term.unit}" if term.gib is None else f"{_gib_text(term.gib)} GiB = {term.bytes:,} bytes"
        )
        lines += [f"{term.name}: {size}", f"    = {term.symbols}"]
        if term.formula != term.symbols:
            lines.append(f"    = {term.formula}")
        lines += [f"    {entry.symbol} = {_written(entry.value)}: {entry.meaning}" for entry in term.inputs]
        lines.append(f"    source: {term.source}")
    return "\n".join(lines)


def _gib_text(size: float) -> str:
    """Four digits after the point; of sizes below 0.01 GiB, three that count."""
    return f"{size:.4f}" if abs(size) >= SMALL_GIB or size == 0 else f"{size:.3g}"


def _written(value: Number) -> str:
    """A number as arithmetic reads it back exactly; whole ones without a point, negative ones in brackets."""
    text = str(int(value)) if float(value).is_integer() else repr(float(value))
    return f"({text})" if value < 0 else text
