"""The real Pulumi CLI on a copy of the checkout, with a local file backend. Skips where the CLI is not on PATH."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PULUMI = shutil.which("pulumi")
UV = ROOT / ".venv" / "bin" / "uv"


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A project folder and an environment in which `pulumi` runs without an account."""

    project: Path
    env: dict[str, str]

    def run(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `pulumi ARGS --non-interactive` in the project."""
        done = subprocess.run(
            [str(PULUMI), *args, "--non-interactive"],
            cwd=self.project,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            pytest.fail(f"pulumi {' '.join(args)} exited with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def preview(self, stack: str) -> list[dict[str, Any]]:
        """The steps of `pulumi preview --json`."""
        steps: list[dict[str, Any]] = json.loads(self.run("preview", "--stack", stack, "--json").stdout)["steps"]
        return steps


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A copy of the committed and uncommitted files, so that a stack's salt never lands in the checkout."""
    if PULUMI is None:
        pytest.skip("the Pulumi CLI is not on PATH (it is in no package registry)")
    work = tmp_path_factory.mktemp("engine")
    project = work / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, project / name)
    state = work / "state"
    state.mkdir()
    env = {
        **{k: v for k, v in os.environ.items() if k != "VIRTUAL_ENV"},
        "PATH": f"{UV.parent}:{os.environ['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "KUBECONFIG": str(work / "no-such-kubeconfig"),
    }
    made = Engine(project=project, env=env)
    subprocess.run([str(UV), "sync", "--frozen", "--quiet"], cwd=project, env=env, check=True)
    return made


@pytest.fixture(scope="session")
def stacks(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """`pulumi preview --json` of every environment, by name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted((engine.project / "stacks").glob("Pulumi.*.yaml")):
        name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        engine.run("stack", "init", name)
        found[name] = engine.preview(name)
    return found
