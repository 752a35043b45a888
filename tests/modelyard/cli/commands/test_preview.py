"""`modelyard preview`, end to end: the shipped environments, every format, and what stops `up`."""

import importlib
import json
import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import modelyard
from modelyard.cli.embedded import run_program
from modelyard.cli.environment import load_environment
from modelyard.cli.main import main
from modelyard.cli.preview import preview
from modelyard.cost import price_resources
from modelyard.plan import make_plan
from tests.modelyard.cli.embedded.projects import write_project

ROOT = Path(__file__).resolve().parents[4]
SHIPPED = ("dev", "staging", "prod", "trial-405b")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
Validator: Any = importlib.import_module("jsonschema").Draft202012Validator  # it has no types

SERVE = """
  modelyard:serve:
    model: llama-3.1-405b
    quantization: fp8
    context: 16k
    concurrency: 8
    trial: true
    place: {vendors: [runpod], nvlink: true}
    expose: {auth: AUTH}
    life: {for: 1h}
    budget: {max-spend-usd: SPEND}
"""


@pytest.fixture(scope="module")
def documents() -> dict[str, Any]:
    return {name: preview(load_environment(name, start=ROOT, now=NOW), now=NOW) for name in SHIPPED}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with modelyard's own program, as the current folder."""
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    shutil.copy(ROOT / "stacks" / "__main__.py", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_stack(project: Path, *, auth: str = "bearer", spend: str = "30", more: str = "") -> None:
    text = f"config:{SERVE.replace('AUTH', auth).replace('SPEND', spend)}{more}"
    (project / "stacks" / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_may_go_up(name: str, documents: dict[str, Any]) -> None:
    document = documents[name]
    assert document["ok"] is True
    assert document["stack"] == name
    assert document["plan"]["engine"]["image"].startswith("docker.io/vllm/vllm-openai:v")
    assert document["fit"]["verdict"] == "fits"
    assert Decimal(document["cost"]["hourly_usd"]) > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_the_document_is_what_its_schema_says(name: str, documents: dict[str, Any]) -> None:
    path = Path(modelyard.__file__).parent / "data" / "preview-1.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert [e.message for e in Validator(schema).iter_errors(documents[name])] == []


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_registered_costs_what_was_planned(name: str) -> None:
    environment = load_environment(name, start=ROOT, now=NOW)
    assert environment.settings is not None
    planned = make_plan(environment.settings.to_spec(name)).bill
    registered = price_resources(run_program(ROOT, name))
    assert (registered.hourly_usd, registered.monthly_usd, registered.max_spend_usd) == (
        planned.hourly_usd,
        planned.monthly_usd,
        planned.max_spend_usd,
    )


def test_the_trial_keeps_its_promise(documents: dict[str, Any]) -> None:
    document = documents["trial-405b"]
    assert (document["plan"]["model"], document["plan"]["nodes"]) == ("llama-3.1-405b", 1)
    assert Decimal(document["cost"]["max_spend_usd"]) <= 30
    assert document["plan"]["lifetime_seconds"] == 3600
    types = [resource["type"] for resource in document["resources"]]
    assert types[0] == "modelyard:index:Serving"
    for kind in ("Machine", "Ready", "AccessKey"):
        assert f"modelyard-rental:index:{kind}" in types
    serving = document["resources"][0]["urn"]
    assert serving == "urn:pulumi:trial-405b::modelyard::modelyard:index:Serving::trial-405b"
    machine = next(r["urn"] for r in document["resources"] if r["type"].endswith(":Machine"))
    assert "::modelyard:index:Serving$modelyard:index:GpuNode$modelyard-rental:index:Machine::" in machine


def test_production_is_priced_by_its_nodes(documents: dict[str, Any]) -> None:
    document = documents["prod"]
    assert document["plan"]["vendor"] == "kubernetes"
    assert document["plan"]["replicas"] == 2
    assert "kubernetes:apps/v1:Deployment" in {resource["type"] for resource in document["resources"]}
    assert "coreweave" in json.dumps(document["cost"]["lines"])


@pytest.mark.parametrize(
    ("arguments", "start", "words"),
    [
        ([], "trial-405b · llama-3.1-405b fp8 · vLLM", "pulumi up -s trial-405b"),
        (["--offers"], "trial-405b · llama-3.1-405b fp8 · vLLM", "lambda 8× H100-SXM secure"),
        (["--format", "markdown"], "#", "llama-3.1-405b"),
        (["--format", "html"], "<!doctype html>", "</html>"),
        (["--json"], "{", '"schema": "modelyard.preview/1"'),
    ],
)
def test_every_format(
    arguments: list[str], start: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT / "tests")
    assert main(["preview", "trial-405b", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out.lower().startswith(start.lower())
    assert words in out
    assert "Traceback" not in err


def test_output_goes_to_a_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_stack(project)
    assert main(["preview", "dev", "--format", "html", "--output", "dev.html"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("wrote dev.html\n")
    assert (project / "dev.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


@pytest.mark.parametrize(
    ("changes", "rule"),
    [({"spend": "3"}, "spend-ceiling"), ({"auth": "none"}, "endpoint-auth")],
)
def test_a_mandatory_rule_that_fails_is_exit_3(
    changes: dict[str, str], rule: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stack(project, **changes)
    assert main(["preview", "dev", "--json"]) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert [r["id"] for r in document["rules"] if r["status"] == "fail"] == [rule]


def test_configuration_turns_a_rule_into_advice(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_stack(project, spend="3", more="  modelyard:rules: {levels: {spend-ceiling: advisory}}\n")
    assert main(["preview", "dev", "--json"]) == 0
    statuses = {r["id"]: r["status"] for r in json.loads(capsys.readouterr().out)["rules"]}
    assert statuses["spend-ceiling"] == "warn"


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ("fp8", "fp3", 2, ("unknown quantization 'fp3'", "Pulumi.dev.yaml:4, key modelyard:serve.quantization")),
        ("fp8", "nvfp4", 2, ("no 'nvfp4' checkpoint of Llama 3.1 405B", ":4, key modelyard:serve.quantization")),
        ("nvlink: true", "regions: [moon]", 2, ("unknown region 'moon'", ":8, key modelyard:serve.place.regions[0]")),
        ("nvlink: true", "gpus: [L4]", 3, ("nothing on sale holds", ":8, key modelyard:serve.place", "the cheapest")),
        ("for: 1h", "for: 5m", 3, ("to start and would be gone after 5 min", ":10, key modelyard:serve.life")),
        ("trial: true", "engine: {args: {max-num-seq: 8}}", 2, ("unknown vLLM flag 'max-num-seq'", "'max-num-seqs'")),
    ],
)
def test_what_cannot_be_planned(
    old: str, new: str, code: int, words: tuple[str, ...], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stack(project)
    path = project / "stacks" / "Pulumi.dev.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert main(["preview", "dev"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 24
    for part in words:
        assert part in err


def test_a_rule_that_does_not_exist(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_stack(project, more="  modelyard:rules:\n    levels: {spend-celing: off}\n")
    assert main(["preview", "dev"]) == 2
    err = capsys.readouterr().err
    assert "unknown rule 'spend-celing'" in err
    assert "Pulumi.dev.yaml:13, key modelyard:rules.levels.spend-celing" in err


def test_any_python_program_is_previewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = """
        import pulumi

        class Machine(pulumi.CustomResource):
            def __init__(self, name):
                super().__init__("aws:ec2/instance:Instance", name, {"instanceType": "p5.48xlarge"})

        Machine("web")
    """
    monkeypatch.chdir(write_project(tmp_path, program))
    assert main(["preview", "dev", "--json"]) in (0, 3)
    document = json.loads(capsys.readouterr().out)
    assert document["plan"] is None
    assert [r["type"] for r in document["resources"]] == ["aws:ec2/instance:Instance"]
    assert document["cost"]["lines"] == []
    assert "web" in json.dumps(document["cost"]["not_priced"])
