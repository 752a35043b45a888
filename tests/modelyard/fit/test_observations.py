"""The fit against published runs: one test per row and quantity, and the error over all of them.

Rows and what they can test are in ``tests/fixtures/vram_observations.csv`` (its ``score:`` note). A row beyond its
bound is named in ``OUTLIERS`` with the reason; nothing else is exempt.
"""

import statistics

import pytest

from benchmarks.fit_observations import (
    Observation,
    fit_of,
    kv_error,
    load_observations,
    outcome,
    percentile,
    scored,
    tokens_error,
    weights_error,
)
from modelyard.fit import Verdict

# quantity → largest error of one row, in percent
ROW_BOUNDS = {"W": 2.0, "K": 3.0, "T": 0.5}

# quantity → (median, 90th percentile) over all rows, in percent, outliers included
TOTAL_BOUNDS = {"W": (0.5, 2.0), "K": (0.5, 2.5), "T": (0.05, 1.5)}

# (line, quantity) → (bound in percent, why)
OUTLIERS = {
    (48, "W"): (20.0, "Meta's own FP8 set leaves attention and two blocks in bf16, which the catalog does not say"),
    (38, "W"): (15.0, "which layers this NVFP4 set leaves in fp8 is not published"),
    (23, "K"): (11.0, "the run's version is not stated, and its activations are those of 0.17 and later"),
    (29, "T"): (1.5, "the logged tokens are another rank's than the logged GiB"),
    (43, "T"): (150.0, "compressed attention: no plain formula (the fit says unknown)"),
    (52, "T"): (40.0, "compressed attention: no plain formula (the fit says unknown)"),
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


def test_compressed_attention_is_not_answered_with_confidence() -> None:
    rows = [o for o in scored("O") if "DeepSeek V4" in o.label]
    assert rows
    for observation in rows:
        fit = fit_of(observation.line)
        assert fit.verdict is Verdict.TIGHT
        assert fit.unknown
