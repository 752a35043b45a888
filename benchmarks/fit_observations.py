"""How far the fit is from published runs: error statistics over ``tests/fixtures/vram_observations.csv``, as JSON.

Each row says what it can test (``score:``): W weights, K KV GiB, T tokens from the observed KV GiB, O outcome.
Usage: python -m benchmarks.fit_observations
"""

import csv
import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.measure import emit
from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.catalog.models import Model, find_model
from modelyard.errors import UnknownNameError
from modelyard.fit import Fit, FitRequest, Verdict, assess, resolve_precision
from modelyard.fit.assess import stage_budgets
from modelyard.fit.defaults import resolve_flags
from modelyard.fit.kv_cache import plan_cache
from modelyard.fit.kv_dtype import resolve_kv_dtype
from modelyard.fit.weights import weigh
from modelyard.units import GIB

OBSERVATIONS = Path(__file__).parents[1] / "tests" / "fixtures" / "vram_observations.csv"

# Rows whose id is not a hub id, by what the model column calls them.
_MODELS = {
    "Llama 3.1 405B": "meta-llama/Llama-3.1-405B-FP8",
    "Qwen2.5 72B": "qwen2.5-72b",
    "Qwen3.8 27B": "qwen3.8-27b",
}
_CHECKPOINTS = {
    "Llama-3.1-405B-FP8 (as written in the issue)": "meta-llama/Llama-3.1-405B-FP8",
    "NVFP4 checkpoint by unsloth": "unsloth/Qwen3.8-27B-NVFP4",
}
"""Rows about one of several checkpoints of one precision."""
_GPUS = {
    "H100-80GB-SXM": "H100-SXM", "H100-80GB": "H100-SXM", "RTX3090-24GB": "RTX-3090", "RTX5090-32GB": "RTX-5090",
    "H20-96GB": "H20", "H200 (presumed)": "H200", "A100-80GB": "A100-80-SXM", "A100-40GB-SXM": "A100-40-SXM",
    "MI300X-class 192GB (ROCm)": "MI300X", "H100-NVL-94GB": "H100-NVL", "GH200-96GB": "GH200", "H200": "H200",
    "not recorded": "H100-SXM",
}  # fmt: skip
_KV_DTYPES = {"bf16": "bfloat16", "fp16": "float16", "fp8": "fp8", "auto": "auto"}
_QUANTIZATIONS = {
    "fp8-runtime": "fp8-online",
    "gptq-int4-g128": "w4a16",
    "awq-int4-g128": "awq-int4",
    "fp8-dynamic": "fp8",
}

UNSTATED_ENGINE = "0.33.0"
"""For rows that do not state a version: the one that the catalog pins."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One published run."""

    line: int
    label: str
    row: dict[str, str]
    score: str
    """Letters of ``WKTO``."""

    def number(self, column: str) -> float | None:
        """A numeric column; None when blank."""
        return float(self.row[column]) if self.row[column] else None

    def whole(self, column: str) -> int | None:
        """A whole-number column; None when blank."""
        return int(self.row[column]) if self.row[column] else None


def load_observations() -> tuple[Observation, ...]:
    """All rows of the file, in order."""
    with OBSERVATIONS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Observation(
            line=line,
            label=f"{r['model']} {r['quant']} {r['gpu']} tp{r['tp']} pp{r['pp']} {r['engine_version']}",
            row=r,
            score="".join(sorted(set(_score(r["notes"])))),
        )
        for line, r in enumerate(rows, start=2)
    )


def _score(notes: str) -> str:
    match = re.search(r"score:([WKTO+]+)$", notes)
    return match[1].replace("+", "") if match else ""


def model_of(observation: Observation) -> Model:
    """The catalog's model that a row is about."""
    try:
        return find_model(observation.row["hf_id"])
    except UnknownNameError:
        return find_model(_MODELS[observation.row["model"]])


def gpu_of(observation: Observation) -> Gpu:
    """The catalog's GPU with the memory that the run reported, where it did."""
    gpu = find_gpu(_GPUS[observation.row["gpu"]])
    reported = observation.number("gpu_mem_gib")
    return (
        gpu
        if reported is None
        else replace(gpu, total_memory_bytes=round(reported * GIB), total_memory_estimated=False)
    )


def request_of(observation: Observation) -> FitRequest:
    """The row as a request."""
    row, model = observation.row, model_of(observation)
    return FitRequest(
        model=model,
        quantization=_CHECKPOINTS.get(row["hf_id"]) or _QUANTIZATIONS.get(row["quant"], row["quant"]),
        gpu=gpu_of(observation),
        max_model_len=min(observation.whole("max_model_len") or 8192, model.max_position_embeddings),
        tensor_parallel_size=int(row["tp"]),
        pipeline_parallel_size=int(row["pp"]),
        engine_version=row["engine_version"].lstrip("~") or UNSTATED_ENGINE,
        gpu_memory_utilization=observation.number("gmu"),
        max_num_seqs=observation.whole("max_num_seqs"),
        max_num_batched_tokens=observation.whole("max_batched_tokens"),
        kv_cache_dtype=_KV_DTYPES[row["kv_dtype"]],
        enforce_eager="enforce-eager" in row["notes"] and row["obs_outcome"] == "fits",
    )


@cache
def fit_of(observation_line: int) -> Fit:
    """The fit of the row on that line."""
    return assess(request_of(load_observations()[observation_line - 2]))


def weights_error(observation: Observation) -> float:
    """Relative error of weights per GPU; of the first stage where the row gives that one's."""
    request = request_of(observation)
    stages = weigh(
        request.model, request.quantization, request.tensor_parallel_size, request.pipeline_parallel_size
    ).stages
    return stages[0].weights_bytes / GIB / float(observation.row["obs_weights_gib_per_gpu"]) - 1


def kv_error(observation: Observation) -> tuple[float, float]:
    """(relative, absolute GiB) error of the first stage's KV cache per GPU, with the weights predicted as well."""
    observed = float(observation.row["obs_kv_gib_per_gpu"])
    off = stage_budgets(request_of(observation))[0].kv_bytes / GIB - observed
    return off / abs(observed), off


def tokens_error(observation: Observation) -> float:
    """Relative error of the token count, from the observed KV GiB (over the stages: the fewest)."""
    request = request_of(observation)
    flags = resolve_flags(request)
    checkpoint = resolve_precision(request.model, request.quantization).checkpoint
    dtype = resolve_kv_dtype(request.model, checkpoint, request.kv_cache_dtype, request.gpu)
    layout = plan_cache(request.model, dtype, request.tensor_parallel_size)
    if request.pipeline_parallel_size > 1:
        predicted = fit_of(observation.line).kv_cache_tokens
    else:
        predicted = layout.tokens(
            round(float(observation.row["obs_kv_gib_per_gpu"]) * GIB), request.max_model_len, flags
        )
    return predicted / int(observation.row["obs_kv_tokens"]) - 1


def outcome(observation: Observation) -> str:
    """``right``, ``wrong``, or ``tight`` when the fit does not commit itself."""
    verdict = fit_of(observation.line).verdict
    if verdict is Verdict.TIGHT:
        return "tight"
    return "right" if (verdict is Verdict.FITS) == (observation.row["obs_outcome"] == "fits") else "wrong"


def scored(letter: str) -> tuple[Observation, ...]:
    """Rows that can test ``letter``."""
    return tuple(o for o in load_observations() if letter in o.score)


def statistics_of(errors: Sequence[tuple[str, float]]) -> dict[str, object]:
    """Median, 90th percentile, maximum of the absolute errors in percent, and the worst rows."""
    sizes = sorted(abs(e) * 100 for _, e in errors)
    worst = sorted(errors, key=lambda pair: -abs(pair[1]))[:6]
    return {
        "n": len(sizes),
        "median_percent": round(statistics.median(sizes), 3),
        "p90_percent": round(percentile(sizes, 0.9), 3),
        "max_percent": round(sizes[-1], 3),
        "worst": [{"row": label, "error_percent": round(error * 100, 3)} for label, error in worst],
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value at ``share`` of an ordered sequence, between neighbours in proportion."""
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def labelled(rows: Iterable[Observation], errors: Iterable[float]) -> list[tuple[str, float]]:
    """Pair rows' labels with errors."""
    return [(f"line {o.line}: {o.label}", e) for o, e in zip(rows, errors, strict=True)]


def run() -> dict[str, Any]:
    """Error statistics per quantity, outcomes, and what is not right."""
    outcomes = {f"line {o.line}: {o.label}": outcome(o) for o in scored("O")}
    return {
        "benchmark": "fit_observations",
        "target": {
            "weights": "median <= 1 %, p90 <= 3 %",
            "kv_gib": "median <= 1 %, p90 <= 5 %",
            "tokens": "median <= 0.1 %",
        },
        "weights": statistics_of(labelled(scored("W"), map(weights_error, scored("W")))),
        "kv_gib": statistics_of(labelled(scored("K"), (kv_error(o)[0] for o in scored("K")))),
        "tokens": statistics_of(labelled(scored("T"), map(tokens_error, scored("T")))),
        "outcomes": {name: list(outcomes.values()).count(name) for name in ("right", "tight", "wrong")},
        "not_right": {label: result for label, result in outcomes.items() if result != "right"},
    }


if __name__ == "__main__":
    emit(run())
