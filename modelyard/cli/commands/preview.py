"""`modelyard preview`: what `pulumi up` would create, cost and break; no account, no Pulumi CLI."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelyard.cli.options import json_option
from modelyard.errors import ExitCode

if TYPE_CHECKING:
    from modelyard.report import Document


@click.command("preview", short_help="Show what an environment creates, costs and breaks.")
@click.argument("environment")
@click.option(
    "--format", "form", type=click.Choice(("terminal", "markdown", "html")), default="terminal", show_default=True
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file instead.")
@click.option("--offers", "all_offers", is_flag=True, help="Every offer that was considered, and why it lost.")
@json_option
def command(environment: str, *, form: str, output: Path | None, all_offers: bool, as_json: bool) -> int:
    """Run the program of stacks/Pulumi.ENVIRONMENT.yaml without creating anything, and tell what came of it.

    Shows every resource, the cost by the hour, by the month and at most, what is not priced, whether the model fits,
    how long a start takes, and which rules pass. Exit code 3: a mandatory rule fails.

    \b
    Examples:
      modelyard preview trial-405b
      modelyard preview prod --format html --output prod.html
      modelyard preview dev --json | jq .cost
    """  # noqa: D301  # click's mark for lines that are not re-flowed
    from modelyard.cli.console import emit, say
    from modelyard.cli.environment import load_environment
    from modelyard.cli.files import write_text
    from modelyard.cli.preview import preview

    document = preview(load_environment(environment, start=Path.cwd()))
    text = _rendered(document, "json" if as_json else form, all_offers=all_offers, to_file=output is not None)
    if output is None:
        emit(text)
    else:
        write_text(output, text if text.endswith("\n") else f"{text}\n")
        say(f"wrote {output}")
    return int(ExitCode.OK if document["ok"] else ExitCode.VIOLATED)


def _rendered(document: "Document", form: str, *, all_offers: bool, to_file: bool) -> str:
    from modelyard.cli.console import terminal_width, wants_color

    if form == "json":
        return json.dumps(document, indent=2, ensure_ascii=False)
    if form == "terminal":
        from modelyard.report import to_terminal

        width = min(terminal_width(sys.stdout) or 100, 120)
        color = wants_color(sys.stdout) and not to_file
        return to_terminal(document, width=width, color=color, all_offers=all_offers)
    if form == "markdown":
        from modelyard.report.markdown import to_markdown

        return to_markdown(document)
    from modelyard.report.html import to_html

    return to_html(document)
