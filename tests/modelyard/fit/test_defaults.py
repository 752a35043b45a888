import pytest

from modelyard.catalog.gpus import Gpu
from modelyard.errors import UsageError
from modelyard.fit import default_batch
from modelyard.fit.defaults import parse_version, resolve_flags
from tests.modelyard.fit.builders import a_4090, a_gpu, a_request, an_a100, an_mi300x


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        pytest.param(an_mi300x(), (16384, 1024), id="160 GiB and more"),
        pytest.param(a_gpu(), (8192, 1024), id="70 GiB and more"),
        pytest.param(an_a100(), (2048, 256), id="A100 although it has 80 GB"),
        pytest.param(a_4090(), (2048, 256), id="smaller"),
    ],
)
def test_batch_defaults_follow_the_gpu(gpu: Gpu, expected: tuple[int, int]) -> None:
    assert default_batch(gpu) == expected


@pytest.mark.parametrize(("version", "gmu"), [("0.11.0", 0.9), ("0.19.0", 0.9), ("0.20.0", 0.92), ("0.33.0", 0.92)])
def test_utilization_default_follows_the_version(version: str, gmu: float) -> None:
    assert resolve_flags(a_request(engine_version=version)).gpu_memory_utilization == gmu


@pytest.mark.parametrize(
    ("version", "pp", "in_flight"),
    [("0.13.0", 1, 8192), ("0.25.1", 2, 8192), ("0.26.0", 1, 16384), ("0.33.0", 2, 16384), ("0.33.0", 4, 32768)],
)
def test_tokens_in_flight(version: str, pp: int, in_flight: int) -> None:
    assert resolve_flags(a_request(engine_version=version, pipeline_parallel_size=pp)).in_flight_tokens == in_flight


def test_the_v0_engine_profiled_the_whole_context() -> None:
    flags = resolve_flags(a_request(engine_version="0.6.x (V0)", max_model_len=20000))
    assert flags.is_v0
    assert (flags.max_num_batched_tokens, flags.max_num_seqs) == (20000, 256)


@pytest.mark.parametrize(
    ("text", "expected"), [("0.33.0", (0, 33)), ("0.11.0rc2", (0, 11)), ("~0.11", (0, 11)), ("v1.2", (1, 2))]
)
def test_versions(text: str, expected: tuple[int, int]) -> None:
    assert parse_version(text) == expected


def test_no_version() -> None:
    with pytest.raises(UsageError, match="'latest' is not an engine version"):
        parse_version("latest")


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("gpu_memory_utilization", 0.0),
        ("gpu_memory_utilization", 1.5),
        ("gpu_memory_utilization", float("nan")),
        ("max_num_seqs", 0),
        ("max_num_batched_tokens", -1),
        ("max_num_seqs", 10**9),
    ],
)
def test_absurd_flags_are_refused_by_name(flag: str, value: float) -> None:
    with pytest.raises(UsageError) as error:
        resolve_flags(a_request(**{flag: value}))
    assert f"where    {flag}" in str(error.value)


def test_other_engines_do_not_read_vllm_versions() -> None:
    assert resolve_flags(a_request(engine="sglang", engine_version="0.5.23")).version == (0, 33)
