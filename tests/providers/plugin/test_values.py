import pytest
from pulumi.provider.experimental.property_value import Computed, PropertyValue

from modelyard.resources import UNKNOWN
from providers.plugin.values import UNKNOWN_TEXT, plain, plain_map


@pytest.mark.parametrize(
    ("value", "expected"),
    [(8.0, 8), (8.5, 8.5), ("x", "x"), (True, True), (None, None)],
)
def test_numbers_that_are_whole_become_whole(value: float | str | None, expected: object) -> None:
    found = plain(PropertyValue(value))
    assert found == expected
    assert type(found) is type(expected)


def test_an_unknown_is_known_by_both_its_forms() -> None:
    assert plain(PropertyValue(Computed())) is UNKNOWN
    assert plain(PropertyValue(UNKNOWN_TEXT)) is UNKNOWN
    assert plain(PropertyValue([PropertyValue(UNKNOWN_TEXT)])) == [UNKNOWN]


def test_secrets_are_bare_and_the_engines_own_keys_are_left_out() -> None:
    values = {"env": PropertyValue({"K": PropertyValue("v", is_secret=True)}), "__defaults": PropertyValue([])}
    assert plain_map(values) == {"env": {"K": "v"}}
