"""Many runs at once: a CSV table in, one object a row out, in order, whatever a row holds.

Columns are those of ``tests/fixtures/vram_observations.csv``; others are ignored. A blank cell means the default of
that engine version on that GPU. A row that cannot be read yields an object with ``error``, and the rest still come.
``notes`` are read only for set-up that has no column (DP, DCP, expert parallel, enforce-eager) and only where it is
written as a flag, as ``key=value``, or as a clause of its own.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.catalog.engines import read_version
from modelyard.errors import ModelyardError, UsageError, quote
from modelyard.fit.apple_chips import is_memory_sure, read_chip
from modelyard.fit.assess import assess, stage_budgets
from modelyard.fit.engines import LOCAL
from modelyard.fit.engines.apple import engine_for
from modelyard.fit.engines.mlx import mlx_quantization
from modelyard.fit.reading import (
    KV_DTYPES,
    UNSTATED,
    Resolver,
    match_note,
    number,
    read_gpu,
    read_model,
    read_quantization,
    stretched,
    whole,
)
from modelyard.fit.table import BROKEN, read_rows
from modelyard.fit.types import Bounds, Fit, FitRequest, Verdict
from modelyard.units import GIB, MIB

_TRUE = {"1", "true", "yes", "y", "on", "x"}
_FALSE = {"0", "false", "no", "n", "off", *UNSTATED}
_ENGINES = {
    "trtllm": "tensorrt-llm", "trt-llm": "tensorrt-llm", "tensorrt_llm": "tensorrt-llm", "tensorrtllm": "tensorrt-llm",
    "trt_llm": "tensorrt-llm", "llamacpp": "llama.cpp", "llama-cpp": "llama.cpp", "mlx-lm": "mlx", "mlx_lm": "mlx",
}  # fmt: skip
_OWN_FRACTION = {"sglang", "tensorrt-llm", "tgi"}
"""Engines whose ``gmu`` cell can only mean their own fraction."""

_TOKENS = {"k": 1024.0, "m": 1024.0**2}
_GIB = {"gib": 1.0, "gb": 1e9 / GIB, "mib": 1 / 1024, "mb": 1e6 / GIB}
_MB = {"mb": 1.0, "mib": 1.0}
_SHARE = {"%": 0.01}

_HEDGED = re.compile(
    r"\b(?:unless|without|no|not|never|compared|instead|vs|versus|than|if|or|try|elsewhere|would|until)\b",
    re.IGNORECASE,
)
_SWITCHES = {
    "eager": re.compile(r"(?:--|\b)enforce[-_]eager(?:[= ](?P<value>true|false|[01])\b)?", re.IGNORECASE),
    "ep": re.compile(r"(?:--|\b)enable[-_]expert[-_]parallel(?:[= ](?P<value>true|false|[01])\b)?", re.IGNORECASE),
}
_SIZES = {
    "dp": re.compile(r"(?:--data[-_]parallel[-_]size[= ]|\bdata_parallel_size ?= ?|\bdp ?= ?)(\d+)\b", re.IGNORECASE),
    "dcp": re.compile(
        r"(?:--decode[-_]context[-_]parallel[-_]size[= ]|\bdecode_context_parallel_size ?= ?|\bdcp ?= ?"
        r"|^decode-context-parallel )(\d+)\b",
        re.IGNORECASE,
    ),
}
_TERM = re.compile(r"(?P<eager>enforce[-_]eager)|(?P<ep>expert[- ]parallel)|DP ?(?P<dp>\d+)|DCP ?(?P<dcp>\d+)")


def fit_csv(text: str, resolver: Resolver | None = None) -> list[dict[str, Any]]:
    """One object per row of the table: figures per GPU, or ``error``.

    Args:
        text: a CSV table with a header.
        resolver: finds models that the catalog lacks, by hub id.

    Raises:
        UsageError: no header that names models.
    """
    return assess_rows(read_rows(text), resolver)


def assess_rows(rows: Iterable[Mapping[str, str]], resolver: Resolver | None = None) -> list[dict[str, Any]]:
    """One object per row, in order."""
    return [_row(number_, row, resolver) for number_, row in enumerate(rows, start=1)]


def request_of(row: Mapping[str, str], resolver: Resolver | None = None) -> tuple[FitRequest, tuple[str, ...]]:
    """A row as a request, and what had to be assumed to read it.

    Raises:
        UsageError: a cell that cannot be read: names the column.
    """
    read = _read(row, resolver)
    return read.request, read.notes


@dataclass(frozen=True, kw_only=True, slots=True)
class _Read:
    """A row, read."""

    request: FitRequest
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    """What was assumed and keeps the row from a plain ``fits``."""
    has_gpu: bool
    """Whether a GPU or its memory is given; without either only the weights are known."""


def _read(row: Mapping[str, str], resolver: Resolver | None) -> _Read:
    cell = _Cells(row)
    if cell["hf_id"] == "" and cell["model"] == "":
        raise UsageError("no model", details="where    columns hf_id and model are blank")
    title = cell["model"]
    hub_id = cell["hf_id"] or (title if "/" in title and " " not in title else "")
    found = read_model(hub_id, title, resolver)
    model, quantization, quantized = read_quantization(found, hub_id, _precision(cell))
    memory = number(cell["gpu_mem_gib"], "gpu_mem_gib", _GIB)
    card = read_gpu(cell["gpu"], memory)
    engine = cell["engine"].lower()
    engine = _ENGINES.get(engine, engine) or engine_for(card.gpu, quantization)
    longest = model.max_position_embeddings
    asked = _count(cell, "max_model_len", _TOKENS) or longest
    notes = [*match_note(found, hub_id), *quantized, *card.notes]
    doubts = [] if card.known else [card.notes[-1]]
    if card.gpu.is_apple:
        notes += [] if cell["engine"] else [f"engine: not given, taken as {engine} on Apple silicon"]
        doubts += [] if is_memory_sure(card.gpu) else [f"which memory the {card.gpu.title} has is not sure"]
    wired_mb = whole(cell["iogpu_wired_limit_mb"], "iogpu_wired_limit_mb", _MB)
    if asked > longest:
        model = stretched(model, asked)
        notes.append(f"asked {asked:,} tokens, model reads {longest:,}: computed at {asked:,}")
        doubts.append(f"a context of {asked:,} tokens is beyond the model's {longest:,}: engines refuse it by default")
    fraction, share = number(cell["memory_fraction"], "memory_fraction", _SHARE), number(cell["gmu"], "gmu", _SHARE)
    if engine in _OWN_FRACTION and fraction is None and share is not None:
        fraction, share = share, None
        notes.append(f"gmu: read as {engine}'s own memory fraction")
    version, assumed = read_version(cell["engine_version"], engine)
    notes += assumed
    kv_dtype = cell["kv_dtype"].lower()
    cache_gib = number(cell["kv_cache_memory_gib"], "kv_cache_memory_gib", _GIB)
    noted = _set_up(cell["notes"])
    eager, spread = _switch(cell, "enforce_eager"), _switch(cell, "ep")
    request = FitRequest(
        model=model,
        quantization=quantization,
        gpu=card.gpu,
        max_model_len=asked,
        tensor_parallel_size=_count(cell, "tp") or 1,
        pipeline_parallel_size=_count(cell, "pp") or 1,
        engine=engine,
        engine_version=version,
        gpu_memory_utilization=share,
        max_num_seqs=_count(cell, "max_num_seqs"),
        max_num_batched_tokens=_count(cell, "max_batched_tokens", _TOKENS),
        kv_cache_dtype=KV_DTYPES.get(kv_dtype, kv_dtype),
        enforce_eager=bool(noted.get("eager")) if eager is None else eager,
        data_parallel_size=_count(cell, "dp") or noted.get("dp", 1),
        expert_parallel=model.moe is not None and (bool(noted.get("ep")) if spread is None else spread),
        decode_context_parallel_size=_count(cell, "dcp") or noted.get("dcp", 1),
        kv_cache_memory_bytes=None if cache_gib is None else round(cache_gib * GIB),
        memory_fraction=fraction,
        parallel=_count(cell, "parallel"),
        gpu_layers=whole(cell["gpu_layers"], "gpu_layers"),
        wired_limit_bytes=wired_mb * MIB if wired_mb else None,
    )
    has_gpu = memory is not None or cell["gpu"].lower() not in UNSTATED
    return _Read(request=request, notes=tuple(notes), doubts=tuple(doubts), has_gpu=has_gpu)


def _precision(cell: "_Cells") -> str:
    """The precision as written; a bare ``4bit`` is MLX's own format where MLX or an Apple chip is meant."""
    engine = cell["engine"].lower()
    is_mlx = _ENGINES.get(engine, engine) == "mlx" or (not engine and read_chip(cell["gpu"], 1) is not None)
    return mlx_quantization(cell["quant"]) if is_mlx else cell["quant"]


class _Cells:
    """Cells of a row by column; blank where there is none."""

    def __init__(self, row: Mapping[str, str]) -> None:
        self._row = row

    def __getitem__(self, column: str) -> str:
        return self._row.get(column) or ""


def _count(cell: _Cells, column: str, units: Mapping[str, float] | None = None) -> int | None:
    value = whole(cell[column], column, units)
    if value is not None and value < 1:
        raise UsageError(f"{quote(cell[column])} is less than 1", details=f"where    column {column}")
    return value


def _switch(cell: _Cells, column: str) -> bool | None:
    """Whether it is on: any whole number above 1 counts as a size; None when blank."""
    text = cell[column].lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return None if text in UNSTATED else False
    value = whole(text, column)
    if value is None or value < 1:
        raise UsageError(f"{quote(cell[column])} is neither yes nor no", details=f"where    column {column}")
    return True


def _set_up(notes: str) -> dict[str, int]:
    """Set-up that the notes state: flags, ``key=value``, and clauses that say nothing else (``DP8 + expert parallel``).

    Advice and comparisons (``unless --enforce-eager``, ``compared with DP8``) state nothing.
    """
    found: dict[str, int] = {}
    for clause in re.split(r"[;,]", re.sub(r"\([^()]*\)", "", notes)):
        text = clause.strip()
        terms = re.split(r" ?\+ ?| and ", text)
        matches = [_TERM.fullmatch(term.strip()) for term in terms]
        if all(matches):
            for match in matches:
                if match is not None and match.lastgroup is not None:
                    value = match[match.lastgroup]
                    found[match.lastgroup] = int(value) if value.isdecimal() else 1
        else:
            found.update(_flags(text))
    return {name: value for name, value in found.items() if value <= 1024 and (value or name in _SWITCHES)}


def _flags(clause: str) -> dict[str, int]:
    if _HEDGED.search(clause):
        return {}
    found: dict[str, int] = {}
    for name, pattern in _SWITCHES.items():
        match = pattern.search(clause)
        if match and (match["value"] or match[0].startswith("--")):
            found[name] = int((match["value"] or "1").lower() in _TRUE)
    for name, pattern in _SIZES.items():
        if size := pattern.search(clause):
            found[name] = int(size[1])
    return found


def _row(line: int, row: Mapping[str, str], resolver: Resolver | None) -> dict[str, Any]:
    label = {"row": line, "model": row.get("hf_id") or row.get("model") or ""}
    if BROKEN in row:
        return {**label, "error": row[BROKEN]}
    try:
        read = _read(row, resolver)
        request = read.request
        fit = assess(request)
        weights, kv = fit.per_gpu.weights, fit.per_gpu.kv_cache
        if request.engine not in LOCAL:  # logs quote the first stage; tokens are those of the scarcest
            first = stage_budgets(request)[0]
            weights, kv = first.stage.weights_bytes, kv if request.model.encoder else first.kv_bytes
    except ModelyardError as error:
        return {**label, "error": str(error)}
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:
        return {**label, "error": f"this row could not be computed: {error}"}
    if not math.isfinite(fit.max_concurrency):
        return {**label, "error": "this row could not be computed: it holds no finite number of requests"}
    answer = {
        **label,
        "weights_gib_per_gpu": round(weights / GIB, 4),
        "kv_cache_gib_per_gpu": round(kv / GIB, 4),
        "kv_cache_tokens": fit.kv_cache_tokens,
        "max_concurrency": round(fit.max_concurrency, 4),
        **_judged(fit, read.doubts),
        "unknown": [*read.notes, *fit.unknown],
    }
    if fit.bounds is not None:
        answer["bounds"] = _bounds(fit.bounds)
    return answer if read.has_gpu else {**answer, **_WEIGHTS_ONLY}


def _bounds(bounds: Bounds) -> dict[str, Any]:
    return {
        "weights_gib_per_gpu_at_least": round(bounds.weights_at_least / GIB, 4),
        "weights_exact": bounds.weights_exact,
        "kv_bytes_per_token_per_gpu_at_most": bounds.kv_per_token_at_most,
        "kv_gib_per_request_per_gpu_at_most": round(bounds.kv_per_request_at_most / GIB, 4),
    }


_WEIGHTS_ONLY = {
    "kv_cache_gib_per_gpu": None,
    "kv_cache_tokens": None,
    "max_concurrency": None,
    "verdict": str(Verdict.TIGHT),
    "reasons": ["no GPU is given, and no gpu_mem_gib: only the weights are known, not whether they fit"],
}
"""Of a row without a GPU: nothing can be said of what is left."""


def _judged(fit: Fit, doubts: tuple[str, ...]) -> dict[str, Any]:
    if fit.verdict is Verdict.FITS and doubts:
        return {"verdict": str(Verdict.TIGHT), "reasons": list(doubts)}
    return {"verdict": str(fit.verdict), "reasons": list(fit.reasons)}
