"""Promise: `modelyard fit` and `modelyard offers` answer within half a second of a cold process, without Pulumi."""

import sys
from typing import Any

from benchmarks.measure import emit, in_turn, script


def run() -> dict[str, Any]:
    """Time both commands against an empty interpreter and an interpreter that imports Pulumi."""
    cli = script("modelyard")
    times = in_turn(
        {
            "python": [sys.executable, "-c", "pass"],
            "import pulumi": [sys.executable, "-c", "import pulumi"],
            "modelyard fit": [cli, "fit", "llama-3.3-70b", "--quantization", "fp8", "--gpu", "H100-SXM", "--tp", "2"],
            "modelyard offers": [cli, "offers", "--gpu", "H100-SXM"],
        },
        runs=9,
    )
    base = times["import pulumi"]["median_s"]
    return {
        "benchmark": "cold_start",
        "target": {"modelyard fit": "<= 0.5 s", "modelyard offers": "<= 0.5 s"},
        "times": times,
        "ratio_to_import_pulumi": {
            name: round(times[name]["median_s"] / base, 2) for name in ("modelyard fit", "modelyard offers")
        },
    }


if __name__ == "__main__":
    emit(run())
