"""The lifecycle campaign, short; the long one is ``benchmarks/rental_campaign.py``."""

import pytest

from providers.base import reconcile, release
from tests.simulators.campaign import Outcome
from tests.simulators.object_campaign import live

SEED = 20261121


def problems(outcome: Outcome) -> list[str]:
    return [*outcome.lost, *outcome.duplicated, *outcome.violations]


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_nothing_is_lost_or_rented_twice(start: int) -> None:
    outcomes = [live(SEED, index) for index in range(start, start + 10)]
    assert {o.index: problems(o) for o in outcomes if problems(o)} == {}
    assert sum(o.machines for o in outcomes) >= 5, "machines were rented"
    assert sum(o.faults for o in outcomes) > 0, "faults happened"


def test_a_lifecycle_depends_on_its_seed_alone() -> None:
    first, again = live(SEED, 3), live(SEED, 3)
    assert first == again
    assert first.log != live(SEED + 1, 3).log


def test_the_campaign_notices_when_doubt_is_not_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        return None

    monkeypatch.setattr(reconcile, "_look_for", never)
    assert any(live(SEED, index).duplicated for index in range(60))


def test_the_campaign_notices_when_not_shown_is_taken_for_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> bool:
        return False

    monkeypatch.setattr(release, "is_too_young", never)
    assert any(live(SEED, index).violations for index in range(120))
