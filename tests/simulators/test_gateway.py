"""A machine that is up on a simulator answers as our gateway does, so that Ready gets ready there."""

import asyncio
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pulumi.provider.experimental.provider import CreateRequest

from modelyard.errors import ModelyardError
from providers.base.accounts import Accounts
from providers.base.journal import MemoryJournal
from providers.plugin.rental_provider import RentalProvider
from providers.plugin.values import plain_map, property_value
from tests.simulators.account import ACCESS_KEY, Vendors, vendors_on_loopback
from tests.simulators.gateway import MODEL
from tests.simulators.scenarios import KEYS

URN = "urn:pulumi:trial::modelyard::modelyard-rental:index:Ready::node"
BOOTED_SECONDS = 400.0


@pytest.fixture
def vendors() -> Generator[Vendors]:
    with vendors_on_loopback() as found:
        yield found


def gateway(vendors: Vendors, machine: str) -> httpx.Client:
    url = vendors.environment["MODELYARD_GATEWAY_URL"].replace("{machine}", machine)
    return httpx.Client(base_url=url, trust_env=False)


@pytest.mark.parametrize("vendor", KEYS)
def test_from_nothing_to_a_model_that_asks_for_its_key(vendor: str, vendors: Vendors) -> None:
    machine = vendors.rent(vendor, title="trial", ends_in=timedelta(hours=1))
    with gateway(vendors, machine) as client:
        assert client.get("/health").status_code == 502
        vendors.served[vendor].advance(BOOTED_SECONDS)
        assert client.get("/health").status_code == 200
        ask: dict[str, Any] = {"model": MODEL, "prompt": "Hello", "max_tokens": 1}
        assert client.get("/v1/models").status_code == 401
        assert client.post("/v1/completions", json=ask).status_code == 401
        client.headers["authorization"] = f"Bearer {ACCESS_KEY}"
        assert client.get("/v1/models").json()["data"][0]["id"] == MODEL
        assert client.post("/v1/completions", json=ask).json()["choices"][0]["text"] == " world"
        assert client.post("/v1/completions", json={}).status_code == 400
        assert client.get("/metrics").status_code == 404
        vendors.simulators[vendor].remove_behind_back(machine)
        assert client.get("/health").status_code == 502


def test_the_engine_comes_up_after_the_gateway(vendors: Vendors) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=timedelta(hours=1))
    with gateway(vendors, machine) as client:
        vendors.served["runpod"].advance(75.0)  # 60 s of boot, 60 s of the engine's start
        assert client.get("/health").status_code == 503


def wait(vendors: Vendors, folder: Path, machine: str, key: str) -> dict[str, Any]:
    accounts = Accounts(environment=vendors.environment, home=folder)
    provider = RentalProvider(accounts=accounts, journal=MemoryJournal())
    plain: dict[str, Any] = {
        "machineId": machine,
        "accessKey": key,
        "healthPath": "/health",
        "timeoutSeconds": 900,
    }
    inputs = {name: property_value(value, is_secret=name == "accessKey") for name, value in plain.items()}

    async def run() -> dict[str, Any]:
        try:
            return plain_map((await provider.create(CreateRequest(URN, inputs, 0, preview=False))).properties)
        finally:
            await accounts.close()

    return asyncio.run(run())


@pytest.mark.parametrize("vendor", KEYS)
def test_ready_gets_ready(vendor: str, vendors: Vendors, tmp_path: Path) -> None:
    machine = vendors.rent(vendor, title="trial", ends_in=timedelta(hours=1))
    found = wait(vendors, tmp_path, f"{vendor}/{machine}", ACCESS_KEY)
    assert found["endpoint"].endswith(f"/__gateway/{machine}")
    assert found["waitedSeconds"] > 0


def test_ready_says_when_the_key_is_not_the_machines(vendors: Vendors, tmp_path: Path) -> None:
    machine = vendors.rent("runpod", title="trial", ends_in=timedelta(hours=1))
    with pytest.raises(ModelyardError, match="the gateway refuses the access key"):
        wait(vendors, tmp_path, f"runpod/{machine}", "another-key-of-the-test")
