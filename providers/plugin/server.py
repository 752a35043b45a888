"""The gRPC server that the engine talks to: the SDK's servicer, with errors for people and a clean end.

The SDK's own ``main`` sends a Python stack trace with every error, and dies at the first SIGINT in the middle of a
create. Here an error leaves as its own text, and a signal lets the calls that are under way come to their end.
"""

import asyncio
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import grpc
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2_grpc

from modelyard.errors import ModelyardError, UsageError
from providers.base.errors import Stopped
from providers.plugin.rental_provider import RentalProvider
from providers.rental import VERSION

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),  # the engine's own limit
    ("grpc.server_max_unrequested_time_in_server", 1800),  # many calls may queue behind a vendor's rate limit
)
_GRACE_SECONDS: Final = 600.0
"""How long calls under way may take after a signal."""


class CleanErrors(grpc.aio.ServerInterceptor):
    """Turns what a call raises into the text that the engine shows."""

    def __init__(self, hide: Callable[[str], str]) -> None:
        self._hide = hide

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":  # generic for type checkers alone
        """Wrap the call's handler."""
        handler = await continuation(handler_call_details)
        inner: Callable[[Any, Any], Awaitable[Any]] | None = getattr(handler, "unary_unary", None)
        if handler is None or inner is None:
            return handler

        async def call(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:  # noqa: ANN401  # any message
            try:
                return await inner(request, context)
            except NotImplementedError as error:
                await context.abort(grpc.StatusCode.UNIMPLEMENTED, str(error))
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001  # the last place before the wire
                code, text = describe(error)
                await context.abort(code, self._hide(text))

        return grpc.unary_unary_rpc_method_handler(
            call,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def describe(error: Exception) -> tuple[grpc.StatusCode, str]:
    """Status and text of an error. The SDK raises another in its place, whose context is the one that happened."""
    cause = error.__context__ if type(error) is Exception and error.__context__ is not None else error
    if isinstance(cause, Stopped):
        return grpc.StatusCode.CANCELLED, "interrupted: nothing was created after the stop was asked for; run again"
    if isinstance(cause, UsageError):
        return grpc.StatusCode.INVALID_ARGUMENT, str(cause)
    if isinstance(cause, ModelyardError):
        return grpc.StatusCode.UNKNOWN, str(cause)
    frames = traceback.extract_tb(cause.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    # Its message is left out: nobody can say what stands in it.
    return grpc.StatusCode.INTERNAL, f"a mistake in modelyard-rental {VERSION}: {type(cause).__name__}{place}"


async def serve(provider: RentalProvider, *, engine_address: str) -> None:
    """Serve until a signal asks for the end; prints the port first."""
    server = grpc.aio.server(options=_OPTIONS, interceptors=[CleanErrors(provider.hide)])
    servicer = ProviderServicer([], VERSION, provider, engine_address=engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await ended.wait()
    await provider.cancel()
    await server.stop(_GRACE_SECONDS)
