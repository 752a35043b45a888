import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from pulumi.provider.experimental import server as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from modelyard.errors import UnverifiedError, UsageError
from providers.base.errors import Kind, Stopped, VendorError
from providers.plugin.hidden import Hidden
from providers.plugin.server import describe

sdk_wrapper: Callable[..., Any] = vars(sdk)["_raise_with_traceback"]


def raised_by_the_sdk(cause: Exception) -> Exception:
    """As the SDK raises what a provider raised: another exception with a stack trace in its text."""

    async def fails(servicer: object, request: object, context: object) -> None:
        del servicer, request, context
        raise cause

    async def wrapped() -> Exception:
        with pytest.raises(Exception, match="line") as caught:
            await sdk_wrapper(fails)(None, None, None)
        return caught.value

    return asyncio.run(wrapped())


@pytest.mark.parametrize(
    ("cause", "code", "text"),
    [
        (UsageError("bad", details="allowed  a", resolution="Do b."), "INVALID_ARGUMENT", "bad\nallowed  a\nDo b."),
        (UnverifiedError("unsure"), "UNKNOWN", "unsure"),
        (VendorError("v", Kind.INVALID, "no", status=400), "UNKNOWN", "v: no (HTTP 400, invalid)"),
        (Stopped(), "CANCELLED", "interrupted: nothing was created after the stop was asked for; run again"),
    ],
)
def test_an_error_is_its_own_text(cause: Exception, code: str, text: str) -> None:
    for error in (cause, raised_by_the_sdk(cause)):
        found = describe(error)
        assert (found[0].name, found[1]) == (code, text)


def test_a_mistake_of_ours_says_where_and_not_what() -> None:
    code, text = describe(raised_by_the_sdk(ValueError("sk-secret")))
    assert code is grpc.StatusCode.INTERNAL
    assert "ValueError at test_server.py:" in text
    assert "sk-secret" not in text
    assert "Traceback" not in text


def test_secrets_are_learned_at_any_depth() -> None:
    hidden = Hidden()
    inner = {"TOKEN": PropertyValue("deep-secret"), "N": PropertyValue(5.0)}
    hidden.learn(
        {
            "env": PropertyValue(inner, True),  # noqa: FBT003  # the SDK's form
            "list": PropertyValue([PropertyValue("listed-secret", True)]),  # noqa: FBT003  # the SDK's form
            "open": PropertyValue("plain-text"),
            "short": PropertyValue("abc", True),  # noqa: FBT003  # the SDK's form
        }
    )
    hidden.add(["another-secret", "ab"])
    text = "deep-secret listed-secret plain-text abc another-secret ab"
    assert hidden.hide(text) == "[hidden] [hidden] plain-text abc [hidden] ab"


def test_a_secret_within_a_secret_is_hidden_whole() -> None:
    hidden = Hidden()
    hidden.add(["secret", "secret-longer"])
    assert hidden.hide("a secret-longer b") == "a [hidden] b"
