"""What the repository promises about its own shape."""

import ast
import importlib.util
import subprocess
import sys
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("modelyard", "components", "providers", "policies", "stacks")


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_resolves_inside_the_checkout(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_no_module_beside_a_main_shadows_an_installed_package() -> None:
    ours = set(PACKAGES)
    installed = {*packages_distributions(), *sys.stdlib_module_names} - ours
    clashes = [
        str(sibling.relative_to(ROOT))
        for main in [m for p in PACKAGES for m in (ROOT / p).rglob("__main__.py")]
        for sibling in main.parent.iterdir()
        if sibling.name not in {"__main__.py", "__init__.py"}
        and (sibling.suffix == ".py" or (sibling / "__init__.py").exists())
        and sibling.stem in installed
    ]
    assert clashes == []


def test_components_do_not_postpone_annotations() -> None:
    offenders = [
        path.name
        for path in modules("components")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert offenders == []


def test_no_module_is_over_800_lines_and_the_median_is_at_most_150() -> None:
    sizes = sorted(len(p.read_text(encoding="utf-8").splitlines()) for package in PACKAGES for p in modules(package))
    sizes = [s for s in sizes if s > 3]
    assert sizes[-1] <= 800
    assert sizes[len(sizes) // 2] <= 150


def test_functions_are_short() -> None:
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for package in PACKAGES
        for path in modules(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert lengths[int(len(lengths) * 0.95)] <= 60


def test_every_ignore_names_its_code_and_its_reason() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{number}"
        for package in (*PACKAGES, "tests", "benchmarks")
        for path in modules(package)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for marker in ("# type: ignore", "# pyright: ignore", "# noqa")
        if marker in line
        and '"' + marker not in line
        and not (line.split(marker, 1)[1][:1] in "[:" and "  # " in line.split(marker, 1)[1])
    ]
    assert bare == []


def test_tests_do_not_patch() -> None:
    offenders = [
        str(path.relative_to(ROOT))
        for path in modules("tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and node.module == "unittest.mock"
        and any(alias.name == "patch" for alias in node.names)
    ]
    assert offenders == []


@pytest.mark.slow
def test_the_wheel_carries_modelyard_alone(tmp_path: Path) -> None:
    subprocess.run(
        [str(ROOT / ".venv/bin/uv"), "build", "--wheel", "-q", "-o", str(tmp_path)],
        cwd=ROOT,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {t for t in top if not t.endswith(".dist-info")} == {"modelyard"}
    assert any(name.startswith("modelyard/data/models/") for name in names)
