"""The real Pulumi engine puts `prod` onto the cluster, changes it, takes the change back, and takes it all away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import pods
from tests.cluster.client import Client, wait
from tests.cluster.control_plane import ControlPlane
from tests.cluster.test_stacks import left
from tests.engine.conftest import Engine, engine_in

pytestmark = [pytest.mark.cluster, pytest.mark.engine, pytest.mark.timeout(600)]
STACK = "prod"
NAMESPACE = "llm"


@pytest.fixture(name="pulumi", scope="module")
def _pulumi(tmp_path_factory: pytest.TempPathFactory, control_plane: ControlPlane, cluster: Client) -> Engine:
    """Pulumi with a stack `prod` that was never brought up, and a cluster with the namespace that it names."""
    made = engine_in(tmp_path_factory.mktemp("pulumi"))
    made = replace(made, env={**made.env, "KUBECONFIG": str(control_plane.kubeconfig)})
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    made.run("stack", "init", STACK)
    made.run("config", "set", "--stack", STACK, "--secret", "huggingface:token", "hf_not_a_token")
    return made


def set_engine_args(project: Path, args: dict[str, Any]) -> None:
    """Write the engine's flags into the stack's page."""
    page = project / "stacks" / f"Pulumi.{STACK}.yaml"
    document = yaml.safe_load(page.read_text(encoding="utf-8"))
    document["config"]["modelyard:serve"]["engine"] = {"name": "vllm", "args": args}
    page.write_text(yaml.safe_dump(document), encoding="utf-8")


def arguments(cluster: Client) -> list[str]:
    """The engine's arguments as they run."""
    found = wait(lambda: pods.running(cluster, NAMESPACE, "engine", 2), until="two ready engines")
    assert [pods.gpus(pod) for pod in found] == [4, 4]
    assert {pod["spec"]["nodeName"] for pod in found} == {"cks-h100"}
    both = [pod["spec"]["containers"][0]["args"] for pod in found]
    assert both[0] == both[1]
    args: list[str] = both[0]
    return args


def test_up_change_back_and_destroy(pulumi: Engine, cluster: Client) -> None:
    up = ("up", "--stack", STACK, "--yes", "--skip-preview")
    pulumi.run(*up)
    first = arguments(cluster)
    assert "--max-num-seqs" not in first

    pulumi.run(*up, "--expect-no-changes")

    set_engine_args(pulumi.project, {"max-num-seqs": 64})
    pulumi.run(*up)
    changed = arguments(cluster)
    assert changed[changed.index("--max-num-seqs") + 1] == "64"

    set_engine_args(pulumi.project, {})
    pulumi.run(*up)
    assert arguments(cluster) == first

    pulumi.run("destroy", "--stack", STACK, "--yes", "--skip-preview")
    wait(lambda: left(cluster, NAMESPACE) == [], until="an empty namespace")
    assert "hf_not_a_token" not in pulumi.run("stack", "export", "--stack", STACK).stdout
