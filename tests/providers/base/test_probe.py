import asyncio
import json
from collections.abc import Callable

import httpx
import pytest

from providers.base.probe import Answer, HttpProbe
from tests.simulators.core import SimClock
from tests.simulators.virtual_time import run_virtual

KEY = "bearer-key"
MODELS = {"data": [{"id": "llama"}, {"id": "other"}]}


def one_token(answer: Callable[[httpx.Request], httpx.Response], *, model: str | None = "llama") -> Answer:
    probe = HttpProbe(transport=httpx.MockTransport(answer))
    return run_virtual(SimClock(), probe.one_token("https://m.example", model=model, access_key=KEY))


def test_one_token_is_asked_for_with_the_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"choices": [{"text": "!"}]})

    assert one_token(answer).status == 200
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "https://m.example/v1/completions")
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert json.loads(request.content)["max_tokens"] == 1


def test_without_a_name_the_first_model_of_the_list_is_asked() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json=MODELS)
        return httpx.Response(200, json={"choices": [{"text": json.loads(request.content)["model"]}]})

    assert one_token(answer, model=None).status == 200


@pytest.mark.parametrize(
    ("listing", "status"),
    [
        (httpx.Response(200, json={"data": []}), 502),
        (httpx.Response(200, json=[]), 502),
        (httpx.Response(200, text="<html>"), 502),
        (httpx.Response(401, json={}), 401),
    ],
)
def test_a_list_without_a_model_is_no_answer(listing: httpx.Response, status: int) -> None:
    assert one_token(lambda request: listing, model=None).status == status  # noqa: ARG005  # one answer for all


@pytest.mark.parametrize("body", [{}, {"choices": []}, [], None])
def test_an_answer_without_a_token_is_none(body: object) -> None:
    assert one_token(lambda request: httpx.Response(200, json=body)).status == 502  # noqa: ARG005  # one answer for all


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("late")])
def test_nobody_there_is_no_status(error: Exception) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        del request
        raise error

    probe = HttpProbe(transport=httpx.MockTransport(answer))
    found = run_virtual(SimClock(), probe.get("https://m.example/health"))
    assert (found.status, found.detail) == (None, type(error).__name__)


def test_a_health_check_carries_no_key() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(204)

    probe = HttpProbe(transport=httpx.MockTransport(answer))
    assert run_virtual(SimClock(), probe.get("https://10.0.0.1:8443/health")).status == 204
    assert "Authorization" not in asked[0].headers


def test_it_goes_through_the_proxy_that_the_vendor_is_reached_through(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def main() -> Answer:
        async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readline())
            writer.close()

        server = await asyncio.start_server(proxy, "127.0.0.1", 0)
        async with server:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
            return await HttpProbe().get("https://gateway.example/health")

    assert asyncio.run(main()).status is None
    assert asked == [b"CONNECT gateway.example:443 HTTP/1.1\r\n"]
