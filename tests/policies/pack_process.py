"""Starts the policy pack the way the engine does, and asks it what the engine asks."""

import importlib
import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE

from modelyard.resources import SECRET, Resource, Unknown, Value

# Neither package ships types, and nothing here needs more of them than these calls.
_grpc: Any = importlib.import_module("grpc")
_empty: Any = importlib.import_module("google.protobuf.empty_pb2")
_services: Any = importlib.import_module("pulumi.runtime.proto.analyzer_pb2_grpc")

PACK = Path(__file__).parent.parent.parent / "policies"
_SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hunter2"}

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Pack:
    """A running pack."""

    def __init__(self, stub: Any) -> None:
        self._stub = stub

    def info(self) -> analyzer_pb2.AnalyzerInfo:
        info: analyzer_pb2.AnalyzerInfo = self._stub.GetAnalyzerInfo(_empty.Empty())
        return info

    def configure(self, policies: Mapping[str, analyzer_pb2.PolicyConfig]) -> None:
        self._stub.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=dict(policies)))

    def preview(self, resources: Sequence[Resource]) -> list[analyzer_pb2.AnalyzeDiagnostic]:
        """Every registration with its inputs, then the stack with the outputs: none, of a component."""
        said: list[analyzer_pb2.AnalyzeDiagnostic] = []
        for resource in resources:
            request = analyzer_pb2.AnalyzeRequest(
                type=resource.type,
                urn=resource.urn,
                name=resource.name,
                options=analyzer_pb2.AnalyzerResourceOptions(parent=resource.parent or ""),
                provider=_provider(resource),
            )
            request.properties.update(_wires(resource.props))
            said.extend(self._stub.Analyze(request).diagnostics)
        stack = analyzer_pb2.AnalyzeStackRequest()
        for resource in resources:
            final = stack.resources.add(
                type=resource.type,
                urn=resource.urn,
                name=resource.name,
                parent=resource.parent or "",
                options=analyzer_pb2.AnalyzerResourceOptions(parent=resource.parent or ""),
                provider=_provider(resource),
            )
            final.properties.update(_wires(resource.props if resource.custom else {}))
        said.extend(self._stub.AnalyzeStack(stack).diagnostics)
        return said


@contextmanager
def running_pack() -> Generator[Pack]:
    """``python -u -m pulumi.policy ENGINE DIRECTORY`` in the pack's directory, as the Python language host runs it."""
    command = [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", str(PACK)]
    environment = {
        **os.environ,
        "PULUMI_PROJECT": "modelyard",
        "PULUMI_STACK": "test",
        "PULUMI_DRY_RUN": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with subprocess.Popen(command, cwd=PACK, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdigit(), f"the pack said {port!r} instead of its port"
            with _grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Pack(_services.AnalyzerStub(channel))
        finally:
            process.kill()


def _provider(resource: Resource) -> analyzer_pb2.AnalyzerProviderResource | None:
    """The engine names the provider of a custom resource; a component of the program's own has none."""
    if not resource.custom:
        return None
    package = resource.type.partition(":")[0]
    return analyzer_pb2.AnalyzerProviderResource(
        type=f"pulumi:providers:{package}", urn=f"urn:{package}", name="default"
    )


def _wires(props: Mapping[str, Value]) -> dict[str, Json]:
    return {key: _wire(value) for key, value in props.items()}


def _wire(value: Value) -> Json:
    """As the engine marshals it: unknowns and secrets kept, numbers as doubles."""
    if isinstance(value, Unknown):
        return UNKNOWN_STRING_VALUE
    if value == SECRET:
        return dict[str, Json](_SECRET)
    if isinstance(value, dict):
        return {key: _wire(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_wire(inside) for inside in value]
    return value
