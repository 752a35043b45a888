"""One read for all who ask, and no old news for anybody."""

import asyncio

import pytest

from providers.base.errors import Kind, VendorError
from providers.base.shared_read import SharedRead
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import VirtualClock, run_virtual


class Source:
    """A read that takes a second and counts itself."""

    def __init__(self) -> None:
        self.sim = SimClock(1000.0)
        self.clock = VirtualClock(self.sim)
        self.reads = 0
        self.failing = 0
        self.shared = SharedRead(self.fetch, self.clock)

    async def fetch(self) -> int:
        self.reads += 1
        number = self.reads
        await self.clock.sleep(1)
        if self.failing:
            self.failing -= 1
            raise VendorError("v", Kind.TRANSIENT, "down")
        return number


def test_who_asks_while_a_read_runs_gets_the_next_one() -> None:
    source = Source()

    async def main() -> list[int]:
        first = asyncio.create_task(source.shared.fresh())
        await source.clock.sleep(0.5)
        later = [asyncio.create_task(source.shared.fresh()) for _ in range(50)]
        return [await first, *await asyncio.gather(*later)]

    assert run_virtual(source.sim, main()) == [1] + [2] * 50
    assert source.reads == 2


def test_who_asks_for_something_recent_takes_the_read_that_runs() -> None:
    source = Source()

    async def main() -> list[int]:
        return await asyncio.gather(*(source.shared.recent(2) for _ in range(50)))

    assert run_virtual(source.sim, main()) == [1] * 50


def test_recent_is_shared_for_as_long_as_was_asked() -> None:
    source = Source()

    async def main() -> list[int]:
        seen = [await source.shared.recent(2), await source.shared.recent(2)]
        await source.clock.sleep(1.5)  # begun 2.5 s ago
        return [*seen, await source.shared.recent(3), await source.shared.recent(2)]

    assert run_virtual(source.sim, main()) == [1, 1, 1, 2]


def test_nothing_from_before_a_change_is_recent() -> None:
    source = Source()

    async def main() -> list[int]:
        running = asyncio.create_task(source.shared.fresh())
        await source.clock.sleep(0.5)
        source.shared.forget()
        return [await running, await source.shared.recent(60), await source.shared.recent(60)]

    assert run_virtual(source.sim, main()) == [1, 2, 2]


def test_an_error_is_for_those_who_waited_for_it_and_no_longer() -> None:
    source = Source()
    source.failing = 1

    async def main() -> tuple[list[object], int]:
        asked = [source.shared.fresh() for _ in range(3)]
        got = await asyncio.gather(*asked, return_exceptions=True)
        return [type(item) for item in got], await source.shared.recent(60)

    kinds, after = run_virtual(source.sim, main())
    assert kinds[0] is VendorError
    assert after == 2


def test_an_outage_is_waited_for_once() -> None:
    source = Source()
    source.failing = 1000

    async def main() -> list[object]:
        asked = [source.shared.recent(2) if n % 2 else source.shared.fresh() for n in range(40)]
        return [type(item) for item in await asyncio.gather(*asked, return_exceptions=True)]

    assert run_virtual(source.sim, main()) == [VendorError] * 40
    assert source.reads <= 3


def test_a_caller_that_gives_up_takes_nobody_with_it() -> None:
    source = Source()

    async def main() -> int:
        first = asyncio.create_task(source.shared.fresh())
        second = asyncio.create_task(source.shared.fresh())
        await source.clock.sleep(0.5)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert run_virtual(source.sim, main()) == 2
