"""Promise: a single fit in process within 2 ms, a CSV of 10,000 rows within 20 s, in modest memory."""

import csv
import gc
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks.fit_accuracy import OBSERVATIONS
from benchmarks.measure import SMOKE, emit, own_peak_mib
from modelyard.catalog.gpus import load_server_gpus
from modelyard.catalog.models import load_models
from modelyard.catalog.precision import load_kernels
from modelyard.errors import ModelyardError
from modelyard.fit import Fit, FitRequest, assess
from modelyard.fit.batch import fit_csv
from modelyard.fit.explain import explain

ROWS = 200 if SMOKE else 10_000


def run() -> dict[str, Any]:
    """Time the catalog's files (read once a process), single fits (first and again), explanations and a large table."""
    start = time.perf_counter()
    load_models()
    load_server_gpus()
    load_kernels()
    catalog = 1000 * (time.perf_counter() - start)
    requests = list(_requests())
    gc.freeze()  # a collector that walks the whole catalog pauses for 10 ms, which would be timed as one fit
    first = _times(assess, requests)
    again = _times(assess, requests)
    explained = _times(explain, [fit for request in requests[:200] if (fit := _fit(request)) is not None])
    text = _table()
    start = time.perf_counter()
    results = fit_csv(text)
    seconds = time.perf_counter() - start
    return {
        "benchmark": "fit_speed",
        "target": {"single fit": "<= 2 ms", "10,000 rows": "<= 20 s"},
        "catalog_ms": round(catalog, 1),
        "single_fit_ms": {"first": _summary(first), "again": _summary(again), "cases": len(requests)},
        "explain_ms": _summary(explained),
        "csv": {
            "rows": len(results),
            "seconds": round(seconds, 2),
            "ms_per_row": round(1000 * seconds / len(results), 3),
            "errors": sum("error" in result for result in results),
        },
        "peak_mib": own_peak_mib(),
    }


def _requests() -> list[FitRequest]:
    """Every model of the catalog on every third GPU, split over eight, as far as the engine would take it."""
    found: list[FitRequest] = []
    for index, model in enumerate(load_models()):
        for gpu in load_server_gpus()[index % 3 :: 3]:
            for tp in (1, 8):
                request = FitRequest(
                    model=model,
                    quantization=model.native_quantization,
                    gpu=gpu,
                    max_model_len=min(8192, model.max_position_embeddings),
                    tensor_parallel_size=tp,
                )
                if _is_taken(request):
                    found.append(request)
    return found[:100] if SMOKE else found


def _is_taken(request: FitRequest) -> bool:
    """Whether the split is one that the engine takes, without assessing it: the first fit is what is timed."""
    heads = request.model.num_attention_heads
    return request.tensor_parallel_size == 1 or heads % request.tensor_parallel_size == 0


def _fit(request: FitRequest) -> Fit | None:
    try:
        return assess(request)
    except ModelyardError:
        return None


def _times(work: Callable[[Any], object], items: list[Any]) -> list[float]:
    taken: list[float] = []
    for item in items:
        start = time.perf_counter()
        try:
            work(item)
        except ModelyardError:
            continue
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def _summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "median": round(statistics.median(ordered), 3),
        "p99": round(ordered[int(0.99 * (len(ordered) - 1))], 3),
        "max": round(ordered[-1], 3),
    }


def _table() -> str:
    """The observations over and over, no two rows alike."""
    with OBSERVATIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    for index in range(ROWS):
        row = dict(rows[index % len(rows)])
        row["max_model_len"] = str(4096 + index)
        writer.writerow(row)
    return out.getvalue()


if __name__ == "__main__":
    emit(run())
