"""Whatever stands in a stack file, the way from text to plan ends in a plan or in an error of ours."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from modelyard.cli import failure
from modelyard.cli.environment import check_settings, locating
from modelyard.cli.project import Project, parse_stack
from modelyard.cli.yamlfile import parse_yaml
from modelyard.errors import ModelyardError
from modelyard.plan import Plan, make_plan
from stacks.problems import show_path
from stacks.settings import parse_settings
from tests.fuzz.strategies import NOW, mutated_files, serve_sections, texts, yaml_words

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Project(root=ROOT, name="modelyard", program=ROOT / "stacks", config_dir=ROOT / "stacks", defaults={})

CALM = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
QUICK = settings(max_examples=60, deadline=None, database=None, derandomize=True, suppress_health_check=CALM)
LONG = settings(max_examples=1500, deadline=None, database=None, suppress_health_check=CALM)


def plan_or_refuse(work: Callable[[], Plan]) -> None:
    """Let ``work`` plan. An error of ours fits a screen; anything else escapes and fails the test."""
    refusal: ModelyardError | None = None
    try:
        assert work().gpus_per_replica >= 1
    except ModelyardError as error:
        refusal = error
    if refusal is not None:
        lines = failure.render(refusal).splitlines()
        assert 1 <= len(lines) <= failure.HEIGHT
        assert max(map(len, lines)) <= failure.WIDTH
        assert int(refusal.exit_code) in (1, 2, 3)


def from_mapping(serve: object) -> Plan:
    found = parse_settings({"modelyard:serve": serve}, file="stacks/Pulumi.fuzz.yaml")
    return make_plan(found.to_spec("fuzz"))


def from_text(text: str) -> Plan:
    stack = parse_stack(PROJECT, "fuzz", text)
    found = check_settings(stack, now=NOW)
    return locating(stack, lambda: make_plan(found.to_spec("fuzz")))


@QUICK
@given(serve_sections())
def test_a_mapping_is_planned_or_refused(serve: object) -> None:
    plan_or_refuse(lambda: from_mapping(serve))


@QUICK
@given(texts())
def test_a_text_is_planned_or_refused(text: str) -> None:
    plan_or_refuse(lambda: from_text(text))


@QUICK
@given(mutated_files())
def test_a_damaged_stack_file_is_planned_or_refused(text: str) -> None:
    plan_or_refuse(lambda: from_text(text))


@pytest.mark.slow
@LONG
@given(serve_sections())
def test_many_mappings(serve: object) -> None:
    plan_or_refuse(lambda: from_mapping(serve))


@pytest.mark.slow
@LONG
@given(texts() | mutated_files())
def test_many_texts(text: str) -> None:
    plan_or_refuse(lambda: from_text(text))


@QUICK
@given(yaml_words())
def test_a_word_is_the_same_in_a_file_of_its_own(word: object) -> None:
    """What is dumped as JSON, which is YAML, is read back as it was."""
    document = parse_yaml(json.dumps({"key": word}), shown="f.yaml")
    assert document.data == {"key": word}
    assert all(show_path(path) for path in document.lines)
