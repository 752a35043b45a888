"""Pulumi's mock monitor, extended to record registrations whole and to answer like an engine in preview."""

import logging
import threading
from typing import Any, NoReturn, cast

from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2

from modelyard.cli.embedded.values import read_struct
from modelyard.errors import ModelyardError, UsageError, quote
from modelyard.resources import Resource

PROGRAM_LOG = logging.getLogger("modelyard.program")
"""Where the program's own warnings and errors go."""

STACK_TYPE = "pulumi:pulumi:Stack"
_STACK_REFERENCE = "pulumi:pulumi:StackReference"


class RecordingMonitor(mocks.MockMonitor):
    """Records every registration in the order in which it arrives.

    Calls come from a worker thread of the program's event loop; one lock keeps the record whole.
    """

    def __init__(self, *, project: str, stack: str) -> None:
        super().__init__(_NoMocks())
        self._prefix = f"urn:pulumi:{stack}::{project}::"
        self._lock = threading.Lock()
        self._recorded: dict[str, Resource] = {}
        self._is_untransformed = False
        self.refusal: ModelyardError | None = None
        """Why a request was turned down, when one was: the program wraps it in its own exception."""

    @property
    def registered(self) -> tuple[Resource, ...]:
        """Everything that was registered, each followed by its children; the stack itself is left out."""
        children: dict[str | None, list[Resource]] = {}
        for resource in self._recorded.values():
            children.setdefault(resource.parent if resource.parent in self._recorded else None, []).append(resource)
        ordered: list[Resource] = []
        waiting = list(reversed(children.get(None, [])))
        while waiting:
            here = waiting.pop()
            ordered.append(here)
            waiting.extend(reversed(children.get(here.urn, [])))
        return tuple(ordered)

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine builds it: the types of all parents but the stack's, then the type, then the name."""
        parent_type = parent.split("::")[2] if parent else ""
        qualified = f"{parent_type}${type_}" if parent_type not in ("", STACK_TYPE) else type_
        return f"{self._prefix}{qualified}::{name}"

    def RegisterResource(  # noqa: N802  # the protocol's name
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        """Record a resource; answer with its inputs and no id, as the engine does before anything exists."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            props=read_struct(request.object),
            custom=request.custom,
            parent=request.parent if request.parent.split("::")[2:3] != [STACK_TYPE] and request.parent else None,
            depends_on=tuple(sorted(set(request.dependencies))),
        )
        if cast("Any", request).transforms:
            self._say_untransformed()
        with self._lock:
            if urn in self._recorded:
                self._refuse(
                    UsageError(
                        f"two resources are called {quote(request.name)}",
                        details=f"where    type {request.type}, URN {urn}",
                        resolution="give one of them another name",
                    )
                )
            self._recorded[urn] = resource
        return resource_pb2.RegisterResourceResponse(urn=urn, id=request.importId, object=request.object)

    def ReadResource(  # noqa: N802  # the protocol's name
        self, request: resource_pb2.ReadResourceRequest
    ) -> resource_pb2.ReadResourceResponse:
        """Answer a read of something that exists elsewhere: what was asked with, and unknown outputs."""
        urn = self.make_urn(request.parent, request.type, request.name)
        response = resource_pb2.ReadResourceResponse(urn=urn, properties=request.properties)
        if request.type == _STACK_REFERENCE:
            response.properties.update({"outputs": rpc.UNKNOWN, "secretOutputNames": rpc.UNKNOWN})
        return response

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> NoReturn:  # noqa: N802  # the protocol's name
        """Refuse a question that only a provider with an account can answer."""
        self._refuse(_unanswerable(request.tok))

    def Call(self, request: resource_pb2.ResourceCallRequest) -> NoReturn:  # noqa: N802  # the protocol's name
        """Refuse a method call on a resource: it runs in a provider."""
        self._refuse(_unanswerable(request.tok))

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: ANN401, N802  # the protocol's name; base has no types
        """Say that what the program does to all its resources is not done here."""
        self._say_untransformed()
        base: Any = super()
        return base.RegisterStackTransform(request)

    def _say_untransformed(self) -> None:
        if not self._is_untransformed:
            self._is_untransformed = True
            PROGRAM_LOG.warning("its transforms are not run here: resources are shown as they were declared")

    def _refuse(self, error: ModelyardError) -> NoReturn:
        self.refusal = self.refusal or error
        raise error


def _unanswerable(token: str) -> UsageError:
    return UsageError(
        f"the program asks a provider: {quote(token)}",
        details="because  the answer needs an account, and this preview runs without one",
        resolution="take the answer from configuration, or use `pulumi preview` for this program",
    )


class _NoMocks(mocks.Mocks):
    """Never asked: the monitor answers by itself."""

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise _unanswerable(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> NoReturn:
        raise _unanswerable(args.typ)
