"""Promise: `modelyard preview trial-405b` within four seconds; beside `pulumi preview` where that is on PATH."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, SMOKE, emit, in_turn, once, script

STACKS = ("trial-405b", "prod")


def run() -> dict[str, Any]:
    """Time the embedded preview, and the real one where it is."""
    cli = script("modelyard")
    times = in_turn({f"modelyard preview {stack}": [cli, "preview", stack] for stack in STACKS}, runs=5)
    result: dict[str, Any] = {
        "benchmark": "preview",
        "target": {"modelyard preview trial-405b": "<= 4 s"},
        "times": times,
    }
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        result["pulumi preview"] = "not measured: no `pulumi` on PATH"
        return result
    with tempfile.TemporaryDirectory() as state:
        env = {
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "benchmark",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # Pulumi's uv toolchain looks uv up on PATH.
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        seconds = _real_preview(pulumi, env, runs=1 if SMOKE else 3)
    ours = times["modelyard preview trial-405b"]["median_s"]
    result["pulumi preview trial-405b"] = {"median_s": round(seconds, 3)}
    result["ratio_preview_to_pulumi_preview"] = round(ours / seconds, 3)
    return result


def _real_preview(pulumi: str, env: dict[str, str], *, runs: int) -> float:
    stack_file = ROOT / "stacks" / "Pulumi.trial-405b.yaml"
    kept = stack_file.read_bytes()  # `stack init` writes an encryption salt into the file
    try:
        subprocess.run(
            [pulumi, "stack", "init", "trial-405b", "--non-interactive"],
            cwd=ROOT,
            env={**os.environ, **env},
            check=True,
            capture_output=True,
        )
        command = [pulumi, "preview", "--stack", "trial-405b", "--non-interactive"]
        times = sorted(once(command, env=env)[0] for _ in range(runs))
    finally:
        Path(stack_file).write_bytes(kept)
    return times[len(times) // 2]


if __name__ == "__main__":
    emit(run())
