"""The table of constants: each number says how it is known, and no number that means memory hides elsewhere."""

import ast
import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.fit_accuracy import OBSERVATIONS, graph_estimates, load_observations, refit, scored
from modelyard.fit.constants import FITTED, TABLE, Kind, describe_constant, find_constant, whole
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.runtime import Shape, estimate_runtime
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_gpu, a_model, a_request

FIT = Path(__file__).parents[3] / "modelyard" / "fit"
_ENGINES = ("vLLM ", "SGLang ", "TensorRT-LLM ", "TGI ", "llama.cpp ", "Ollama ", "mlx-lm ")
HARMLESS = {0.0, 0.5, 1.0, 2.0, 4.0}
"""Bytes per element of number formats, and neutral factors."""
ALLOWED = {
    "constants.py": "the table itself",
    "terms.py": "below which a size is printed with other digits",
    "schemes.py": "bytes per element of number formats",
    "gguf.py": "bits per weight of ggml's block types",
    "batch.py": "units of cells: k, M, GB, %",
    "reading.py": "units and sanity bounds of cells",
    "remedies.py": "settings to try, not sizes",
    "engines/offload.py": "bytes per element of cache types",
    "weights.py": "a billion, to print counts",
    "uncertain.py": "a billion, to print counts",
    "parallelism.py": "",
    "precision.py": "",
    "kv_dtype.py": "",
    "kv_cache.py": "",
    "checkpoints.py": "",
}
"""Files with numbers of their own, and why; without a reason only the sizes of caches (``lru_cache``) are allowed."""


def test_names_are_unique_and_values_are_the_tables() -> None:
    assert len({c.name for c in TABLE}) == len(TABLE) == len(FITTED)
    assert FITTED["sampler_copies"] == find_constant("sampler_copies").value == 3.63
    assert whole("vllm_tokens_big") == 8192


@pytest.mark.parametrize("constant", TABLE, ids=lambda c: c.name)
def test_every_constant_says_how_it_is_known(constant: object) -> None:
    found = next(c for c in TABLE if c is constant)
    assert all((found.meaning, found.unit, found.source))
    assert found.value > 0
    assert bool(found.rows) == (found.kind is Kind.MEASURED) == found.refit
    if found.kind is Kind.ENGINE:  # file and version
        assert any(found.source.startswith(name) for name in _ENGINES)
        assert any(character.isdigit() for character in found.source)


def test_every_measured_constant_names_rows_that_exist_and_carry_its_figure() -> None:
    with OBSERVATIONS.open(encoding="utf-8", newline="") as file:
        lines = len(list(csv.DictReader(file))) + 1
    kv = {o.line for o in scored("K")}
    for constant in TABLE:
        assert all(2 <= line <= lines for line in constant.rows), constant.name
        if constant.refit:
            assert set(constant.rows) <= (kv if constant.fitted_to == "kv" else set(graph_estimates())), constant.name
    assert set(graph_estimates()) <= {o.line for o in load_observations()}


def test_cross_validation_refits_the_measured_constants_and_no_others() -> None:
    values, stuck = refit("Llama")
    moved = {name for name, value in values.items() if value != FITTED[name]}
    measured = {c.name for c in TABLE if c.kind is Kind.MEASURED}
    assert moved <= measured
    assert stuck <= measured
    assert moved | stuck == measured


@pytest.mark.parametrize("kind", Kind)
def test_the_docs_count_the_constants_of_each_kind(kind: Kind) -> None:
    count = sum(constant.kind is kind for constant in TABLE)
    docs = (FIT.parents[1] / "docs" / "fit.md").read_text(encoding="utf-8")
    assert f"| `{kind}` | {count} |" in docs


def test_descriptions_name_the_runs() -> None:
    assert describe_constant("non_torch_pp") == "constant non_torch_pp, measured on lines 4 of vram_observations.csv"
    assert describe_constant("graphs_amd") == "constant graphs_amd, assumed: between published 5 and 9"


def test_another_set_of_values_is_used_throughout() -> None:
    changed = {**FITTED, "non_torch_hopper_018_tp1": 3.0, "sampler_copies": 1.0}
    flags = resolve_flags(a_request())
    runtime = estimate_runtime(a_model(), a_gpu(), flags, Shape(), constants=changed)
    assert runtime.non_torch == 3 * GIB
    logits, hidden = 1024 * 128256 * 4, 8192 * 4096 * 2
    forward = 8192 * 3 * 14336 * 2 + 4 * hidden + 0.015 * GIB
    assert runtime.activations == round(max(logits + 1.1 * hidden + 0.04 * GIB, forward))


@pytest.mark.parametrize("path", sorted(FIT.rglob("*.py")), ids=lambda p: p.relative_to(FIT).as_posix())
def test_no_number_that_means_memory_hides_outside_of_the_table(path: Path) -> None:
    reason = ALLOWED.get(path.relative_to(FIT).as_posix())
    if reason:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    caches = {id(node) for call in _cache_sizes(tree) for node in ast.walk(call)}
    hidden = [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in caches and _is_tuned(node.value)
    ]
    assert not hidden, f"{path.name}: put these into constants.py with how they are known: {hidden}"


def _cache_sizes(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lru_cache":
            yield node


def _is_tuned(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value not in HARMLESS if isinstance(value, float) else value > 1024


def test_the_allow_list_is_not_longer_than_it_must_be() -> None:
    missing = [name for name in ALLOWED if not (FIT / name).is_file()]
    assert not missing
