"""The fit against published runs: one test per row and quantity, and the error over all of them.

Rows and what they can test are in ``tests/fixtures/vram_observations.csv`` (its ``score:`` note). A row beyond its
bound is named in ``OUTLIERS`` with the reason; nothing else is exempt.
"""

import statistics

import pytest

from benchmarks.fit_accuracy import (
    HELD_OUT,
    Observation,
    cross_validate,
    fit_of,
    held_out,
    kv_error,
    load_observations,
    outcome,
    percentile,
    refit,
    scored,
    tokens_error,
    weights_error,
)
from modelyard.fit.constants import FITTED

# quantity → largest error of one row, in percent
ROW_BOUNDS = {"W": 1.0, "K": 3.0, "T": 0.5}

# quantity → (median, 90th percentile) over all rows, in percent, outliers included
TOTAL_BOUNDS = {"W": (0.1, 1.5), "K": (0.2, 2.0), "T": (0.05, 1.0)}

# (line, quantity) → (bound in percent, why)
OUTLIERS = {
    (48, "W"): (2.0, "Meta's own FP8 set leaves attention and two blocks in bf16; the rest is not explained"),
    (20, "W"): (2.0, "before 0.12 the Triton kernel padded less than Marlin's"),
    (52, "W"): (1.1, "the published parameter count is rounded"),
    (38, "W"): (15.0, "which layers this NVFP4 set leaves in fp8 is not published"),
    (23, "K"): (11.0, "the run's version is not stated, and its activations are those of 0.17 and later"),
    (29, "T"): (1.5, "the logged tokens are another rank's than the logged GiB"),
    (43, "T"): (500.0, "max-model-len is not recorded, and the count depends on it (the fit says unknown)"),
    (52, "T"): (50.0, "the version is not recorded: from 0.26 twice the batch is in flight (the fit says unknown)"),
}


def cases(letter: str) -> list[object]:
    return [pytest.param(o, id=f"line {o.line} {o.label}") for o in scored(letter)]


def bound(observation: Observation, letter: str) -> float:
    return OUTLIERS.get((observation.line, letter), (ROW_BOUNDS[letter], ""))[0] / 100


@pytest.mark.parametrize("observation", cases("W"))
def test_weights(observation: Observation) -> None:
    assert abs(weights_error(observation)) <= bound(observation, "W")


@pytest.mark.parametrize("observation", cases("K"))
def test_kv_cache(observation: Observation) -> None:
    relative, absolute_gib = kv_error(observation)
    # where little is left, a percentage says nothing: 0.1 GiB is as good as it gets
    assert abs(relative) <= bound(observation, "K") or abs(absolute_gib) <= 0.1


@pytest.mark.parametrize("observation", cases("T"))
def test_tokens(observation: Observation) -> None:
    assert abs(tokens_error(observation)) <= bound(observation, "T")


@pytest.mark.parametrize("observation", cases("O"))
def test_outcome_is_never_confidently_wrong(observation: Observation) -> None:
    assert outcome(observation) in {"right", "tight"}


def test_most_outcomes_are_right() -> None:
    outcomes = [outcome(o) for o in scored("O")]
    assert outcomes.count("right") >= 0.9 * len(outcomes)


@pytest.mark.parametrize("letter", ["W", "K", "T"])
def test_error_over_all_rows(letter: str) -> None:
    errors = {
        "W": lambda: [weights_error(o) for o in scored("W")],
        "K": lambda: [kv_error(o)[0] for o in scored("K")],
        "T": lambda: [tokens_error(o) for o in scored("T")],
    }[letter]()
    sizes = sorted(abs(e) * 100 for e in errors)
    median, p90 = TOTAL_BOUNDS[letter]
    assert statistics.median(sizes) <= median
    assert percentile(sizes, 0.9) <= p90


def test_all_rows_are_there() -> None:
    assert len(load_observations()) == 52
    assert {letter: len(scored(letter)) for letter in "WKTO"} == {"W": 27, "K": 31, "T": 29, "O": 34}


def test_compressed_attention_says_what_it_is_taken_from() -> None:
    rows = [o for o in load_observations() if "DeepSeek V4" in o.label]
    assert rows
    for observation in rows:
        assert any("layout of the compressed KV cache" in note for note in fit_of(observation.line).unknown)


def test_tight_is_rare() -> None:
    outcomes = [outcome(o) for o in scored("O")]
    assert outcomes.count("tight") <= 0.15 * len(outcomes)


def test_cross_validated_errors_stay_within_the_promise() -> None:
    result = cross_validate()
    assert result["outcomes"]["wrong"] == 0
    assert result["outcomes"]["tight_share_percent"] <= 15
    assert result["kv_gib"]["n"] == len(scored("K"))
    assert result["kv_gib"]["median_percent"] <= 0.5
    assert result["kv_gib"]["p90_percent"] <= 2.5


def test_a_refit_never_sees_the_family_that_is_left_out() -> None:
    with_all, _ = refit("none of them")
    without, stuck = refit("Gemma 3")
    assert "non_torch_amd_tp1" in stuck  # its only row is Gemma 3 27B on MI300X
    assert without["non_torch_amd_tp1"] == FITTED["non_torch_amd_tp1"] != with_all["non_torch_amd_tp1"]


@pytest.mark.parametrize("observation", load_observations(HELD_OUT), ids=lambda o: f"{o.line} {o.label}")
def test_held_out_weights_and_tokens(observation: Observation) -> None:
    """Mechanisms hold on runs that nothing was fitted on; the exceptions are named in docs/fit.md."""
    known_off = {21, 35, 36}  # MXFP4 by another kernel; two NVFP4 checkpoints that keep other parts in 16 bits
    if "W" in observation.score and observation.line not in known_off:
        assert abs(weights_error(observation)) <= 0.01
    if "T" in observation.score:
        assert abs(tokens_error(observation)) <= 0.002


def test_held_out_errors_stay_small() -> None:
    result = held_out()
    near, far = result["same_campaign_other_models"], result["independent"]
    assert near["kv_gib"]["median_percent"] <= 0.1
    assert near["kv_gib"]["p90_percent"] <= 1
    assert far["kv_gib"]["median_percent"] <= 1
    assert far["tokens_from_observed_kv_gib"]["median_percent"] <= 0.1
    assert far["outcomes"]["wrong"] <= 1


def test_nothing_is_fitted_on_held_out_rows() -> None:
    seen = {(o.row["model"], o.row["tp"], o.row["engine_version"], o.row["kv_dtype"]) for o in load_observations()}
    assert len(load_observations(HELD_OUT)) == 38
    urls = {o.row["url"] for o in load_observations() if "/logs/" in o.row["url"]}
    assert not urls & {o.row["url"] for o in load_observations(HELD_OUT)}
    assert seen
