"""The README's commands are the ones that are tested, and the output that it shows is the real one."""

import re

import pytest

from modelyard.cli.main import main
from tests.contracts.readme import README, commands


def without_ages(text: str) -> str:
    """A preview without what changes from day to day, and without line breaks that depend on it."""
    return " ".join(re.sub(r"\d+ days old", "N days old", text).split())


def test_the_first_two_commands_are_run_and_test() -> None:
    assert commands() == ("make preview ENV=trial-405b", "make test")


def test_the_output_that_is_shown_is_the_real_one(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.search(r"^```text\n(trial-405b · .*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert shown is not None
    assert main(["preview", "trial-405b"]) == 0
    assert without_ages(shown[1]) == without_ages(capsys.readouterr().out)
