"""Options that several commands share, and readers that turn an option's text into a quantity."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import click

from modelyard.errors import UsageError
from modelyard.units import parse_duration, parse_tokens, parse_usd

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def json_option(command: F) -> F:
    """``--json``: the result as JSON."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON (money as decimal strings).")(command)


def tokens(text: str) -> int:
    """Option type: a number of tokens such as ``16384`` or ``16k``."""
    return _read(parse_tokens, str(text))


def duration(text: str) -> int:
    """Option type: a time such as ``10m`` or ``1h30m``, in seconds."""
    return _read(parse_duration, str(text))


def usd(text: str) -> Decimal:
    """Option type: an amount of US dollars."""
    return _read(parse_usd, str(text).removeprefix("$"))


def _read(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except UsageError as error:
        raise click.BadParameter(", ".join(part for part in (error.brief, error.details) if part)) from error
