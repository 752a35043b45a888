"""Projects and stack files are found and read; what is wrong with them is told with its line."""

from pathlib import Path

import pytest

from modelyard.cli.project import find_project, load_project, load_stack
from modelyard.errors import ConfigError, UnknownNameError, UsageError
from modelyard.resources import SECRET
from tests.modelyard.cli.embedded.projects import write_project


def test_a_project_is_found_from_a_folder_inside(tmp_path: Path) -> None:
    write_project(tmp_path, "")
    project = find_project(tmp_path / "prog")
    assert (project.root, project.name, project.program) == (tmp_path, "demo", tmp_path / "prog")
    assert project.environments() == ("dev",)


def test_no_project_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_project(tmp_path)
    assert caught.value.brief == "no Pulumi.yaml here or in a folder above"
    assert "pulumi new" in (caught.value.resolution or "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runtime: python\n", "'None' is not a project name"),
        ("name: a/b\nruntime: python\n", "'a/b' is not a project name"),
        ("name: demo\nruntime: go\n", "the program's runtime is 'go'"),
        ("name: demo\n", "the program's runtime is 'None'"),
        ("name: demo\nruntime: python\nmain: ../elsewhere\n", "'../elsewhere' is not a path inside the project"),
        ("name: demo\nruntime: python\nmain: nowhere\n", "no program at 'nowhere'"),
        ("name: demo\nruntime: python\nmain: [x]\n", "is not a path inside the project"),
        ("name: demo\nruntime: python\nmain: prog\nstackConfigDir: 5\n", "'5' is not a path inside the project"),
    ],
)
def test_project_files_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    write_project(tmp_path, "")
    (tmp_path / "Pulumi.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_project(tmp_path)
    assert words in caught.value.brief
    assert caught.value.file == "Pulumi.yaml"


def test_keys_get_their_namespace_and_secrets_are_covered(tmp_path: Path) -> None:
    config = "\n  size: 3\n  other:key: [1, {secure: v1:x}]\n  demo:token:\n    secure: v1:y"
    stack = load_stack(load_project(write_project(tmp_path, "", config=config)), "dev")
    assert stack.config == {"demo:size": 3, "other:key": [1, SECRET], "demo:token": SECRET}
    assert stack.secret_keys == {"other:key", "demo:token"}
    assert stack.lines[("demo:size",)] == 2
    assert stack.lines[("other:key", 1)] == 3


@pytest.mark.parametrize("name", ["prd", "../dev", "a/b", "", "x" * 200])
def test_an_environment_that_does_not_exist(tmp_path: Path, name: str) -> None:
    project = load_project(write_project(tmp_path, ""))
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n", encoding="utf-8")
    with pytest.raises(UnknownNameError) as caught:
        load_stack(project, name)
    assert caught.value.details == "allowed  dev, prod"
    assert caught.value.nearest == {"prd": ("prod",), "../dev": ("dev",)}.get(name, ())


@pytest.mark.parametrize(
    ("text", "words", "resolution"),
    [
        ("modelyard:serve: {}\n", "unknown key 'modelyard:serve'", "indent it under config:"),
        ("confg: {}\n", "unknown key 'confg'", "did you mean 'config'?"),
        ("config: [a]\n", "config holds no keys", None),
        ("config: text\n", "config holds no keys", None),
    ],
)
def test_stack_files_that_are_none(tmp_path: Path, text: str, words: str, resolution: str | None) -> None:
    project = load_project(write_project(tmp_path, ""))
    (tmp_path / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_stack(project, "dev")
    assert (caught.value.brief, caught.value.line, caught.value.resolution) == (words, 1, resolution)


@pytest.mark.parametrize("text", ["", "config:\n", "encryptionsalt: v1:x\n"])
def test_stack_files_without_configuration(tmp_path: Path, text: str) -> None:
    project = load_project(write_project(tmp_path, ""))
    (tmp_path / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    assert load_stack(project, "dev").config == {}
