"""How long a cold start takes, phase by phase, and how long to wait before calling it failed.

A probe that is shorter than the weights take to load kills a healthy server; one without an end lets a dead one bill.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache

from modelyard.catalog.rows import Source, data_dir, parse_rows, read_toml
from modelyard.errors import UnknownNameError
from modelyard.plan.types import StartPhase, StartupBudget
from modelyard.units import GB

LEAST_TIMEOUT_SECONDS = 600
LARGE_MACHINE_GPUS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceSpeed:
    """How fast a place starts things."""

    name: str
    machine_seconds: int
    large_machine_seconds: int
    machine_why: str
    image_mb_per_second: float
    weights_gb_per_second: float
    throughput_why: str
    source: Source
    as_of: date


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSpeed:
    """How fast an engine loads weights that are on the machine."""

    gb_per_second: float
    fixed_seconds: int
    why: str
    source: Source
    as_of: date


def startup_budget(
    place: str, *, gpu_count: int, image_bytes: int, download_bytes: int, lifetime_seconds: int | None
) -> StartupBudget:
    """The budget of one cold start with nothing cached.

    Args:
        place: vendor, or ``kubernetes``.
        gpu_count: GPUs of the machine; large machines take longer at some vendors.
        image_bytes: compressed size of the engine's image.
        download_bytes: size of the weight files.
        lifetime_seconds: the time-out is never longer than this; None: no end.

    Raises:
        UnknownNameError: nothing is known of the place.
    """
    speeds, load = _speeds()
    speed = speeds.get(place)
    if speed is None:
        raise UnknownNameError("place", place, speeds)
    large = gpu_count >= LARGE_MACHINE_GPUS
    machine = speed.large_machine_seconds if large else speed.machine_seconds
    image = round(image_bytes / (speed.image_mb_per_second * 10**6))
    weights = round(download_bytes / (speed.weights_gb_per_second * GB))
    loading = round(download_bytes / (load.gb_per_second * GB)) + load.fixed_seconds
    size = f"{download_bytes / GB:,.0f} GB"
    phases = (
        StartPhase(name="machine", seconds=machine, why=speed.machine_why),
        StartPhase(
            name="image",
            seconds=image,
            why=f"{image_bytes / GB:.1f} GB at {speed.image_mb_per_second:g} MB/s ({speed.throughput_why})",
        ),
        StartPhase(
            name="weights",
            seconds=weights,
            why=f"{size} at {speed.weights_gb_per_second:g} GB/s ({speed.throughput_why})",
        ),
        StartPhase(
            name="load",
            seconds=loading,
            why=f"{size} at {load.gb_per_second:g} GB/s and {load.fixed_seconds // 60} min to compile (assumed)",
        ),
    )
    timeout = max(LEAST_TIMEOUT_SECONDS, 2 * sum(p.seconds for p in phases))
    if lifetime_seconds is not None:
        timeout = min(timeout, lifetime_seconds)
    return StartupBudget(phases=phases, timeout_seconds=timeout)


@cache
def _speeds() -> tuple[dict[str, PlaceSpeed], LoadSpeed]:
    raw = read_toml(data_dir() / "startup.toml")
    places = parse_rows(PlaceSpeed, raw.get("place", []), file="startup.toml", label="place")
    (load,) = parse_rows(LoadSpeed, [raw.get("load", {})], file="startup.toml", label="load")
    return {p.name: p for p in places}, load
