"""Every kind of bad input ends in one screen: what, where, what is allowed, the nearest match, and exit code 2."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import modelyard
from modelyard.cli import failure
from modelyard.cli.main import main

GOOD = """\
# yaml-language-server: $schema=schema.json
config:
  modelyard:serve:
    model: llama-3.1-8b
    quantization: fp8
    context: 16k
    concurrency: 8
    trial: true
    place:
      vendors: [runpod, lambda]
      trust: secure
      gpus: [L40S]
      max-usd-per-hour: 30
    life: {for: 1h}
    budget: {max-spend-usd: 30}
"""

CASES = {
    "unknown model": (
        ("model: llama-3.1-8b", "model: lama-3.1-8b"),
        ("unknown model 'lama-3.1-8b'", ":4, key modelyard:serve.model", "allowed", "did you mean 'llama-3.1-8b'"),
    ),
    "unknown hub id": (
        ("model: llama-3.1-8b", "model: nobody/nothing-7b"),
        ("unknown model 'nobody/nothing-7b'", ":4, key modelyard:serve.model", "`modelyard models`"),
    ),
    "unknown GPU": (
        ("[L40S]", "[L4, L40Z]"),
        ("unknown GPU 'L40Z'", ":12, key modelyard:serve.place.gpus[1]", "did you mean", "`modelyard gpus`"),
    ),
    "unknown vendor": (
        ("[runpod, lambda]", "[runpot]"),
        ("unknown vendor 'runpot'", ":10, key modelyard:serve.place.vendors[0]", "did you mean 'runpod'"),
    ),
    "vendor that cannot be rented from": (
        ("[runpod, lambda]", "[aws]"),
        ("nothing can be rented from aws yet", ":10,", "allowed  runpod, lambda, vastai", "EKS cluster"),
    ),
    "unknown key": (
        ("context:", "contxt:"),
        ("unknown key 'contxt'", ":6, key modelyard:serve.contxt", "did you mean 'context'?"),
    ),
    "unknown key of ours": (
        ("modelyard:serve:", "modelyard:sreve:"),
        ("unknown key 'modelyard:sreve'", ":3, key modelyard:sreve", "did you mean 'modelyard:serve'?"),
    ),
    "key of ours in the wrong place": (
        ("config:\n  modelyard:serve:", "modelyard:serve:\n  config:"),
        ("unknown key 'modelyard:serve'", ":2, key modelyard:serve", "indent it under config:"),
    ),
    "wrong type": (
        ("concurrency: 8", "concurrency: lots"),
        ("'lots' is not a whole number", ":7, key modelyard:serve.concurrency", "allowed  a whole number"),
    ),
    "text that YAML reads as text": (
        ("trial: true", "trial: yes"),
        ("'yes' is neither true nor false", ":8, key modelyard:serve.trial", "allowed  true or false"),
    ),
    "list that is none": (
        ("[runpod, lambda]", "runpod"),
        ("'runpod' is not a list", ":10, key modelyard:serve.place.vendors", "write [runpod]"),
    ),
    "group that is none": (
        ("{for: 1h}", "1h"),
        ("'1h' stands where a group of keys is expected", ":14, key modelyard:serve.life"),
    ),
    "negative number": (
        ("concurrency: 8", "concurrency: -8"),
        ("'-8' is too small", ":7, key modelyard:serve.concurrency", "allowed  at least 1"),
    ),
    "negative amount": (
        ("max-usd-per-hour: 30", "max-usd-per-hour: -30"),
        ("'-30' is not an amount", ":13, key modelyard:serve.place.max-usd-per-hour", "allowed  a positive amount"),
    ),
    "absurd number": (
        ("concurrency: 8", "concurrency: 99999999999999999999"),
        ("is too large", ":7, key modelyard:serve.concurrency", "allowed  at most 10,000"),
    ),
    "absurd amount": (
        ("max-spend-usd: 30", "max-spend-usd: 1e99"),
        ("'1e+99' is not an amount", ":15, key modelyard:serve.budget.max-spend-usd"),
    ),
    "no number": (
        ("max-spend-usd: 30", "max-spend-usd: .nan"),
        ("'nan' is not an amount", ":15, key modelyard:serve.budget.max-spend-usd"),
    ),
    "context beyond the model": (
        ("context: 16k", "context: 1m"),
        ("longer than Llama 3.1 8B can read", ":6, key modelyard:serve.context", "allowed  at most 128k"),
    ),
    "context of nothing": (
        ("context: 16k", "context: 0"),
        ("'0' is not a number of tokens", ":6, key modelyard:serve.context"),
    ),
    "trial without an end": (
        ("life: {for: 1h}", "replicas: 1"),
        ("a trial must end, and this one has no life", ":8, key modelyard:serve.trial", "add life"),
    ),
    "deadline that is over": (
        ("{for: 1h}", "{until: 2001-01-01T00:00:00Z}"),
        ("'2001-01-01T00:00:00+00:00' is over", ":14, key modelyard:serve.life.until", "allowed  a moment after"),
    ),
    "two kinds of place": (
        ("      trust: secure", "      kubernetes: {namespace: x, nodes: {gpu: L4, gpus-per-node: 1}}"),
        (
            "place.kubernetes says where it runs",
            "key modelyard:serve.place.",
            "take out gpus, max-usd-per-hour and vendors",
        ),
    ),
    "secret in a flag": (
        ("quantization: fp8", "engine: {args: {api-key: abc}}"),
        ("the flag 'api-key' cannot be set here", ":5, key modelyard:serve.engine.args.api-key"),
    ),
    "unclosed bracket": (
        ("[runpod, lambda]", "[runpod, lambda"),
        ("not YAML", "Pulumi.dev.yaml:", " | "),
    ),
    "colon in a value": (
        ("model: llama-3.1-8b", "model: llama: 3"),
        ("not YAML: mapping values are not allowed in this context, in column 17", "Pulumi.dev.yaml:4", "^"),
    ),
    "tab": (
        ("    context", "\tcontext"),
        ("not YAML: a tab where only spaces may indent", "Pulumi.dev.yaml:6"),
    ),
    "key twice": (
        ("context: 16k", "model: llama-3.1-8b"),
        ("the key 'model' stands twice", "Pulumi.dev.yaml:6", "first in line 4"),
    ),
    "bomb": (
        ("model: llama-3.1-8b", "model: &a [*a, *a]"),
        ("the file unfolds to too much", "Pulumi.dev.yaml:4"),
    ),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project like ours, with one good environment, as the current folder."""
    stacks = tmp_path / "stacks"
    stacks.mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: modelyard\nruntime: python\nmain: stacks\nstackConfigDir: stacks\n")
    (stacks / "__main__.py").write_text("raise AssertionError('the program must not be run')\n")
    (stacks / "Pulumi.dev.yaml").write_text(GOOD, encoding="utf-8")
    (stacks / "Pulumi.prod.yaml").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def one_screen(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    lines = err.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= failure.WIDTH
    return " ".join(err.split())


@pytest.mark.parametrize("name", CASES)
def test_a_stack_file_with(name: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (old, new), expected = CASES[name]
    assert old in GOOD
    path = project / "stacks" / "Pulumi.dev.yaml"
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    assert main(["preview", "dev"]) == 2
    shown = one_screen(capsys)
    for words in expected:
        assert " ".join(words.split()) in shown


def test_an_environment_that_does_not_exist(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "prood"]) == 2
    shown = one_screen(capsys)
    assert "unknown environment 'prood'" in shown
    assert "allowed dev, prod" in shown
    assert (
        "did you mean 'prod'? Environments are the files stacks/Pulumi.<env>.yaml; `modelyard init` writes one."
        in shown
    )
    assert project.is_dir()


def test_no_project_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["preview", "dev"]) == 2
    assert "no Pulumi.yaml here or in a folder above" in one_screen(capsys)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read 'stacks/Pulumi.dev.yaml' because Is a directory"),
        (b"config: \xff", "byte 0xff is not UTF-8 text where stacks/Pulumi.dev.yaml:1"),
        (b"\x00\x01\x02", "not YAML: control characters are not allowed"),
        (b"#" * 300_000, "'stacks/Pulumi.dev.yaml' is too large allowed at most 256 KiB"),
        (b"[]", "the file holds no keys"),
        (b"", "'modelyard:serve' is missing"),
    ],
)
def test_a_file_that_cannot_be_read(
    content: bytes | None, words: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project / "stacks" / "Pulumi.dev.yaml"
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert main(["preview", "dev"]) == 2
    assert words in one_screen(capsys)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "stacks" / "Pulumi.dev.yaml").chmod(0)
    assert main(["preview", "dev"]) == 2
    assert "because Permission denied" in one_screen(capsys)


def test_several_problems_are_told_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = GOOD.replace("llama-3.1-8b", "lama").replace("secure", "sekure").replace("1h", "soon")
    (project / "stacks" / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    assert main(["preview", "dev"]) == 2
    shown = one_screen(capsys)
    assert shown.startswith("error unknown model 'lama' where stacks/Pulumi.dev.yaml:4")
    assert "also wrong line 11, modelyard:serve.place.trust: 'sekure' is not one of the choices" in shown
    assert "line 14, modelyard:serve.life.for: 'soon' is not a length of time" in shown


def test_a_catalog_row_without_a_source(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(Path(modelyard.__file__).parent / "data", data)
    gpus = data / "gpus.toml"
    lines = gpus.read_text(encoding="utf-8").splitlines()
    lines.remove(next(line for line in lines if line.startswith("source = ")))
    gpus.write_text("\n".join(lines), encoding="utf-8")
    program = (
        "import sys\nfrom pathlib import Path\nimport modelyard.catalog.rows as rows\n"
        "rows.data_dir = lambda: Path(sys.argv[1])\n"
        "from modelyard.cli.main import main\nsys.exit(main(['gpus']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(data)], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error  GPU 'T4': a key is missing",
        "  where    gpus.toml, key source",
        "  every catalog row has a source (https://…), a date, and only the documented keys",
    ]
