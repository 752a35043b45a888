"""What Vast's answers mean."""

import json
from typing import Any

import pytest

from providers.base.errors import Kind
from providers.base.http import UNREADABLE, Reply
from providers.vastai.errors import judge


def reply(status: int, body: Any = None, *, text: str | None = None, **headers: str) -> Reply:
    if text is not None:
        return Reply(status=status, body=UNREADABLE, text=text, headers=headers)
    return Reply(status=status, body=body, text=json.dumps(body), headers=headers)


def error(word: str, message: str = "", **more: object) -> dict[str, object]:
    return {"success": False, "error": word, "msg": message, **more}


@pytest.mark.parametrize(
    ("operation", "answer", "kind"),
    [
        ("create", reply(400, error("invalid_args", "error 400/3467: Invalid args: 'id' is required")), Kind.INVALID),
        ("create", reply(400, error("invalid_price")), Kind.INVALID),
        ("create", reply(400, error("no_ssh_key_for_vm")), Kind.INVALID),
        ("create", reply(403, error("invalid_args", "error 403/3586: Offer 3 is not your own.")), Kind.INVALID),
        ("create", reply(404, error("invalid_args", "error 404/3603: no_such_ask  Instance type")), Kind.CAPACITY),
        ("create", reply(410, error("no_such_ask", "error 410/3907: it is no longer available.")), Kind.CAPACITY),
        ("create", reply(410, {"msg": "offer 3 is no longer available."}), Kind.CAPACITY),
        ("create", reply(400, error("insufficient_credit")), Kind.BALANCE),
        ("create", reply(400, error("invalid_args", "Insufficient credit on the account")), Kind.BALANCE),
        ("create", reply(411, {"msg": "Insufficient credit"}), Kind.BALANCE),
        ("create", reply(500, text="Internal Server Error"), Kind.TRANSIENT),
        ("create", reply(200, {"success": True}), Kind.MALFORMED),
        ("create", reply(200, {"success": True, "new_contract": "7"}), Kind.MALFORMED),
        ("create", reply(200, {"success": True, "new_contract": True}), Kind.MALFORMED),
        ("create", reply(200, text="<html>"), Kind.MALFORMED),
        ("create", reply(301, text=""), Kind.MALFORMED),
        ("show", reply(400, error("invalid_args", "error 400/1782: Invalid args: invalid json: {}")), Kind.INVALID),
        ("show", reply(401, error("auth_error", "Invalid user key")), Kind.AUTH),
        ("show", reply(404, error("auth_error", "Invalid user key")), Kind.AUTH),
        ("show", reply(404, {"msg": "Invalid user key"}), Kind.AUTH),
        ("show", reply(403, text="Forbidden"), Kind.AUTH),
        ("show", reply(404, text="<html>not found</html>"), Kind.MALFORMED),
        ("show", reply(404, {"detail": "Not Found"}), Kind.MALFORMED),
        ("show", reply(200, {"success": False, "error": "no_such_instance"}), Kind.GONE),
        ("destroy", reply(404, error("not_found", "Instance not found")), Kind.GONE),
        ("destroy", reply(429, error("rate_limit_exceeded")), Kind.RATE),
        ("manage", reply(401, error("no_such_instance")), Kind.GONE),
        ("manage", reply(400, error("missing_billing")), Kind.BALANCE),
        ("manage", reply(400, error("label_too_long")), Kind.INVALID),
        ("bid", reply(404, error("no_such_instance", "Instance with that ID does not exist.")), Kind.GONE),
        ("logs", reply(404, error("invalid_id")), Kind.GONE),
        ("list", reply(400, error("invalid_token")), Kind.CONFLICT),
        ("list", reply(400, error("invalid_request")), Kind.INVALID),
        ("list", reply(410, error("deprecated_endpoint", "Use /api/v1/instances/ instead.")), Kind.RETIRED),
        ("list", reply(410, text="Gone"), Kind.RETIRED),
        ("volumes", reply(404, error("no_such_volume")), Kind.GONE),
        ("volumes", reply(400, error("invalid_args", "volume is in use by an instance")), Kind.CONFLICT),
        ("search", reply(429, error("search_quota_exceeded")), Kind.QUOTA),
        ("search", reply(429, text="API requests too frequent"), Kind.RATE),
        ("search", reply(483, error("invalid_args", "Invalid json_body")), Kind.INVALID),
        ("search", reply(408, text="timeout"), Kind.TRANSIENT),
        ("search", reply(502, error("no_such_ask")), Kind.TRANSIENT),
    ],
)
def test_kinds(operation: str, answer: Reply, kind: Kind) -> None:
    problem = judge(answer, operation)
    assert problem is not None
    assert problem.kind is kind
    assert problem.created_id is None


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("create", reply(200, {"success": True, "new_contract": 5})),
        ("create", reply(200, {"new_contract": 5})),
        ("show", reply(200, {"instances": None})),
        ("manage", reply(200, {"success": True})),
        ("manage", reply(204)),
    ],
)
def test_good_answers(operation: str, answer: Reply) -> None:
    assert judge(answer, operation) is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400, error("invalid_args", "bid too low", new_contract=77)), Kind.CAPACITY),
        (reply(410, error("no_such_ask", new_contract=77)), Kind.CAPACITY),
        (reply(200, error("invalid_price", new_contract=77)), Kind.CAPACITY),
        (reply(500, error("oops", new_contract=77)), Kind.TRANSIENT),
        (reply(400, error("insufficient_credit", new_contract=77)), Kind.BALANCE),
    ],
)
def test_an_error_that_made_a_contract(answer: Reply, kind: Kind) -> None:
    problem = judge(answer, "create")
    assert problem is not None
    assert (problem.kind, problem.created_id) == (kind, "77")


@pytest.mark.parametrize(
    ("operation", "answer", "seconds"),
    [
        ("create", reply(429, text="API requests too frequent: endpoint threshold=4.5"), 12.0),
        ("destroy", reply(429, {"detail": "API requests too frequent endpoint threshold=3.0"}), 3.0),
        ("show", reply(429, text="API requests too frequent"), None),
        ("show", reply(429, text="slow down", **{"retry-after": "7"}), 7.0),
        ("show", reply(429, text="slow down", **{"retry-after": "900"}), 60.0),
    ],
)
def test_pauses(operation: str, answer: Reply, seconds: float | None) -> None:
    problem = judge(answer, operation)
    assert problem is not None
    assert problem.kind is Kind.RATE
    assert problem.retry_after_seconds == seconds


def test_what_is_said() -> None:
    problem = judge(reply(404, error("invalid_args", "error 404/3603: no_such_ask")), "create")
    assert problem is not None
    assert problem.brief == "vastai: create: invalid_args: error 404/3603: no_such_ask (HTTP 404, capacity)"
    quota = judge(reply(429, error("search_quota_exceeded", "search_quota_exceeded: 500 a day")), "search")
    assert quota is not None
    assert quota.resolution == "Vast's daily search quota is used up; it is renewed at 00:00 UTC."
    assert quota.detail == "search_quota_exceeded: 500 a day"
