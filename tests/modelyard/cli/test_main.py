"""The front door: exit codes, streams, help, and no traceback whatever happens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from modelyard import __version__
from modelyard.cli import main as front
from modelyard.cli.main import COMMANDS, main


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> "type[Raising]":
    """A command `gpus` that raises what it is told to."""

    def get_command(_ctx: click.Context, _name: str) -> click.Command:
        return Raising.command

    monkeypatch.setattr(front.cli, "get_command", get_command)
    return Raising


class Raising:
    error: BaseException = RuntimeError("secret words")

    @staticmethod
    @click.command("gpus")
    @click.option("--json", "as_json", is_flag=True)
    def command(*, as_json: bool) -> None:  # noqa: ARG004  # the option is read from the arguments
        raise Raising.error


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert "3 a mandatory rule or ceiling is violated" in out.replace("\n  ", " ")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Two are groups: `models list` is what `models` alone runs, and `prices` does nothing alone.
    listing = {"models": ["list"], "prices": ["refresh"]}.get(name, [])
    assert main([name, *listing, "--help"]) == 0
    out = capsys.readouterr().out
    assert "--json" in out
    assert max(map(len, out.splitlines())) <= 100


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"modelyard {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ofers"], "no such command 'ofers'. Did you mean 'offers'?"),
        (["fit"], "missing argument 'MODEL'"),
        (["offers", "--limit", "x"], "invalid value for '--limit'"),
        (["offers", "--trsut", "secure"], "no such option"),
        (["offers", "--max-usd-per-hour", "-3"], "'-3' is not an amount"),
        (["gpus", "a", "b"], "unexpected extra argument"),
    ],
)
def test_wrong_usage_is_exit_2_on_stderr(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "--help` says what it takes" in err


def test_an_error_is_json_on_stderr_when_json_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["offers", "--gpu", "H1000", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    document = json.loads(err)
    assert document["schema"] == "modelyard.error/1"
    assert document["error"]["brief"] == "unknown GPU 'H1000'"
    assert document["error"]["exit_code"] == 2


def test_a_fault_of_ours_is_told_without_its_text(
    raising: type[Raising], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODELYARD_DEBUG", raising=False)
    raising.error = RuntimeError("secret words")
    assert main(["gpus"]) == 1
    err = capsys.readouterr().err
    assert "modelyard stopped on a fault of its own: RuntimeError" in err
    assert "Traceback" not in err
    assert "secret words" not in err


def test_debugging_shows_the_traceback(
    raising: type[Raising], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELYARD_DEBUG", "1")
    raising.error = RuntimeError("words")
    assert main(["gpus"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_ctrl_c_is_calm(raising: type[Raising], capsys: pytest.CaptureFixture[str]) -> None:
    raising.error = KeyboardInterrupt()
    assert main(["gpus"]) == 130
    assert capsys.readouterr().err.strip() == "stopped; nothing was created"


def test_a_reader_that_leaves_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "modelyard.cli", "gpus", "--json"],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=Path(__file__).resolve().parents[3],
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
