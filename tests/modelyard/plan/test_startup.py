import pytest

from modelyard.errors import UnknownNameError
from modelyard.plan.startup import startup_budget

GB = 10**9


def test_the_budget_by_hand() -> None:
    # runpod: 120 s; 9 GB at 45 MB/s = 200 s; 400 GB at 0.8 GB/s = 500 s; 400 GB at 2 GB/s + 120 s = 320 s.
    budget = startup_budget("runpod", gpu_count=4, image_bytes=9 * GB, download_bytes=400 * GB, lifetime_seconds=None)
    assert [(p.name, p.seconds) for p in budget.phases] == [
        ("machine", 120),
        ("image", 200),
        ("weights", 500),
        ("load", 320),
    ]
    assert budget.expected_seconds == 1140
    assert budget.timeout_seconds == 2280


def test_it_waits_at_least_ten_minutes_and_never_past_the_end() -> None:
    small = startup_budget("kubernetes", gpu_count=1, image_bytes=GB, download_bytes=GB, lifetime_seconds=None)
    assert small.timeout_seconds == 600
    short = startup_budget("runpod", gpu_count=4, image_bytes=9 * GB, download_bytes=400 * GB, lifetime_seconds=1800)
    assert short.timeout_seconds == 1800


def test_eight_gpus_at_lambda_take_longer() -> None:
    def machine(gpus: int) -> int:
        made = startup_budget("lambda", gpu_count=gpus, image_bytes=GB, download_bytes=GB, lifetime_seconds=None)
        return made.phases[0].seconds

    assert machine(8) == 1500
    assert machine(4) == 300


def test_assumptions_are_called_assumptions() -> None:
    budget = startup_budget("runpod", gpu_count=1, image_bytes=GB, download_bytes=GB, lifetime_seconds=None)
    assert all("assumed" in phase.why for phase in budget.phases)


def test_an_unknown_place_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown place 'moon'"):
        startup_budget("moon", gpu_count=1, image_bytes=GB, download_bytes=GB, lifetime_seconds=None)
