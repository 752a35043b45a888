"""Reading numbers out of a resource's props, where anything may be unknown, secret, absent or of the wrong type.

A prop that cannot be read makes one part of a bill "not priced" and says why; it never becomes 0 and never an exception
that a user meets.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from typing import TypeVar

from modelyard.resources import SECRET, UNKNOWN, Unknown, Value, lookup
from modelyard.units import GB

_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$")
_SCALE = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15} | {
    f"{prefix}i": 1024**power for power, prefix in enumerate("KMGTP", start=1)
}

T = TypeVar("T")


class UnreadableError(Exception):
    """A prop that a price depends on cannot be read; the message says why."""


def read(props: Mapping[str, Value], path: str) -> bool | int | float | str | list[Value] | dict[str, Value] | None:
    """The value at ``path``; None when it is absent.

    Raises:
        UnreadableError: it is not known before the resource exists.
    """
    value = lookup(props, path)
    if value is UNKNOWN or isinstance(value, Unknown):
        raise UnreadableError(f"{path} is not known before it exists")
    return value


def read_decimal(props: Mapping[str, Value], path: str) -> Decimal | None:
    """A number, or a string that holds one; None when it is absent.

    Raises:
        UnreadableError: unknown, secret, or not a finite number of 0 or more.
    """
    value = read(props, path)
    if value is None:
        return None
    if value == SECRET:
        raise UnreadableError(f"{path} is a secret")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnreadableError(f"{path} is not a number")
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise UnreadableError(f"{path} is not a number") from error
    if not number.is_finite() or not 0 <= number < 10**15:
        raise UnreadableError(f"{path} is not a number of 0 or more")
    return number


def read_int(props: Mapping[str, Value], path: str) -> int | None:
    """A whole number; None when it is absent.

    Raises:
        UnreadableError: unknown, secret, or not a whole number of 0 or more.
    """
    number = read_decimal(props, path)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise UnreadableError(f"{path} is not a whole number")
    return int(number)


def need_int(props: Mapping[str, Value], path: str) -> int:
    """A whole number that must be there.

    Raises:
        UnreadableError: absent, unknown, secret, or not a whole number of 0 or more.
    """
    return _present(read_int(props, path), path)


def read_text(props: Mapping[str, Value], path: str) -> str | None:
    """A string; None when it is absent.

    Raises:
        UnreadableError: unknown, or not a string.
    """
    value = read(props, path)
    if value is not None and not isinstance(value, str):
        raise UnreadableError(f"{path} is not a text")
    return value


def need_text(props: Mapping[str, Value], path: str) -> str:
    """A string that must be there.

    Raises:
        UnreadableError: absent, unknown, or not a string.
    """
    return _present(read_text(props, path), path)


def read_date(props: Mapping[str, Value], path: str) -> date | None:
    """A date as ISO text; None when it is absent.

    Raises:
        UnreadableError: unknown, or not a date.
    """
    text = read_text(props, path)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UnreadableError(f"{path} is not a date") from error


def need_date(props: Mapping[str, Value], path: str) -> date:
    """A date that must be there.

    Raises:
        UnreadableError: absent, unknown, or not a date.
    """
    return _present(read_date(props, path), path)


def read_moment(props: Mapping[str, Value], path: str) -> datetime | None:
    """A moment as ISO text, UTC when it names no zone; None when it is absent.

    Raises:
        UnreadableError: unknown, or not a moment.
    """
    text = read_text(props, path)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableError(f"{path} is not a time") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def read_size_gb(props: Mapping[str, Value], path: str) -> int:
    """A Kubernetes quantity of bytes such as ``450Gi``, as decimal GB rounded up.

    Raises:
        UnreadableError: absent, unknown, or not a quantity.
    """
    value = read(props, path)
    match = _QUANTITY.match(str(value)) if isinstance(value, (str, int)) and not isinstance(value, bool) else None
    if match is None:
        raise UnreadableError(f"{path} is not a size")
    count = Decimal(match[1]) * _SCALE[match[2] or ""]
    return int((count / GB).to_integral_value(rounding=ROUND_CEILING))


def _present(value: T | None, path: str) -> T:
    if value is None:
        raise UnreadableError(f"{path} is not set")
    return value
