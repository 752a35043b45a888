"""Which GPU serves which quantization under which engine release, and by which kind of kernel.

The answers are rows of ``data/precision.toml``; here they are chosen by engine, release, GPU and checkpoint.
"""

from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.engines import find_engine, pinned_version
from modelyard.catalog.gpus import Gpu
from modelyard.catalog.precision import Kernel, capability, load_kernels, release
from modelyard.errors import UnknownNameError
from modelyard.fit.checkpoints import Precision
from modelyard.fit.dtype import upcasts
from modelyard.fit.memo import ById
from modelyard.fit.schemes import Scheme, find_scheme
from modelyard.fit.types import FitRequest

_NEEDS = {
    "bf16": ("bf16",), "fp32": (), "fp8": ("fp8",), "int8": ("int8",), "int4": ("int4",), "nvfp4": ("nvfp4",),
    "mxfp4": ("mxfp4",), "fp8-fp4": ("fp8", "mxfp4"),
}  # fmt: skip
"""Scheme family → the catalog's names of weight precisions that a GPU must have."""

_NAMES = {
    "bf16": "bf16", "fp32": "bf16", "int8": "int8-w8a8", "nvfp4": "nvfp4", "fp8-fp4": "fp8-fp4", "bnb": "bnb-nf4",
    "gguf": "gguf-q4-k-m",
}  # fmt: skip
"""Scheme family → the precision whose kernels serve it, where the family has one; GGUF's presets share theirs."""

_OWN_KERNELS = ("llama.cpp", "ollama", "mlx")
"""Engines that bring kernels for every file that they read."""

_DEFAULT_ENGINE = "vllm"


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """Whether a GPU serves a precision."""

    ok: bool
    kind: str
    """``native``, ``weight-only`` (unpacked to 16 bits: saves memory alone), ``fp16``, ``fp32``, ``none``."""
    why: str
    plugin: str | None = None
    """Package that the engine needs besides itself, which its image does not hold."""


def support_of(request: FitRequest, precision: Precision) -> Support:
    """Whether the request's engine release serves this precision of this model on the request's GPU.

    Knows more than ``precision_support``: the method that the checkpoint declares, and the families that vLLM runs in
    float32 where there is no bfloat16, which no quantization method takes.
    """
    support = precision_support(
        request.gpu,
        precision.scheme.name,
        request.engine,
        version=request.engine_version,
        method=None if precision.on_the_fly else precision.checkpoint.quant_method,
    )
    if not support.ok or request.engine != "vllm" or not upcasts(request.model, request.gpu, request.engine_version):
        return support
    if support.kind == "fp16":
        why = f"{request.gpu.title} has no bfloat16 and {request.model.title} no float16: vLLM serves it in float32"
        return Support(ok=True, kind="fp32", why=why)
    title = request.model.title
    return _refused(
        f"{request.gpu.title} has no bfloat16, so vLLM runs {title} in float32, which no quantized weights do"
    )


def precision_support(
    gpu: Gpu, quantization: str, engine: str = "vllm", *, version: str | None = None, method: str | None = None
) -> Support:
    """Whether ``engine`` serves ``quantization`` weights on ``gpu``, by which kind of kernel, and why.

    Args:
        gpu: catalog row.
        quantization: any spelling.
        engine: engine name; one that the table lacks is taken as vLLM.
        version: its release; None: the pinned one. The table knows the releases of vLLM alone.
        method: the quantization method that the checkpoint declares, where that is known, such as ``modelopt``.
    """
    return _support(ById(gpu), quantization, engine, version, method)


@lru_cache(maxsize=16384)
def _support(key: ById[Gpu], quantization: str, engine: str, version: str | None, method: str | None) -> Support:
    gpu, scheme = key.value, find_scheme(quantization)
    if scheme is None:
        return _refused(f"{quantization} is not a known quantization")
    if engine in _OWN_KERNELS:
        return Support(ok=True, kind="native", why=f"{engine} brings kernels for every file that it reads")
    if gpu.is_apple:
        return _refused(f"{engine} does not run on {gpu.title}: {', '.join(_OWN_KERNELS)} do")
    if scheme.family == "bf16" and "bf16" not in gpu.precisions and "fp16" in gpu.precisions:
        return Support(ok=True, kind="fp16", why=f"{gpu.title} has no bfloat16: the weights are served as float16")
    missing = [need for need in _NEEDS.get(scheme.family, ()) if need not in gpu.precisions]
    if missing:
        return _refused(f"{gpu.title} ({gpu.generation}) has no kernel for {', '.join(missing)} weights")
    return _by_kernel(gpu, scheme, engine, version, method or _method_of(scheme.name))


def _by_kernel(gpu: Gpu, scheme: Scheme, engine: str, version: str | None, method: str) -> Support:
    name, title = _name_of(scheme), _engine_title(engine, version)
    here = [kernel for kernel in _rows(engine, name, method) if _runs_on(kernel, gpu)]
    if not here:
        return _refused(f"{title} has no {name} kernel for {gpu.title} ({gpu.generation})")
    now = [kernel for kernel in here if _is_in(kernel, version or pinned_version(engine))]
    return _chosen(now, gpu, scheme, title) if now else _refused(_since_when(here, title, name, gpu))


def _refused(why: str) -> Support:
    return Support(ok=False, kind="none", why=why)


def _name_of(scheme: Scheme) -> str:
    """The precision of the catalog whose kernels serve ``scheme``."""
    name = scheme.name
    if scheme.family == "fp8":
        by_row = any(word in name for word in ("dynamic", "channel", "ptpc"))
        return (
            "mxfp8" if "mx" in name else "fp8-block" if scheme.block > 1 else "fp8-channel" if by_row else "fp8-tensor"
        )
    if scheme.family == "int4":
        return "w4a8-fp8" if name.startswith("w4a8") else "awq-g128" if name.startswith("awq") else "gptq-g128"
    if scheme.family == "mxfp4":
        return "mxfp4" if scheme.experts_only else "mxfp4-all"
    if name.startswith(("w8a16", "gptq", "awq")):  # 8-bit weights alone run where 4-bit ones do
        return "gptq-g128"
    return _NAMES.get(scheme.family, scheme.family)


def _method_of(name: str) -> str:
    """The method that a spelling belongs to, where it belongs to one alone."""
    return "compressed-tensors" if name.startswith(("w4a16", "w8a16", "int4-ct")) else ""


@lru_cache(maxsize=512)
def _rows(engine: str, name: str, method: str) -> tuple[Kernel, ...]:
    kernels = load_kernels()
    engine = engine if any(kernel.engine == engine for kernel in kernels) else _DEFAULT_ENGINE
    rows = tuple(kernel for kernel in kernels if kernel.engine == engine and name in kernel.serves)
    own = tuple(kernel for kernel in rows if kernel.quant_method == method)
    if own and method:  # AMD's rows are listed once where the method makes no difference there
        return own if any(kernel.amd for kernel in own) else (*own, *(k for k in rows if k.amd and not k.quant_method))
    return tuple(kernel for kernel in rows if not kernel.quant_method)


def _runs_on(kernel: Kernel, gpu: Gpu) -> bool:
    have = gpu.capability
    if have is None or kernel.min_capability is None:
        return kernel.amd and gpu.vendor == "amd"
    return capability(kernel.min_capability) <= have and (kernel.until is None or have < capability(kernel.until))


def _is_in(kernel: Kernel, version: str) -> bool:
    asked = release(version)
    begun = not kernel.since or release(kernel.since) <= asked
    return begun and (not kernel.before or asked < release(kernel.before))


def _is_native(kernel: Kernel, gpu: Gpu) -> bool:
    have = gpu.capability
    if have is None:
        return gpu.compute_capability in kernel.amd_native
    return kernel.native_from is not None and have >= capability(kernel.native_from)


def _since_when(kernels: list[Kernel], engine: str, name: str, gpu: Gpu) -> str:
    """Why a release lacks what another one has."""
    begin = min((kernel.since for kernel in kernels if kernel.since), key=release, default="")
    end = "" if any(not kernel.before for kernel in kernels) else max((k.before for k in kernels), key=release)
    span = " ".join(part for part in (f"from {begin} on" if begin else "", f"before {end}" if end else "") if part)
    return f"{engine} does not serve {name} weights on {gpu.title}: releases {span} do"


def _chosen(rows: list[Kernel], gpu: Gpu, scheme: Scheme, engine: str) -> Support:
    best = max(rows, key=lambda kernel: (kernel.plugin is None, _is_native(kernel, gpu)))
    family = scheme.family
    if best.plugin is not None:
        why = f"{engine} serves {family} weights with {best.plugin} installed, which its image does not hold"
        return Support(ok=True, kind="weight-only", why=why, plugin=best.plugin)
    if _is_native(best, gpu):
        return Support(ok=True, kind="native", why=f"{gpu.title} ({gpu.generation}) runs {family} natively")
    if family in {"int4", "bnb", "gguf"}:
        what = {"int4": "4-bit", "bnb": "bitsandbytes", "gguf": "GGUF"}[family]
        return Support(ok=True, kind="weight-only", why=f"{what} weights are unpacked to 16 bits by the kernels")
    lacks = "fp4" if family == "fp8-fp4" else family
    kernels = "Marlin kernels" if gpu.capability is not None and family in {"fp8", "nvfp4"} else "the kernels"
    return Support(
        ok=True, kind="weight-only", why=f"{gpu.title} has no {lacks} arithmetic: {kernels} unpack the weights"
    )


def _engine_title(engine: str, version: str | None) -> str:
    try:
        title = find_engine(engine).title
    except UnknownNameError:
        title = engine
    return f"{title} {version or pinned_version(engine)}"
