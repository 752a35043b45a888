"""From what was asked to what the fit is asked: model, precision, engine, and the flags that move memory."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from modelyard.catalog.engines import Engine, find_engine
from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model, find_model, repackaging
from modelyard.errors import UsageError, quote
from modelyard.fit import FitRequest, Precision, Support, checkpoint_bytes, resolve_precision, support_of
from modelyard.fit.checkpoints import resolve_file
from modelyard.fit.weights import file_layers
from modelyard.plan.types import Weights
from modelyard.render.engines import RENDERERS, renderer_of
from modelyard.spec import FlagValue, ServingSpec
from modelyard.units import GB


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """The spec with its names looked up."""

    spec: ServingSpec
    model: Model
    precision: Precision
    engine: Engine
    download_bytes: int

    @property
    def cache_gb(self) -> int:
        """Decimal GB of the model cache: as asked, or the checkpoint and a tenth more, in steps of ten."""
        asked = self.spec.cache.size_gb
        return asked if asked is not None else max(10, 10 * math.ceil(self.download_bytes * 1.1 / GB / 10))

    @property
    def weights(self) -> Weights:
        """What is downloaded."""
        hub_id = self.spec.weights or self.precision.checkpoint.hub_id
        return Weights(
            hub_id=hub_id,
            quantization=self.precision.quantization,
            download_bytes=self.download_bytes,
            # Whoever repackages a gated model publishes under terms of his own.
            gated=self.model.gated == "yes" and _owner(hub_id) == _owner(self.model.hub_id),
        )

    def why_not(self, gpu: Gpu) -> str | None:
        """Why the engine cannot serve this precision on ``gpu`` at all; None when it can."""
        if gpu.vendor != "nvidia" and self.image(gpu) is None:
            return f"{self.engine.title} {self.engine.version} has no image for it that is known"
        if gpu.vendor != "nvidia" and self.spec.place.kubernetes is None:
            return f"the ROCm image of {self.engine.title} {self.engine.version} is not confirmed"
        support = self.support(gpu)
        return support.why if support.plugin is not None or not support.ok else None

    def image(self, gpu: Gpu) -> str | None:
        """The engine's image for ``gpu``; None: there is none."""
        return {"nvidia": self.engine.image, "amd": self.engine.image_rocm}.get(gpu.vendor)

    def support(self, gpu: Gpu) -> Support:
        """How the engine's pinned release serves this precision on ``gpu``."""
        return support_of(self.fit_request(gpu, tensor_parallel_size=1), self.precision)

    def fit_request(self, gpu: Gpu, *, tensor_parallel_size: int) -> FitRequest:
        """The question whether one replica fits on ``tensor_parallel_size`` of ``gpu``."""
        return FitRequest(
            model=self.model,
            quantization=self.spec.quantization or self.precision.quantization,
            gpu=gpu,
            max_model_len=self.spec.context_tokens,
            tensor_parallel_size=tensor_parallel_size,
            engine=self.engine.name,
            engine_version=self.engine.version,
            kv_cache_dtype=self.spec.kv_cache_dtype,
            concurrency=self.spec.concurrency,
            parallel=self.spec.concurrency if renderer_of(self.engine.name).reads_gguf else None,
            **flags_that_move_memory(self.engine.name, self.spec.engine.args),
        )


def flags_that_move_memory(engine: str, args: Mapping[str, FlagValue]) -> dict[str, Any]:
    """The fields of a fit request that flags of an engine set.

    Args:
        engine: its name.
        args: flags without dashes, as in the stack file; others than those that move memory are passed over.

    Raises:
        UsageError: a value that cannot be.
    """
    spelled = {name.replace("_", "-"): name for name in args}
    found: dict[str, Any] = {}
    for field, flag in renderer_of(engine).fit_flags.items():
        if flag in spelled:
            found[field] = _READERS[field](args, spelled[flag])
    return {field: value for field, value in found.items() if value is not None}


def look_up(spec: ServingSpec) -> Asked:
    """Look every name of the spec up.

    Raises:
        UsageError: a model, precision, engine or engine version that is not known or cannot be served.
    """
    model = find_model(spec.model)
    spec = replace(spec, quantization=spec.quantization or repackaging(model, spec.model))
    engine = find_engine(spec.engine.name)
    if not engine.can_serve:
        raise UsageError(
            f"{engine.title} cannot be deployed by this version",
            details=f"where    key modelyard:serve.engine\nallowed  {', '.join(RENDERERS)}",
            resolution="use engine: vllm",
        )
    precision = _precision(model, spec, engine)
    if spec.engine.version not in (None, engine.version):
        raise UsageError(
            f"{engine.title} {quote(spec.engine.version)} is not the version that the catalog pins",
            details=f"where    key modelyard:serve.engine.version\nallowed  {engine.version}",
            resolution="leave the version out, or pin another one in modelyard/data/engines.toml with its flag list",
        )
    return Asked(
        spec=spec,
        model=model,
        precision=precision,
        engine=engine,
        download_bytes=_download_bytes(model, spec.quantization or precision.quantization, precision),
    )


def _precision(model: Model, spec: ServingSpec, engine: Engine) -> Precision:
    """What is loaded; GGUF files exist for nearly every model, so the stack says which one is meant."""
    if not renderer_of(engine.name).reads_gguf:
        return resolve_precision(model, spec.quantization)
    precision = resolve_file(model, spec.quantization or model.native_quantization)
    if precision.scheme.family != "gguf":
        raise UsageError(
            f"{engine.title} reads GGUF files, and {quote(precision.quantization)} is not one of their precisions",
            details="where    key modelyard:serve.quantization\nallowed  GGUF precisions such as q4_k_m, q6_k, q8_0",
            resolution="quantization: q4_k_m",
        )
    if spec.weights is None:
        raise UsageError(
            f"{engine.title} needs to know which GGUF files to load",
            details="where    key modelyard:serve.weights\nallowed  org/name on the hub, of a repository of GGUF files",
            resolution="add weights: org/name-GGUF",
        )
    return precision


def _download_bytes(model: Model, quantization: str, precision: Precision) -> int:
    if precision.scheme.family != "gguf":
        return checkpoint_bytes(model, quantization)
    file = file_layers(model, quantization)
    return sum(file.layers) + file.embedding + (0 if model.tie_word_embeddings else file.output)


def _owner(hub_id: str) -> str:
    return hub_id.partition("/")[0].lower()


def _whole(flags: Mapping[str, FlagValue], name: str) -> int | None:
    value = flags.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise _bad_flag(name, value, "a whole number, 1 or more")
    return int(value)


def _fraction(flags: Mapping[str, FlagValue], name: str) -> float | None:
    value = flags.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if isinstance(value, bool) or not 0 < number <= 1:
        raise _bad_flag(name, value, "more than 0 and at most 1, such as 0.92")
    return number


def _gpu_layers(flags: Mapping[str, FlagValue], name: str) -> int | None:
    """llama.cpp's ``auto`` and ``all`` are what the fit takes by itself."""
    return None if flags.get(name) in ("auto", "all") else _whole(flags, name)


def _switch(flags: Mapping[str, FlagValue], name: str) -> bool:
    return flags.get(name) is True


_READERS: Final[Mapping[str, Callable[[Mapping[str, FlagValue], str], Any]]] = {
    "gpu_memory_utilization": _fraction,
    "memory_fraction": _fraction,
    "max_num_seqs": _whole,
    "max_num_batched_tokens": _whole,
    "gpu_layers": _gpu_layers,
    "enforce_eager": _switch,
}


def _bad_flag(name: str, value: FlagValue, allowed: str) -> UsageError:
    return UsageError(
        f"{name}: {quote(value)} cannot be",
        details=f"where    key modelyard:serve.engine.args.{name}\nallowed  {allowed}",
    )
