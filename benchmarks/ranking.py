"""Promise: ranking every catalog model against every GPU configuration takes at most a second in process."""

import statistics
import sys
import time
from typing import Any

from benchmarks.measure import SMOKE, emit, own_peak_mib

TARGET_SECONDS = 1.0
MOST_TOKENS = 8192
CONCURRENCY = 4
GPU_COUNTS = (1, 2, 4, 8)


def run() -> dict[str, Any]:
    """Rank all models over all GPUs, cold (first pass of the process) and warm (catalog and caches filled)."""
    started = time.perf_counter()
    from modelyard.catalog.gpus import load_gpus  # noqa: PLC0415  # loading the catalog is part of the cold pass
    from modelyard.catalog.models import load_models  # noqa: PLC0415  # as above
    from modelyard.fit import rank  # noqa: PLC0415  # as above

    models, gpus = load_models(), load_gpus()
    catalog_seconds = time.perf_counter() - started
    passes: list[float] = []
    fits = 0
    for _ in range(2 if SMOKE else 6):
        begin = time.perf_counter()
        fits = sum(
            len(
                rank(
                    model,
                    gpus=gpus,
                    max_model_len=min(MOST_TOKENS, model.max_position_embeddings),
                    concurrency=CONCURRENCY,
                    gpu_counts=GPU_COUNTS,
                )
            )
            for model in models
        )
        passes.append(time.perf_counter() - begin)
    precisions = sum(len(model.quantizations) for model in models)
    return {
        "benchmark": "ranking",
        "target": {"all models on all GPU configurations": f"<= {TARGET_SECONDS:g} s in process"},
        "models": len(models),
        "model_precisions": precisions,
        "gpus": len(gpus),
        "gpu_counts": list(GPU_COUNTS),
        "configurations_asked": precisions * len(gpus) * len(GPU_COUNTS),
        "configurations_that_hold": fits,
        "import_and_catalog_s": round(catalog_seconds, 3),
        "first_pass_s": round(passes[0], 3),
        "warm_pass_median_s": round(statistics.median(passes[1:]), 3),
        "peak_mib": own_peak_mib(),
        "python": ".".join(str(part) for part in sys.version_info[:3]),
    }


if __name__ == "__main__":
    emit(run())
