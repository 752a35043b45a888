"""The command `modelyard`: finds the command, runs it, and turns whatever goes wrong into one screen and an exit code.

Exit codes: 0 ok, 1 failed, 2 usage, 3 a mandatory rule or ceiling is violated, 4 something could not be verified;
130 after Ctrl-C and 141 when the reader of the output went away, as for every program.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

import click

from modelyard import __version__
from modelyard.cli import failure
from modelyard.cli.console import PIPE_CLOSED, PipeClosedError, say
from modelyard.errors import ExitCode, ModelyardError, UsageError, nearest, quote

INTERRUPTED = 130
COMMANDS = ("preview", "fit", "offers", "prices", "models", "gpus", "init", "schema", "reap")
"""In the order that help shows them; each is a module of ``modelyard.cli.commands``."""


class _Commands(click.Group):
    """Imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            near = nearest(cmd_name, COMMANDS, count=1)
            hint = f" Did you mean {quote(near[0])}?" if near else ""
            ctx.fail(f"No such command {quote(cmd_name)}.{hint}")
        module = importlib.import_module(f"modelyard.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="modelyard", message="%(prog)s %(version)s")
def cli() -> None:
    """From one page of YAML to a priced, checked, monitored LLM endpoint.

    Results go to stdout and talk to stderr; --json works on every command. Exit codes: 0 ok, 1 failed, 2 usage,
    3 a mandatory rule or ceiling is violated, 4 something could not be verified.
    """


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        argv: arguments without the program's name; None: those of the process.

    Returns:
        The exit status.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    try:
        result: object = cli.main(args=arguments, prog_name="modelyard", standalone_mode=False)
    except PipeClosedError:
        return PIPE_CLOSED
    except (KeyboardInterrupt, click.Abort):
        say("\nstopped; nothing was created")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last stop before the user: a traceback is no message
        return _fail(error, as_json="--json" in arguments)
    return int(result) if isinstance(result, int) else int(ExitCode.OK)


def _fail(error: Exception, *, as_json: bool) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        say(error.format_message())
        return int(ExitCode.USAGE)
    if isinstance(error, click.ClickException):
        error = _from_click(error)
    if not isinstance(error, ModelyardError):
        if os.environ.get("MODELYARD_DEBUG"):
            say("".join(traceback.format_exception(error)))
        error = failure.bug(error)
    failure.show(error, as_json=as_json)
    return int(error.exit_code)


def _from_click(error: click.ClickException) -> ModelyardError:
    """One of click's own refusals in our form."""
    message = error.format_message().rstrip(".")
    brief = message[:1].lower() + message[1:]
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "modelyard"
    return UsageError(brief, resolution=f"`{path} --help` says what it takes")
