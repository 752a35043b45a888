"""From what was asked to what the fit is asked: model, precision, engine, and the flags that move memory."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from modelyard.catalog.engines import Engine, find_engine
from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model, find_model, repackaging
from modelyard.errors import UsageError, quote
from modelyard.fit import FitRequest, Precision, Support, checkpoint_bytes, resolve_precision, support_of
from modelyard.plan.types import Weights
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
        return Weights(
            hub_id=self.precision.checkpoint.hub_id,
            quantization=self.precision.quantization,
            download_bytes=self.download_bytes,
            # Whoever repackages a gated model publishes under terms of his own.
            gated=self.model.gated == "yes" and _owner(self.precision.checkpoint.hub_id) == _owner(self.model.hub_id),
        )

    def why_not(self, gpu: Gpu) -> str | None:
        """Why the engine cannot serve this precision on ``gpu`` at all; None when it can."""
        if gpu.vendor != "nvidia":
            return f"the ROCm image of {self.engine.title} {self.engine.version} is not confirmed"
        support = self.support(gpu)
        return support.why if support.plugin is not None or not support.ok else None

    def support(self, gpu: Gpu) -> Support:
        """How the engine's pinned release serves this precision on ``gpu``."""
        return support_of(self.fit_request(gpu, tensor_parallel_size=1), self.precision)

    def fit_request(self, gpu: Gpu, *, tensor_parallel_size: int) -> FitRequest:
        """The question whether one replica fits on ``tensor_parallel_size`` of ``gpu``."""
        flags = self.spec.engine.args
        return FitRequest(
            model=self.model,
            quantization=self.spec.quantization or self.precision.quantization,
            gpu=gpu,
            max_model_len=self.spec.context_tokens,
            tensor_parallel_size=tensor_parallel_size,
            engine=self.engine.name,
            engine_version=self.engine.version,
            gpu_memory_utilization=_fraction(flags, "gpu-memory-utilization"),
            max_num_seqs=_whole(flags, "max-num-seqs"),
            max_num_batched_tokens=_whole(flags, "max-num-batched-tokens"),
            kv_cache_dtype=self.spec.kv_cache_dtype,
            enforce_eager=flags.get("enforce-eager") is True,
            concurrency=self.spec.concurrency,
        )


def look_up(spec: ServingSpec) -> Asked:
    """Look every name of the spec up.

    Raises:
        UsageError: a model, precision, engine or engine version that is not known or cannot be served.
    """
    model = find_model(spec.model)
    spec = replace(spec, quantization=spec.quantization or repackaging(model, spec.model))
    precision = resolve_precision(model, spec.quantization)
    engine = find_engine(spec.engine.name)
    if not engine.can_serve:
        raise UsageError(
            f"{engine.title} cannot be deployed by this version",
            details="where    key modelyard:serve.engine\nallowed  vllm",
            resolution="use engine: vllm",
        )
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
        download_bytes=checkpoint_bytes(model, spec.quantization or precision.quantization),
    )


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


def _bad_flag(name: str, value: FlagValue, allowed: str) -> UsageError:
    return UsageError(
        f"{name}: {quote(value)} cannot be",
        details=f"where    key modelyard:serve.engine.args.{name}\nallowed  {allowed}",
    )
