"""`modelyard prices refresh`: write the price snapshot anew with what vendors ask now."""

from collections.abc import Sequence
from pathlib import Path

import click

from modelyard.cli.options import json_option

_TIMEOUT_SECONDS = 60.0


@click.group("prices", short_help="Keep the price snapshot current.")
def command() -> None:
    """The dated snapshot of prices that every estimate is made of."""


@command.command("refresh", short_help="Ask vendors for prices and rewrite the snapshot.")
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor; may be repeated.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead of the project's."
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=_TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds that each vendor has to answer.",
)
@json_option
def refresh(*, vendors: Sequence[str], output: Path | None, timeout: float, as_json: bool) -> None:
    """Ask the vendors that there is a key for, and write a price table with their prices of today.

    Rows of vendors that did not answer, and everything that is not a machine's price, stay as they are. In a checkout
    of modelyard the project's own table is rewritten; elsewhere --output says where. Nothing is written when nobody
    answered.

    \b
    Examples:
      modelyard prices refresh
      modelyard prices refresh --vendor runpod --output prices.csv
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.cli.project import import_project_module

    import_project_module("providers.registry")
    from modelyard.cli.refreshing import refresh_prices

    refresh_prices(tuple(vendors), output, timeout, as_json=as_json)
