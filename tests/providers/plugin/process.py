"""The plugin as a process of its own, started as the engine starts it, on served simulators; and the engine's side."""

import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from tests.simulators.core import SimClock, Simulator
from tests.simulators.scenarios import KEYS, make_simulators
from tests.simulators.serve import Served, serving

# Without types of its own.
_empty: Any = import_module("google.protobuf.empty_pb2")
_json_format: Any = import_module("google.protobuf.json_format")
_struct: Any = import_module("google.protobuf.struct_pb2")
EMPTY: Any = _empty.Empty()
ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "providers" / "plugin"
SPEED = 200
SECRET_SIGNATURE = "4dabf18193072939515e22adb298388d"  # the engine's mark of special values
SECRET_KIND = "1b47061264138c4ac30d75fd1eb44270"
PORT = 8080


class EngineSide(engine_pb2_grpc.EngineServicer):
    """Collects the lines of the log."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802  # its name in the protocol
        """One line."""
        del context
        self.lines.append((request.urn, request.message))
        return EMPTY


def secret(value: object) -> dict[str, Any]:
    """A value as the engine sends a secret."""
    return {SECRET_SIGNATURE: SECRET_KIND, "value": value}


def struct(values: Mapping[str, Any]) -> Any:
    """Plain data as the protocol has it."""
    made = _struct.Struct()
    _json_format.ParseDict(dict(values), made)
    return made


def plain(values: Any) -> dict[str, Any]:
    """Properties as plain data, secrets bare."""
    return {name: _bare(value) for name, value in _json_format.MessageToDict(values).items()}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        inner = cast("dict[str, Any]", value)
        if inner.get(SECRET_SIGNATURE) == SECRET_KIND:
            return _bare(inner["value"])
        return {name: _bare(item) for name, item in inner.items()}
    if isinstance(value, list):
        return [_bare(item) for item in cast("Sequence[Any]", value)]
    return value


@dataclass
class Plugin:
    """One life of the process."""

    process: "subprocess.Popen[str]"
    channel: grpc.Channel
    stub: Any
    """The protocol's calls by their names."""

    def kill(self) -> None:
        """As by the out-of-memory killer."""
        self.process.kill()
        self.process.wait()
        self.channel.close()

    def stop(self) -> tuple[int, str]:
        """As the engine does at its end: exit status and what it wrote to stderr."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=60)
        self.channel.close()
        return self.process.returncode, errors


@dataclass
class Desk:
    """An engine, its plugin and simulators of all vendors.

    Attributes:
        started: every life of the plugin.
    """

    home: Path
    simulators: dict[str, Served]
    engine: EngineSide
    engine_address: str
    started: list[Plugin] = field(default_factory=list[Plugin])

    def sim(self, vendor: str) -> Simulator:
        """A vendor's simulator."""
        return self.simulators[vendor].simulator

    @property
    def config(self) -> dict[str, Any]:
        """What the provider is configured with."""
        made: dict[str, Any] = {}
        for vendor, served in self.simulators.items():
            made |= {f"{vendor}Url": served.url, f"{vendor}ApiKey": secret(KEYS[vendor])}
        return made

    def start(self, *, configured: bool = True, module: str = "-m", **environment: str) -> Plugin:
        """Start the plugin as the engine does: in its folder, with the engine's address; the port comes on stdout."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "MODELYARD_PACE": str(1 / SPEED),
            "RUNPOD_PROXY_URL": f"{self.simulators['runpod'].origin}/proxy/{{pod}}/{{port}}",
            **environment,
        }
        command = [sys.executable, *(["-m", "providers.plugin"] if module == "-m" else [str(FOLDER)])]
        process = subprocess.Popen(
            [*command, self.engine_address],
            cwd=FOLDER,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line.isdigit():
            pytest.fail(f"the plugin printed {line!r} instead of a port\n{process.communicate()[1]}")
        channel = grpc.insecure_channel(f"127.0.0.1:{line}", options=(("grpc.enable_http_proxy", 0),))
        plugin = Plugin(process, channel, provider_pb2_grpc.ResourceProviderStub(channel))
        self.started.append(plugin)
        if configured:
            request = provider_pb2.ConfigureRequest(args=struct(self.config), acceptSecrets=True, acceptResources=True)
            plugin.stub.Configure(request)
        return plugin

    def said(self, urn: str) -> list[str]:
        """Lines about a resource."""
        return [text for about, text in self.engine.lines if about == urn]

    def alive(self) -> list[str]:
        """What costs money, or was made and never deleted."""
        return [
            f"{vendor}/{e.id}" for vendor, served in self.simulators.items() for e in served.simulator.ledger.alive()
        ]

    def until(self, happened: Any, *, seconds: float = 30.0) -> None:
        """Wait for something to happen in another process."""
        give_up = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > give_up:
                pytest.fail("it did not happen in time")
            time.sleep(0.01)


@contextmanager
def desk(home: Path) -> Generator[Desk]:
    """Everything that a test of the process needs; ends every process at the end."""
    engine, server = EngineSide(), grpc.server(ThreadPoolExecutor(4))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with ExitStack() as stack:
        stack.callback(lambda: server.stop(None).wait())
        served = {
            vendor: stack.enter_context(serving(simulator, speed=SPEED))
            for vendor in KEYS
            for simulator in [make_simulators(SimClock(time.time()), seed=1)[vendor]]
        }
        made = Desk(home, served, engine, f"127.0.0.1:{port}")
        try:
            yield made
        finally:
            for plugin in made.started:
                if plugin.process.poll() is None:
                    plugin.kill()
                for stream in (plugin.process.stdout, plugin.process.stderr):
                    if stream is not None:
                        stream.close()
