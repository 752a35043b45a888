"""Inputs and outputs that Vast's resources have in common, and how plain data is read."""

from decimal import Decimal, InvalidOperation
from typing import Final

from providers.base.resource import Change, Field, Plain
from providers.vastai.errors import CREATE, invalid

MODULE: Final = "vastai"
USD_PATTERN: Final = r"\d+(\.\d+)?"
REGION: Final = Field(
    name="region",
    kind="string",
    description="Country of the host, two letters; without it the cheapest anywhere is taken.",
    pattern=r"[A-Za-z]{2}",
    write_only=True,
)


def usd_field(name: str, description: str, *, change: Change) -> Field:
    """An amount of US dollars: a text, so that no digit is lost."""
    return Field(name=name, kind="string", description=description, change=change, pattern=USD_PATTERN, write_only=True)


def text(inputs: Plain, name: str) -> str | None:
    """A text, or None."""
    value = inputs.get(name)
    return value if isinstance(value, str) and value else None


def whole(inputs: Plain, name: str) -> int:
    """A whole number that must be there; the engine hands numbers over as floats.

    Raises:
        VendorError: it is not (kind INVALID).
    """
    value = inputs.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or int(value) != value:
        raise invalid(f"{name} must be a whole number", CREATE)
    return int(value)


def money(inputs: Plain, name: str) -> Decimal | None:
    """An amount of US dollars, or None.

    Raises:
        VendorError: it is no amount (kind INVALID).
    """
    value = inputs.get(name)
    if value is None:
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise invalid(f"{name} must be an amount of US dollars such as 1.74", CREATE) from None
    if not amount.is_finite() or amount <= 0:
        raise invalid(f"{name} must be more than 0", CREATE)
    return amount


def shown(amount: Decimal | None) -> str | None:
    """An amount as an output."""
    return None if amount is None else f"{amount:f}"
