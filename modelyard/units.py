"""One unit per quantity, carried in the name: bytes (int), tokens (int), seconds (int), US dollars (Decimal).

The one place where text becomes a quantity and a quantity becomes text.
"""

import re
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation

from modelyard.errors import UsageError, quote

GIB = 1 << 30
MIB = 1 << 20
GB = 10**9

HOURS_PER_MONTH = Decimal(730)
"""The month that every price is quoted for (Infracost's and FinFocus's convention)."""

SECONDS_PER_HOUR = 3600
CENT = Decimal("0.01")

_TOKENS = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*([kKmM]?)\s*$")
_DURATION = re.compile(r"^\s*(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*$")


def parse_tokens(text: str | int) -> int:
    """Read a number of tokens: ``16384``, ``"16k"`` (= 16 × 1024), ``"1m"`` (= 1024²).

    Raises:
        UsageError: not a whole, positive number of tokens.
    """
    if isinstance(text, bool):
        raise _bad("a number of tokens", text, "a whole number, or 16k, 128k, 1m")
    match = _TOKENS.match(str(text))
    if match is None:
        raise _bad("a number of tokens", text, "a whole number, or 16k, 128k, 1m")
    scale = {"": 1, "k": 1024, "m": 1024**2}[match[2].lower()]
    value = Decimal(match[1]) * scale
    if value != value.to_integral_value() or not 1 <= value <= 10**9:
        raise _bad("a number of tokens", text, "1 to 1,000,000,000, whole")
    return int(value)


def parse_duration(text: str) -> int:
    """Read a length of time such as ``90m``, ``1h``, ``1h30m`` or ``2d`` as seconds.

    Raises:
        UsageError: not a positive length of time of at most 366 days.
    """
    match = _DURATION.match(text)
    if match is None or not any(match.groups()):
        raise _bad("a length of time", text, "such as 45m, 1h, 1h30m or 2d")
    days, hours, minutes = (int(g) if g and len(g) < 9 else 0 for g in match.groups())
    seconds = days * 86400 + hours * 3600 + minutes * 60
    if not 0 < seconds <= 366 * 86400:
        raise _bad("a length of time", text, "more than nothing and at most 366d")
    return seconds


def parse_usd(text: str | float | Decimal) -> Decimal:
    """Read an amount of US dollars: finite, positive, below a million an item.

    Raises:
        UsageError: not such an amount.
    """
    allowed = "a positive amount in US dollars, such as 30 or 2.50"
    if isinstance(text, bool):
        raise _bad("an amount", text, allowed)
    try:
        value = Decimal(str(text))
    except InvalidOperation as error:
        raise _bad("an amount", text, allowed) from error
    if not value.is_finite() or not 0 < value <= 10**7:
        raise _bad("an amount", text, allowed)
    return value


def _bad(what: str, value: object, allowed: str) -> UsageError:
    return UsageError(f"{quote(value)} is not {what}", details=f"allowed  {allowed}")


def gib(count: int) -> float:
    """Bytes as GiB."""
    return count / GIB


def cents(amount: Decimal) -> Decimal:
    """An amount rounded half up to cents, as a bill would."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def cents_up(amount: Decimal) -> Decimal:
    """An amount rounded up to cents: a ceiling must never be promised too low."""
    return amount.quantize(CENT, rounding=ROUND_UP)


def format_usd(amount: Decimal) -> str:
    """Dollars for people: ``$18.36``, ``$13,402.80``; below a cent with as many digits as it takes."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    if 0 < size < CENT:
        return f"{sign}${size.normalize():f}"
    return f"{sign}${cents(size):,.2f}"


def format_usd_change(usd_per_hour: Decimal | None, *, moves: bool = False) -> str:
    """What a change does to the price of an hour: ``−$13.56/h``, ``+$4.80/h``, ``free`` or ``not priced``.

    Args:
        usd_per_hour: the difference; None: one of the two prices is not known.
        moves: whether the change is to another machine, which may cost the same but is not free.
    """
    if usd_per_hour is None:
        return "not priced"
    if not usd_per_hour:
        return "same price" if moves else "free"
    return f"{'−' if usd_per_hour < 0 else '+'}{format_usd(abs(usd_per_hour))}/h"


def format_tokens(count: int) -> str:
    """Tokens for people: ``16k`` when it is a whole number of 1,024, else ``244,304``."""
    if count >= 1024 and count % 1024 == 0:
        return f"{count // 1024}k"
    return f"{count:,}"


def format_duration(seconds: int) -> str:
    """Seconds for people, to the minute: ``45 min``, ``1 h``, ``1 h 30 min``, ``2 d``."""
    minutes = -(-seconds // 60)
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (mins, "min")) if n]
    return " ".join(parts) or "0 min"
