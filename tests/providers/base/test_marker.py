from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from providers.base.marker import MAX_NAME, Marker, read_marker

DEADLINE = datetime(2026, 12, 1, 18, 30, 5, tzinfo=UTC)


def marker(**changes: Any) -> Marker:
    facts: dict[str, Any] = {
        "title": "Trial 405B",
        "owner": "organization/modelyard/trial",
        "urn": "urn:pulumi:trial::modelyard::modelyard-rental:index:Machine::node",
        "spec": {"image": "vllm/vllm-openai:v0.33.0"},
        "deadline": DEADLINE,
        **changes,
    }
    return Marker.new(**facts)


TITLES = ["Trial 405B", "", "ÄÖÜ", "deadbeef" * 4, "a" * 200, "-x-", "0" * 22, "modelyard", "t5g2k8w-3f1a"]


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize(
    "deadline", [None, DEADLINE, datetime(2100, 1, 1, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC)]
)
def test_a_marker_comes_back_from_its_name(title: str, deadline: datetime | None) -> None:
    made = marker(title=title, deadline=deadline)
    assert len(made.name) <= MAX_NAME == 64
    assert read_marker(made.name) == made


def test_the_longest_name_is_as_long_as_the_strictest_vendor_allows() -> None:
    assert len(marker(title="x" * 18, deadline=datetime(2100, 1, 1, tzinfo=UTC)).name) == 64


def test_a_name_says_who_and_until_when() -> None:
    made = marker()
    head, _, rest = made.name.partition(f"-{made.resource}{made.spec}{made.nonce}-")
    assert head == "modelyard-trial-405b"
    assert int(rest.partition("-")[0], 36) == int(DEADLINE.timestamp())


@pytest.mark.parametrize("place", range(0, 60, 3))
def test_a_name_with_one_character_changed_is_not_ours(place: int) -> None:
    name = replace(marker(), nonce="abcdef").name
    place = min(place, len(name) - 1)
    other = "0" if name[place] != "0" else "1"
    assert read_marker(name[:place] + other + name[place + 1 :]) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        "modelyard",
        "modelyard-trial-405b",
        "my-modelyard-pod",
        "modelyard-0123456789abcdef012345-0-0000",
        "modelyard-trial-0123456789abcdef012345-t5g2k8w-3f1a",
        "MODELYARD-TRIAL-0123456789ABCDEF012345-0-0000",
    ],
)
def test_a_strangers_name_is_never_ours(name: str) -> None:
    assert read_marker(name) is None
    assert read_marker(None, name, name + "-migrated") is None


@pytest.mark.parametrize("change", ["{} ", "\n{}\n"])
def test_white_space_around_a_name_does_no_harm(change: str) -> None:
    made = marker()
    assert read_marker(change.format(made.name)) == made


@pytest.mark.parametrize("change", ["x{}", "{}x", "{}-copy", "copy of {}"])
def test_a_copy_of_our_name_is_not_ours(change: str) -> None:
    assert read_marker(change.format(marker().name)) is None


def test_the_first_text_that_is_a_marker_counts() -> None:
    first, second = marker(), marker(title="other")
    assert read_marker("renamed by hand", second.name, first.name) == second


def test_attempts_at_one_thing_are_a_family_and_differ() -> None:
    first = marker()
    again = first.again()
    assert again.family == first.family
    assert again.name != first.name


@pytest.mark.parametrize(
    "changes",
    [{"owner": "other/modelyard/trial"}, {"urn": "urn:other"}, {"spec": {"image": "vllm/vllm-openai:v0.34.0"}}],
)
def test_another_stack_resource_or_request_is_another_family(changes: dict[str, Any]) -> None:
    assert marker(**changes).family != marker().family


def test_the_order_of_a_request_does_not_matter() -> None:
    assert marker(spec={"a": 1, "b": 2}).spec == marker(spec={"b": 2, "a": 1}).spec


def test_a_deadline_is_moved_in_place() -> None:
    made = marker()
    moved = made.until(DEADLINE + timedelta(hours=1))
    assert (moved.family, moved.nonce) == (made.family, made.nonce)
    assert not moved.is_expired(DEADLINE)
    assert made.is_expired(DEADLINE)
    assert not made.until(None).is_expired(DEADLINE + timedelta(days=10_000))
    assert read_marker(made.titled("Another Text").name) == made.titled("another-text")


@pytest.mark.parametrize("year", [1900, 1970, 4000, 9999])
def test_a_deadline_that_no_marker_can_say_is_refused(year: int) -> None:
    moment = datetime(year, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="cannot say the deadline"):
        marker(deadline=moment)
    with pytest.raises(ValueError, match="cannot say the deadline"):
        marker().until(moment)
