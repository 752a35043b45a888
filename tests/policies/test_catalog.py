"""The catalog is whole: every rule file is in it, ids are unique, every example is judged as it says."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

from modelyard.cost import price_resources
from policies import catalog
from policies.evaluate import judge
from policies.facts import Facts
from policies.rule import Example, Level, Rule, RuleConfig

FOLDER = Path(catalog.__file__).parent


def _status(rule: Rule, example: Example) -> str:
    bill = price_resources(example.resources)
    return judge(rule, Facts(resources=example.resources, bill=bill), RuleConfig()).status


@pytest.mark.parametrize("rule", catalog.RULES, ids=catalog.RULE_IDS)
def test_the_failing_example_fails_and_the_passing_one_passes(rule: Rule) -> None:
    assert _status(rule, rule.fails) == "fail"
    assert _status(rule, rule.passes) == "pass"


def test_ids_are_unique_and_fit_for_a_policy_pack() -> None:
    assert len(set(catalog.RULE_IDS)) == len(catalog.RULE_IDS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", rule_id) for rule_id in catalog.RULE_IDS)
    assert catalog.RULE_IDS[:3] == ("hourly-ceiling", "monthly-ceiling", "spend-ceiling")


def test_every_rule_is_mandatory_by_itself() -> None:
    assert {rule.level for rule in catalog.RULES} == {Level.MANDATORY}


def test_every_file_with_a_rule_is_in_the_catalog_and_short() -> None:
    files = [path for path in FOLDER.glob("*.py") if "\nRULE = Rule(" in path.read_text(encoding="utf-8")]
    assert len(files) == len(catalog.RULES)
    assert all(len(path.read_text(encoding="utf-8").splitlines()) <= 150 for path in files)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_no_module_beside_main_shadows_an_installed_one(path: Path) -> None:
    """``python -m pulumi.policy`` puts this folder first on the path, so its names would win."""
    if path.stem.startswith("__"):
        return
    assert path.stem not in sys.stdlib_module_names
    assert importlib.util.find_spec(path.stem) is None
