"""Engine versions as people write them: the pinned one is said, and never slips in."""

import pytest

from modelyard.catalog.engines import find_engine, load_engines, pinned_version, read_version
from modelyard.errors import UsageError
from modelyard.fit import FitRequest
from tests.modelyard.fit.builders import a_gpu, a_model

PINNED = find_engine("vllm").version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.19.0", "0.19.0"), ("~0.11 (not stated exactly)", "0.11"), ("0.6.x (V0, Dec 2024)", "0.6.x"),
        ("0.9.x (July 2025, not stated exactly)", "0.9.x"), ("0.10.1.dev101", "0.10.1"), ("v0.11.0rc2", "0.11.0rc2"),
        ("0.99", "0.99"), ("", PINNED), (" - ", PINNED), ("n/a", PINNED),
    ],
)  # fmt: skip
def test_a_version_is_read_without_a_word(text: str, version: str) -> None:
    assert read_version(text) == (version, ())


@pytest.mark.parametrize("text", ["latest", "Latest stable", "the current one"])
def test_latest_is_the_pinned_one_and_says_so(text: str) -> None:
    version, (note,) = read_version(text)
    assert version == PINNED
    assert f"read as {PINNED}" in note


@pytest.mark.parametrize("text", ["main", "nightly", "main (Aug 2025)", "not stated", "not recorded", "unknown"])
def test_what_is_no_release_is_taken_as_the_pinned_one_and_says_so(text: str) -> None:
    version, (note,) = read_version(text)
    assert version == PINNED
    assert note == f"engine version '{text}' is no release: taken as {PINNED}"


@pytest.mark.parametrize("text", ["19", "33", "banana", "v19", "1e3"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}' is no version of vllm") as caught:
        read_version(text)
    assert f"such as {PINNED}" in (caught.value.details or "")
    assert ("'0.19'" in (caught.value.resolution or "")) == (text == "19")


@pytest.mark.parametrize("engine", [engine.name for engine in load_engines()])
def test_every_engine_has_its_own(engine: str) -> None:
    assert read_version("", engine) == (find_engine(engine).version, ()) == (pinned_version(engine), ())


def test_a_request_defaults_to_the_pinned_one() -> None:
    request = FitRequest(model=a_model(), quantization="bf16", gpu=a_gpu(), max_model_len=1024)
    assert request.engine_version == PINNED == pinned_version("no-such-engine")
