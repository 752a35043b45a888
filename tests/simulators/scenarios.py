"""What campaigns rent and break: one table of SKUs and one of faults a vendor."""

from collections.abc import Mapping
from typing import Any, Final

from tests.simulators.core import SimClock, Simulator
from tests.simulators.lambda_cloud import LambdaSimulator
from tests.simulators.runpod import RunpodSimulator
from tests.simulators.vastai import VastSimulator
from tests.simulators.verda import VerdaSimulator

KEYS: Final[Mapping[str, str]] = {
    "runpod": "rp-account-key-0001",
    "lambda": "la-account-key-0002",
    "vastai": "va-account-key-0003",
    "verda": "ve-client-0004:ve-client-secret-0004",
}


def _candidate(vendor: str, sku: str, gpu: str, count: int, usd: str, **other: Any) -> dict[str, Any]:
    return {
        "vendor": vendor,
        "sku": sku,
        "gpu": gpu,
        "gpuCount": count,
        "tensorParallelSize": count,
        "region": "any",
        "trust": "secure",
        "spot": False,
        "usdPerHour": usd,
        "granularitySeconds": 1,
        "minimumSeconds": 0,
        "asOf": "2026-11-01",
        "source": "https://example.org/prices",
        **other,
    }


SKUS: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "runpod": (
        _candidate("runpod", "NVIDIA H200", "H200", 4, "18.36"),
        _candidate("runpod", "NVIDIA H100 80GB HBM3", "H100-SXM", 8, "26.32"),
    ),
    "lambda": (
        _candidate("lambda", "gpu_8x_h100_sxm5", "H100-SXM", 8, "31.92", trust="cloud"),
        _candidate("lambda", "gpu_1x_h100_pcie", "H100-PCIe", 1, "3.29", trust="cloud"),
    ),
    "vastai": (
        _candidate("vastai", "H200", "H200", 4, "16.00"),
        _candidate("vastai", "H100 SXM", "H100-SXM", 8, "20.00", spot=True),
    ),
    "verda": (
        _candidate("verda", "4H200.141S.176V", "H200", 4, "15.96"),
        _candidate("verda", "8H100.80S.176V", "H100-SXM", 8, "9.52", spot=True),
    ),
}

_COMMON: Final[tuple[tuple[str, dict[str, float]], ...]] = (
    ("lost_reply", {}),
    ("error_before", {}),
    ("error_after", {}),
    ("slow_accept", {}),
    ("delayed_visibility", {"seconds": 40.0}),
    ("duplicate_name", {}),
    ("never_ready", {}),
    ("slow_boot", {"seconds": 900.0}),
    ("malformed_list", {}),
    ("capacity_lie", {}),
    ("out_of_stock", {}),
    ("price_drift", {"factor": 1.5}),
    ("rate_limited", {}),
    ("delete_fails", {}),
    ("delete_ignored", {}),
    ("delete_reappears", {"seconds": 20.0}),
    ("read_error", {}),
    ("zero_gpu", {}),
    ("retired", {}),
    ("volume_in_use", {}),
)

FAULTS: Final[Mapping[str, tuple[tuple[str, dict[str, float]], ...]]] = {
    "runpod": (*_COMMON, ("preempted", {})),
    "lambda": _COMMON,
    "vastai": (
        *_COMMON,
        ("preempted", {}),
        ("contract_in_error", {}),
        ("auth_as_404", {}),
        ("capacity_lie", {"delivered": 1.0}),
    ),
    "verda": (
        *_COMMON,
        ("preempted", {}),
        ("token_revoked", {}),
        ("script_lost_reply", {}),
        ("script_error_after", {}),
    ),
}


def make_simulators(clock: SimClock, *, seed: int) -> dict[str, Simulator]:
    """One of each vendor, on one clock."""
    return {
        "runpod": RunpodSimulator(clock=clock, seed=seed, key=KEYS["runpod"]),
        "lambda": LambdaSimulator(clock=clock, seed=seed, key=KEYS["lambda"]),
        "vastai": VastSimulator(clock=clock, seed=seed, key=KEYS["vastai"]),
        "verda": VerdaSimulator(clock=clock, seed=seed, key=KEYS["verda"]),
    }
