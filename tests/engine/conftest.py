"""The real Pulumi CLI on a copy of the checkout, with a local file backend. Skips where the CLI is not on PATH."""

import json
import os
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.simulators.account import Vendors, vendors_on_loopback

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
    return engine_in(tmp_path_factory.mktemp("engine"))


@pytest.fixture(scope="session")
def rental_engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """Another copy with a state of its own, in which things are really rented (on simulators). It knows no API key."""
    made = engine_in(tmp_path_factory.mktemp("rental"))
    home = made.project.parent / "home"
    home.mkdir()
    known = {"RUNPOD_API_KEY", "LAMBDA_API_KEY", "VAST_API_KEY", "VERDA_CLIENT_ID", "VERDA_CLIENT_SECRET", "HF_TOKEN"}
    made.env.update({k: v for k, v in _HOMES.items() if k not in made.env}, HOME=str(home))
    for name in known:
        made.env.pop(name, None)
    return made


@pytest.fixture(scope="module")
def vendors() -> Generator[Vendors]:
    """Simulators over HTTP, new for each file of tests."""
    with vendors_on_loopback(speed=100) as found:
        yield found


_HOMES = {"UV_CACHE_DIR": str(Path.home() / ".cache" / "uv"), "PULUMI_HOME": str(Path.home() / ".pulumi")}
"""What is found below the home folder unless it is told, so that a home of our own does not hide it."""


def engine_in(work: Path) -> Engine:
    if PULUMI is None:
        pytest.skip("the Pulumi CLI is not on PATH (it is in no package registry)")
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
