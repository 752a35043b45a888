import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from modelyard.render.boot import HERE_END, boot_script, differs_in_lifetime_alone
from modelyard.render.compose import cloud_init
from modelyard.render.machine import MachineText
from modelyard.render.nginx import access_conf
from modelyard.spec import Auth
from providers.base.marker import Marker
from tests.fakes.http import fake_http
from tests.fakes.machines import machine_text
from tests.fakes.tools import tool

VARIANTS: list[dict[str, Any]] = [
    {},
    {"lifetime_seconds": None},
    {"has_prometheus": False, "has_grafana": False},
    {"has_gpu_metrics": False},
    {"auth": Auth.NONE},
    {"cache_path": "/data/model cache's", "hub_id": "org/it's"},
]
KEY = "kEy-of-at-least-20_letters"


def bash(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    keep = {"PATH": os.environ["PATH"]}
    command = ["bash", "-c", script]
    return subprocess.run(command, env={**keep, **environment}, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("changes", VARIANTS)
def test_bash_parses_it(tmp_path: Path, changes: dict[str, Any]) -> None:
    script = tmp_path / "boot.sh"
    script.write_text(boot_script(machine_text(**changes)))
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("changes", VARIANTS)
def test_shellcheck_has_nothing_to_say(tmp_path: Path, changes: dict[str, Any]) -> None:
    shellcheck = tool("shellcheck", "shellcheck")
    script = tmp_path / "boot.sh"
    script.write_text(boot_script(machine_text(**changes)))
    done = subprocess.run([shellcheck, str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_order_watchdog_first_engine_last() -> None:
    script = boot_script(machine_text())
    landmarks = [
        "set -euo pipefail",
        'watch_deadline "$deadline" &',
        "/etc/modelyard/nginx.conf <<",
        "hf download",
        'nginx -c "$config_dir/nginx.conf"\n',
        "start_gpu_metrics ||",
        "(start_prometheus) ||",
        "start_grafana ||",
        "vllm serve \\\n",
    ]
    places = [script.index(mark) for mark in landmarks]
    assert places == sorted(places)


def test_engine_listens_on_the_loopback_address_alone() -> None:
    words = boot_script(machine_text()).split("vllm serve \\\n")[1].split("&\n")[0]
    assert words.replace("\\", " ").split()[-2:] == ["--host", "127.0.0.1"]


def test_no_secret_is_part_of_the_text() -> None:
    script = boot_script(machine_text())
    assert not re.search(r"(api[-_]key|hf[-_]token)\s*[=:]\s*['\"]?[A-Za-z0-9]{8,}", script, re.IGNORECASE)
    assert "--api-key" not in script
    assert "hf_" not in script.lower().replace("hf_home", "").replace("hf_hub", "").replace("hf_xet", "").replace(
        "hf_token", ""
    )


def test_it_stays_below_what_a_create_call_may_carry() -> None:
    assert len(boot_script(machine_text()).encode()) < 64 * 1024


def test_no_rendered_file_ends_its_here_document_early() -> None:
    script = boot_script(machine_text())
    assert script.count(f"<<'{HERE_END}'") == len(re.findall(rf"^{HERE_END}$", script, re.MULTILINE))


def head_of(script: str, tmp_path: Path) -> str:
    """The script up to its configuration files, in folders of the test's own."""
    head = script.split("# --- 2.", maxsplit=1)[0]
    return head.replace("/etc/modelyard", str(tmp_path / "etc")).replace("/var/lib/modelyard", str(tmp_path / "var"))


def test_past_deadline_ends_the_machine_with_its_own_key(tmp_path: Path) -> None:
    script = head_of(boot_script(machine_text()), tmp_path) + "\nwait\n"
    with fake_http() as api:
        done = bash(
            script,
            MODELYARD_DEADLINE="2026-01-01T00:00:00Z",
            RUNPOD_POD_ID="pod7",
            RUNPOD_API_KEY="pod-scoped",
            RUNPOD_REST_URL=f"http://127.0.0.1:{api.port}/v2",
        )
        asked = [api.asked.get_nowait() for _ in range(2)]
    assert done.returncode == 0, done.stderr
    assert [(a.method, a.path, a.headers["authorization"]) for a in asked] == [
        ("GET", "/v2/pods/pod7", "Bearer pod-scoped"),
        ("DELETE", "/v2/pods/pod7", "Bearer pod-scoped"),
    ]
    assert "the deadline has passed" in done.stderr
    assert "pod-scoped" not in done.stderr + done.stdout


def test_past_deadline_on_the_other_container_vendor(tmp_path: Path) -> None:
    script = head_of(boot_script(machine_text()), tmp_path) + "\nwait\n"
    with fake_http() as api:
        done = bash(
            script,
            MODELYARD_DEADLINE="2026-01-01T00:00:00Z",
            CONTAINER_ID="41",
            CONTAINER_API_KEY="instance-key",
            VAST_URL=f"http://127.0.0.1:{api.port}",
        )
        asked = [api.asked.get_nowait() for _ in range(2)]
    assert done.returncode == 0, done.stderr
    assert [(a.method, a.path) for a in asked] == [
        ("GET", "/api/v0/instances/41/"),
        ("DELETE", "/api/v0/instances/41/"),
    ]


def test_the_container_stays_for_the_watchdog_when_the_start_up_fails(tmp_path: Path) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    script = head_of(boot_script(machine_text()), tmp_path).replace("        sleep 10\n", "        sleep 0.2\n")
    with fake_http() as api:
        done = bash(
            script + "\nfalse\n",
            MODELYARD_DEADLINE=f"{soon:%Y-%m-%dT%H:%M:%SZ}",
            RUNPOD_POD_ID="pod7",
            RUNPOD_API_KEY="pod-scoped",
            RUNPOD_REST_URL=f"http://127.0.0.1:{api.port}/v2",
        )
        assert [api.asked.get_nowait().method for _ in range(2)] == ["GET", "DELETE"]
    assert done.returncode == 1
    assert "the start-up ended with status 1; the watchdog goes on alone" in done.stderr


def named(deadline: datetime | None) -> str:
    return Marker.new(title="trial-405b", owner="o/p/s", urn="urn", spec={}, deadline=deadline).name


@pytest.mark.parametrize("field", ["name", "label"])
def test_a_deadline_that_was_moved_is_read_from_the_name_at_the_vendor(tmp_path: Path, field: str) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    script = head_of(boot_script(machine_text()), tmp_path)
    script = script.replace("        sleep 10\n", "        exit 0\n")  # it waits again: that is all to be seen
    shown = {"extra_env": [["MODELYARD_MARKER", named(datetime(2026, 1, 1, tzinfo=UTC))]], field: named(later)}
    with fake_http(json.dumps({"instances": shown}).encode()) as api:
        done = bash(
            script + "\nwait\n",
            MODELYARD_DEADLINE="2026-01-01T00:00:00Z",
            RUNPOD_POD_ID="pod7",
            RUNPOD_API_KEY="pod-scoped",
            RUNPOD_REST_URL=f"http://127.0.0.1:{api.port}/v2",
        )
        assert api.asked.get_nowait().method == "GET"
        assert api.asked.empty(), "nothing is deleted"
    assert done.returncode == 0, done.stderr
    assert f"the deadline was moved to {later:%Y-%m-%dT%H:%M:%SZ}" in done.stderr
    assert int((tmp_path / "var" / "deadline").read_text()) == int(later.timestamp())


def test_a_deadline_that_was_lifted_ends_the_watch(tmp_path: Path) -> None:
    script = head_of(boot_script(machine_text()), tmp_path) + "\nwait\n"
    with fake_http(json.dumps({"name": named(None)}).encode()) as api:
        done = bash(
            script,
            MODELYARD_DEADLINE="2026-01-01T00:00:00Z",
            RUNPOD_POD_ID="pod7",
            RUNPOD_API_KEY="pod-scoped",
            RUNPOD_REST_URL=f"http://127.0.0.1:{api.port}/v2",
        )
        assert api.asked.get_nowait().method == "GET"
        assert api.asked.empty(), "nothing is deleted"
    assert done.returncode == 0, done.stderr
    assert "the deadline was lifted" in done.stderr


def test_lifetime_counts_from_the_first_start_when_no_deadline_came(tmp_path: Path) -> None:
    script = head_of(boot_script(machine_text(lifetime_seconds=7200)), tmp_path)
    script = script.replace('watch_deadline "$deadline" &', "true &")
    script += '\nprintf "%s %s" "$(date +%s)" "$deadline"'
    first = bash(script)
    assert first.returncode == 0, first.stderr
    now, deadline = map(int, first.stdout.split())
    assert 7190 <= deadline - now <= 7200
    (tmp_path / "var" / "deadline").write_text("4102444800\n")
    again = bash(script)
    assert again.stdout.split()[1] == "4102444800", "a restart does not move the deadline"


@pytest.mark.parametrize("key", [KEY, "A" * 20, "-_" * 100])
def test_the_script_writes_the_same_access_file_as_the_core(key: str) -> None:
    script = boot_script(machine_text())
    function = script[script.index("write_access() {") : script.index("write_listen() {")]
    done = bash(f'set -euo pipefail\nlog() {{ echo "$*" >&2; }}\n{function}\nwrite_access', VLLM_API_KEY=key)
    assert done.stdout == access_conf(key)


@pytest.mark.parametrize("key", ["", "short", 'quote"' * 5])
def test_nothing_listens_without_a_good_key(key: str) -> None:
    script = boot_script(machine_text())
    function = script[script.index("write_access() {") : script.index("write_listen() {")]
    done = bash(f'log() {{ echo "$*" >&2; }}\n{function}\nwrite_access', VLLM_API_KEY=key)
    assert done.returncode == 1
    assert "VLLM_API_KEY is missing" in done.stderr
    assert not key or key not in done.stderr


def test_weights_that_do_not_fit_the_disk_stop_it_before_the_download(tmp_path: Path) -> None:
    script = boot_script(machine_text(cache_path=str(tmp_path / "models"), download_bytes=1 << 60))
    part = script[script.index("# --- 3.") : script.index("# --- 4.")]
    done = bash(f'log() {{ echo "$*" >&2; }}\ncache_dir={tmp_path}/models\n{part}\necho went on')
    assert done.returncode == 1
    assert f"the weights take {(1 << 60) // 1024} KiB" in done.stderr


def test_weights_are_fetched_without_the_copies_that_the_engine_does_not_load(tmp_path: Path) -> None:
    script = boot_script(machine_text(cache_path=str(tmp_path), download_bytes=1))
    part = script[script.index("# --- 4.") : script.index("# --- 5.")]
    fake = tmp_path / "hf"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$SEEN"\n')
    fake.chmod(0o755)
    done = bash(
        f'set -euo pipefail\nlog() {{ echo "$*" >&2; }}\ncache_dir={tmp_path}\n{part}',
        PATH=f"{tmp_path}:{os.environ['PATH']}",
        SEEN=str(tmp_path / "seen"),
    )
    assert done.returncode == 0, done.stderr
    words = (tmp_path / "seen").read_text().split()
    assert words[:4] == ["download", "meta-llama/Llama-3.1-405B-Instruct-FP8", "--cache-dir", str(tmp_path)]
    assert words[words.index("original/*") - 1] == "--exclude"


def test_the_split_over_gpus_follows_the_machine_that_was_got() -> None:
    script = boot_script(machine_text())
    words = script.split("vllm serve \\\n")[1].split("&\n")[0]
    for given, expected in (({}, "4"), ({"MODELYARD_TENSOR_PARALLEL_SIZE": "8"}, "8")):
        done = bash(f"printf '%s\\n' {words}", **given)
        seen = done.stdout.split()
        assert seen[seen.index("--tensor-parallel-size") + 1] == expected


@pytest.mark.parametrize("text", [boot_script, cloud_init])
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"lifetime_seconds": 3600}, {"lifetime_seconds": 7200}, True),
        ({"lifetime_seconds": 3600}, {"lifetime_seconds": 3600}, False),
        ({"lifetime_seconds": 3600}, {"lifetime_seconds": None}, False),
        ({"lifetime_seconds": 3600}, {"lifetime_seconds": 7200, "cache_path": "/elsewhere"}, False),
    ],
)
def test_another_life_is_told_from_another_machine(
    text: Callable[[MachineText], str], one: dict[str, Any], other: dict[str, Any], *, expected: bool
) -> None:
    assert differs_in_lifetime_alone(text(machine_text(**one)), text(machine_text(**other))) is expected
