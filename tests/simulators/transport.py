"""Reaching simulators without sockets: an httpx transport that calls them, for campaigns of thousands of lifecycles."""

import asyncio
from collections.abc import Callable, Mapping

import httpx

from tests.simulators.core import Dropped, SimRequest, Simulator


class SimTransport(httpx.AsyncBaseTransport):
    """Calls the simulator of the request's host.

    Args:
        simulators: host → simulator.
        before: called before every request with the simulator and the request; it may raise to kill the caller there.
        after: called after the simulator has answered and before the caller sees the answer.
        latency_seconds: from the simulator's answer until the caller sees it.
    """

    def __init__(
        self,
        simulators: Mapping[str, Simulator],
        *,
        before: Callable[[Simulator, SimRequest], None] | None = None,
        after: Callable[[Simulator, SimRequest], None] | None = None,
        latency_seconds: float = 0.0,
    ) -> None:
        self._simulators, self._before, self._after = simulators, before, after
        self._latency_seconds = latency_seconds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        simulator = self._simulators[request.url.host]
        body = await request.aread()
        target = request.url.raw_path.decode()
        asked = SimRequest.of(request.method, target, request.headers.items(), body)
        if self._before is not None:
            self._before(simulator, asked)
        try:
            response = simulator.handle(asked)
        except Dropped as dropped:
            await asyncio.sleep(dropped.after_seconds)
            if self._after is not None:
                self._after(simulator, asked)
            kind = httpx.ReadTimeout if dropped.after_seconds else httpx.ReadError
            raise kind("the connection broke", request=request) from None
        if self._latency_seconds:
            await asyncio.sleep(self._latency_seconds)
        if self._after is not None:
            self._after(simulator, asked)
        return httpx.Response(response.status, headers=dict(response.headers), content=response.body, request=request)
