"""Start-up text with the environment: read by the shell as it was given, and equal as cloud-init and as a script."""

import subprocess
from pathlib import Path

import pytest
import yaml

from modelyard.render.compose import ENV_PATH
from providers.base.user_data import UserDataError, as_script, environment_file, with_environment

CLOUD = """#cloud-config
write_files:
- path: {folder}/a b/start.sh
  permissions: '0755'
  content: |
    echo $HOME
runcmd:
- [touch, '{folder}/it ran']
"""


@pytest.mark.parametrize(
    "value",
    ["", "plain-1", "two words", "a#b", "$HOME `id`", 'say "hi"', "it's", "ключ", "a=b,c:d@e/f%g+h", "*?[]{}|&;<>()!"],
)
def test_values_reach_a_shell_unchanged(value: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(environment_file({"VALUE": value}), encoding="utf-8")
    shown = subprocess.run(
        ["bash", "-c", f'set -eu; source {file}; printf %s "$VALUE"'], capture_output=True, check=True
    )
    assert shown.stdout.decode() == value


@pytest.mark.parametrize("value", ["a\nb", "a\\b", 'it\'s "both"', "it's $HOME"])
def test_values_that_no_form_can_hold_are_refused_and_not_quoted(value: str) -> None:
    with pytest.raises(UserDataError, match="value of KEY") as caught:
        environment_file({"KEY": value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UserDataError, match="name"):
        environment_file({name: "x"})


def test_the_environment_becomes_a_file_that_only_root_reads() -> None:
    text = with_environment(CLOUD.replace("{folder}", "/opt"), {"KEY": "s3cret-value"})
    assert text.startswith("#cloud-config\n")
    document = yaml.safe_load(text)
    assert document["write_files"][0]["content"] == "echo $HOME\n"
    assert document["write_files"][1] == {
        "path": ENV_PATH,
        "owner": "root:root",
        "permissions": "0600",
        "content": "KEY=s3cret-value\n",
    }
    assert document["runcmd"] == [["touch", "/opt/it ran"]]


def test_an_environment_file_that_was_there_is_replaced() -> None:
    twice = with_environment(with_environment(CLOUD.replace("{folder}", "/opt"), {"A": "1"}), {"B": "2"})
    files = {file["path"]: file["content"] for file in yaml.safe_load(twice)["write_files"]}
    assert files[ENV_PATH] == "B=2\n"


def test_the_script_does_what_cloud_init_would(tmp_path: Path) -> None:
    script = as_script(CLOUD.replace("{folder}", str(tmp_path)))
    subprocess.run(["bash", "-c", script], check=True)
    written = tmp_path / "a b" / "start.sh"
    assert written.read_text() == "echo $HOME\n"
    assert written.stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "it ran").exists()


@pytest.mark.parametrize(
    "text", ["", "#!/bin/bash\necho\n", "#cloud-config\n- a\n", "#cloud-config\n{", "#cloud-config\n"]
)
def test_text_that_is_no_cloud_init(text: str) -> None:
    with pytest.raises(UserDataError, match="#cloud-config"):
        with_environment(text, {})


def test_a_script_cannot_stand_for_everything() -> None:
    with pytest.raises(UserDataError, match="packages"):
        as_script("#cloud-config\npackages: [jq]\n")
