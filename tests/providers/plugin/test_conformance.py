"""The plugin as the engine starts it: a process, spoken to over gRPC, on simulators over real HTTP."""

import json
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from pulumi.runtime.proto import provider_pb2 as pb

from providers.rental import PACKAGE, VERSION
from tests.providers.plugin.process import (
    EMPTY,
    FOLDER,
    ROOT,
    SECRET_SIGNATURE,
    Desk,
    Plugin,
    desk,
    plain,
    secret,
    struct,
)
from tests.providers.plugin.subjects import MACHINE, SECRET, SUBJECTS
from tests.simulators.core import SimRequest, SimResponse, json_response
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.scenarios import KEYS, SKUS


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Desk, Plugin]]:
    """One plugin for all tests that leave it as it was."""
    with desk(tmp_path_factory.mktemp("home")) as made:
        yield made, made.start()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Desk]:
    """Simulators and an engine of one test's own."""
    with desk(tmp_path) as made:
        yield made


def urn(kind: str, name: str = "node") -> str:
    return f"urn:pulumi:trial::modelyard::{PACKAGE}:{kind}::{name}"


def given(kind: str, **changes: Any) -> dict[str, Any]:
    """A type's least inputs as the engine sends them."""
    subject = SUBJECTS[kind]
    inputs = {**subject.inputs, **changes}
    return {name: secret(value) if name in subject.secret else value for name, value in inputs.items()}


def create(plugin: Plugin, kind: str, inputs: Mapping[str, Any], name: str = "node") -> Any:
    return plugin.stub.Create(pb.CreateRequest(urn=urn(kind, name), properties=struct(inputs)))


def delete(plugin: Plugin, kind: str, made: Any, name: str = "node") -> None:
    plugin.stub.Delete(pb.DeleteRequest(urn=urn(kind, name), id=made.id, properties=made.properties))


def diff(plugin: Plugin, kind: str, object_id: str, state: Any, inputs: Mapping[str, Any]) -> Any:
    return plugin.stub.Diff(pb.DiffRequest(urn=urn(kind), id=object_id, olds=state, news=struct(inputs)))


def refused(call: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


def text(error: Any) -> str:
    shown: str = error.details()
    return shown


def test_every_resource_type_is_gone_through(shared: tuple[Desk, Plugin]) -> None:
    schema = json.loads(shared[1].stub.GetSchema(pb.GetSchemaRequest()).schema)
    types = {token.removeprefix(f"{PACKAGE}:") for token in schema["resources"]}
    assert types == {*SUBJECTS, "index:Ready"}


def test_pulumi_yaml_names_the_folder_that_is_started() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    (plugin,) = project["plugins"]["providers"]
    assert (plugin["name"], ROOT / plugin["path"]) == (PACKAGE, FOLDER)


def test_it_starts_by_its_folder_too_and_needs_no_key_for_a_preview(fresh: Desk) -> None:
    plugin = fresh.start(configured=False, module="")
    assert plugin.stub.GetPluginInfo(EMPTY).version == VERSION
    answer = plugin.stub.Configure(pb.ConfigureRequest(args=struct({}), acceptSecrets=True))
    assert (answer.acceptSecrets, answer.supportsPreview, answer.acceptOutputs) == (True, False, False)
    for kind in SUBJECTS:
        checked = plugin.stub.Check(pb.CheckRequest(urn=urn(kind), olds=struct({}), news=struct(given(kind))))
        assert list(checked.failures) == []
    assert plugin.stop() == (0, "")
    assert all(served.simulator.calls == [] for served in fresh.simulators.values())


def test_settings_that_are_not_known_are_refused(shared: tuple[Desk, Plugin]) -> None:
    at = f"urn:pulumi:trial::modelyard::pulumi:providers:{PACKAGE}::default"
    check = shared[1].stub.CheckConfig
    good = check(pb.CheckRequest(urn=at, olds=struct({}), news=struct({**shared[0].config, "version": VERSION})))
    assert list(good.failures) == []
    bad = check(pb.CheckRequest(urn=at, olds=struct({}), news=struct({"runpodKey": "x"})))
    assert [failure.property for failure in bad.failures] == ["runpodKey"]


def test_another_key_does_not_replace_the_provider(shared: tuple[Desk, Plugin]) -> None:
    at = f"urn:pulumi:trial::modelyard::pulumi:providers:{PACKAGE}::default"
    request = pb.DiffRequest(urn=at, id="p", olds=struct({"runpodApiKey": "a"}), news=struct({"runpodApiKey": "b"}))
    assert list(shared[1].stub.DiffConfig(request).replaces) == []


@pytest.mark.parametrize("kind", SUBJECTS)
def test_a_whole_lifecycle(shared: tuple[Desk, Plugin], kind: str) -> None:
    where, plugin = shared
    subject, inputs = SUBJECTS[kind], given(kind)
    before = where.alive()
    made = create(plugin, kind, inputs)
    assert made.id
    state = made.properties
    for name in subject.secret:
        assert SECRET_SIGNATURE in state[name], f"{name} is not secret in the state"
    assert diff(plugin, kind, made.id, state, inputs).changes == pb.DiffResponse.DIFF_NONE

    read = plugin.stub.Read(pb.ReadRequest(urn=urn(kind), id=made.id, properties=state, inputs=struct(inputs)))
    assert read.id == made.id
    assert plain(read.inputs) == plain(struct(inputs))
    assert diff(plugin, kind, made.id, read.properties, inputs).changes == pb.DiffResponse.DIFF_NONE
    state = read.properties

    if subject.in_place:
        inputs = given(kind, **subject.in_place)
        changed = diff(plugin, kind, made.id, state, inputs)
        assert (changed.changes, list(changed.replaces)) == (pb.DiffResponse.DIFF_SOME, [])
        assert sorted(changed.diffs) == sorted(subject.in_place)
        request = pb.UpdateRequest(urn=urn(kind), id=made.id, olds=state, news=struct(inputs))
        state = plugin.stub.Update(request).properties
        read = plugin.stub.Read(pb.ReadRequest(urn=urn(kind), id=made.id, properties=state, inputs=struct(inputs)))
        assert diff(plugin, kind, made.id, read.properties, inputs).changes == pb.DiffResponse.DIFF_NONE
        state = read.properties
    if subject.replacing:
        changed = diff(plugin, kind, made.id, state, given(kind, **subject.replacing))
        assert list(changed.replaces) == list(subject.replacing)
        assert changed.detailedDiff[next(iter(subject.replacing))].kind == pb.PropertyDiff.UPDATE_REPLACE

    imported = plugin.stub.Read(pb.ReadRequest(urn=urn(kind), id=made.id))
    assert imported.id == made.id
    request = pb.DeleteRequest(urn=urn(kind), id=made.id, properties=state)
    plugin.stub.Delete(request)
    assert where.alive() == before
    if kind != "index:AccessKey":  # which is nowhere but in the state
        gone = plugin.stub.Read(pb.ReadRequest(urn=urn(kind), id=made.id, properties=state, inputs=struct(inputs)))
        assert gone.id == ""
    plugin.stub.Delete(request)
    assert not [line for _, line in where.engine.lines if SECRET in line or any(key in line for key in KEYS.values())]


@pytest.mark.parametrize("kind", SUBJECTS)
def test_bad_inputs_are_named_before_anything_is_planned(shared: tuple[Desk, Plugin], kind: str) -> None:
    where, plugin = shared
    calls = {vendor: len(served.simulator.calls) for vendor, served in where.simulators.items()}
    bad = {**given(kind), "nonsense": 1}
    answer = plugin.stub.Check(pb.CheckRequest(urn=urn(kind), olds=struct({}), news=struct(bad)))
    assert [failure.property for failure in answer.failures] == ["nonsense"]
    assert "allowed: " in answer.failures[0].reason
    assert calls == {vendor: len(served.simulator.calls) for vendor, served in where.simulators.items()}


def test_what_was_tried_before_is_in_the_log_and_in_the_state(fresh: Desk) -> None:
    plugin = fresh.start()
    for sku in ("NVIDIA H200", "NVIDIA H100 80GB HBM3"):
        fresh.sim("runpod").stock(sku, "any", 0)
    inputs = given("index:Machine", candidates=[*SKUS["runpod"], dict(SKUS["lambda"][1])])
    made = create(plugin, "index:Machine", inputs)
    assert made.id.startswith("lambda/")
    attempts = plain(made.properties)["attempts"]
    assert [text.partition(":")[0] for text in attempts] == ["runpod 4× H200 secure", "runpod 8× H100-SXM secure"]
    lines = fresh.said(urn("index:Machine"))
    assert [line for line in lines if line.startswith("not to be had: ")] == [f"not to be had: {a}" for a in attempts]
    assert lines[-1].startswith("rented lambda 1× H100-PCIe")
    delete(plugin, "index:Machine", made)
    assert fresh.alive() == []


def test_an_error_is_text_for_people_without_a_stack_trace_or_a_secret(fresh: Desk) -> None:
    plugin = fresh.start()
    for sku in ("NVIDIA H200", "NVIDIA H100 80GB HBM3"):
        fresh.sim("runpod").stock(sku, "any", 0)
    error = refused(lambda: create(plugin, "index:Machine", given("index:Machine")))
    shown = text(error)
    assert shown.startswith("runpod: none of the 1 candidates can be had now: runpod 4× H200 secure: ")
    assert shown.endswith("Run again later, or allow more: more vendors, GPUs or regions, or a higher price.")
    for never in ("Traceback", "File ", ".py", "Unexpected", SECRET, *KEYS.values()):
        assert never not in shown


def test_a_wrong_key_is_told_without_the_key(fresh: Desk) -> None:
    plugin = fresh.start(configured=False)
    wrong = "rp-wrong-account-key-9999"
    settings = {**fresh.config, "runpodApiKey": secret(wrong)}
    plugin.stub.Configure(pb.ConfigureRequest(args=struct(settings), acceptSecrets=True))
    shown = text(refused(lambda: create(plugin, "index:Machine", given("index:Machine"))))
    assert "auth" in shown
    assert wrong not in shown


def test_a_mistake_of_ours_is_named_without_its_message(shared: tuple[Desk, Plugin]) -> None:
    error: Any = refused(lambda: create(shared[1], "index:Machine", {"env": secret(SECRET)}))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert text(error).startswith(f"a mistake in modelyard-rental {VERSION}: KeyError at machine.py:")
    assert SECRET not in text(error)


def test_what_the_protocol_has_and_we_do_not_is_said_so(shared: tuple[Desk, Plugin]) -> None:
    error: Any = refused(lambda: shared[1].stub.Invoke(pb.InvokeRequest(tok="x", args=struct({}))))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


class Held:
    """A create that the vendor has carried out and does not answer."""

    def __init__(self, where: Desk) -> None:
        self.arrived, self.go_on = threading.Event(), threading.Event()
        served = where.simulators["runpod"]
        inner = served.handle

        def handle(request: SimRequest) -> SimResponse:
            response = inner(request)
            if request.method == "POST" and not self.arrived.is_set():
                self.arrived.set()
                self.go_on.wait(30)
            return response

        vars(served)["handle"] = handle


def in_background(call: Any) -> threading.Thread:
    def run() -> None:
        try:
            call()
        except grpc.RpcError:
            return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("kind", ["index:Machine", "runpod:Pod", "runpod:NetworkVolume"])
def test_a_plugin_killed_in_a_create_leaves_one_object(fresh: Desk, kind: str) -> None:
    first = fresh.start()
    held = Held(fresh)
    thread = in_background(lambda: create(first, kind, given(kind)))
    assert held.arrived.wait(30)
    first.kill()
    held.go_on.set()
    thread.join()
    assert len(fresh.alive()) == 1

    second = fresh.start()
    made = create(second, kind, given(kind))
    assert len(fresh.alive()) == 1
    assert any("taking over" in line for line in fresh.said(urn(kind)))
    sim = fresh.sim("runpod")
    assert isinstance(sim, RunpodSimulator)
    assert set(sim.creates.values()) == {1}
    delete(second, kind, made)
    assert fresh.alive() == []


def test_a_signal_lets_a_create_come_to_its_end(fresh: Desk) -> None:
    plugin = fresh.start()
    held, answers = Held(fresh), list[Any]()
    thread = in_background(lambda: answers.append(create(plugin, "index:Machine", given("index:Machine"))))
    assert held.arrived.wait(30)
    plugin.process.terminate()
    held.go_on.set()
    thread.join()
    assert [f"runpod/{e.id}" for e in fresh.sim("runpod").ledger.alive()] == [made.id for made in answers]
    assert plugin.process.wait(30) == 0


READY: Mapping[str, Any] = {
    "port": 8080,
    "healthPath": "/health",
    "timeoutSeconds": 3600,
    "phases": [{"name": "boot", "seconds": 600, "why": "weights"}],
    "accessKey": secret(SECRET),
}


def engine(pod: object, request: SimRequest) -> SimResponse:
    """A model behind a gateway that wants a bearer token."""
    del pod
    if request.path == "/health":
        return SimResponse(status=200)
    if request.headers.get("authorization") != f"Bearer {SECRET}":
        return SimResponse(status=401)
    if request.path == "/v1/models":
        return json_response(200, {"data": [{"id": "llama"}]})
    asked = request.json()
    assert (request.path, asked["model"], asked["max_tokens"]) == ("/v1/completions", "llama", 1)
    return json_response(200, {"choices": [{"text": "!"}]})


def test_ready_waits_until_the_model_answers(fresh: Desk) -> None:
    plugin = fresh.start()
    sim = fresh.sim("runpod")
    assert isinstance(sim, RunpodSimulator)
    sim.engine = engine
    made = create(plugin, "index:Machine", MACHINE)
    inputs = {**READY, "machineId": made.id}
    ready = create(plugin, "index:Ready", inputs)
    state = plain(ready.properties)
    assert state["endpoint"] == plain(made.properties)["address"]
    assert state["waitedSeconds"] > 0
    assert SECRET_SIGNATURE in ready.properties["accessKey"]
    assert "the model answered after" in fresh.said(urn("index:Ready"))[-1]
    changed = diff(plugin, "index:Ready", ready.id, ready.properties, {**inputs, "timeoutSeconds": 7200})
    assert (changed.changes, list(changed.replaces)) == (pb.DiffResponse.DIFF_SOME, [])
    other = diff(plugin, "index:Ready", ready.id, ready.properties, {**inputs, "machineId": "runpod/other"})
    assert list(other.replaces) == ["machineId"]
    request = pb.UpdateRequest(
        urn=urn("index:Ready"), id=ready.id, olds=ready.properties, news=struct({**inputs, "timeoutSeconds": 7200})
    )
    assert plain(plugin.stub.Update(request).properties)["timeoutSeconds"] == 7200
    read = plugin.stub.Read(pb.ReadRequest(urn=urn("index:Ready"), id=ready.id, properties=ready.properties))
    assert read.id == ready.id
    delete(plugin, "index:Ready", ready)
    delete(plugin, "index:Machine", made)
    assert fresh.alive() == []


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_machine_that_never_gets_ready_is_deleted_if_asked_for(fresh: Desk, is_deleted: bool) -> None:  # noqa: FBT001  # a table
    plugin = fresh.start()
    fresh.sim("runpod").faults.arm("never_ready")
    made = create(plugin, "index:Machine", MACHINE)
    inputs = {**READY, "machineId": made.id, "timeoutSeconds": 120, "deleteOnFailure": is_deleted}
    shown = text(refused(lambda: create(plugin, "index:Ready", inputs)))
    assert "the start-up budget is used up" in shown
    assert ("proved gone" in shown) is is_deleted
    assert ("costs money" in shown) is not is_deleted
    assert (fresh.alive() == []) is is_deleted
    assert SECRET not in shown


def test_cancel_ends_a_wait_and_stops_new_creates_and_nothing_else(fresh: Desk) -> None:
    plugin = fresh.start()
    fresh.sim("runpod").faults.arm("never_ready")
    made = create(plugin, "index:Machine", MACHINE)
    errors: list[Any] = []

    def wait() -> None:
        errors.append(refused(lambda: create(plugin, "index:Ready", {**READY, "machineId": made.id})))

    thread = threading.Thread(target=wait)
    thread.start()
    calls = len(fresh.sim("runpod").calls)
    fresh.until(lambda: len(fresh.sim("runpod").calls) > calls + 2)
    plugin.stub.Cancel(EMPTY)
    thread.join(30)
    assert [error.code() for error in errors] == [grpc.StatusCode.CANCELLED]
    assert text(errors[0]).startswith("interrupted")
    stopped: Any = refused(lambda: create(plugin, "index:Machine", MACHINE, "another"))
    assert stopped.code() is grpc.StatusCode.CANCELLED
    assert len(fresh.alive()) == 1
    delete(plugin, "index:Machine", made)
    assert fresh.alive() == []
    assert plugin.stop() == (0, "")
