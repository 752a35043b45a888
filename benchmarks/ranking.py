"""Promise: every catalog model against every GPU configuration within a second, in one process."""

import time
from typing import Any

from benchmarks.measure import SMOKE, emit, own_peak_mib
from modelyard.catalog.gpus import load_gpus
from modelyard.catalog.models import load_models
from modelyard.fit import rank


def run() -> dict[str, Any]:
    """Rank all of them, cold caches first, then warm."""
    models, gpus = load_models(), load_gpus()
    models = models[:10] if SMOKE else models
    seconds: list[float] = []
    held = 0
    for _ in range(2):
        start = time.perf_counter()
        held = sum(
            len(rank(model, gpus=gpus, max_model_len=min(16384, model.max_position_embeddings), concurrency=1))
            for model in models
        )
        seconds.append(round(time.perf_counter() - start, 3))
    return {
        "benchmark": "ranking",
        "target": "<= 1 s in process",
        "models": len(models),
        "gpus": len(gpus),
        "configurations_that_hold": held,
        "cold_s": seconds[0],
        "warm_s": seconds[1],
        "peak_mib": own_peak_mib(),
    }


if __name__ == "__main__":
    emit(run())
