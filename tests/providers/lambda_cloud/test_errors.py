"""Lambda's refusals, each with what may be done about it."""

import json

import pytest

from providers.base.errors import Kind
from providers.base.http import UNREADABLE, Reply
from providers.lambda_cloud.errors import judge


def reply(status: int, body: object, **headers: str) -> Reply:
    return Reply(status=status, body=body, text=json.dumps(body, default=str), headers=headers)


def refusal(code: str, message: str = "No.", suggestion: str | None = None) -> dict[str, object]:
    return {"error": {"code": code, "message": message, "suggestion": suggestion}}


@pytest.mark.parametrize(
    ("status", "code", "operation", "kind"),
    [
        (401, "global/invalid-api-key", "list instances", Kind.AUTH),
        (403, "global/account-inactive", "launch", Kind.BALANCE),
        (403, "global/invalid-address", "launch", Kind.BALANCE),
        (403, "global/something-new", "launch", Kind.AUTH),
        (400, "global/invalid-parameters", "launch", Kind.INVALID),
        (400, "global/something-new", "launch", Kind.INVALID),
        (400, "instance-operations/launch/insufficient-capacity", "launch", Kind.CAPACITY),
        (400, "instance-operations/launch/file-system-in-wrong-region", "launch", Kind.INVALID),
        (400, "global/quota-exceeded", "launch", Kind.QUOTA),
        (400, "provider/quota-exceeded", "launch", Kind.QUOTA),
        (400, "global/duplicate", "create filesystem", Kind.CONFLICT),
        (400, "filesystems/filesystem-in-use", "delete filesystem", Kind.CONFLICT),
        (400, "ssh-keys/key-in-use", "delete ssh key", Kind.CONFLICT),
        (400, "firewall-rulesets/firewall-ruleset-in-use", "delete firewall ruleset", Kind.CONFLICT),
        (409, "firewall-rulesets/firewall-ruleset-in-use", "delete firewall ruleset", Kind.CONFLICT),
        (409, "global/internal-error", "create firewall ruleset", Kind.TRANSIENT),
        (404, "global/object-does-not-exist", "launch", Kind.INVALID),
        (400, "global/object-does-not-exist", "launch", Kind.INVALID),
        (404, "global/object-does-not-exist", "get instance", Kind.GONE),
        (404, "global/object-does-not-exist", "terminate", Kind.GONE),
        (500, "global/internal-error", "launch", Kind.TRANSIENT),
        (503, "provider/internal-unavailable", "launch", Kind.TRANSIENT),
        (500, "global/something-new", "launch", Kind.TRANSIENT),
        (429, "global/too-many-requests", "launch", Kind.RATE),
        (400, "global/rate-limited", "launch", Kind.RATE),
        (410, "global/gone", "list instances", Kind.RETIRED),
    ],
)
def test_codes(status: int, code: str, operation: str, kind: Kind) -> None:
    problem = judge(reply(status, refusal(code)), operation)
    assert problem is not None
    assert problem.kind is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, Kind.MALFORMED),
        (400, Kind.MALFORMED),
        (302, Kind.MALFORMED),
        (401, Kind.AUTH),
        (429, Kind.RATE),
        (502, Kind.TRANSIENT),
        (410, Kind.RETIRED),
    ],
)
@pytest.mark.parametrize("body", [UNREADABLE, None, [], {"error": "text"}, {"error": {"message": "no code"}}])
def test_an_answer_that_is_not_lambdas_is_never_gone(status: int, kind: Kind, body: object) -> None:
    problem = judge(reply(status, body), "get instance")
    assert problem is not None
    assert problem.kind is kind


@pytest.mark.parametrize(("header", "seconds"), [("30", 30.0), ("0", 1.0), ("soon", 10.0), (None, 10.0)])
def test_how_long_a_429_asks_to_wait(header: str | None, seconds: float) -> None:
    headers = {} if header is None else {"retry-after": header}
    problem = judge(reply(429, refusal("global/rate-limited"), **headers), "launch")
    assert problem is not None
    assert problem.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("operation", "data"),
    [
        ("launch", {"instance_ids": []}),
        ("launch", {"instance_ids": ["a", "b"]}),
        ("launch", {"instance_ids": [7]}),
        ("launch", []),
        ("list instances", {}),
        ("list instances", None),
        ("list instances", [{"id": "a"}]),
        ("list instance types", []),
        ("list ssh keys", [{"id": "a", "name": "b"}]),
        ("list filesystems", "none"),
        ("terminate", {}),
    ],
)
def test_shapes_that_are_not_as_promised(operation: str, data: object) -> None:
    problem = judge(reply(200, {"data": data}), operation)
    assert problem is not None
    assert problem.kind is Kind.MALFORMED


@pytest.mark.parametrize("body", [UNREADABLE, None, {}, []])
def test_a_good_status_without_data_is_malformed(body: object) -> None:
    problem = judge(reply(200, body), "list instances")
    assert problem is not None
    assert problem.kind is Kind.MALFORMED


def test_a_good_answer() -> None:
    assert judge(reply(200, {"data": {"instance_ids": ["a"]}}), "launch") is None
    assert judge(reply(200, {"data": []}), "list instances") is None
    assert judge(reply(200, {"data": {}}), "delete ssh key") is None


def test_the_message_has_the_vendors_words() -> None:
    problem = judge(reply(400, refusal("global/quota-exceeded", "Quota exceeded.", "Contact Support.")), "launch")
    assert problem is not None
    assert problem.detail == "Quota exceeded. Contact Support. [global/quota-exceeded]"
