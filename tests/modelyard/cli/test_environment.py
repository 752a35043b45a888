"""A refusal of the core gains its place in the stack file."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from modelyard.cli.environment import load_environment, locating
from modelyard.cli.project import StackFile
from modelyard.errors import ConfigError, ModelyardError, NotPossibleError, UnknownNameError
from tests.modelyard.cli.embedded.projects import write_project

STACK = StackFile(
    environment="dev",
    shown="stacks/Pulumi.dev.yaml",
    config={"modelyard:serve": {"place": {"regions": ["us-east-1", "Mars"]}, "engine": {"args": {"no-such-flag": 1}}}},
    secret_keys=frozenset(),
    lines={
        ("modelyard:serve", "place"): 5,
        ("modelyard:serve", "place", "regions", 1): 7,
        ("modelyard:serve", "engine", "args", "no-such-flag"): 9,
        ("modelyard:rules", "levels", "hourly"): 12,
    },
)


E = TypeVar("E", bound=ModelyardError)


def refusing(error: E) -> E:
    def work() -> None:
        raise error

    with pytest.raises(ModelyardError) as caught:
        locating(STACK, work)
    assert caught.value is error
    return error


def test_an_unknown_name_is_found_among_the_values() -> None:
    error = refusing(UnknownNameError("region", "mars", ["us-east-1"], see="See the list."))
    assert str(error) == (
        "unknown region 'mars'\n"
        "where    stacks/Pulumi.dev.yaml:7, key modelyard:serve.place.regions[1]\n"
        "allowed  us-east-1\n"
        "See the list."
    )


def test_an_unknown_name_is_found_among_the_keys() -> None:
    error = refusing(UnknownNameError("flag", "no-such-flag", []))
    assert error.details == "where    stacks/Pulumi.dev.yaml:9, key modelyard:serve.engine.args.no-such-flag"


def test_a_name_that_is_not_in_the_file_stays_as_it_is() -> None:
    assert refusing(UnknownNameError("region", "venus", ["us-east-1"])).details == "allowed  us-east-1"


def test_a_key_that_an_error_carries_is_found() -> None:
    error = refusing(ConfigError("wrong", key="rules.levels.hourly", allowed="off"))
    assert (error.file, error.line, error.key) == ("stacks/Pulumi.dev.yaml", 12, "modelyard:rules.levels.hourly")
    assert error.details == "where    stacks/Pulumi.dev.yaml:12, key modelyard:rules.levels.hourly\nallowed  off"


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("modelyard:serve.place.regions[1]", "stacks/Pulumi.dev.yaml:7, key modelyard:serve.place.regions[1]"),
        ("modelyard:serve.place.trust", "stacks/Pulumi.dev.yaml:5, key modelyard:serve.place"),
        ("modelyard:price-age-warning-days", "stacks/Pulumi.dev.yaml, key modelyard:price-age-warning-days"),
    ],
)
def test_a_key_that_the_details_name_is_found(key: str, place: str) -> None:
    error = refusing(NotPossibleError("nothing", details=f"where    key {key} (trust secure)\nallowed  more"))
    assert error.details == f"where    {place} (trust secure)\nallowed  more"


@pytest.mark.parametrize("error", [NotPossibleError("nothing on sale"), ConfigError("wrong", key="elsewhere.key")])
def test_what_has_no_place_in_the_file_stays_as_it_is(error: ModelyardError) -> None:
    before = str(error)
    assert str(refusing(error)) == before


def test_success_is_handed_back() -> None:
    assert locating(STACK, lambda: 5) == 5


def test_a_program_that_is_not_ours_has_no_settings(tmp_path: Path) -> None:
    environment = load_environment("dev", start=write_project(tmp_path, "", config="{demo:x: 1}"))
    assert environment.settings is None


def test_a_deadline_is_held_against_the_clock(tmp_path: Path) -> None:
    serve = "{model: llama-3.1-8b, context: 1k, concurrency: 1, life: {until: 2026-12-01T18:00:00Z}}"
    root = write_project(tmp_path, "", config=f"{{modelyard:serve: {serve}}}")
    before = load_environment("dev", start=root, now=datetime(2026, 12, 1, 17, 59, tzinfo=UTC))
    assert before.settings is not None
    with pytest.raises(ConfigError, match="'2026-12-01T18:00:00\\+00:00' is over"):
        load_environment("dev", start=root, now=datetime(2026, 12, 1, 18, tzinfo=UTC))
