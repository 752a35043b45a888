"""What answers on a simulated machine that is up: our gateway in front of an engine with one model."""

import hmac
import shlex
from typing import Any

from tests.simulators.core import Inside, SimRequest, SimResponse, json_response

ENGINE_SECONDS = 60.0
"""From the container's start until the engine answers."""
MODEL = "simulated-model"


def answer(machine: Inside | None, path: str, request: SimRequest) -> SimResponse:
    """Answer a request to a machine's gateway.

    Nothing listens before the container runs (502); then the gateway does, and the engine behind it later (503). Only
    ``/health`` is open; everything else asks for the machine's access key.

    Args:
        machine: None: there is none.
        path: below the gateway's address, such as ``/v1/models``.
        request: the request.
    """
    if machine is None or machine.up_seconds is None:
        return json_response(502, {"error": "nothing listens there"})
    if path != "/health" and not _may(machine, request):
        return json_response(401, {"error": "unauthorized"}, www_authenticate="Bearer")
    if not machine.gpus_work or machine.up_seconds < ENGINE_SECONDS:
        return json_response(503, {"error": "the engine does not answer yet"})
    return _engine(path, request)


def _engine(path: str, request: SimRequest) -> SimResponse:
    match request.method, path:
        case "GET", "/health":
            return SimResponse(status=200)
        case "GET", "/v1/models":
            return json_response(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        case "POST", "/v1/completions":
            return _completion(request, "prompt", {"text": " world"})
        case "POST", "/v1/chat/completions":
            return _completion(request, "messages", {"message": {"role": "assistant", "content": " world"}})
        case _:
            return json_response(404, {"error": f"{path} is closed"})


def environment(text: str) -> dict[str, str]:
    """The environment file of a virtual machine, as a shell reads it."""
    return {name: value for name, _, value in (word.partition("=") for word in shlex.split(text))}


def _may(machine: Inside, request: SimRequest) -> bool:
    given = request.headers.get("authorization", "").encode()
    return machine.access_key is not None and hmac.compare_digest(given, f"Bearer {machine.access_key}".encode())


def _completion(request: SimRequest, wanted: str, said: dict[str, Any]) -> SimResponse:
    try:
        asked: Any = request.json()
    except ValueError:
        asked = None
    if not isinstance(asked, dict) or not {"model", wanted} <= asked.keys():
        return json_response(400, {"error": f"model and {wanted} are required"})
    body: dict[str, Any] = {
        "model": asked["model"],
        "choices": [{"index": 0, "finish_reason": "length", **said}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    return json_response(200, body)
