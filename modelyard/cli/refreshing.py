"""What `modelyard prices refresh` does: asks, lays the answers over the table, proves that it loads, and writes it."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final

from modelyard.catalog.rows import data_dir
from modelyard.cli.asking import ask_for_offers
from modelyard.cli.console import emit, emit_json, plain, say
from modelyard.cli.files import write_text
from modelyard.cli.offers_view import answered
from modelyard.errors import ModelyardError, UsageError
from modelyard.offers.live import Answer
from modelyard.offers.refresh import Change, Move, Refreshed, refresh
from modelyard.offers.rows import FILE, read_rows
from modelyard.offers.snapshot import offers_from
from modelyard.units import format_usd
from providers import registry
from providers.base.accounts import Accounts, is_loopback

SCHEMA: Final = "modelyard.prices/1"
_SIGNS: Final[dict[Change, str]] = {"changed": "~", "added": "+", "not listed": "-", "held": "!"}


def refresh_prices(vendors: Sequence[str], output: Path | None, timeout: float, *, as_json: bool) -> None:
    """Ask, write and tell.

    Raises:
        UsageError: no key, or no place to write to.
        ModelyardError: nobody answered, or the new table would not load.
    """
    target = output or _own_table()
    _refuse_simulators(output)
    for name in vendors:
        registry.find(name)
    answers = ask_for_offers(vendors, limit_seconds=timeout)
    for answer in answers:
        if answer.prices is None:
            say(f"{answer.vendor} did not answer, so its rows stay: {answer.reason}")
    if all(answer.prices is None for answer in answers):
        raise ModelyardError(
            "no vendor answered; nothing was written",
            details="\n".join(f"because  {answer.vendor}: {answer.reason}" for answer in answers),
        )
    done = refresh((data_dir() / FILE).read_text(encoding="utf-8"), answers)
    _prove(done.text)
    write_text(target, done.text)
    if as_json:
        emit_json(_document(target, answers, done))
        return
    if lines := [_line(move) for move in done.moves if move.change in _SIGNS]:
        emit("\n".join(lines))
    say(_summary(target, done))


def _own_table() -> Path:
    """The table of the checkout that this command runs in.

    Raises:
        UsageError: it runs elsewhere, or from an installed package.
    """
    table = data_dir() / FILE
    here = Path.cwd().resolve()
    root = table.resolve().parents[2]
    if (root / "pyproject.toml").is_file() and (here == root or root in here.parents):
        return table
    raise UsageError(
        "this is no checkout of modelyard, so there is no price table to rewrite",
        resolution="Say where to write it: --output prices.csv",
    )


def _refuse_simulators(output: Path | None) -> None:
    """Prices of a simulator may not end up in the project's table."""
    accounts = Accounts()
    for vendor in registry.VENDORS.values():
        access = vendor.access()
        if output is None and accounts.has_key(access) and is_loopback(accounts.url(access)):
            raise UsageError(
                f"{access.url_variable} points to this machine: its prices are no vendor's",
                resolution=f"Unset {access.url_variable}, or write elsewhere: --output prices.csv",
            )


def _prove(text: str) -> None:
    """Refuse a table that would not load."""
    with tempfile.TemporaryDirectory(prefix="modelyard-prices-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8")
        offers_from(read_rows(path))


def _line(move: Move) -> str:
    old, new = _usd(move.old), _usd(move.new)
    what = f"{_SIGNS[move.change]} {move.vendor} {move.gpu_count}× {move.sku} {move.market}"
    match move.change:
        case "added":
            return f"{what}  {new}"
        case "not listed":
            return f"{what}  {old}, not listed now; kept with its date"
        case "held":
            return f"{what}  {old}, held by a rule of billing.toml; look at it"
        case _:
            return f"{what}  {old} → {new}{_share(move.old, move.new)}"


def _usd(amount: Decimal | None) -> str:
    return "no price" if amount is None else f"{format_usd(amount)}/h"


def _share(old: Decimal | None, new: Decimal | None) -> str:
    return "" if old is None or new is None else f"  ({(new / old - 1) * 100:+.1f} %)"


def _summary(target: Path, done: Refreshed) -> str:
    counts = Counter(move.change for move in done.moves)
    parts = [f"{counts[c]} {c}" for c in ("changed", "added", "confirmed", "not listed", "held") if counts[c]]
    return f"wrote {target.name}: prices {', '.join(parts) or 'untouched'}"


def _document(target: Path, answers: Sequence[Answer], done: Refreshed) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "file": str(target),
        "vendors": [answered(answer) for answer in answers],
        "prices": [plain(move) for move in done.moves],
    }
