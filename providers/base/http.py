"""One way to call a vendor: paced, retried where that is safe, sent once where it is not, and silent about keys."""

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from providers.base.clock import Clock
from providers.base.errors import RETRIED, Kind, Stopped, VendorError
from providers.base.limits import Pacer

HIDDEN: Final = "[hidden]"
_DETAIL_MAX: Final = 400
_BACK_OFF_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
"""Failures of which it is certain that the vendor never saw the request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A vendor's answer."""

    status: int
    body: Any
    """Decoded JSON; None for an empty body; ``UNREADABLE`` when it is not JSON."""
    text: str
    headers: Mapping[str, str]
    """Lower-case names."""

    @property
    def request_id(self) -> str | None:
        """The vendor's own number of the call."""
        return self.headers.get("x-request-id")


class _Unreadable:
    def __repr__(self) -> str:
        return "(not JSON)"


UNREADABLE: Final = _Unreadable()

Judge = Callable[[Reply, str], VendorError | None]
"""A vendor's reading of an answer: (reply, operation) → the error that it is, or None when it is a good one."""
Observe = Callable[[Reply], float | None]
"""Looks at every answer: seconds for which nobody may call, or None (vendors that tell their limits in headers)."""


@dataclass(kw_only=True)
class VendorHttp:
    """Calls to one account at one vendor.

    Attributes:
        vendor: vendor's name, for messages.
        client: carries the base URL and the authorization header.
        judge: the vendor's own reading of an answer.
        secrets: texts that no message may hold.
        stopping: set when the engine wants to end; nothing new is created then.
        patience_seconds: how long a repeatable call is tried.
        observe: looks at every answer and may ask for a pause.
    """

    vendor: str
    client: httpx.AsyncClient
    pacer: Pacer
    clock: Clock
    judge: Judge
    secrets: set[str] = field(default_factory=set[str])
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    patience_seconds: float = 180.0
    observe: Observe | None = None

    async def repeatable(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        json_body: object = None,
        params: Mapping[str, str | int | bool] | None = None,
        patience_seconds: float | None = None,
    ) -> Reply:
        """A call that may be made again: reads, deletes, and updates that set a value.

        Raises:
            VendorError: it did not work within the patience, or never will. Kind AMBIGUOUS does not come out of here.
        """
        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        give_up = self.clock.monotonic() + patience
        attempt = 0
        while True:
            try:
                return await self._once(method, path, operation, json_body, params)
            except VendorError as error:
                wait = self._wait(error, attempt)
                if error.kind not in RETRIED or self.clock.monotonic() + wait > give_up:
                    raise self._settled(error) from error
            await self.clock.sleep(wait)
            attempt += 1

    async def once(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        json_body: object = None,
        secrets: Iterable[str] = (),
    ) -> Reply:
        """A create: sent once. It is repeated only where the vendor certainly did nothing (429, never connected).

        Args:
            method: HTTP method.
            path: below the base URL.
            operation: for pacing and messages.
            json_body: plain data.
            secrets: texts in the body that no message may hold.

        Raises:
            VendorError: kind AMBIGUOUS when the object may exist now.
            Stopped: the engine wants to end; nothing was sent.
        """
        self.secrets.update(s for s in secrets if len(s) >= 6)
        give_up = self.clock.monotonic() + self.patience_seconds
        attempt = 0
        while True:
            try:
                return await self._once(method, path, operation, json_body, None, creating=True)
            except VendorError as error:
                wait = self._wait(error, attempt)
                if error.kind is not Kind.RATE or self.clock.monotonic() + wait > give_up:
                    raise
            await self.clock.sleep(wait)
            attempt += 1

    def hide(self, text: str) -> str:
        """A text without any secret that we know of, cut to a length for messages."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        flat = " ".join(text.split())
        return flat if len(flat) <= _DETAIL_MAX else flat[: _DETAIL_MAX - 1] + "…"

    async def _once(
        self,
        method: str,
        path: str,
        operation: str,
        json_body: object,
        params: Mapping[str, str | int | bool] | None,
        *,
        creating: bool = False,
    ) -> Reply:
        await self.pacer.turn(operation)
        if creating and self.stopping.is_set():
            raise Stopped
        try:
            response = await self.client.request(method, path, json=json_body, params=params)
        except _NEVER_SENT as error:
            kind = Kind.RATE if creating else Kind.TRANSIENT  # both: nothing was done, try again
            raise self._error(kind, f"cannot be reached: {type(error).__name__}", operation) from None
        except httpx.HTTPError as error:
            kind = Kind.AMBIGUOUS if creating else Kind.TRANSIENT
            raise self._error(kind, f"no answer: {type(error).__name__}", operation) from None
        reply = _reply(response)
        if self.observe is not None and (pause := self.observe(reply)) is not None:
            self.pacer.hold(pause)
        problem = self.judge(reply, operation)
        if problem is None:
            return reply
        # A create that ended in the vendor's own failure may have happened.
        if creating and problem.kind in {Kind.TRANSIENT, Kind.MALFORMED} and problem.created_id is None:
            problem.kind = Kind.AMBIGUOUS
        raise self._rephrased(problem, operation, reply)

    def _wait(self, error: VendorError, attempt: int) -> float:
        if error.retry_after_seconds is not None:
            return self.pacer.hold(error.retry_after_seconds)
        return _BACK_OFF_SECONDS[min(attempt, len(_BACK_OFF_SECONDS) - 1)]

    def _error(self, kind: Kind, detail: str, operation: str) -> VendorError:
        return VendorError(self.vendor, kind, self.hide(detail), operation=operation)

    def _rephrased(self, problem: VendorError, operation: str, reply: Reply) -> VendorError:
        return VendorError(
            self.vendor,
            problem.kind,
            self.hide(problem.detail),
            operation=operation,
            status=reply.status,
            request_id=reply.request_id,
            created_id=problem.created_id,
            retry_after_seconds=problem.retry_after_seconds,
            resolution=problem.resolution,
        )

    @staticmethod
    def _settled(error: VendorError) -> VendorError:
        """A repeatable call that kept failing is not ambiguous: it is just not working now."""
        if error.kind is Kind.AMBIGUOUS:
            error.kind = Kind.TRANSIENT
        return error


def _no_constant(text: str) -> float:
    """Refuse NaN and Infinity, which JSON does not have: a price that compares with nothing stops what follows."""
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_constant(text)


def _reply(response: httpx.Response) -> Reply:
    text = response.text
    body: Any = None
    if text.strip():
        try:
            body = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        except (ValueError, RecursionError):
            body = UNREADABLE
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(status=response.status_code, body=body, text=text, headers=headers)
