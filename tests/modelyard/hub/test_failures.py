"""What the hub, the network and the token do wrong, and what the user is told; the token is never among it."""

import logging
from typing import Any

import pytest
from huggingface_hub import constants

from modelyard.errors import ExitCode, ModelyardError, UnknownNameError, UsageError
from modelyard.hub import read_model
from modelyard.hub.reference import parse_reference
from modelyard.hub.remote import HubFiles
from tests.modelyard.hub import makers
from tests.modelyard.hub.configs import LLAMA_3_1_8B
from tests.modelyard.hub.test_read import TODAY
from tests.simulators.hub import HubSimulator, SparseFile

SECRET = "hf_neverToBeSeen"


def publish(hub: HubSimulator, **facts: Any) -> None:
    files = {"config.json": LLAMA_3_1_8B, "model.safetensors": makers.safetensors(makers.dense(LLAMA_3_1_8B))}
    hub.add("org/model", files, **facts)


def failure(hub: HubSimulator, ref: str = "org/model", token: str | None = None) -> ModelyardError:
    with pytest.raises(ModelyardError) as caught:
        read_model(ref, endpoint=hub.endpoint, token=token, today=TODAY)
    return caught.value


def files_of(hub: HubSimulator, pauses: list[float], **options: Any) -> HubFiles:
    return HubFiles(parse_reference("org/model"), endpoint=hub.endpoint, pause=pauses.append, **options)


@pytest.mark.parametrize("token", [None, SECRET])
def test_gated(hub: HubSimulator, token: str | None) -> None:
    publish(hub, gated="manual", readers=frozenset({"hf_other"}))
    error = failure(hub, token=token)
    assert error.brief == "'org/model' is gated: its files are only for accounts that accepted its licence"
    assert error.resolution == (
        f"accept the licence at {hub.endpoint}/org/model and set HF_TOKEN to a token of that account"
    )
    assert error.exit_code is ExitCode.FAILED
    assert SECRET not in str(error)


@pytest.mark.parametrize("token", [None, SECRET])
def test_missing_names_the_nearest(hub: HubSimulator, token: str | None) -> None:
    error = failure(hub, "meta-llama/Llama-3.1-8B-Instruckt", token=token)
    assert isinstance(error, UnknownNameError)
    assert "meta-llama/Llama-3.1-8B-Instruct" in error.nearest
    assert "set HF_TOKEN" in (error.resolution or "")
    assert error.exit_code is ExitCode.USAGE
    assert SECRET not in str(error)


def test_401_without_a_reason_means_missing_to_strangers_and_a_bad_token_to_others(hub: HubSimulator) -> None:
    hub.fail("/api/models/", status=401)
    assert isinstance(failure(hub), UnknownNameError)
    refused = failure(hub, token=SECRET)
    assert refused.brief == "the hub refused the token for 'org/model'"
    assert SECRET not in str(refused)


@pytest.mark.parametrize("token", ["hf_with\nnewline", "hf_ümlaut", "two words"])
def test_a_token_that_cannot_be_one_is_not_quoted(hub: HubSimulator, token: str) -> None:
    error = failure(hub, token=token)
    assert isinstance(error, UsageError)
    assert token.split(maxsplit=1)[0] not in str(error)
    assert hub.asked == []


def test_a_strange_token_of_the_environment_is_not_quoted(hub: HubSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ümlaut")
    assert "ümlaut" not in str(failure(hub))


def test_nothing_is_logged_of_the_token(hub: HubSimulator, caplog: pytest.LogCaptureFixture) -> None:
    publish(hub, gated="auto", readers=frozenset({SECRET}))
    with caplog.at_level(logging.DEBUG):
        read_model("org/model", endpoint=hub.endpoint, token=SECRET, today=TODAY)
    assert SECRET not in caplog.text


def test_a_passing_fault_is_tried_again(hub: HubSimulator) -> None:
    publish(hub)
    hub.fail("/api/models/", status=503, times=1)
    hub.fail("/config.json", status=429, times=2)
    pauses: list[float] = []
    files = files_of(hub, pauses)
    assert b'"llama"' in files.read("config.json")
    assert pauses == [1.0, 1.0, 2.0]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_fault_that_stays(hub: HubSimulator, status: int) -> None:
    hub.fail("/api/models/", status=status)
    with pytest.raises(ModelyardError) as caught:
        files_of(hub, [])
    assert caught.value.brief == "cannot read 'org/model' from the hub"
    assert caught.value.details == f"because  {hub.endpoint} answered {status}"
    assert "modelyard models" in (caught.value.resolution or "")
    assert caught.value.exit_code is ExitCode.FAILED
    assert len(hub.asked) == 3


@pytest.mark.parametrize(("kind", "why"), [("hang", "did not answer in time"), ("drop", "broke")])
def test_a_silent_or_broken_connection(hub: HubSimulator, kind: str, why: str) -> None:
    hub.fail("/api/models/", kind=kind)
    with pytest.raises(ModelyardError, match=why):
        files_of(hub, [], timeout_seconds=0.05)


def test_a_connection_that_breaks_within_a_header(hub: HubSimulator) -> None:
    publish(hub)
    hub.fail("/cdn/", kind="drop")
    files = files_of(hub, [])
    with pytest.raises(ModelyardError, match="cannot read 'org/model' from the hub"):
        files.read_range("model.safetensors", 0, 8)


def test_no_hub_at_all() -> None:
    with pytest.raises(ModelyardError, match=r"http://127\.0\.0\.1:9 cannot be reached") as caught:
        HubFiles(parse_reference("org/model"), endpoint="http://127.0.0.1:9", pause=lambda _: None)
    assert caught.value.exit_code is ExitCode.FAILED


def test_a_password_in_the_endpoint_is_not_shown() -> None:
    with pytest.raises(ModelyardError) as caught:
        HubFiles(parse_reference("org/model"), endpoint=f"http://me:{SECRET}@127.0.0.1:9", pause=lambda _: None)
    assert SECRET not in str(caught.value)
    assert "127.0.0.1:9" in str(caught.value)


def test_offline_mode(hub: HubSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = failure(hub)
    assert error.details == "because  HF_HUB_OFFLINE is set"
    assert "try again" not in (error.resolution or "")
    assert hub.asked == []


def test_a_page_instead_of_an_answer(hub: HubSimulator) -> None:
    hub.fail("/api/models/", kind="garbage")
    error = failure(hub)
    assert error.brief == "the hub answered about 'org/model' in a way that cannot be read"
    assert "HF_ENDPOINT" in (error.resolution or "")


def test_a_mirror_without_ranges_does_not_become_a_download(hub: HubSimulator) -> None:
    publish(hub)
    hub.serves_ranges = False
    error = failure(hub)
    assert "would download the weights" in error.brief


def test_an_endless_config_is_not_read_to_its_end(hub: HubSimulator) -> None:
    hub.add("org/model", {"config.json": SparseFile(head=b" " * (65 << 20), size=65 << 20), "model.safetensors": b""})
    assert "more of 'config.json' than was asked for" in failure(hub).brief


@pytest.mark.parametrize(
    "ref", ["org/", "a/b/c", "org/na me", "org/..", "../org", "org/x@", "org/x:", "-o/x", "o/x--y"]
)
def test_names_that_no_hub_has(hub: HubSimulator, ref: str) -> None:
    error = failure(hub, ref)
    assert isinstance(error, UsageError)
    assert hub.asked == []


def test_what_the_hub_says_of_itself_cannot_move_the_cursor(hub: HubSimulator) -> None:
    """Escape sequences in a licence, an architecture or a quantization would end up on the terminal."""
    config = {**LLAMA_3_1_8B, "model_type": "x\x1b[2J", "quantization_config": {"quant_method": "y\x1b[2J"}}
    tensors = makers.safetensors(makers.dense(LLAMA_3_1_8B))
    hub.add("org/model", {"config.json": config, "model.safetensors": tensors}, license="mit\x1b]0;owned\x07")
    model = read_model("org/model", endpoint=hub.endpoint, today=TODAY)
    assert "\x1b" not in repr(model).encode().decode("unicode_escape")
    assert (model.family, model.license, model.native_quantization) == ("x-2J", "mit-0-owned-", "y-2j")
