"""A stand-in for Pulumi's engine that runs a program and records every registration whole."""

import asyncio
import contextvars
import copy
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NoReturn, cast

from pulumi.runtime import mocks, settings
from pulumi.runtime.stack import run_pulumi_func

PROJECT: Final = "modelyard"
STACK: Final = "test"
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"


@dataclass(frozen=True, kw_only=True, slots=True)
class Secret:
    """A value that travelled as a secret."""

    value: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Registered:
    """One registration, as it arrived."""

    type: str
    name: str
    urn: str
    parent: str
    custom: bool
    props: dict[str, Any]
    """Secrets are ``Secret`` values."""
    dependencies: tuple[str, ...]
    provider: str
    secret_outputs: tuple[str, ...]
    timeouts: Mapping[str, str]


class Engine(mocks.MockMonitor):
    """Records; answers with the inputs, and with the outputs that a test gives for a type."""

    def __init__(self, outputs: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__(_Echo(outputs or {}))
        self.registered: list[Registered] = []
        self.outputs: dict[str, dict[str, Any]] = {}
        """What components registered as outputs, by URN."""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        above = parent.split("::")[2] if parent else ""
        qualified = f"{above}${type_}" if above not in ("", "pulumi:pulumi:Stack") else type_
        return f"urn:pulumi:{STACK}::{PROJECT}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the protocol's name
        base: Any = super()
        answer = base.RegisterResource(request)
        if request.type == "pulumi:pulumi:Stack":
            return answer
        for name in request.additionalSecretOutputs:
            if name in answer.object:
                _hide(answer.object, name)
        self.registered.append(
            Registered(
                type=request.type,
                name=request.name,
                urn=answer.urn,
                parent=request.parent,
                custom=request.custom,
                props=_read(request.object),
                dependencies=tuple(request.dependencies),
                provider=request.provider,
                secret_outputs=tuple(request.additionalSecretOutputs),
                timeouts={"create": request.customTimeouts.create, "update": request.customTimeouts.update},
            )
        )
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802  # the protocol's name
        self.outputs[request.urn] = _read(request.outputs)
        base: Any = super()
        return base.RegisterResourceOutputs(request)

    def one(self, kind: str, name: str | None = None) -> Registered:
        """The only registration of a type, or the one of that name."""
        found = [r for r in self.registered if r.type == kind and name in (None, r.name)]
        assert len(found) == 1, [r.name for r in found]
        return found[0]

    def below(self, parent: Registered) -> list[Registered]:
        """Registrations directly below one."""
        return [r for r in self.registered if r.parent == parent.urn]

    def tree(self) -> dict[str, str]:
        """Name of every registration → name of its parent; empty for the stack's own."""
        names = {r.urn: r.name for r in self.registered}
        return {r.name: names.get(r.parent, "") for r in self.registered}


def run(program: Callable[[], object], *, outputs: Mapping[str, Mapping[str, Any]] | None = None) -> Engine:
    """Run a program as the engine would, and return what it recorded.

    Args:
        program: declares resources.
        outputs: type token → outputs beside the inputs.
    """
    engine = Engine(outputs)
    contextvars.copy_context().run(_run_apart, engine, program)
    return engine


def _run_apart(engine: Engine, program: Callable[[], object]) -> None:
    """One run, whose Pulumi settings and event loops end with it."""
    loops = [asyncio.new_event_loop()]

    def start_thread() -> None:
        # The monitor is called in threads, each of which needs a loop that somebody closes.
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    asyncio.set_event_loop(loops[0])
    executor = ThreadPoolExecutor(max_workers=1, initializer=start_thread)
    loops[0].set_default_executor(executor)
    settings.ROOT.set(None)
    try:
        mocks.set_mocks(engine.mocks, project=PROJECT, stack=STACK, monitor=engine, organization="acme")
        loops[0].run_until_complete(run_pulumi_func(lambda: _run(program)))
    finally:
        executor.shutdown(wait=True)
        for loop in loops:
            loop.close()
        asyncio.set_event_loop(None)


def texts(value: object) -> Iterator[str]:
    """Every text in a value that is not inside a secret, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            yield key
            yield from texts(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from texts(item)


def secrets(value: object) -> Iterator[Secret]:
    """Every secret in a value."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for item in cast("dict[str, object]", value).values():
            yield from secrets(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from secrets(item)


def _run(program: Callable[[], object]) -> None:
    program()


def _hide(holder: Any, name: str) -> None:
    """Do what the engine does for additional secret outputs."""
    holder.update({name: {_SIGNATURE: _SECRET, "value": copy.deepcopy(holder[name])}})


def _read(value: Any) -> Any:
    """A protobuf struct as plain values."""
    if hasattr(value, "keys"):
        found = {key: _read(item) for key, item in value.items()}
        return Secret(value=found["value"]) if found.get(_SIGNATURE) == _SECRET else found
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return value
    return [_read(item) for item in value]


class _Echo(mocks.Mocks):
    """Answers a registration with its inputs and the outputs of its type; fails on any question."""

    def __init__(self, outputs: Mapping[str, Mapping[str, Any]]) -> None:
        self._outputs = outputs

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        given: Any = args
        return f"{args.name}-id", {**given.inputs, **self._outputs.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> NoReturn:
        raise AssertionError(f"the program asked {args.token}")
