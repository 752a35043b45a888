"""Lines in Pulumi's own log, under the resource that they are about."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_OPTIONS: Final = (("grpc.enable_http_proxy", 0),)  # the engine is on this machine


class EngineLog:
    """Sends lines to the engine, in order. One that cannot be sent is dropped: a log must never stop a delete."""

    def __init__(self, address: str | None) -> None:
        self._address = address
        self._stub: engine_pb2_grpc.EngineStub | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self._line = asyncio.Lock()

    def line(self, urn: str, text: str, *, is_warning: bool = False, passing: bool = False) -> None:
        """Send a line.

        Args:
            urn: the resource that it is about.
            text: for people; holds no secret.
            is_warning: whether it is kept in the summary.
            passing: whether it only replaces the resource's status line.
        """
        if not self._address:
            return
        severity = engine_pb2.WARNING if is_warning else engine_pb2.INFO
        request = engine_pb2.LogRequest(severity=severity, message=text, urn=urn, ephemeral=passing)
        task = asyncio.get_running_loop().create_task(self._send(request))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def flush(self) -> None:
        """Wait until all lines are out."""
        await asyncio.gather(*self._pending, return_exceptions=True)

    async def _send(self, request: engine_pb2.LogRequest) -> None:
        async with self._line:
            if self._stub is None:
                self._stub = engine_pb2_grpc.EngineStub(
                    grpc.aio.insecure_channel(self._address or "", options=_OPTIONS)
                )
            log = cast("Callable[..., Any]", self._stub.Log)  # pyright: ignore[reportUnknownMemberType]  # generated
            try:
                await log(request, timeout=5)
            except grpc.RpcError:
                return
