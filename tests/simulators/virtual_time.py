"""An event loop whose time jumps to the next thing to do instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from tests.simulators.core import SimClock

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: hands the time that it should have waited to the loop's clock."""

    def __init__(self, clock: SimClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now."""
        ready = super().select(0)
        if not ready and timeout is not None and timeout > 0:
            self._clock.advance(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on a simulator's clock. Only for programs that use no socket and no thread."""

    def __init__(self, clock: SimClock) -> None:
        self._sim_clock = clock
        super().__init__(_JumpingSelector(clock))
        self._clock_resolution = 1e-6  # the base's 1e-9 is lost in epoch seconds, and what is due would never run

    def time(self) -> float:
        """The simulator's seconds."""
        return self._sim_clock.now


class VirtualClock:
    """The providers' clock on a simulator's time."""

    def __init__(self, clock: SimClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=self._clock.now)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._clock.now

    async def sleep(self, seconds: float) -> None:
        """Wait in virtual time."""
        await asyncio.sleep(max(seconds, 0.0))


def run_virtual(clock: SimClock, main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a simulator's time."""
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(clock)) as runner:
        return runner.run(main)
