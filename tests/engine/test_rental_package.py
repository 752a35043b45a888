"""The plugin as a package for every language: its schema through the CLI, and an SDK made from it."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from providers.plugin.handlers import load_handlers
from tests.engine.conftest import Engine

pytestmark = [pytest.mark.engine, pytest.mark.timeout(300), pytest.mark.xdist_group("rental")]


def test_the_cli_reads_the_schema(rental_engine: Engine) -> None:
    printed = rental_engine.run("package", "get-schema", "./providers/plugin").stdout
    schema: dict[str, Any] = json.loads(printed[printed.index("{") :])
    assert schema["name"] == "modelyard-rental"
    assert set(schema["resources"]) == set(load_handlers())
    assert schema["resources"]["modelyard-rental:index:Machine"]["inputProperties"]["env"]["secret"] is True


def test_a_typed_sdk_comes_out_of_it(rental_engine: Engine, tmp_path: Path) -> None:
    rental_engine.run("package", "gen-sdk", "./providers/plugin", "--language", "python", "--out", str(tmp_path))
    modules = {path.name: path for path in (tmp_path / "python").rglob("*.py")}
    tree = ast.parse(modules["machine.py"].read_text(encoding="utf-8"))
    (made,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Machine"]
    names = {node.name for node in made.body if isinstance(node, ast.FunctionDef)}
    assert {"address", "charged_usd_per_hour", "deadline_at"} <= names
    assert {"network_volume.py", "filesystem.py", "volume.py", "ready.py"} <= set(modules)
