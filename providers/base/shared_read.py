"""One read for everybody who wants it: many machines are polled with one list call, and none is told old news."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from providers.base.clock import Clock
from providers.base.errors import VendorError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outcome(Generic[T]):
    number: int
    begun: float
    value: T | None
    error: VendorError | None

    def take(self) -> T:
        """The value, or the error raised."""
        if self.error is not None:
            raise self.error
        if self.value is None:
            raise AssertionError("a read yields a value or an error")
        return self.value


class SharedRead(Generic[T]):
    """A read whose answer is given to everyone who asked before it began.

    Args:
        fetch: the read; raises VendorError.
        clock: time.
    """

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Clock) -> None:
        self._fetch, self._clock = fetch, clock
        self._line = asyncio.Lock()
        self._begun = 0
        self._void_before = 0
        self._last: _Outcome[T] | None = None

    async def fresh(self) -> T:
        """An answer to a read that began after this call: fit to prove that something is, or is not, there."""
        asked = self._begun
        async with self._line:
            if self._last is None or self._last.number <= asked:
                self._last = await self._read()
            return self._last.take()

    async def recent(self, seconds: float) -> T:
        """An answer at most so old, and not from before the last ``forget``; else a new one."""
        before = self._last
        async with self._line:
            last = self._last
            failed_meanwhile = last is not None and last is not before and last.error is not None
            if last is None or not (failed_meanwhile or self._is_recent(last, seconds)):
                last = self._last = await self._read()
            return last.take()

    def forget(self) -> None:
        """Something was changed: no answer to a read that began before now is recent."""
        self._void_before = self._begun

    def _is_recent(self, outcome: _Outcome[T], seconds: float) -> bool:
        return (
            outcome.error is None
            and outcome.number > self._void_before
            and self._clock.monotonic() - outcome.begun <= seconds
        )

    async def _read(self) -> _Outcome[T]:
        self._begun += 1
        number, begun = self._begun, self._clock.monotonic()
        try:
            value = await self._fetch()
        except VendorError as error:
            return _Outcome(number=number, begun=begun, value=None, error=error)
        return _Outcome(number=number, begun=begun, value=value, error=None)
