"""Keeping to a vendor's rate limits, shared by everything in the process that uses the same account."""

import asyncio
import math
from collections.abc import Mapping
from typing import Final

from providers.base.clock import Clock

EVERY = "every"
"""The operation whose interval holds between any two calls."""


LONGEST_PAUSE_SECONDS: Final = 3600.0


class Pacer:
    """Least times between calls, per operation, and a pause for all when the vendor asks for one.

    Callers stand in line, one line per operation and one for all, and are served in the order in which they came. Who
    waits for a slow operation does not yet stand in the line for all, so sixty queued creates do not hold up a read.
    """

    def __init__(self, clock: Clock, intervals: Mapping[str, float]) -> None:
        self._clock, self._intervals = clock, intervals
        self._free: dict[str, float] = {}
        self._lines: dict[str, asyncio.Lock] = {}
        self._held_until = 0.0

    async def turn(self, operation: str) -> None:
        """Wait until a call of this operation is allowed.

        Args:
            operation: a key of the intervals, or any other name for a call that only ``EVERY`` limits.
        """
        if operation == EVERY or operation not in self._intervals:
            await self._any()
            return
        async with self._line(operation):
            await self._until(self._free.get(operation, 0.0))
            self._free[operation] = await self._any() + self._intervals[operation]

    def hold(self, seconds: float) -> float:
        """Let nobody call for so many seconds; gives back how many it is.

        That is an hour at most, whatever a vendor's header says: who waits for ever cannot say why.
        """
        pause = LONGEST_PAUSE_SECONDS if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)
        self._held_until = max(self._held_until, self._clock.monotonic() + pause)
        return pause

    async def _any(self) -> float:
        """Wait for the line of all calls; returns when the turn came."""
        async with self._line(EVERY):
            await self._until(self._free.get(EVERY, 0.0))
            while (left := self._held_until - self._clock.monotonic()) > 0:  # it may be made longer while we wait
                await self._clock.sleep(left)
            now = self._clock.monotonic()
            self._free[EVERY] = now + self._intervals.get(EVERY, 0.0)
            return now

    async def _until(self, time: float) -> None:
        left = time - self._clock.monotonic()
        if left > 0:
            await self._clock.sleep(left)

    def _line(self, operation: str) -> asyncio.Lock:
        return self._lines.setdefault(operation, asyncio.Lock())
