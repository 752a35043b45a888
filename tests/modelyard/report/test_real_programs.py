"""The real programs, run as `modelyard preview` runs them: every surface takes what they register."""

import importlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from modelyard.cli.embedded.program import run_program
from modelyard.cost import price_resources
from modelyard.report import Document, to_terminal
from modelyard.report.html import to_html
from modelyard.report.markdown import to_markdown
from modelyard.report.reader import Reader
from tests.modelyard.report.documents import NOW, make

ROOT = Path(__file__).parent.parent.parent.parent
Validator: Any = importlib.import_module("jsonschema").Draft202012Validator  # it has no types


@pytest.fixture(scope="module", params=["dev", "prod", "trial-405b"])
def document(request: pytest.FixtureRequest) -> Document:
    stack: str = request.param
    registered = run_program(ROOT, stack)
    return make(registered, price_resources(registered, now=NOW), stack=stack)


def test_the_document_keeps_to_its_schema(document: Document) -> None:
    text = (resources.files("modelyard") / "data" / "preview-1.schema.json").read_text(encoding="utf-8")
    errors = [error.message for error in Validator(json.loads(text)).iter_errors(json.loads(json.dumps(document)))]
    assert errors == []


def test_every_decision_is_there(document: Document) -> None:
    doc = Reader(document)
    wanted = ("plan.model", "plan.gpu", "plan.gpu_count", "plan.engine.image", "plan.startup.expected_seconds")
    assert [path for path in wanted if doc.get(path) is None] == []
    assert doc.text("fit.verdict") in {"fits", "tight"}
    assert doc.parts("cost.lines") or doc.parts("cost.not_priced")
    assert doc.get("plan.unknown") == []
    sizes = doc.get("fit.per_gpu")
    assert isinstance(sizes, dict)
    numbers = {key: size for key, size in sizes.items() if isinstance(size, int)}
    assert numbers.pop("total_bytes") == sum(numbers.values())


def test_every_surface_shows_the_cost_and_the_model(document: Document) -> None:
    doc = Reader(document)
    for shown in (to_terminal(document), to_markdown(document), to_html(document)):
        assert doc.text("plan.model") in shown
        assert doc.text("plan.engine.version") in shown
        assert "[secret]" not in shown
