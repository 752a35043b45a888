"""`modelyard init` writes an environment that can be planned, or nothing."""

import json
import shutil
from pathlib import Path

import pytest

from modelyard.cli.commands.init import Answers, render
from modelyard.cli.main import main
from modelyard.cli.yamlfile import parse_yaml

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of stack files of an empty project, which is the current folder."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copy(ROOT / "stacks" / "__main__.py", folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_flags_become_a_file_that_is_planned(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--model", "llama-3.1-8b", "--context", "8k", "--vendor", "runpod", "--life", "2h"]
    assert main(["init", "demo", *arguments, "--trial", "--max-spend-usd", "5"]) == 0
    out, err = capsys.readouterr()
    assert out == "stacks/Pulumi.demo.yaml\n"
    assert err.startswith("chosen   runpod 1× ")
    assert err.endswith("next     modelyard preview demo\n")
    assert (stacks / "Pulumi.demo.yaml").read_text(encoding="utf-8") == (
        "# yaml-language-server: $schema=schema.json\n"
        "# demo: written by `modelyard init`; every key is described in schema.json.\n"
        "config:\n"
        "  modelyard:serve:\n"
        "    model: llama-3.1-8b\n"
        "    context: 8k\n"
        "    concurrency: 4\n"
        "    trial: true\n"
        "    place: {trust: secure, vendors: [runpod]}\n"
        "    expose: {auth: bearer}\n"
        "    life: {for: 2h}\n"
        "    budget: {max-spend-usd: 5}\n"
    )
    assert main(["preview", "demo", "--json"]) == 0


def test_json_tells_the_file_and_the_choice(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "demo", "--model", "llama-3.1-8b", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "modelyard.init/1"
    assert (stacks.parent / document["file"]).is_file()


def test_an_environment_is_not_written_over(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stacks / "Pulumi.demo.yaml"
    path.write_text("mine", encoding="utf-8")
    assert main(["init", "demo", "--model", "llama-3.1-8b"]) == 2
    assert "the environment 'demo' exists" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == "mine"
    assert main(["init", "demo", "--model", "llama-3.1-8b", "--force"]) == 0
    assert "llama-3.1-8b" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["demo"], 2, "--model is missing, and nobody is there to be asked"),
        (["../demo", "--model", "llama-3.1-8b"], 2, "'../demo' is not a name for an environment"),
        (["demo", "--model", "lama-3.1-8b"], 2, "did you mean 'llama-3.1-8b'"),
        (["demo", "--model", "llama-3.1-8b", "--context", "1m"], 2, "longer than Llama 3.1 8B can read"),
        (["demo", "--model", "llama-3.1-8b", "--gpu", "H1000"], 2, "unknown GPU 'H1000'"),
        (["demo", "--model", "llama-3.1-8b", "--vendor", "x: [y"], 2, "unknown vendor 'x: [y'"),
        (["demo", "--model", "llama-3.1-8b", "--life", "1}, x: {"], 2, "'1}, x: {' is not a length of time"),
        (["demo", "--model", "llama-3.1-8b", "--trial"], 2, "a trial must end"),
        (["demo", "--model", "llama-3.1-405b", "--gpu", "L4"], 3, "nothing on sale holds"),
        (["demo", "--model", "llama-3.1-8b", "--life", "2h", "--max-spend-usd", "0.01"], 3, "over your $0.01"),
    ],
)
def test_nothing_is_written_that_cannot_be_planned(
    arguments: list[str], code: int, words: str, stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert [path.name for path in stacks.iterdir()] == ["__main__.py"]


@pytest.mark.parametrize("text", ["true", "12", "1e3", "a: b", "", "'", "no", "x #y", "null", "[a]", "é"])
def test_odd_words_are_read_back_as_they_are(text: str) -> None:
    answers = Answers(model="m", context="8k", concurrency=1, gpus=[text], life=text or None, quantization=text or None)
    serve = parse_yaml(render(answers, "x"), shown="f.yaml").data["config"]["modelyard:serve"]
    assert serve["place"]["gpus"] == [text]
    if text:
        assert serve["life"] == {"for": text}
        assert serve["quantization"] == text
