import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.render.compose import ENV_PATH, cloud_init, compose_yaml, vm_script
from modelyard.render.images import load_images
from tests.fakes.machines import machine_text
from tests.fakes.tools import tool


def services(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(compose_yaml(machine_text(**changes)))["services"]
    return found


def test_every_part_runs_a_pinned_image() -> None:
    pinned = {image.reference for image in load_images()} | {"docker.io/vllm/vllm-openai:v0.33.0"}
    assert {service["image"] for service in services().values()} == pinned


def test_parts_that_were_not_asked_for_are_absent() -> None:
    assert set(services(has_grafana=False, has_prometheus=False, has_gpu_metrics=False)) == {
        "weights",
        "engine",
        "gateway",
    }


def test_everything_but_the_gateway_listens_on_the_loopback_address() -> None:
    found = services()
    assert found["engine"]["command"][-2:] == ["--host", "127.0.0.1"]
    assert found["dcgm-exporter"]["command"][:2] == ["--address", "127.0.0.1:9400"]
    assert "--web.listen-address=127.0.0.1:9090" in found["prometheus"]["command"]
    assert found["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert not any("ports" in service for service in found.values())


def test_engine_gets_every_gpu_and_waits_for_the_weights() -> None:
    engine = services()["engine"]
    assert engine["deploy"]["resources"]["reservations"]["devices"][0]["count"] == "all"
    assert engine["depends_on"] == {"weights": {"condition": "service_completed_successfully"}}
    assert engine["shm_size"] == str(16 << 30)
    assert services(tensor_parallel_size=8)["engine"]["shm_size"] == str(32 << 30)


def test_secrets_come_from_a_file_that_the_text_does_not_have() -> None:
    document = yaml.safe_load(cloud_init(machine_text()))
    assert services()["engine"]["env_file"] == [ENV_PATH]
    assert ENV_PATH not in {file["path"] for file in document["write_files"]}
    assert "VLLM_API_KEY" not in services()["engine"]["environment"]


def test_cloud_init_puts_every_mounted_file_there() -> None:
    text = cloud_init(machine_text())
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    files = {file["path"]: file for file in document["write_files"]}
    assert document["runcmd"] == [["bash", "/etc/modelyard/start.sh"]]
    assert files["/etc/modelyard/start.sh"]["permissions"] == "0755"
    mounted = {
        volume.split(":")[0]
        for service in services().values()
        for volume in service["volumes"]
        if volume.startswith("/etc/modelyard/")
    }
    for path in mounted:
        assert any(name == path or name.startswith(f"{path}/") for name in files), path


@pytest.mark.parametrize("lifetime", [3600, None])
def test_vm_script_is_sound_bash(tmp_path: Path, lifetime: int | None) -> None:
    script = tmp_path / "start.sh"
    script.write_text(vm_script(machine_text(lifetime_seconds=lifetime)))
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    checked = subprocess.run(
        [tool("shellcheck", "shellcheck"), str(script)], capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""


def test_vm_script_arms_its_watchdog_first_and_says_what_it_cannot_do() -> None:
    script = vm_script(machine_text())
    assert script.index("systemd-run") < script.index("write_access >") < script.index("compose.yaml up")
    assert "what stops the bill is the delete call from outside" in script


def test_the_split_over_gpus_follows_the_machine_that_was_got() -> None:
    command = services(argv=("org/model", "--tensor-parallel-size", "4", "--seed", "$1"))["engine"]["command"]
    assert command[2] == "${MODELYARD_TENSOR_PARALLEL_SIZE:-4}"
    assert command[4] == "$$1", "a dollar sign of an argument is not Compose's"
