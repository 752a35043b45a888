"""Which dtype the KV cache has: the flag, what the checkpoint declares, and what the GPU can do (vram.md §2.1)."""

from dataclasses import dataclass
from functools import lru_cache

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Checkpoint, Model
from modelyard.errors import UsageError, quote
from modelyard.fit.checkpoints import Precision
from modelyard.fit.dtype import loads_float32
from modelyard.fit.memo import ById
from modelyard.fit.types import FitRequest

KV_CACHE_DTYPES = ("auto", "bfloat16", "float16", "fp8", "fp8_e4m3", "fp8_e5m2", "fp8_ds_mla", "nvfp4_ds_mla")

_LATENT_ROWS = {"fp8_ds_mla": 656, "nvfp4_ds_mla": 352}
"""Bytes per layer and token of packed latent rows (vLLM ``layers/attention/mla_attention.py``)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class KvDtype:
    """The dtype of cached keys and values."""

    name: str
    element_bytes: float
    latent_row_bytes: int = 0
    """Bytes of a packed MLA row per layer and token; 0: elements × element_bytes."""


def resolve_kv_dtype(model: Model, checkpoint: Checkpoint, asked: str, gpu: Gpu, *, float32: bool = False) -> KvDtype:
    """What ``--kv-cache-dtype`` comes to.

    ``auto`` is the dtype that the model is loaded in even when the weights are fp8, and fp8 only where the checkpoint
    declares it.

    Args:
        model: the model.
        checkpoint: what is loaded.
        asked: the flag.
        gpu: where.
        float32: whether the engine loads unquantized weights as float32 (``modelyard.fit.dtype``).

    Raises:
        UsageError: no such dtype, one for another kind of attention, or one that the GPU lacks.
    """
    return _resolve(ById(model), checkpoint.kv_cache_dtype, asked, ById(gpu), float32=float32)


def kv_dtype_of(request: FitRequest, precision: Precision) -> KvDtype:
    """The dtype of the KV cache of ``request``.

    Raises:
        UsageError: see ``resolve_kv_dtype``.
    """
    wide = loads_float32(request.model, request.gpu, request.engine, request.engine_version)
    asked = request.kv_cache_dtype
    return resolve_kv_dtype(request.model, precision.checkpoint, asked, request.gpu, float32=wide)


def supports_fp8_cache(gpu: Gpu) -> bool:
    """Whether vLLM keeps an fp8 KV cache on ``gpu``: Ampere and later, CDNA3 and later."""
    return gpu.capability is None or gpu.capability >= (8, 0)


@lru_cache(maxsize=16384)
def _resolve(model_key: ById[Model], declared: str | None, asked: str, gpu_key: ById[Gpu], *, float32: bool) -> KvDtype:
    model, gpu = model_key.value, gpu_key.value
    name = asked.strip().lower()
    if name not in KV_CACHE_DTYPES:
        raise _refused(asked, f"allowed  {', '.join(KV_CACHE_DTYPES)}")
    if name == "auto":
        name = declared if declared and supports_fp8_cache(gpu) else "bfloat16"
    if name in _LATENT_ROWS:
        if model.mla is None:
            raise _refused(asked, "allowed  only for models with latent attention (MLA)", f"{model.title} has none")
        return KvDtype(name=name, element_bytes=1, latent_row_bytes=_LATENT_ROWS[name])
    if not name.startswith("fp8"):
        wide = float32 and asked.strip().lower() == "auto"
        return KvDtype(name="float32" if wide else name, element_bytes=4 if wide else 2)
    if not supports_fp8_cache(gpu):
        raise _refused(asked, f"allowed  auto, bfloat16, float16 on {gpu.title}", f"{gpu.title} has no fp8 KV cache")
    if model.indexer is not None and model.mla is not None:  # sparse latent attention packs its fp8 rows
        return KvDtype(name="fp8_ds_mla", element_bytes=1, latent_row_bytes=_LATENT_ROWS["fp8_ds_mla"])
    return KvDtype(name=name, element_bytes=1)


def _refused(asked: str, allowed: str, why: str | None = None) -> UsageError:
    details = f"where    kv_cache_dtype\n{allowed}"
    return UsageError(f"{quote(asked)} is no KV cache dtype here", details=details, resolution=why)
