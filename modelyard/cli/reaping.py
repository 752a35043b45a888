"""What `modelyard reap` does: asks every vendor that it has a key for, ends what must go, and says what was proved."""

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import Final

import click

from modelyard.cli import reap_view
from modelyard.cli.console import emit, emit_json, say
from modelyard.cli.vendors import Reach, reach
from modelyard.errors import ModelyardError, UnverifiedError, UsageError, quote
from providers import registry
from providers.base.accounts import Accounts
from providers.base.machines import MachineVendor
from providers.base.marker import short_title
from providers.base.reap import Asked, Blind, Outcome, Sweep, sweep

INTERRUPTED: Final = 130


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What was asked on the command line."""

    dry_run: bool
    vendors: tuple[str, ...]
    title: str | None
    machines: tuple[str, ...]
    everything: bool
    yes: bool
    grace_seconds: int
    as_json: bool


def reap(request: Request) -> int:
    """Run it and print what came of it.

    Returns:
        0, or 130 when it was stopped by the user.

    Raises:
        UsageError: options that do not go together, or no key.
        UnverifiedError: something could not be proved gone, or a vendor could not be asked.
    """
    _check(request)
    accounts = Accounts()
    named = request.vendors or tuple(_split(name)[0] for name in request.machines)
    found = reach(accounts, named)
    if found.skipped:
        say(found.skipped)
    asked = Asked(
        delete=not request.dry_run,
        grace_seconds=request.grace_seconds,
        machines=frozenset("/".join(_split(name)) for name in request.machines),
        everything=request.everything,
        prefix=None if request.title is None else short_title(request.title),
    )
    try:
        if request.everything and not request.dry_run and not request.yes:
            confirmed = _confirmed(accounts, found, asked)
            if confirmed is None:
                return 0
            asked = confirmed
        swept = _sweep(accounts, found, asked)
    except (KeyboardInterrupt, click.Abort):
        say("\nstopped. What was asked to end may still end; run `modelyard reap` again to be certain.")
        return INTERRUPTED
    _show(swept, request, found)
    _judge(swept)
    return 0


def _check(request: Request) -> None:
    if request.everything and request.machines:
        raise UsageError("--all and --machine do not go together", resolution="Leave one of them out.")
    if request.title is not None and not short_title(request.title):
        raise UsageError(f"--stack {quote(request.title)} has no letter or digit")
    if request.everything and not (request.yes or request.dry_run or sys.stdin.isatty()):
        raise UsageError(
            "--all ends machines that are still in time, and nobody is here to confirm it",
            details="allowed  --all --yes, or --all --dry-run",
        )
    outside = [name for name in request.machines if request.vendors and _split(name)[0] not in request.vendors]
    if outside:
        raise UsageError(f"--machine {quote(outside[0])} is at none of the vendors that --vendor allows")


def _split(name: str) -> tuple[str, str]:
    vendor, separator, machine_id = name.strip().partition("/")
    if not separator or not machine_id:
        raise UsageError(
            f"{quote(name)} is not a machine",
            details=f"allowed  VENDOR/ID, VENDOR of {', '.join(registry.VENDORS)}",
            resolution="`modelyard reap --dry-run` lists the machines.",
        )
    return registry.find(vendor.lower()).name, machine_id


def _confirmed(accounts: Accounts, found: Reach, asked: Asked) -> Asked | None:
    """Show what would end and ask; only what was shown is ended then. None: there is nothing, or it was refused."""
    swept = _sweep(accounts, found, replace(asked, delete=False))
    going = [row for row in swept.rows if row.outcome is Outcome.WOULD_DELETE]
    if not going:
        _judge(swept)
        say("no machine has our marker; nothing to end")
        return None
    emit(reap_view.as_table(swept.rows))
    if not click.confirm(f"End {reap_view.count(going)} ({reap_view.rate(going)})?", err=True):
        say("nothing was ended")
        return None
    return replace(asked, everything=False, machines=frozenset(f"{row.vendor}/{row.machine_id}" for row in going))


def _sweep(accounts: Accounts, found: Reach, asked: Asked) -> Sweep:
    async def run() -> Sweep:
        opened, blind = _opened(accounts, found)
        volumes = {vendor.name: made for vendor in found.vendors if (made := vendor.volumes(accounts)) is not None}
        try:
            swept = await sweep(opened, asked, clock=accounts.time(), say=say, volumes=volumes)
        finally:
            await accounts.close()
        return replace(swept, blind=(*blind, *swept.blind))

    return asyncio.run(run())


def _opened(accounts: Accounts, found: Reach) -> tuple[list[MachineVendor], list[Blind]]:
    """The vendors' machines, and the vendors that cannot even be asked, which do not stop the others.

    Raises:
        ModelyardError: none can.
    """
    opened, failed = list[MachineVendor](), list[tuple[str, ModelyardError]]()
    for vendor in found.vendors:
        try:
            opened.append(vendor.machines(accounts))
        except ModelyardError as error:
            failed.append((vendor.name, error))
    if failed and not opened:
        raise failed[0][1]
    return opened, [Blind(vendor=name, reason=error.brief) for name, error in failed]


def _show(swept: Sweep, request: Request, found: Reach) -> None:
    if request.as_json:
        emit_json(reap_view.document(swept, found, dry_run=request.dry_run))
        return
    if swept.rows:
        emit(reap_view.as_table(swept.rows))
    say(reap_view.summary(swept, found, dry_run=request.dry_run))


def _judge(swept: Sweep) -> None:
    """Raise what the exit status and the last lines must say."""
    strangers = [row for row in swept.rows if row.outcome is Outcome.NOT_OURS]
    if not swept.is_proved:
        raise UnverifiedError(
            "what should be gone could not all be proved gone",
            details="\n".join(_doubts(swept)),
            resolution="Look there and delete what is left, or run `modelyard reap` again when the vendor answers.",
        )
    if strangers:
        raise ModelyardError(
            f"{strangers[0].vendor}/{strangers[0].machine_id} does not carry our marker; it was not touched",
            details="\n".join(f"where    {row.console_url}" for row in strangers),
            resolution="modelyard ends only machines that it rented. Delete this one in the vendor's console.",
        )


def _doubts(swept: Sweep) -> list[str]:
    blind = [f"where    {registry.find(b.vendor).access().console_url}: {b.reason}" for b in swept.blind]
    rows = [
        f"where    {row.console_url}: {row.vendor}/{row.machine_id}: {row.note}"
        for row in swept.rows
        if row.outcome is Outcome.UNVERIFIED
    ]
    return [*rows, *blind]
