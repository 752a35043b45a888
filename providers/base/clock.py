"""Time as the providers see it, so that a test can run an hour of waiting in a second."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The machine's clock.

    ``pace`` below 1 makes every wait shorter by that factor and lets ``now`` run faster by it. It exists for simulators
    whose own time runs faster; ``providers.base.accounts`` refuses it for any address that is not on this machine.
    """

    def __init__(self, *, pace: float = 1.0) -> None:
        self._pace = pace
        self._started, self._from = datetime.now(UTC), time.monotonic()

    def now(self) -> datetime:
        """Aware UTC."""
        if self._pace == 1.0:
            return datetime.now(UTC)
        return self._started + timedelta(seconds=(time.monotonic() - self._from) / self._pace)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() / self._pace

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(seconds, 0.0) * self._pace)
