"""Rental lifecycles with faults and kills on the simulators: is anything lost, or rented twice?

    python -m benchmarks.rental_campaign --lifecycles 5000 --seed 1 --json
    python -m benchmarks.rental_campaign --seed 1 --replay 68

Each lifecycle depends on the seed and its number alone, so a failure is played again with ``--replay``.
"""

import argparse
import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from benchmarks.measure import SMOKE
from tests.simulators.campaign import Outcome
from tests.simulators.object_campaign import live

TARGET = "lost 0, duplicated 0, violations none"


def campaign(lifecycles: int, seed: int, workers: int) -> dict[str, object]:
    """Run lifecycles 0 to ``lifecycles`` - 1 and add them up."""
    begun = time.perf_counter()
    with ProcessPoolExecutor(max_workers=workers) as pool:
        outcomes = list(pool.map(partial(live, seed), range(lifecycles), chunksize=20))
    bad = [o for o in outcomes if o.lost or o.duplicated or o.violations]
    happened: Counter[str] = Counter()
    for outcome in outcomes:
        happened.update(outcome.happened)
    return {
        "benchmark": "rental_campaign",
        "target": TARGET,
        "seed": seed,
        "lifecycles": lifecycles,
        "faults_injected": sum(o.faults for o in outcomes),
        "faults": dict(sorted(happened.items())),
        "kills": sum(o.kills for o in outcomes),
        "machines": sum(o.machines for o in outcomes),
        "volumes": sum(o.volumes for o in outcomes),
        "vendor_calls": sum(o.calls for o in outcomes),
        "lost": sum(len(o.lost) for o in outcomes),
        "duplicated": sum(len(o.duplicated) for o in outcomes),
        "violations": [_told(o) for o in bad],
        "seconds": round(time.perf_counter() - begun, 1),
    }


def run() -> dict[str, object]:
    """The campaign as `benchmarks.run` calls it."""
    return campaign(100 if SMOKE else 5000, 1, os.cpu_count() or 1)


def _told(outcome: Outcome) -> dict[str, object]:
    return {
        "lifecycle": outcome.index,
        "lost": outcome.lost,
        "duplicated": outcome.duplicated,
        "violations": outcome.violations,
    }


def main() -> int:
    """Print one JSON object; exit 1 when anything was lost, duplicated or violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lifecycles", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", type=int, help="tell what happened in this one lifecycle")
    parser.add_argument("--json", action="store_true", help="the only form there is; taken for consistency")
    asked = parser.parse_args()
    if asked.replay is not None:
        outcome = live(asked.seed, asked.replay)
        sys.stdout.write("\n".join(outcome.log) + "\n")
        sys.stdout.write(json.dumps(_told(outcome), indent=2) + "\n")
        return int(bool(outcome.lost or outcome.duplicated or outcome.violations))
    found = campaign(asked.lifecycles, asked.seed, asked.workers)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")
    return int(bool(found["violations"]))


if __name__ == "__main__":
    sys.exit(main())
