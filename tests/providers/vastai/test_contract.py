"""The create call's body: within Vast's limits or refused before it is sent."""

import random
import subprocess
from decimal import Decimal
from typing import Any

import pytest

from providers.base.errors import Kind, VendorError
from providers.vastai.contract import ENV_MAX, ONSTART_MAX, VALUE_MAX, contract, environment, mounted, start_up


def body(**changes: Any) -> dict[str, object]:
    facts: dict[str, Any] = {
        "label": "m", "image": "i:1", "disk_gb": 10, "onstart": None, "env": {}, "bid_usd": None,
    }  # fmt: skip
    return contract(**(facts | changes))


def noise(length: int) -> str:
    """A script that does not compress."""
    dice = random.Random(1)  # noqa: S311  # text for a test
    return "#!/bin/bash\necho $FIRST booted\n#" + "".join(
        dice.choice("abcdefghijklmnopqrst0123456789") for _ in range(length)
    )


def test_a_short_script_is_onstart_itself() -> None:
    text = "#!/bin/bash\necho hello\n"
    assert start_up(text) == (text, {})
    longest = "#" * ONSTART_MAX
    assert start_up(longest) == (longest, {})


@pytest.mark.parametrize("length", [ONSTART_MAX, 12_000])
def test_a_long_script_comes_together_on_the_machine(length: int) -> None:
    script = noise(length)
    onstart, chunks = start_up(script)
    assert len(onstart) <= ONSTART_MAX
    assert all(len(chunk) <= VALUE_MAX for chunk in chunks.values())
    assert next(iter(chunks)) == "MODELYARD_BOOT_000"
    assert start_up(script) == (onstart, chunks)
    env = {"PATH": "/usr/bin:/bin", "FIRST": "it", **chunks}
    done = subprocess.run(["bash", "-c", onstart], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "it booted\n"


def test_a_script_that_did_not_arrive_whole_does_not_run() -> None:
    onstart, chunks = start_up(noise(6000))
    env = {"PATH": "/usr/bin:/bin", **dict(list(chunks.items())[:-1])}
    done = subprocess.run(["bash", "-c", onstart], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "did not arrive whole" in done.stderr


def test_the_chunks_do_not_reach_what_runs() -> None:
    onstart, chunks = start_up("env\n" + noise(6000))
    env = {"PATH": "/usr/bin:/bin", **chunks}
    done = subprocess.run(["bash", "-c", onstart], env=env, capture_output=True, text=True, check=True)
    assert "MODELYARD_BOOT_" not in done.stdout


def test_environment_and_ports_are_one_map() -> None:
    whole = environment({"A": "1"}, ports=(8080, 9000), chunks={"MODELYARD_BOOT_000": "x"})
    assert whole == {"A": "1", "MODELYARD_BOOT_000": "x", "-p 8080:8080": "1", "-p 9000:9000": "1"}


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"TOKEN": "s" * 257}, "variable TOKEN holds 257 bytes; Vast takes at most 256"),
        ({"TOKEN": "ß" * 129}, "variable TOKEN holds 258 bytes"),
        ({"A-B": "s3cret-value"}, "'A-B' cannot be the name of a variable"),
        ({"MODELYARD_BOOT_000": "s3cret-value"}, "taken by the start-up script"),
        ({f"V{n:04d}": "s" * 256 for n in range(124)}, "come to 32984 bytes; Vast takes at most 32768"),
    ],
)
def test_environments_that_vast_does_not_take(env: dict[str, str], told: str) -> None:
    with pytest.raises(VendorError, match=told) as caught:
        environment(env, ports=(), chunks={})
    assert caught.value.kind is Kind.INVALID
    assert "s3cret" not in str(caught.value)


def test_the_largest_environment() -> None:
    env = {f"V{n:04d}": "s" * 256 for n in range(123)}
    assert sum(len(k) + len(v) + 5 for k, v in env.items()) <= ENV_MAX
    assert environment(env, ports=(), chunks={}) == env


def test_bodies() -> None:
    assert body() == {
        "client_id": "me",
        "image": "i:1",
        "label": "m",
        "disk": 10,
        "runtype": "ssh_direc ssh_proxy",
        "target_state": "running",
        "env": {},
        "cancel_unavail": True,
    }
    volume = mounted("7", "/models")
    more = body(bid_usd=Decimal("0.31"), onstart="true", volume=volume, image_login="-u a -p b c")
    assert {k: more[k] for k in set(more) - set(body())} == {
        "price": 0.31,
        "onstart": "true",
        "volume_info": {"create_new": False, "volume_id": 7, "mount_path": "/models"},
        "image_login": "-u a -p b c",
    }


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"label": "x" * 257}, "the label has 257 characters"),
        ({"disk_gb": 7}, "a disk of 7 GB"),
        ({"onstart": "x" * 4049}, "onstart has 4049 bytes"),
        ({"bid_usd": Decimal("128.01")}, "a bid of"),
    ],
)
def test_bodies_that_are_not_sent(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(VendorError, match=told) as caught:
        body(**changes)
    assert caught.value.kind is Kind.INVALID


@pytest.mark.parametrize("path", [None, "", "models"])
def test_a_volume_needs_a_path(path: str | None) -> None:
    with pytest.raises(VendorError, match="absolute path"):
        mounted("7", path)
