"""The rules as a real policy pack under the real CLI say what the embedded preview says."""

from pathlib import Path

import pytest
import yaml

from tests.engine.conftest import Engine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.mark.usefixtures("stacks")
def test_a_stack_that_passes_passes(engine: Engine) -> None:
    done = engine.run("preview", "--stack", "trial-405b", "--policy-pack", "policies")
    assert "modelyard" in done.stdout


@pytest.mark.usefixtures("stacks")
def test_a_ceiling_that_is_too_low_stops_the_preview(engine: Engine) -> None:
    stack_file: Path = engine.project / "stacks" / "Pulumi.trial-405b.yaml"
    kept = stack_file.read_text(encoding="utf-8")
    document = yaml.safe_load(kept)
    document["config"]["modelyard:serve"]["budget"] = {"max-spend-usd": 5}
    stack_file.write_text(yaml.safe_dump(document), encoding="utf-8")
    try:
        done = engine.run("preview", "--stack", "trial-405b", "--policy-pack", "policies", check=False)
    finally:
        stack_file.write_text(kept, encoding="utf-8")
    assert done.returncode != 0
    assert "spend-ceiling" in done.stdout + done.stderr
    assert "$5" in done.stdout + done.stderr
