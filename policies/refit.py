"""Works a Serving's fit out again from its plain facts: a verdict in the props is a claim, arithmetic is evidence."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelyard.catalog.engines import find_engine
from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.catalog.models import Model, find_model
from modelyard.errors import ModelyardError, UnknownNameError, UsageError
from modelyard.fit import assess
from modelyard.fit.types import Fit, FitRequest
from modelyard.plan.request import flags_that_move_memory
from modelyard.render.engines import RENDERERS
from modelyard.resources import Resource, Unknown, Value, lookup
from policies.facts import text, whole

_NEEDED = ("model", "gpu", "quantization", "contextTokens")
_READ = (*_NEEDED, "tensorParallelSize", "concurrency", "engine.argv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Refit:
    """What came of it: exactly one of the three is set."""

    fit: Fit | None = None
    unknown: str | None = None
    """The property that is not known before ``up``."""
    cannot: str | None = None
    """Why it cannot be worked out: a model or GPU that the catalog does not hold, a fact that is missing."""


def refit(serving: Resource) -> Refit:
    """The fit of one Serving from model, GPU, precision, context, concurrency and the engine's flags."""
    facts = {name: lookup(serving.props, name) for name in _READ}
    for name, value in facts.items():
        if isinstance(value, Unknown):
            return Refit(unknown=name)
    missing = [name for name in _NEEDED if facts[name] in (None, "")]
    if missing:
        return Refit(cannot=f"{missing[0]} is not given")
    try:
        return Refit(fit=assess(_request(serving)))
    except ModelyardError as error:
        return Refit(cannot=error.brief)


def find_serving_model(serving: Resource) -> Model:
    """The catalog's model for a Serving, by its name or by its hub id.

    Raises:
        UnknownNameError: neither is in the catalog.
    """
    name, hub_id = text(serving, "model"), text(serving, "hubId")
    try:
        return find_model(name if isinstance(name, str) else "")
    except UnknownNameError:
        if not isinstance(hub_id, str):
            raise
        return find_model(hub_id)


def find_serving_gpu(serving: Resource) -> Gpu:
    """The catalog's GPU for a Serving.

    Raises:
        UnknownNameError: it is not in the catalog.
    """
    name = text(serving, "gpu")
    return find_gpu(name if isinstance(name, str) else "")


def _request(serving: Resource) -> FitRequest:
    flags = engine_flags(lookup(serving.props, "engine.argv"))
    engine = _text(serving, "engine.name", "vllm")
    return FitRequest(
        model=find_serving_model(serving),
        quantization=str(lookup(serving.props, "quantization")),
        gpu=find_serving_gpu(serving),
        max_model_len=_number(serving, "contextTokens", 1),
        tensor_parallel_size=_number(serving, "tensorParallelSize", 1),
        pipeline_parallel_size=_whole_flag(flags, "pipeline-parallel-size") or 1,
        engine=engine,
        engine_version=_text(serving, "engine.version", "") or find_engine(engine).version,
        kv_cache_dtype=_text(serving, "kvCacheDtype", flags.get("kv-cache-dtype", "auto")),
        concurrency=_number(serving, "concurrency", 1),
        parallel=_number(serving, "concurrency", 1) if engine in RENDERERS and RENDERERS[engine].reads_gguf else None,
        **_memory_flags(engine, flags),
    )


def _memory_flags(engine: str, flags: Mapping[str, str]) -> dict[str, Any]:
    """The flags that move memory; one with a value that no engine takes is passed over, as the engine will say so."""
    if engine not in RENDERERS:
        return {}
    found: dict[str, Any] = {}
    for name, value in flags.items():
        with contextlib.suppress(UsageError):
            found |= flags_that_move_memory(engine, {name: value or True})
    return found


def engine_flags(argv: Value) -> dict[str, str]:
    """``--flag value``, ``--flag=value`` and bare ``--flag`` of an argument list, without the dashes."""
    words = [str(word) for word in argv] if isinstance(argv, list) else []
    flags: dict[str, str] = {}
    for word, following in zip(words, [*words, "--"][1:], strict=True):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            flags[name] = value if equals else ("" if following.startswith("--") else following)
    return flags


def _number(serving: Resource, path: str, default: int) -> int:
    value = whole(serving, path)
    return value if isinstance(value, int) and value > 0 else default


def _text(serving: Resource, path: str, default: str) -> str:
    value = text(serving, path)
    return value if isinstance(value, str) else default


def _whole_flag(flags: Mapping[str, str], name: str) -> int | None:
    value = flags.get(name, "")
    return int(value) if value.isascii() and value.isdigit() else None
