"""The job API of serverless endpoints, through RunPod's own package: health, and a first job.

The package is imported when it is first needed and in a thread: its import takes seconds and its calls block. The key
is handed over for each endpoint; the package's global key stays unset.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Protocol, TypeVar, cast

from providers.base.accounts import Accounts, is_loopback
from providers.base.errors import Kind, VendorError
from providers.base.http import HIDDEN
from providers.runpod.client import ACCESS, JOBS_SETTING
from providers.runpod.errors import VENDOR, as_map, invalid

T = TypeVar("T")

JOBS_VARIABLE: Final = "RUNPOD_ENDPOINT_BASE_URL"
"""The package's own variable; the job API is on another host than the rest of RunPod."""
JOBS_URL: Final = "https://api.runpod.ai/v2"
_HEALTH_SECONDS: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """An endpoint's workers and queue, counted."""

    workers_ready: int
    workers_starting: int
    workers_unhealthy: int
    jobs_queued: int
    jobs_running: int
    jobs_completed: int
    jobs_failed: int


class _Client(Protocol):
    endpoint_url_base: str


class _Endpoint(Protocol):
    """The part of ``runpod.Endpoint`` that is used here."""

    rp_client: _Client

    def health(self, timeout: int = ...) -> Mapping[str, Any]: ...

    def run_sync(self, request_input: dict[str, Any], timeout: int = ...) -> object: ...


async def health(accounts: Accounts, endpoint_id: str) -> Health:
    """How an endpoint is.

    Raises:
        VendorError: it did not answer, or oddly.
    """
    shown = await _call(accounts, endpoint_id, lambda endpoint: endpoint.health(timeout=_HEALTH_SECONDS))
    workers, jobs = as_map(as_map(shown).get("workers")), as_map(as_map(shown).get("jobs"))
    counts = [
        *(workers.get(name) for name in ("ready", "initializing", "unhealthy")),
        *(jobs.get(name) for name in ("inQueue", "inProgress", "completed", "failed")),
    ]
    if not all(isinstance(count, int) for count in counts):
        raise VendorError(VENDOR, Kind.MALFORMED, "an odd answer about the endpoint's health", operation="health")
    ready, starting, unhealthy, queued, running, completed, failed = cast("list[int]", counts)
    return Health(
        workers_ready=ready,
        workers_starting=starting,
        workers_unhealthy=unhealthy,
        jobs_queued=queued,
        jobs_running=running,
        jobs_completed=completed,
        jobs_failed=failed,
    )


async def first_job(
    accounts: Accounts, endpoint_id: str, job_input: Mapping[str, object], *, timeout_seconds: int = 600
) -> object:
    """Run one job to its end and return its output; it is sent once.

    Raises:
        VendorError: it failed, was too late, or the endpoint did not answer. The job may have run.
    """
    body = {"input": dict(job_input)}
    return await _call(accounts, endpoint_id, lambda endpoint: endpoint.run_sync(body, timeout=timeout_seconds))


async def _call(accounts: Accounts, endpoint_id: str, call: Callable[[_Endpoint], T]) -> T:
    key = accounts.key(ACCESS)
    base = accounts.settings.get(JOBS_SETTING) or accounts.environment.get(JOBS_VARIABLE) or JOBS_URL
    if not base.startswith("https://") and not is_loopback(base):
        raise invalid(f"{JOBS_VARIABLE} {base!r} would send the API key in the clear", operation="job API")

    def work() -> T:
        endpoint = _open(endpoint_id, key)
        endpoint.rp_client.endpoint_url_base = base.rstrip("/")
        return call(endpoint)

    try:
        return await asyncio.to_thread(work)
    except ImportError as error:
        raise VendorError(
            VENDOR,
            Kind.INVALID,
            "the package runpod, which speaks the job API, is not installed",
            operation="job API",
            resolution="Install it: `pip install 'runpod>=1.12,<2'`.",
        ) from error
    except Exception as error:  # noqa: BLE001  # the package raises its own, requests' and bare ones
        raise _reading(error, key) from None


def _open(endpoint_id: str, key: str) -> _Endpoint:
    package = import_module("runpod")  # takes seconds; most processes never need it
    return cast("_Endpoint", package.Endpoint(endpoint_id, api_key=key))


def _reading(error: Exception, key: str) -> VendorError:
    """An exception of the package as one of ours, without the key."""
    status: object = getattr(getattr(error, "response", None), "status_code", None)
    if "401" in str(error)[:20] or "Unauthorized" in str(error):
        kind = Kind.AUTH
    elif isinstance(error, TimeoutError):
        kind = Kind.TRANSIENT
    else:
        kind = {401: Kind.AUTH, 403: Kind.AUTH, 404: Kind.GONE, 429: Kind.RATE}.get(
            status if isinstance(status, int) else 0, Kind.TRANSIENT
        )
    detail = f"{type(error).__name__}: {str(error).replace(key, HIDDEN)[:200]}"
    return VendorError(VENDOR, kind, detail, operation="job API", status=status if isinstance(status, int) else None)
