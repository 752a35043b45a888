import asyncio

import pytest

from providers.base.limits import EVERY, Pacer
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import VirtualClock, run_virtual


def turns(intervals: dict[str, float], operations: list[str], *, hold: float = 0.0) -> list[float]:
    """When each of these calls, all made at once, had its turn."""
    clock = SimClock(0.0)
    pacer = Pacer(VirtualClock(clock), intervals)
    came = [0.0] * len(operations)

    async def call(place: int, operation: str) -> None:
        await pacer.turn(operation)
        came[place] = clock.now

    async def main() -> None:
        pacer.hold(hold)
        await asyncio.gather(*(call(place, operation) for place, operation in enumerate(operations)))

    run_virtual(clock, main())
    return [round(moment, 3) for moment in came]


@pytest.mark.parametrize(
    ("intervals", "operations", "expected"),
    [
        ({}, ["a", "a", "a"], [0, 0, 0]),
        ({EVERY: 1.0}, ["a", "b", "a"], [0, 1, 2]),
        ({"create": 12.0}, ["create", "create", "read"], [0, 12, 0]),
        ({EVERY: 1.0, "create": 12.0}, ["create", "create", "read", "read"], [0, 12, 1, 2]),
        ({EVERY: 1.0}, [EVERY, EVERY], [0, 1]),
    ],
)
def test_calls_come_in_their_turn(intervals: dict[str, float], operations: list[str], expected: list[float]) -> None:
    assert turns(intervals, operations) == expected


def test_sixty_queued_creates_do_not_hold_up_a_read() -> None:
    came = turns({EVERY: 1.0, "create": 12.0}, ["create"] * 60 + ["read"])
    assert came[-1] == 1.0
    assert came[59] == 59 * 12.0


def test_a_pause_holds_everybody() -> None:
    assert turns({EVERY: 1.0}, ["a", "b"], hold=30.0) == [30.0, 31.0]


def test_a_pause_can_be_made_longer_while_somebody_waits() -> None:
    clock = SimClock(0.0)
    pacer = Pacer(VirtualClock(clock), {})

    async def main() -> None:
        pacer.hold(5.0)
        waiting = asyncio.create_task(pacer.turn("a"))
        await asyncio.sleep(1.0)
        pacer.hold(9.0)
        pacer.hold(1.0)  # a shorter one changes nothing
        await waiting

    run_virtual(clock, main())
    assert clock.now == pytest.approx(10.0)


def test_who_is_cancelled_in_the_line_lets_the_next_one_pass() -> None:
    clock = SimClock(0.0)
    pacer = Pacer(VirtualClock(clock), {"create": 10.0})

    async def main() -> None:
        await pacer.turn("create")
        waiting = [asyncio.create_task(pacer.turn("create")) for _ in range(2)]
        await asyncio.sleep(1.0)
        waiting[0].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run_virtual(clock, main())
    assert clock.now == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("asked", "waited"), [(30.0, 30), (1e9, 3600), (float("inf"), 3600), (float("nan"), 3600), (-5.0, 0)]
)
def test_a_pause_is_never_for_ever(asked: float, waited: float) -> None:
    assert turns({}, ["a"], hold=asked) == [waited]
