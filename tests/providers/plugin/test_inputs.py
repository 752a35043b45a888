from typing import Any

import pytest

from modelyard.resources import UNKNOWN
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
        ({"candidates": []}, "candidates", "at least one offer"),
        ({"candidates": "h100"}, "candidates", "list of at least one offer"),
        (candidate(vendor="aws"), "candidates[0].vendor", "allowed: lambda, runpod, vastai"),
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
        ({"gpus": 8}, "gpus", "is not known"),
    ],
)
def test_a_problem_names_the_property_and_what_is_allowed(change: dict[str, Any], where: str, reason: str) -> None:
    found = problems(MACHINE, GOOD | change)
    assert [name for name, _ in found] == [where]
    assert reason in found[0][1]


@pytest.mark.parametrize(("length", "count"), [(32, 0), (15, 1), (129, 1), ("32", 1)])
def test_an_access_key_has_a_sane_length(length: object, count: int) -> None:
    assert len(problems("modelyard-rental:index:AccessKey", {"length": length})) == count  # type: ignore[dict-item]  # a wrong type is the point
