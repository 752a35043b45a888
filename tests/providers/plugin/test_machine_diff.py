"""What keeps a Machine, what replaces it, and what a refresh has found to be wrong with it."""

from collections.abc import Mapping
from typing import Any

import pytest

from providers.base.accounts import Accounts
from providers.base.machines import MachineVendor
from providers.plugin.machine import MachineHandler
from tests.simulators.scenarios import SKUS

RUNPOD, LAMBDA = SKUS["runpod"][0], SKUS["lambda"][0]
HOUR, DAY = "readonly lifetime_seconds=3600\nstart", "readonly lifetime_seconds=86400\nstart"


def no_vendor(accounts: Accounts, vendor: str) -> MachineVendor:
    raise AssertionError(f"a diff asks nobody: {accounts} {vendor}")


def no_key(accounts: Accounts, vendor: str) -> str:
    raise AssertionError(f"a diff asks nobody: {accounts} {vendor}")


HANDLER = MachineHandler(no_vendor, no_key)


def inputs(*candidates: Mapping[str, Any], **texts: Any) -> dict[str, Any]:
    return {"candidates": [dict(candidate) for candidate in candidates], **texts}


@pytest.mark.parametrize(
    ("name", "old", "new", "kept"),
    [
        ("boot", inputs(RUNPOD, boot=HOUR), inputs(RUNPOD, boot=DAY), True),
        ("boot", inputs(RUNPOD, boot=HOUR), inputs(RUNPOD, boot=f"{DAY} otherwise"), False),
        ("otherBoots", inputs(RUNPOD, boot=HOUR), inputs(RUNPOD, LAMBDA, boot=HOUR, otherBoots={"vm": "v"}), True),
        ("boot", inputs(RUNPOD, boot=HOUR), inputs(LAMBDA, RUNPOD, boot="v", otherBoots={"container": HOUR}), True),
        ("boot", inputs(RUNPOD, boot=HOUR), inputs(LAMBDA, RUNPOD, boot="v", otherBoots={"container": "c"}), False),
        ("boot", inputs(RUNPOD), inputs(RUNPOD, boot=HOUR), True),
        ("image", inputs(RUNPOD, boot=HOUR), inputs(RUNPOD, boot=HOUR), False),
    ],
)
def test_only_the_machines_own_start_up_text_counts(
    name: str, old: dict[str, Any], new: dict[str, Any], *, kept: bool
) -> None:
    assert HANDLER.keeps(name, state={**old, "vendor": "runpod"}, new=new) is kept


@pytest.mark.parametrize(
    ("state", "drift"),
    [
        ({"status": "running", "marker": "modelyard-a", "vendorName": "modelyard-a"}, {}),
        ({"status": "pending"}, {}),
        ({"status": "stopped"}, {"status": True}),
        ({"status": "failed"}, {"status": True}),
        ({"status": "ending"}, {"status": True}),
        ({"status": "running", "marker": "modelyard-a", "vendorName": "theirs"}, {"vendorName": False}),
        ({"status": "running", "marker": None, "vendorName": "theirs"}, {}),
        ({"status": "running", "marker": "modelyard-a"}, {}),
    ],
)
def test_what_a_refresh_found(state: dict[str, Any], drift: dict[str, bool]) -> None:
    assert HANDLER.drift(state) == drift
