import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from modelyard.errors import ModelyardError
from providers.base.errors import Kind, Stopped, VendorError
from providers.base.machines import Status
from providers.base.probe import Answer
from providers.base.ready import NotReadyError, Phase, Reached, Waiting
from tests.fakes.vendor import FakeVendor, sighting
from tests.simulators.virtual_time import run_virtual

KEY = "bearer-key-0123456789"


@dataclass
class FakeProbe:
    """A gateway whose answers depend on the time since the wait began."""

    seconds: Callable[[], float]
    health: list[tuple[float, int | None]] = field(default_factory=lambda: [(0.0, None), (60.0, 503), (120.0, 200)])
    token: int = 200
    asked: list[str] = field(default_factory=list[str])

    async def get(self, url: str) -> Answer:
        self.asked.append(url)
        status = [status for begin, status in self.health if self.seconds() >= begin][-1]
        return Answer(status=status, certificate_sha256="ab" if status else None)

    async def one_token(self, base_url: str, *, model: str | None, access_key: str | None) -> Answer:
        self.asked.append(f"{base_url} {model} {access_key}")
        return Answer(status=self.token)


class Wait:
    """A machine called m, and somebody who waits for it."""

    def __init__(self, **facts: Any) -> None:
        self.vendor = FakeVendor()
        self.vendor.machines["m"] = sighting("m", None, **facts)
        begun = self.vendor.clock.now
        self.probe = FakeProbe(lambda: self.vendor.clock.now - begun)
        self.said: list[str] = []
        self.stopping = asyncio.Event()
        self.begun = begun

    def waiting(self, **changes: Any) -> Waiting:
        facts: dict[str, Any] = {
            "title": "node-ready",
            "vendor": self.vendor,
            "machine_id": "m",
            "health_path": "/health",
            "model": "llama",
            "access_key": KEY,
            "budget_seconds": 600.0,
            "probe": self.probe,
            "clock": self.vendor.time(),
            "say": self.said.append,
            "stopping": self.stopping,
            **changes,
        }
        return Waiting(**facts)

    def run(self, **changes: Any) -> Reached:
        return run_virtual(self.vendor.clock, self.waiting(**changes).wait())

    def fails(self, **changes: Any) -> NotReadyError:
        with pytest.raises(NotReadyError) as caught:
            self.run(**changes)
        return caught.value

    @property
    def waited(self) -> float:
        return self.vendor.clock.now - self.begun

    def shows(self, **facts: Any) -> None:
        self.vendor.machines["m"] = replace(self.vendor.machines["m"], **facts)


def test_it_is_ready_when_the_model_has_answered() -> None:
    wait = Wait()
    reached = wait.run()
    assert reached == Reached(address="https://m.example", waited_seconds=120, certificate_sha256="ab")
    assert wait.probe.asked[0] == "https://m.example/health"
    assert wait.probe.asked[-1] == f"https://m.example llama {KEY}"
    assert wait.said[-1] == "node-ready: the model answered after 2 min 00 s"


def test_progress_says_phase_time_budget_and_the_vendors_word() -> None:
    wait = Wait()
    wait.probe.health = [(0.0, None), (60.0, 503), (400.0, 200)]
    passing: list[str] = []
    wait.run(show=passing.append)
    assert "node-ready: waiting for the engine, 60 s of 10 min 00 s · runpod says running" in wait.said
    assert [line.partition(",")[0] for line in passing] == ["node-ready: waiting for the engine"] * len(passing)
    assert len(passing) >= 4
    assert len(wait.said) <= 4


@pytest.mark.parametrize(
    ("health", "token", "facts", "phase"),
    [
        (None, 200, {"status": Status.PENDING}, Phase.MACHINE),
        (None, 200, {}, Phase.CONTAINER),
        (502, 200, {}, Phase.CONTAINER),
        (404, 200, {}, Phase.CONTAINER),
        (503, 200, {}, Phase.ENGINE),
        (500, 200, {}, Phase.ENGINE),
        (200, 500, {}, Phase.MODEL),
        (200, 404, {}, Phase.MODEL),
    ],
)
def test_a_used_up_budget_names_the_phase_that_it_ended_in(
    health: int | None, token: int, facts: dict[str, Any], phase: Phase
) -> None:
    wait = Wait(**facts)
    wait.probe.health, wait.probe.token = [(0.0, health)], token
    wait.vendor.log = [f"line {number}" for number in range(100)]
    error = wait.fails(budget_seconds=300.0)
    assert error.brief == "node-ready: the start-up budget is used up"
    assert f"waiting for the {phase.value}, 5 min 00 s of 5 min 00 s" in str(error)
    assert "https://console.example/runpod/m" in str(error)
    assert "line 99" in str(error)
    assert "line 79" not in str(error)
    assert 300.0 <= wait.waited <= 310.0


def test_a_machine_without_an_address_yet_is_waited_for() -> None:
    wait = Wait(status=Status.PENDING, address=None)
    wait.probe.health = [(0.0, 200)]

    async def main() -> Reached:
        waiting = asyncio.create_task(wait.waiting().wait())
        await asyncio.sleep(95.0)
        wait.shows(status=Status.RUNNING, address="https://late.example")
        return await waiting

    reached = run_virtual(wait.vendor.clock, main())
    assert (reached.address, reached.waited_seconds) == ("https://late.example", 100)


@pytest.mark.parametrize("status", [Status.STOPPED, Status.FAILED, Status.ENDING])
def test_a_machine_that_will_not_come_up_fails_at_once(status: Status) -> None:
    wait = Wait(status=status, detail="outbid")
    wait.vendor.log = ["the last thing it said"]
    error = wait.fails()
    assert f"the machine is {status.value}" in error.brief
    assert f"runpod says {status.value}: outbid" in str(error)
    assert "the last thing it said" in str(error)
    assert wait.waited == 0.0


def test_a_machine_that_was_seen_and_is_gone_fails_at_once() -> None:
    wait = Wait()
    wait.probe.health = [(0.0, None)]

    async def main() -> None:
        waiting = asyncio.create_task(wait.waiting().wait())
        await asyncio.sleep(25.0)
        await wait.vendor.delete("m")
        await waiting

    with pytest.raises(NotReadyError, match="the machine is gone"):
        run_virtual(wait.vendor.clock, main())
    assert wait.waited == pytest.approx(30.0)


def test_a_machine_that_is_not_shown_yet_is_not_gone() -> None:
    wait = Wait()
    wait.vendor.hide("m", seconds=50.0)
    assert wait.run().waited_seconds == 120


def test_a_machine_that_is_never_shown_is_gone() -> None:
    wait = Wait()
    wait.vendor.hide("m", seconds=10_000.0)
    assert "the machine is gone" in wait.fails().brief
    assert wait.waited == pytest.approx(60.0)


def test_a_machine_without_gpus_fails_at_once() -> None:
    assert "the machine runs without GPUs" in Wait(gpu_count=0).fails().brief
    assert Wait(gpu_count=None).run().waited_seconds == 120


def test_a_fatal_word_of_the_vendor_fails_at_once() -> None:
    wait = Wait(status=Status.PENDING, detail="Error: manifest for x:1 not found")
    assert "the image cannot be pulled" in wait.fails().brief
    assert wait.waited == 0.0


def test_a_fatal_line_of_the_log_fails_within_a_minute_or_so() -> None:
    wait = Wait()
    wait.vendor.log = ["loading weights", "torch.OutOfMemoryError: CUDA out of memory.", "bye"]
    error = wait.fails()
    assert "the model does not fit as configured (torch.OutOfMemoryError: CUDA out of memory.)" in error.brief
    assert error.resolution is not None
    assert "modelyard fit" in error.resolution
    assert wait.waited <= 70.0


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_fails_at_once(status: int) -> None:
    wait = Wait()
    wait.probe.health, wait.probe.token = [(0.0, 200)], status
    assert "refuses the access key" in wait.fails().brief
    assert wait.waited == 0.0


def test_no_message_holds_the_key_or_what_is_hidden() -> None:
    wait = Wait()
    wait.probe.health = [(0.0, None)]
    wait.vendor.log = [f"Authorization: Bearer {KEY}", "HF_TOKEN=hf_secret"]
    error = wait.fails(hidden=["hf_secret"], budget_seconds=60.0)
    assert KEY not in str(error)
    assert "hf_secret" not in str(error)
    assert str(error).count("[hidden]") == 2


@pytest.mark.parametrize("kind", [Kind.TRANSIENT, Kind.RATE, Kind.MALFORMED])
def test_a_vendor_that_does_not_answer_for_a_while_does_no_harm(kind: Kind) -> None:
    wait = Wait()
    wait.vendor.get_steps = [None, *[VendorError("runpod", kind, "busy")] * 5]
    assert wait.run().waited_seconds == 120


def test_a_key_that_stopped_working_ends_the_wait() -> None:
    wait = Wait()
    wait.vendor.get_steps = [VendorError("runpod", Kind.AUTH, "no")]
    with pytest.raises(ModelyardError, match="no"):
        wait.run()


def test_a_stop_ends_the_wait_and_touches_nothing() -> None:
    wait = Wait()
    wait.probe.health = [(0.0, None)]

    async def main() -> None:
        waiting = asyncio.create_task(wait.waiting().wait())
        await asyncio.sleep(33.0)
        wait.stopping.set()
        await waiting

    with pytest.raises(Stopped):
        run_virtual(wait.vendor.clock, main())
    assert wait.waited <= 45.0
    assert wait.vendor.deletes == []
