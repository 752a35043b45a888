"""RunPod's own limits, as its headers tell them."""

import asyncio

import pytest

from providers.base.http import Reply
from providers.runpod.pace import pause_after
from tests.providers.runpod.lab import Lab


@pytest.mark.parametrize(
    ("header", "pause"),
    [
        ("", None),
        ('"minute";r=3;t=12, "hour";r=2800;t=1812, "day";r=49500;t=45012', None),
        ('"minute";r=0;t=12, "hour";r=2800;t=1812', 12.0),
        ('"minute";r=0;t=12, "hour";r=0;t=1812', 1812.0),
        ('"minute"; t=12; r=0', 12.0),
        ('"minute";r=0;t=0', None),
        ("garbage r=0;t=9", None),
    ],
)
def test_a_used_up_window_holds_everybody(header: str, pause: float | None) -> None:
    assert pause_after(Reply(status=200, body=None, text="", headers={"ratelimit": header})) == pause


def test_calls_wait_for_the_window_instead_of_being_refused(lab: Lab) -> None:
    async def many() -> None:
        for _ in range(130):
            await lab.client.list_pods()

    lab.run(many())
    assert len(lab.sim.calls) == 130  # none was refused, none was sent twice
    assert lab.clock.now == pytest.approx(1_800_000_120.0)


def test_callers_at_once_wait_and_are_refused_no_more_than_they_must(lab: Lab) -> None:
    async def many() -> None:
        await asyncio.gather(*(lab.client.list_pods() for _ in range(150)))

    lab.run(many())
    assert lab.clock.now <= 1_800_000_000.0 + 185
