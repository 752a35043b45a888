"""Which GPU serves which quantization, and by which kind of kernel."""

from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.gpus import Gpu
from modelyard.fit.memo import ById
from modelyard.fit.schemes import find_scheme

_NEEDS = {
    "bf16": ("bf16",), "fp32": (), "fp8": ("fp8",), "int8": ("int8",), "int4": ("int4",), "nvfp4": ("nvfp4",),
    "mxfp4": ("mxfp4",), "fp8-fp4": ("fp8", "mxfp4"), "bnb": (), "gguf": (),
}  # fmt: skip
"""Scheme family → the catalog's names of weight precisions that a GPU must have."""

_NATIVE_FROM = {"nvfp4": (10, 0), "mxfp4": (10, 0), "fp8-fp4": (10, 0)}
"""Compute capability from which arithmetic runs at that precision; below, Marlin kernels unpack the weights."""

_LABEL = {"fp8-fp4": "fp4"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """Whether a GPU serves a precision."""

    ok: bool
    kind: str
    """``native``, ``weight-only`` (unpacked by a Marlin kernel: saves memory, not arithmetic), ``fp16`` or ``none``."""
    why: str


def precision_support(gpu: Gpu, quantization: str, engine: str = "vllm") -> Support:
    """Whether ``engine`` serves ``quantization`` weights on ``gpu``, by which kind of kernel, and why.

    Args:
        gpu: catalog row.
        quantization: any spelling.
        engine: engine name; the table is vLLM's, which SGLang shares.
    """
    return _support(ById(gpu), quantization, engine)


@lru_cache(maxsize=16384)
def _support(key: ById[Gpu], quantization: str, engine: str) -> Support:
    gpu = key.value
    scheme = find_scheme(quantization)
    if scheme is None:
        return Support(ok=False, kind="none", why=f"{quantization} is not a known quantization")
    if scheme.family == "gguf" and engine == "vllm":
        return Support(ok=False, kind="none", why="GGUF files are served by llama.cpp; vLLM's support is experimental")
    if scheme.family == "bf16" and "bf16" not in gpu.precisions and "fp16" in gpu.precisions:
        return Support(ok=True, kind="fp16", why=f"{gpu.title} has no bfloat16: the weights are served as float16")
    if scheme.family in {"bnb", "gguf"} and gpu.capability is None:
        return Support(ok=False, kind="none", why=f"no {scheme.family} kernels for {gpu.title}")
    missing = [need for need in _NEEDS[scheme.family] if need not in gpu.precisions]
    if missing:
        why = f"{gpu.title} ({gpu.generation}) has no kernel for {', '.join(missing)} weights"
        return Support(ok=False, kind="none", why=why)
    return _kind(gpu, scheme.family)


def _kind(gpu: Gpu, family: str) -> Support:
    if family == "int4":
        return Support(ok=True, kind="weight-only", why="4-bit weights are unpacked to 16 bits by Marlin kernels")
    since = _NATIVE_FROM.get(family)
    lacks = since is not None and gpu.capability is not None and gpu.capability < since
    if lacks or (family == "fp8" and gpu.fp8_kernel == "marlin"):
        what = _LABEL.get(family, family)
        why = f"{gpu.title} has no {what} arithmetic: Marlin kernels unpack the weights"
        return Support(ok=True, kind="weight-only", why=why)
    return Support(ok=True, kind="native", why=f"{gpu.title} ({gpu.generation}) runs {family} natively")
