from typing import Any

import pytest

from modelyard.resources import UNKNOWN
from providers.base.resource import Field, ResourceType
from providers.plugin.index_types import ACCESS_KEY, MACHINE, READY
from providers.plugin.inputs import problems

GOOD: dict[str, Any] = {
    "candidates": [
        {
            "vendor": "runpod",
            "sku": "NVIDIA H200",
            "gpu": "H200",
            "gpuCount": 4.0,
            "tensorParallelSize": 4.0,
            "region": "any",
            "trust": "secure",
            "spot": False,
            "usdPerHour": "18.36",
            "granularitySeconds": 1.0,
            "minimumSeconds": 0.0,
            "asOf": "2026-10-07",
            "source": "https://example.org",
        }
    ],
    "image": "docker.io/vllm/vllm-openai:v0.33.0",
    "boot": "#!/bin/bash",
    "env": {},
    "ports": [8443.0],
    "diskGb": 480.0,
    "owner": "me",
    "labels": {},
    "lifetimeSeconds": 3600.0,
}


def candidate(**change: object) -> dict[str, Any]:
    return {"candidates": [GOOD["candidates"][0] | change]}


def test_a_planned_machine_has_no_problems() -> None:
    assert problems(MACHINE, GOOD) == []


def test_unknown_values_are_left_alone() -> None:
    unknown = {"candidates": UNKNOWN, "image": UNKNOWN, "diskGb": UNKNOWN, "boot": UNKNOWN}
    assert problems(MACHINE, GOOD | unknown) == []


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        ({"candidates": []}, "candidates", "at least one"),
        ({"candidates": "h100"}, "candidates", "must be a list"),
        (candidate(vendor="aws"), "candidates[0].vendor", "allowed: lambda, runpod, vastai, verda"),
        (candidate(usdPerHour="0"), "candidates[0].usdPerHour", "more than 0"),
        (candidate(usdPerHour="NaN"), "candidates[0].usdPerHour", "more than 0"),
        (candidate(usdPerHour="cheap"), "candidates[0].usdPerHour", "more than 0"),
        (candidate(gpuCount=0), "candidates[0].gpuCount", "allowed: 1 to 64"),
        (candidate(gpuCount=1.5), "candidates[0].gpuCount", "not a whole number"),
        ({"image": "vllm/vllm-openai:latest"}, "image", "not pinned"),
        ({"image": "vllm/vllm-openai"}, "image", "not pinned"),
        ({"image": "registry.example:5000/vllm"}, "image", "not pinned"),
        ({"diskGb": 0}, "diskGb", "allowed: 10 to 100000"),
        ({"diskGb": float("inf")}, "diskGb", "not a whole number"),
        ({"lifetimeSeconds": 5}, "lifetimeSeconds", "allowed: 60 to"),
        ({"deadline": "tomorrow"}, "deadline", "not a UTC time"),
        ({"deadline": "2026-12-01T18:00:00+01:00"}, "deadline", "not a UTC time"),
        ({"ports": [0]}, "ports[0]", "allowed: 1 to 65535"),
        ({"owner": None}, "owner", "is required"),
        ({"networkVolumeGb": 5000}, "networkVolumeGb", "hold at most 4,096 GB; take it away (in a stack: cache.kind"),
        ({"networkVolumeGb": 5}, "networkVolumeGb", "out of range"),
        ({"cachePath": "models"}, "cachePath", "does not have the form"),
        ({"gpus": 8}, "gpus", "is not known"),
    ],
)
def test_a_problem_names_the_property_and_what_is_allowed(change: dict[str, Any], where: str, reason: str) -> None:
    found = problems(MACHINE, GOOD | change)
    assert [name for name, _ in found] == [where]
    assert reason in found[0][1]


@pytest.mark.parametrize(("length", "count"), [(32, 0), (15, 1), (129, 1), ("32", 1)])
def test_an_access_key_has_a_sane_length(length: Any, count: int) -> None:
    assert len(problems(ACCESS_KEY, {"length": length})) == count


def test_a_wait_needs_a_machine_a_path_and_a_budget() -> None:
    missing = [name for name, reason in problems(READY, {}) if reason == "is required"]
    assert missing == ["machineId", "port", "healthPath", "timeoutSeconds", "phases"]


THING = ResourceType(
    module="acme",
    name="Thing",
    description="Every form of input.",
    inputs=(
        Field(name="size", kind="number", description="", minimum=0.5, maximum=2),
        Field(name="code", kind="string", description="", pattern="[a-z]+", secret=True),
        Field(name="word", kind="string", description="", minimum=2, maximum=4),
        Field(name="mode", kind="string", description="", choices=("a", "b")),
        Field(name="is_on", kind="boolean", description=""),
        Field(name="tags", kind="map", description=""),
        Field(name="names", kind="array", description=""),
        Field(
            name="box",
            kind="object",
            description="",
            fields=(Field(name="id", kind="string", description="", required=True),),
        ),
        Field(name="any", kind="object", description=""),
    ),
)


@pytest.mark.parametrize(
    ("given", "where", "reason"),
    [
        ({"size": 0.4}, "size", "0.4 is out of range"),
        ({"size": True}, "size", "not a number"),
        ({"size": "1"}, "size", "not a number"),
        ({"code": "UPPER-SECRET"}, "code", "a secret does not have the form"),
        ({"code": 5}, "code", "a secret is not a text"),
        ({"word": "a"}, "word", "1 characters are too few; at least 2"),
        ({"word": "abcde"}, "word", "5 characters are too many; allowed: 4"),
        ({"mode": "c"}, "mode", "'c' is not allowed; allowed: a, b"),
        ({"is_on": "yes"}, "is_on", "neither true nor false"),
        ({"tags": ["x"]}, "tags", "must be a map"),
        ({"tags": {"a": 1}}, "tags.a", "is not a text"),
        ({"names": {"a": "b"}}, "names", "must be a list"),
        ({"names": ["a", 2]}, "names[1]", "is not a text"),
        ({"box": "x"}, "box", "must be an object"),
        ({"box": {}}, "box.id", "is required"),
        ({"box": {"id": "1", "x": 1}}, "box.x", "is not known; allowed: id"),
    ],
)
def test_every_form_of_input_is_checked(given: dict[str, Any], where: str, reason: str) -> None:
    found = problems(THING, given)
    assert [name for name, _ in found] == [where]
    assert reason in found[0][1]
    assert "UPPER-SECRET" not in found[0][1]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"size": 1.5, "word": "abc", "mode": "a", "is_on": False, "tags": {"a": "b"}, "names": [], "box": {"id": "1"}},
        {"any": {"whatever": [1, {"x": None}]}},
        {"size": None, "tags": None},
        {"tags": {"a": UNKNOWN}, "names": [UNKNOWN], "box": UNKNOWN},
    ],
)
def test_good_inputs_have_no_problems(given: dict[str, Any]) -> None:
    assert problems(THING, given) == []
