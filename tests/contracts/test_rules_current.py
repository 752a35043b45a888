"""docs/rules.md says what the rules say."""

from policies.rules_page import PAGE, render


def test_the_rules_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "stale: run `python -m policies.rules_page`"
