"""The job API through RunPod's own package, against the simulator on a real port."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.runpod.client import RunpodClient
from providers.runpod.jobs import Health, first_job, health
from tests.providers.runpod.lab import KEY
from tests.simulators.core import SimClock
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.serve import Served, serving

ENDPOINT = {
    "name": "jobs",
    "type": "QUEUE",
    "scaling": {"type": "QUEUE_DELAY", "queueDelay": 4},
    "image": "worker:1",
    "gpu": {"pools": ["ADA_80_PRO"]},
    "workers": {"min": 2, "max": 3},
}


def _accounts(served: Served, home: Path, key: str = KEY) -> Accounts:
    settings = {"runpodUrl": served.url, "runpodApiKey": key, "runpodJobsUrl": f"{served.origin}/jobs"}
    return Accounts(settings=settings, environment={}, home=home)


async def _endpoint(accounts: Accounts) -> str:
    made = await RunpodClient(accounts).create_endpoint(ENDPOINT)
    await accounts.close()
    return made.id


def test_health_a_first_job_and_a_wrong_key(tmp_path: Path) -> None:
    pytest.importorskip("runpod", reason="the package runpod is not installed")
    with serving(RunpodSimulator(clock=SimClock(), key=KEY)) as served:
        accounts = _accounts(served, tmp_path)
        endpoint_id = asyncio.run(_endpoint(accounts))
        assert asyncio.run(health(accounts, endpoint_id)) == Health(
            workers_ready=2,
            workers_starting=0,
            workers_unhealthy=0,
            jobs_queued=0,
            jobs_running=0,
            jobs_completed=0,
            jobs_failed=0,
        )
        assert asyncio.run(first_job(accounts, endpoint_id, {"prompt": "hi"})) == {"echo": {"prompt": "hi"}}
        assert asyncio.run(health(accounts, endpoint_id)).jobs_completed == 1

        with pytest.raises(VendorError) as caught:
            asyncio.run(health(_accounts(served, tmp_path, "a-wrong-secret-key"), endpoint_id))
        assert caught.value.kind is Kind.AUTH
        assert "a-wrong-secret-key" not in str(caught.value)

        with pytest.raises(VendorError) as caught:
            asyncio.run(health(accounts, "nosuchendpoint"))
        assert (caught.value.kind, caught.value.status) == (Kind.GONE, 404)


def test_the_key_is_not_sent_in_the_clear(tmp_path: Path) -> None:
    accounts = Accounts(
        settings={"runpodApiKey": KEY, "runpodJobsUrl": "http://example.com/v2"}, environment={}, home=tmp_path
    )
    with pytest.raises(VendorError, match="in the clear"):
        asyncio.run(health(accounts, "e"))


def test_the_package_is_not_loaded_with_the_provider() -> None:
    code = (
        "import sys, providers.runpod.machines, providers.runpod.jobs, providers.runpod.resources;"
        "sys.exit('runpod' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
