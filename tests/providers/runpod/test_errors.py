"""Every answer of RunPod by what may be done about it."""

import json

import pytest

from providers.base.errors import Kind
from providers.base.http import UNREADABLE, Reply
from providers.runpod.errors import judge

NO_STOCK = (
    "There are no longer any instances available with the requested specifications. Please refresh and try again."
)


def reply(status: int, body: object, **headers: str) -> Reply:
    return Reply(status=status, body=body, text=json.dumps(None), headers=headers)


def problem(detail: str, *errors: str) -> dict[str, object]:
    return {"title": "Bad", "status": 400, "detail": detail, **({"errors": list(errors)} if errors else {})}


@pytest.mark.parametrize(
    ("status", "body", "operation", "kind"),
    [
        (400, problem(NO_STOCK), "create pod", Kind.CAPACITY),
        (400, problem(NO_STOCK.upper()), "create cluster", Kind.CAPACITY),
        (
            400,
            problem("There are no longer any instances available with enough disk space."),
            "create pod",
            Kind.CAPACITY,
        ),
        (
            400,
            problem("There are not enough free GPUs on the host machine to start this pod."),
            "start",
            Kind.CAPACITY,
        ),
        (409, problem("This machine does not have the resources to deploy this pod. Please try"), "x", Kind.CAPACITY),
        (400, problem("request could not be processed"), "create pod", Kind.INVALID),
        (400, problem("network volume is in use by a pod"), "delete volume", Kind.CONFLICT),
        (401, problem("missing bearer token"), "list pods", Kind.AUTH),
        (401, None, "list pods", Kind.AUTH),
        (402, problem("insufficient balance"), "create pod", Kind.BALANCE),
        (403, problem("access denied"), "create pod", Kind.AUTH),
        (403, problem("account cannot access the requested pool"), "create pod", Kind.CAPACITY),
        (403, problem("account cannot access the requested pool"), "get pod", Kind.AUTH),
        (404, problem("pod not found"), "get pod", Kind.GONE),
        (404, problem("resource not found"), "create pod", Kind.INVALID),
        (404, UNREADABLE, "get pod", Kind.MALFORMED),
        (404, {}, "get pod", Kind.MALFORMED),
        (404, {"title": "Not Found"}, "get pod", Kind.GONE),
        (405, problem("The requested method is not allowed for this path."), "x", Kind.INVALID),
        (408, None, "create pod", Kind.TRANSIENT),
        (409, problem("pod belongs to a cluster"), "delete pod", Kind.CONFLICT),
        (410, problem("This API has been retired."), "list pods", Kind.RETIRED),
        (410, UNREADABLE, "list pods", Kind.RETIRED),
        (413, problem("too large"), "create pod", Kind.INVALID),
        (422, problem("Request validation failed."), "create pod", Kind.INVALID),
        (429, problem("rate limit exceeded for the minute window"), "create pod", Kind.RATE),
        (500, problem(NO_STOCK), "create pod", Kind.TRANSIENT),
        (502, UNREADABLE, "create pod", Kind.TRANSIENT),
        (302, None, "list pods", Kind.MALFORMED),
        (200, UNREADABLE, "list pods", Kind.MALFORMED),
        (200, {"data": []}, "list pods", Kind.MALFORMED),
        (200, {"pods": None}, "list pods", Kind.MALFORMED),
        (200, [], "list pods", Kind.MALFORMED),
    ],
)
def test_kinds(status: int, body: object, operation: str, kind: Kind) -> None:
    error = judge(reply(status, body), operation)
    assert error is not None
    assert (error.kind, error.status) == (kind, status)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_good_answers(status: int) -> None:
    assert judge(reply(status, None), "x") is None


def test_violations_are_told() -> None:
    body = problem("Request validation failed.", "$: additional properties 'X' not allowed", "$: missing property 'y'")
    error = judge(reply(422, body), "create pod")
    assert error is not None
    assert error.detail == (
        "Request validation failed. $: additional properties 'X' not allowed; $: missing property 'y'"
    )


def test_a_429_says_how_long_to_wait() -> None:
    error = judge(reply(429, problem("slow down"), **{"retry-after": "12"}), "x")
    assert error is not None
    assert error.retry_after_seconds == 12.0
