import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from providers.base.clock import SystemClock
from providers.base.errors import Kind, Stopped, VendorError
from providers.base.http import UNREADABLE, Reply, VendorHttp
from providers.base.limits import Pacer
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import VirtualClock, run_virtual

KEY = "account-key-0123456789"
Answer = httpx.Response | Exception


def judge(reply: Reply, operation: str) -> VendorError | None:
    """429 with a wait, 5xx transient, 409 conflict, 400 echoes the body."""
    kinds = {429: Kind.RATE, 409: Kind.CONFLICT, 400: Kind.INVALID, 401: Kind.AUTH}
    if reply.status < 400:
        return None if reply.body is not UNREADABLE else VendorError("v", Kind.MALFORMED, "odd", operation=operation)
    wait = reply.headers.get("retry-after")
    return VendorError(
        "v",
        kinds.get(reply.status, Kind.TRANSIENT),
        reply.text,
        retry_after_seconds=float(wait) if wait else None,
        created_id=reply.headers.get("x-made"),
    )


class Line:
    """An account whose answers are written down beforehand; the last one is repeated."""

    def __init__(self, *answers: Answer, observe: Callable[[Reply], float | None] | None = None) -> None:
        self.clock, self.answers = SimClock(0.0), list(answers)
        self.seen: list[tuple[str, float]] = []
        client = httpx.AsyncClient(
            base_url="https://vendor.test",
            headers={"Authorization": f"Bearer {KEY}"},
            transport=httpx.MockTransport(self._answer),
        )
        clock = VirtualClock(self.clock)
        self.http = VendorHttp(
            vendor="v",
            client=client,
            pacer=Pacer(clock, {}),
            clock=clock,
            judge=judge,
            secrets={KEY},
            observe=observe,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, self.clock.now))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def read(self, **options: Any) -> Reply:
        return run_virtual(self.clock, self.http.repeatable("GET", "/things", operation="list", **options))

    def create(self, **options: Any) -> Reply:
        return run_virtual(self.clock, self.http.once("POST", "/things", operation="create", json_body={}, **options))


def ok(body: object = None) -> httpx.Response:
    return httpx.Response(200, json=body if body is not None else {"id": "1"}, headers={"X-Request-Id": "r-1"})


def test_a_good_answer_is_decoded() -> None:
    reply = Line(ok({"a": [1]})).read()
    assert (reply.status, reply.body, reply.request_id) == (200, {"a": [1]}, "r-1")


@pytest.mark.parametrize(
    ("first", "waited"),
    [
        (httpx.Response(503, text="busy"), 1.0),
        (httpx.Response(429, text="slow down", headers={"Retry-After": "7"}), 7.0),
        (httpx.Response(200, text="<html>"), 1.0),
        (httpx.ReadTimeout("late"), 1.0),
        (httpx.RemoteProtocolError("cut"), 1.0),
        (httpx.ConnectError("refused"), 1.0),
    ],
)
def test_a_read_is_made_again(first: Answer, waited: float) -> None:
    line = Line(first, ok())
    assert line.read().status == 200
    assert [moment for _, moment in line.seen] == pytest.approx([0.0, waited])


@pytest.mark.parametrize("status", [400, 401, 409])
def test_what_will_not_get_better_is_asked_once(status: int) -> None:
    line = Line(httpx.Response(status, text="no"))
    with pytest.raises(VendorError):
        line.read()
    assert len(line.seen) == 1


def test_patience_has_an_end_and_no_read_ends_ambiguous() -> None:
    line = Line(httpx.Response(503, text="busy"))
    with pytest.raises(VendorError) as caught:
        line.read(patience_seconds=20.0)
    assert caught.value.kind is Kind.TRANSIENT
    assert [round(moment) for _, moment in line.seen] == [0, 1, 3, 7, 15]
    assert line.clock.now <= 20.0


def test_a_create_waits_for_its_turn_and_is_sent_again_after_429() -> None:
    line = Line(httpx.Response(429, text="slow", headers={"Retry-After": "12"}), ok())
    assert line.create().status == 200
    assert [moment for _, moment in line.seen] == pytest.approx([0.0, 12.0])


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("t"), httpx.PoolTimeout("p")])
def test_a_create_that_was_never_sent_is_sent_again(error: Exception) -> None:
    line = Line(error, ok())
    assert line.create().status == 200
    assert len(line.seen) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("late"),
        httpx.WriteTimeout("late"),
        httpx.ReadError("cut"),
        httpx.WriteError("cut"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500, text="oops"),
        httpx.Response(502, text="oops"),
        httpx.Response(200, text="<html>"),
    ],
)
def test_a_create_whose_end_is_not_known_is_sent_once_and_ambiguous(answer: Answer) -> None:
    line = Line(answer)
    with pytest.raises(VendorError) as caught:
        line.create()
    assert caught.value.kind is Kind.AMBIGUOUS
    assert len(line.seen) == 1


def test_an_error_that_names_what_it_made_is_not_ambiguous() -> None:
    with pytest.raises(VendorError) as caught:
        Line(httpx.Response(500, text="bid too low", headers={"X-Made": "c-9"})).create()
    assert (caught.value.kind, caught.value.created_id) == (Kind.TRANSIENT, "c-9")


def test_a_create_gives_up_waiting_for_its_turn() -> None:
    line = Line(httpx.Response(429, text="slow", headers={"Retry-After": "100"}))
    with pytest.raises(VendorError) as caught:
        line.create()
    assert caught.value.kind is Kind.RATE
    assert [moment for _, moment in line.seen] == pytest.approx([0.0, 100.0])


def test_nothing_is_created_once_a_stop_was_asked_for() -> None:
    line = Line(ok())
    line.http.stopping.set()
    with pytest.raises(Stopped):
        line.create()
    assert line.seen == []
    assert line.read().status == 200


def test_a_stop_ends_the_waiting_of_a_create() -> None:
    line = Line(httpx.Response(429, text="slow", headers={"Retry-After": "30"}), ok())

    async def main() -> None:
        creating = asyncio.create_task(line.http.once("POST", "/things", operation="create"))
        await asyncio.sleep(5.0)
        line.http.stopping.set()
        await creating

    with pytest.raises(Stopped):
        run_virtual(line.clock, main())
    assert len(line.seen) == 1


def test_one_caller_told_to_wait_makes_all_wait() -> None:
    line = Line(httpx.Response(429, text="slow", headers={"Retry-After": "20"}), ok())

    async def main() -> None:
        calls = [line.http.repeatable("GET", "/things", operation="list") for _ in range(2)]
        first = asyncio.create_task(calls[0])
        await asyncio.sleep(1.0)
        await asyncio.gather(first, calls[1])

    run_virtual(line.clock, main())
    assert [moment for _, moment in line.seen] == pytest.approx([0.0, 20.0, 20.0])


def test_limits_told_in_headers_are_kept() -> None:
    line = Line(ok(), observe=lambda reply: 5.0 if reply.status == 200 else None)
    line.read()
    line.read()
    assert [moment for _, moment in line.seen] == pytest.approx([0.0, 5.0])


SECRET = "hf_abcdefghijklmnop"


@pytest.mark.parametrize("status", [400, 401, 409, 429, 500])
def test_no_message_holds_a_secret(status: int) -> None:
    text = f"refused: Bearer {KEY} with HF_TOKEN={SECRET} in the body"
    line = Line(httpx.Response(status, text=text, headers={"Retry-After": "1000"}))
    with pytest.raises(VendorError) as caught:
        line.create(secrets=[SECRET])
    shown = f"{caught.value} {caught.value.detail} {caught.value!r}"
    assert KEY not in shown
    assert SECRET not in shown
    assert "[hidden]" in shown


def test_a_secret_that_ends_where_a_message_is_cut_is_hidden_whole() -> None:
    with pytest.raises(VendorError) as caught:
        Line(httpx.Response(400, text="x" * 395 + KEY)).read()
    assert KEY[:5] not in str(caught.value)


def test_an_error_names_the_call_its_status_and_its_number() -> None:
    with pytest.raises(VendorError) as caught:
        Line(httpx.Response(400, text="no such GPU", headers={"X-Request-Id": "r-7"})).read()
    assert str(caught.value) == "v: list: no such GPU (HTTP 400, invalid, request r-7)"


def test_the_systems_clock_keeps_its_pace() -> None:
    clock = SystemClock(pace=0.001)
    before, now = clock.monotonic(), clock.now()
    asyncio.run(clock.sleep(10.0))
    assert clock.monotonic() - before >= 10.0
    assert (clock.now() - now).total_seconds() >= 10.0


@pytest.mark.parametrize("text", ["[" * 200_000, '{"cost": NaN}', '{"cost": -Infinity}', '{"cost": 1e999}'])
def test_what_no_vendor_should_say_is_odd_and_no_crash(text: str) -> None:
    line = Line(httpx.Response(200, text=text), ok())
    assert line.read().body == {"id": "1"}
    with pytest.raises(VendorError) as caught:
        Line(httpx.Response(200, text=text)).create()
    assert caught.value.kind is Kind.AMBIGUOUS
