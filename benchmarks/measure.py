"""Time whole commands from outside: wall seconds and peak memory, several runs, commands taken in turn."""

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SMOKE = os.environ.get("SMOKE", "") not in ("", "0")
"""A quick pass that shows that the benchmark runs, not what it measures."""


def once(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, expect: tuple[int, ...] = (0,)
) -> tuple[float, int]:
    """Run a command; returns wall seconds and peak resident bytes.

    Raises:
        RuntimeError: it exited with something else than ``expect``.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(env or {})}
    )
    stderr = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stderr:
        process.stderr.close()
    if process.returncode not in expect:
        raise RuntimeError(f"{' '.join(argv)} exited with {process.returncode}: {stderr.decode()[-500:]}")
    return seconds, usage.ru_maxrss * 1024


def in_turn(commands: Mapping[str, Sequence[str]], *, runs: int, expect: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Run every command ``runs`` times, taking turns after one warm-up each: median seconds and peak MiB by name."""
    runs = 1 if SMOKE else runs
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in commands}
    for argv in commands.values():
        once(argv, expect=expect)
    for _ in range(runs):
        for name, argv in commands.items():
            taken[name].append(once(argv, expect=expect))
    return {
        name: {
            "median_s": round(statistics.median(s for s, _ in results), 3),
            "min_s": round(min(s for s, _ in results), 3),
            "peak_mib": round(max(m for _, m in results) / 2**20, 1),
            "runs": len(results),
        }
        for name, results in taken.items()
    }


def script(name: str) -> str:
    """The path of a console script of this environment."""
    return str(Path(sys.executable).parent / name)


def own_peak_mib() -> float:
    """Peak resident memory of this process, MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def emit(result: Mapping[str, Any]) -> None:
    """Print one benchmark's object."""
    print(json.dumps(result, indent=2, sort_keys=False))
