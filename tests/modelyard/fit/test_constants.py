from modelyard.fit.constants import FITTED, TABLE
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.runtime import Shape, estimate_runtime
from modelyard.units import GIB
from tests.modelyard.fit.builders import a_gpu, a_model, a_request


def test_names_are_unique_and_values_are_the_tables() -> None:
    assert len({c.name for c in TABLE}) == len(TABLE) == len(FITTED)
    assert FITTED["sampler_copies"] == 3.63


def test_every_constant_says_where_it_is_from() -> None:
    assert {c.source for c in TABLE} <= {"campaign", "log", "issue", "guess"}
    assert all(not c.rows for c in TABLE if c.source == "guess")
    assert all(c.meaning and c.unit and c.value > 0 for c in TABLE)


def test_another_set_of_values_is_used_throughout() -> None:
    changed = {**FITTED, "non_torch_hopper_018_tp1": 3.0, "sampler_copies": 1.0}
    flags = resolve_flags(a_request())
    runtime = estimate_runtime(a_model(), a_gpu(), flags, Shape(), constants=changed)
    assert runtime.non_torch == 3 * GIB
    logits, hidden = 1024 * 128256 * 4, 8192 * 4096 * 2
    forward = 8192 * 3 * 14336 * 2 + 4 * hidden + 0.015 * GIB
    assert runtime.activations == round(max(logits + 1.1 * hidden + 0.04 * GIB, forward))
