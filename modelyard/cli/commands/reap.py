"""`modelyard reap`: find machines that should be gone, by their markers alone, and end them for certain."""

from collections.abc import Sequence

import click

from modelyard.cli.options import duration, json_option


@click.command("reap", short_help="End machines that are past their deadline, on all vendors.")
@click.option("--dry-run", is_flag=True, help="Only look; end nothing.")
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor; may be repeated.")
@click.option("--stack", "title", metavar="TITLE", help="Only machines whose marker's title begins so.")
@click.option("--machine", "machines", multiple=True, metavar="VENDOR/ID", help="End this one, and look at no other.")
@click.option("--all", "everything", is_flag=True, help="End every machine with our marker, expired or not.")
@click.option("--yes", is_flag=True, help="Do not ask before --all.")
@click.option("--grace", type=duration, metavar="TIME", help="Leave them so long after the deadline, such as 10m.")
@json_option
def command(  # one parameter per option
    *,
    dry_run: bool,
    vendors: Sequence[str],
    title: str | None,
    machines: Sequence[str],
    everything: bool,
    yes: bool,
    grace: int | None,
    as_json: bool,
) -> int:
    """End rented machines that are past their deadline, or left over beside a newer twin.

    Machines are found by the marker in their name, on every vendor that there is a key for. It needs no state, touches
    nothing without our marker, and may run twice or in parallel. Exits 4 when something could not be proved gone, or a
    vendor could not be asked.

    \b
    Examples:
      modelyard reap --dry-run
      modelyard reap --grace 10m
      modelyard reap --machine runpod/4k2j9x0q1z8w7v
      modelyard reap --all --stack trial-405b --yes
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.cli.project import import_project_module

    import_project_module("providers.registry")
    from modelyard.cli.reaping import Request, reap

    return reap(
        Request(
            dry_run=dry_run,
            vendors=tuple(vendors),
            title=title,
            machines=tuple(machines),
            everything=everything,
            yes=yes,
            grace_seconds=grace or 0,
            as_json=as_json,
        )
    )
