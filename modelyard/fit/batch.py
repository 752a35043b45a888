"""Many runs at once: a CSV table in, one object a row out, in order, whatever a row holds.

Columns are those of ``tests/fixtures/vram_observations.csv``; others are ignored. A blank cell means the default of
that engine version on that GPU. A row that cannot be read yields an object with ``error``, and the rest still come.
``notes`` are read only for set-up that has no column: DP, DCP, expert parallel, enforce-eager.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelyard.errors import ModelyardError, UsageError
from modelyard.fit.assess import assess, stage_budgets
from modelyard.fit.engines import LOCAL
from modelyard.fit.ranking import PINNED_ENGINE
from modelyard.fit.reading import (
    KV_DTYPES,
    Resolver,
    number,
    read_gpu,
    read_model,
    read_quantization,
    read_version,
    whole,
)
from modelyard.fit.types import FitRequest
from modelyard.units import GIB

BROKEN = "_broken"
"""Key of a row that is no CSV."""

_TRUE = {"1", "true", "yes", "y", "on", "x"}
_DP, _DCP = re.compile(r"\bDP ?=?(\d+)\b"), re.compile(r"\bDCP ?=?(\d+)\b|decode-context-parallel[- ](?:size )?(\d+)")
_EAGER = re.compile(r"(?<!unless )(?<!unless --)(?<!without )enforce[-_]eager", re.IGNORECASE)
_ENGINES = {"trt-llm": "tensorrt-llm", "tensorrtllm": "tensorrt-llm", "llamacpp": "llama.cpp", "llama-cpp": "llama.cpp"}


def fit_csv(text: str, resolver: Resolver | None = None) -> list[dict[str, Any]]:
    """One object per row of the table: figures per GPU, or ``error``.

    Args:
        text: a CSV table with a header.
        resolver: finds models that the catalog lacks, by hub id.
    """
    return assess_rows(read_rows(text), resolver)


def read_rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV table as text by column; columns in lower case, missing cells blank."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    header: list[str] | None = None
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield {BROKEN: f"no CSV: {error}"}
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip().lower() for cell in cells]
            continue
        padded = [*cells, *[""] * (len(header) - len(cells))]
        yield {name: cell.strip() for name, cell in zip(header, padded, strict=False)}


def assess_rows(rows: Iterable[Mapping[str, str]], resolver: Resolver | None = None) -> list[dict[str, Any]]:
    """One object per row, in order."""
    return [_row(number_, row, resolver) for number_, row in enumerate(rows, start=1)]


def request_of(row: Mapping[str, str], resolver: Resolver | None = None) -> tuple[FitRequest, tuple[str, ...]]:
    """A row as a request, and what had to be assumed to read it.

    Raises:
        UsageError: a cell that cannot be read: names the column.
    """
    cell = _Cells(row)
    if cell["hf_id"] == "" and cell["model"] == "":
        raise UsageError("no model", details="where    columns hf_id and model are blank")
    model = read_model(cell["hf_id"], cell["model"], resolver)
    model, quantization, quantized = read_quantization(model, cell["hf_id"], cell["quant"])
    gpu, assumed = read_gpu(cell["gpu"], number(cell["gpu_mem_gib"], "gpu_mem_gib"))
    engine = cell["engine"].lower() or "vllm"
    longest = model.max_position_embeddings
    asked = whole(cell["max_model_len"], "max_model_len") or longest
    notes = [*quantized, *assumed]
    if asked > longest:
        notes.append(f"a context of {asked:,} tokens: taken as the model's {longest:,}")
    kv_dtype = cell["kv_dtype"].lower()
    cache_gib = number(cell["kv_cache_memory_gib"], "kv_cache_memory_gib")
    request = FitRequest(
        model=model,
        quantization=quantization,
        gpu=gpu,
        max_model_len=min(asked, longest),
        tensor_parallel_size=whole(cell["tp"], "tp") or 1,
        pipeline_parallel_size=whole(cell["pp"], "pp") or 1,
        engine=_ENGINES.get(engine, engine),
        engine_version=read_version(cell["engine_version"], PINNED_ENGINE),
        gpu_memory_utilization=number(cell["gmu"], "gmu"),
        max_num_seqs=whole(cell["max_num_seqs"], "max_num_seqs"),
        max_num_batched_tokens=whole(cell["max_batched_tokens"], "max_batched_tokens"),
        kv_cache_dtype=KV_DTYPES.get(kv_dtype, kv_dtype),
        enforce_eager=cell["enforce_eager"].lower() in _TRUE or bool(_EAGER.search(cell["notes"])),
        data_parallel_size=whole(cell["dp"], "dp") or _noted(_DP, cell["notes"]),
        expert_parallel=model.moe is not None
        and (cell["ep"].lower() in {*_TRUE, *"23456789"} or "expert parallel" in cell["notes"].lower()),
        decode_context_parallel_size=whole(cell["dcp"], "dcp") or _noted(_DCP, cell["notes"]),
        kv_cache_memory_bytes=None if cache_gib is None else round(cache_gib * GIB),
        memory_fraction=number(cell["memory_fraction"], "memory_fraction"),
    )
    return request, tuple(notes)


class _Cells:
    """Cells of a row by column; blank where there is none."""

    def __init__(self, row: Mapping[str, str]) -> None:
        self._row = row

    def __getitem__(self, column: str) -> str:
        return self._row.get(column) or ""


def _noted(pattern: re.Pattern[str], notes: str) -> int:
    match = pattern.search(notes)
    found = next((int(group) for group in match.groups() if group), 1) if match else 1
    return found if 1 <= found <= 1024 else 1


def _row(line: int, row: Mapping[str, str], resolver: Resolver | None) -> dict[str, Any]:
    label = {"row": line, "model": row.get("hf_id") or row.get("model") or ""}
    if BROKEN in row:
        return {**label, "error": row[BROKEN]}
    try:
        request, notes = request_of(row, resolver)
        fit = assess(request)
        weights, kv = fit.per_gpu.weights, fit.per_gpu.kv_cache
        if request.engine not in LOCAL:  # logs quote the first stage; tokens are those of the scarcest
            first = stage_budgets(request)[0]
            weights, kv = first.stage.weights_bytes, first.kv_bytes
    except ModelyardError as error:
        return {**label, "error": str(error)}
    except (ValueError, ArithmeticError, LookupError, TypeError) as error:
        return {**label, "error": f"this row could not be computed: {error}"}
    return {
        **label,
        "weights_gib_per_gpu": round(weights / GIB, 4),
        "kv_cache_gib_per_gpu": round(kv / GIB, 4),
        "kv_cache_tokens": fit.kv_cache_tokens,
        "max_concurrency": round(fit.max_concurrency, 4),
        "verdict": str(fit.verdict),
        "unknown": [*notes, *fit.unknown],
    }
