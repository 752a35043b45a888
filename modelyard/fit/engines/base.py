"""What engines that keep a whole model on their GPUs have in common: flags, a budget per stage, what they do not know.

They differ in one rule, what is left for the KV cache, and in the defaults of their flags. The rest (weights, block
layouts, verdicts) is shared.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from modelyard.errors import UsageError, quote
from modelyard.fit.checkpoints import Precision
from modelyard.fit.constants import FITTED, Constants, Kind, find_constant
from modelyard.fit.defaults import Flags, Version
from modelyard.fit.dtype import loads_float32
from modelyard.fit.kv_cache import Layout
from modelyard.fit.kv_dtype import KvDtype
from modelyard.fit.mxfp4 import kernels_for
from modelyard.fit.runtime import Runtime, Shape, non_torch_name
from modelyard.fit.types import FitRequest
from modelyard.fit.weights import Spread, Stage

PLAIN_TOKENS = (0, 20)
"""Stands for the version of an engine that counts tokens plainly, as vLLM did through 0.20."""


def own_fraction(request: FitRequest, *, default: float, flag: str) -> float:
    """The fraction of memory that an engine calls ``flag``: as asked, or its default.

    Raises:
        UsageError: a fraction outside 0 to 1.
    """
    fraction = default if request.memory_fraction is None else request.memory_fraction
    if not 0 < fraction <= 1:
        raise UsageError(
            f"{quote(fraction)} is no {flag}", details="where    memory_fraction\nallowed  more than 0, to 1"
        )
    return fraction


def assumed_overhead(request: FitRequest, version: Version) -> tuple[str, ...]:
    """What to say where memory outside torch is not measured for a group of this size on this class of GPU."""
    group = request.tensor_parallel_size * request.data_parallel_size
    row = find_constant(non_torch_name(request.gpu, version, group, request.pipeline_parallel_size))
    if row.kind is not Kind.ASSUMED:
        return ()
    where = f"{group} GPUs" if group > 1 else "one GPU"
    return (f"memory outside torch on {where} of this class: taken as {row.value:g} GiB ({row.source})",)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageBudget:
    """One pipeline stage's memory, in bytes per GPU."""

    stage: Stage
    runtime: Runtime
    layout: Layout
    kv_bytes: int
    requested_bytes: int
    """What the engine may use at all."""
    graphs_inside: bool = True
    """Whether the CUDA graphs are taken out of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What one stage is asked to hold, resolved."""

    request: FitRequest
    precision: Precision
    flags: Flags
    dtype: KvDtype
    stage: Stage
    constants: Constants = field(default_factory=lambda: FITTED)

    @property
    def shape(self) -> Shape:
        """How a GPU of this stage takes part in a forward pass."""
        request = self.request
        return Shape(
            tp=request.tensor_parallel_size,
            pp=request.pipeline_parallel_size,
            dp=request.data_parallel_size,
            expert_parallel=request.expert_parallel,
            is_first=self.stage.index == 0,
            is_last=self.stage.is_last,
            eager=request.enforce_eager,
            moe_workspace=self.precision.scheme.family not in {"mxfp4", "fp8-fp4"},
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """One engine."""

    name: str
    flags: Callable[[FitRequest], Flags]
    budget: Callable[[Case], StageBudget]
    granted_by: Callable[[FitRequest, Flags], str]
    """The setting that bounds its memory, in words."""
    unknown: Callable[[FitRequest], tuple[str, ...]]
    """What it does not know, and what was assumed."""
    unsure_share: float = 0.0
    """Share of the GPU by which its budget may be off."""


def spread_of(request: FitRequest) -> Spread:
    """How the weights of ``request`` lie over its GPUs."""
    return Spread(
        tp=request.tensor_parallel_size,
        pp=request.pipeline_parallel_size,
        dp=request.data_parallel_size if request.model.moe is not None else 1,
        expert_parallel=request.expert_parallel,
        amd=request.gpu.capability is None and request.gpu.vendor == "amd",
        float32=loads_float32(request.model, request.gpu, request.engine, request.engine_version),
        mxfp4=kernels_for(request.gpu, request.engine, request.engine_version),
    )
