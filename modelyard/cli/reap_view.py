"""What a sweep looks like: a table of machines, one line on money, and the JSON document."""

import sys
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from modelyard.cli.console import plain, styled, table, wants_color
from modelyard.cli.vendors import Reach
from modelyard.units import format_duration, format_usd
from providers.base.reap import Outcome, Row, Sweep, Why

SCHEMA: Final = "modelyard.reap/1"
_ENDED: Final = (Outcome.DELETED, Outcome.WOULD_DELETE)


def as_table(rows: Sequence[Row]) -> str:
    """Machines as aligned text."""
    cells = [
        (
            row.vendor,
            row.machine_id if row.kind == "machine" else f"volume {row.machine_id}",
            row.name or "–",
            _deadline(row),
            "not told" if row.usd_per_hour is None else format_usd(row.usd_per_hour),
            row.why.value,
            row.outcome.value,
        )
        for row in rows
    ]
    return table(("VENDOR", "MACHINE", "NAME", "DEADLINE", "$/h", "WHY", "OUTCOME"), cells, right=(4,), cut=2)


def _deadline(row: Row) -> str:
    if row.deadline is None:
        return "none" if row.why is not Why.ASKED or row.name else "–"
    over = f" ({format_duration(row.overdue_seconds)} over)" if row.overdue_seconds else ""
    return f"{row.deadline:%Y-%m-%d %H:%M} UTC{over}"


def rate(rows: Sequence[Row]) -> str:
    """What machines cost an hour together; a price that the vendor does not tell makes it a lower bound."""
    known = [row.usd_per_hour for row in rows if row.usd_per_hour is not None]
    unknown = len(rows) - len(known)
    total = f"{format_usd(sum(known, Decimal(0)))}/h"
    if not unknown:
        return total
    if not known:
        return "price not told by the vendor"
    return f"at least {total}, {unknown} without a price"


def summary(swept: Sweep, found: Reach, *, dry_run: bool) -> str:
    """One line: what ended, what that stops costing, what stays."""
    color = wants_color(sys.stderr)
    asked = ", ".join(vendor.name for vendor in found.vendors)
    if not swept.rows and not swept.blind:
        return f"nothing to end: no machine with our marker at {asked}"
    ended = [row for row in swept.rows if row.outcome in _ENDED]
    kept = [row for row in swept.rows if row.outcome is Outcome.KEPT]
    parts: list[str] = []
    if ended:
        verb = "would end" if dry_run else "ended"
        stops = "would stop" if dry_run else "stops"
        parts.append(styled(f"{verb} {count(ended)}: {stops} {rate(ended)}", "bold", color=color))
    else:
        parts.append("ended nothing" if not dry_run else "nothing would end")
    gone = [row for row in swept.rows if row.outcome is Outcome.GONE]
    doubtful = [row for row in swept.rows if row.outcome is Outcome.UNVERIFIED]
    if gone:
        parts.append(f"{count(gone)} gone already")
    if doubtful:
        parts.append(styled(f"{count(doubtful)} not verified ({rate(doubtful)})", "red", color=color))
    if kept:
        parts.append(f"{count(kept)} kept ({rate(kept)})")
    parts += [styled(f"{blind.vendor} could not be asked", "red", color=color) for blind in swept.blind]
    return " · ".join(parts)


def count(rows: Sequence[Row]) -> str:
    """Machines, and volumes if there are any."""
    volumes = sum(row.kind == "volume" for row in rows)
    parts = [(len(rows) - volumes, "machine"), *([(volumes, "volume")] if volumes else [])]
    return ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for number, what in parts if number or not volumes)


def document(swept: Sweep, found: Reach, *, dry_run: bool) -> dict[str, object]:
    """The sweep as plain data."""
    ended = [row for row in swept.rows if row.outcome in _ENDED]
    known = [row.usd_per_hour for row in ended if row.usd_per_hour is not None]
    reasons = {blind.vendor: blind.reason for blind in swept.blind}
    asked = [(vendor.name, reasons.get(vendor.name)) for vendor in found.vendors]
    vendors = [*asked, *((access.vendor, "no key") for access in found.without_key)]
    return {
        "schema": SCHEMA,
        "dry_run": dry_run,
        "proved": swept.is_proved,
        "vendors": [
            {"vendor": name, "answered": reason is None, **({} if reason is None else {"reason": reason})}
            for name, reason in vendors
        ],
        "machines": [plain(row) for row in swept.rows],
        "ended": len(ended),
        "ended_usd_per_hour": plain(sum(known, Decimal(0))) if known else None,
        "ended_without_price": len(ended) - len(known),
    }
