"""`python -m tests.simulators`: the vendors' simulators on this machine, to try things by hand without an account."""

import contextlib
import shlex
import threading
from collections.abc import Sequence

import click

from tests.simulators.account import Vendors, vendors_on_loopback
from tests.simulators.scenarios import FAULTS, KEYS

_DEFAULT_SPEED = 60.0


@click.command()
@click.option(
    "--vendor", "names", multiple=True, type=click.Choice(tuple(KEYS)), help="Only this one; may be repeated."
)
@click.option("--port", type=click.IntRange(0, 65_000), default=0, help="Of the first; the others follow. 0: any.")
@click.option(
    "--speed",
    type=click.FloatRange(1, 10_000),
    default=_DEFAULT_SPEED,
    show_default=True,
    help="How many of their seconds pass in one of ours.",
)
def main(names: Sequence[str], port: int, speed: float) -> None:
    """Start the simulators of all vendors, and say how to reach them. Ctrl-C ends them.

    Nothing leaves this machine and nothing costs money; the bills are in the ledger.
    """
    with vendors_on_loopback(names or tuple(KEYS), speed=speed, port=port) as vendors:
        click.echo(_told(vendors))
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    click.echo("", err=True)


def _told(vendors: Vendors) -> str:
    first = next(iter(vendors.served))
    origin = vendors.served[first].origin
    faults = ", ".join(sorted({name for name, _ in FAULTS[first]}))
    lines = [
        "# Paste this into the shell that is to use them:",
        *(f"export {name}={shlex.quote(value)}" for name, value in vendors.environment.items()),
        "",
        "# Then, for example:",
        "#   modelyard offers --live --gpu H200",
        "#   modelyard reap --dry-run",
        "",
        "# What they billed, and what still costs money:",
        *(f"#   curl -s {served.origin}/__sim/ledger   # {name}" for name, served in vendors.served.items()),
        f"# Let {first} lose the reply to the next create, which it did carry out:",
        f'#   curl -s -X POST {origin}/__sim/faults -d \'{{"name": "lost_reply", "times": 1}}\'',
        f"# Faults: {faults}",
        "# Let an hour pass, sell out a SKU, delete a machine behind modelyard's back:",
        f"#   curl -s -X POST '{origin}/__sim/clock/advance?seconds=3600'",
        f'#   curl -s -X POST {origin}/__sim/stock -d \'{{"sku": "NVIDIA H200", "region": "any", "count": 0}}\'',
        f"#   curl -s -X POST {origin}/__sim/remove/MACHINE_ID",
        "# ready",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
