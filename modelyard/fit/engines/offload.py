"""What engines of the llama.cpp family share: layers placed one by one, and a context that is reserved whole at load.

So "does it fit" becomes "how many layers do". llama-server lowers ``--n-gpu-layers`` until weights, KV cache and the
compute buffer leave a margin on every GPU (llama.cpp ``common/fit.cpp``; ``--fit-target``, 1024 MiB); the rest runs on
the CPU.
"""

from dataclasses import dataclass

from modelyard.errors import UsageError
from modelyard.fit.constants import FITTED
from modelyard.fit.kv_cache import linear_state_bytes, windowed_layers
from modelyard.fit.types import Fit, FitRequest, PerGpu, Verdict
from modelyard.fit.weights import FileLayers, file_layers
from modelyard.units import GIB, MIB, format_tokens, gib

FIT_MARGIN = 1024 * MIB
UBATCH = 512
CACHE_STEP = 256
"""Cells of a cache are counted in these steps."""
KV_BYTES = {"auto": 2.0, "float16": 2.0, "bfloat16": 2.0, "f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32, "fp8": 34 / 32}
"""Bytes per element of ``--cache-type-k/v``; fp8 is taken for the nearest, q8_0."""
FLOAT = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One engine of the family."""

    title: str
    parallel: int
    """Requests that share the context."""
    reserve: int
    """Bytes per GPU that stay free."""
    context_bytes: int
    """What the driver takes before anything is loaded."""
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sizes:
    """Bytes of the whole model."""

    files: FileLayers
    kv: tuple[int, ...]
    """Per layer, for the whole context."""
    compute: int
    """Per GPU."""


def kv_layers(request: FitRequest, parallel: int) -> tuple[int, ...]:
    """Bytes of KV cache or state of every layer, for ``parallel`` requests of the asked context.

    Raises:
        UsageError: a cache type that the engine does not have.
    """
    element = KV_BYTES.get(request.kv_cache_dtype)
    if element is None:
        raise UsageError(
            f"'{request.kv_cache_dtype}' is no KV cache type of {request.engine}",
            details=f"where    kv_cache_dtype\nallowed  {', '.join(KV_BYTES)}",
        )
    model, total = request.model, request.max_model_len * parallel
    ubatch = request.max_num_batched_tokens or UBATCH
    sizes: list[int] = []
    for kind, elements in windowed_layers(model):
        if kind == "linear" and model.linear_attention is not None:
            sizes.append(linear_state_bytes(model.linear_attention, 1) * 2 * parallel)
            continue
        cells = total
        if kind == "window" and model.window is not None:
            cells = min(total, -(-(model.window.size * parallel + ubatch) // CACHE_STEP) * CACHE_STEP)
        sizes.append(round(cells * elements * element))
    return tuple(sizes)


def compute_buffer(request: FitRequest) -> int:
    """The buffer of one micro-batch: its logits and hidden states in 32 bits (258.5 MiB for Llama 3 8B at 512).

    With flash attention; without it scores of micro-batch × context × heads come on top.
    """
    ubatch = request.max_num_batched_tokens or UBATCH
    return ubatch * (request.model.vocab_size + request.model.hidden_size) * FLOAT


def assess_offload(request: FitRequest, setting: Setting) -> Fit:
    """How much of the model the GPUs hold, and whether that is all of it."""
    gpus, model = request.gpu_count, request.model
    sizes = _Sizes(
        files=file_layers(model, request.quantization),
        kv=kv_layers(request, setting.parallel),
        compute=compute_buffer(request),
    )
    room = request.gpu.total_memory_bytes - setting.context_bytes - setting.reserve - sizes.compute
    placed = _placed(sizes, room * gpus)
    count = model.num_hidden_layers + 1  # the output counts as a layer
    wanted = count if request.gpu_layers is None else min(request.gpu_layers, count)
    on_gpu = min(placed, wanted)
    weights, kv = _on_gpu(sizes, on_gpu)
    host = sum(_on_gpu(sizes, count)) + sizes.files.embedding - weights - kv
    asked_weights, asked_kv = _on_gpu(sizes, wanted)
    margin = room * gpus - asked_weights - asked_kv
    context = request.max_model_len * setting.parallel
    per_gpu = _per_gpu(request, setting, -(-weights // gpus), -(-kv // gpus), sizes.compute)
    verdict, reasons = _verdict(request, setting, placed, wanted, margin, host)
    return Fit(
        request=request,
        verdict=verdict,
        per_gpu=per_gpu,
        kv_bytes_per_token=sum(sizes.kv) // context,
        kv_cache_tokens=context,
        max_concurrency=float(setting.parallel),
        margin_bytes=margin // gpus,
        reasons=reasons,
        warnings=(),
        unknown=setting.unknown,
        gpu_layers=on_gpu,
        host_bytes=host,
    )


def _on_gpu(sizes: _Sizes, layers: int) -> tuple[int, int]:
    """Weights and KV cache of the last ``layers`` layers: the output goes first, the first layers stay behind."""
    body = max(0, layers - 1)
    start = len(sizes.files.layers) - body
    weights = sum(sizes.files.layers[start:]) + (sizes.files.output if layers else 0)
    return weights, sum(sizes.kv[start:])


def _placed(sizes: _Sizes, room: int) -> int:
    """The most layers that ``room`` holds."""
    for layers in range(len(sizes.files.layers) + 1, 0, -1):
        if sum(_on_gpu(sizes, layers)) <= room:
            return layers
    return 0


def _verdict(
    request: FitRequest, setting: Setting, placed: int, wanted: int, margin: int, host: int
) -> tuple[Verdict, tuple[str, ...]]:
    whole = request.model.num_hidden_layers + 1
    length = format_tokens(request.max_model_len)
    if request.concurrency > setting.parallel:
        why = f"{setting.title} serves {setting.parallel} requests at once, you asked for {request.concurrency}"
        return Verdict.TIGHT, (why,)
    if placed >= wanted == whole:
        if margin > GIB // 2:
            return Verdict.FITS, ()
        return Verdict.TIGHT, (f"all layers fit with {gib(margin):.2f} GiB to spare: within the error",)
    if min(placed, wanted) == 0:
        return Verdict.DOES_NOT_FIT, (
            f"not one layer fits beside {length} of context: {gib(-margin):.2f} GiB are missing",
        )
    if placed < wanted and request.gpu_layers is not None:
        return Verdict.DOES_NOT_FIT, (
            f"{placed} of the {wanted} layers asked for fit: {gib(-margin):.2f} GiB are missing",
        )
    on_gpu = min(placed, wanted)
    why = (
        f"{on_gpu} of {whole} layers fit: the rest takes {gib(host):.2f} GiB of main memory and runs on the CPU, slowly"
    )
    return Verdict.TIGHT, (why,)


def _per_gpu(request: FitRequest, setting: Setting, weights: int, kv: int, compute: int) -> PerGpu:
    total = request.gpu.total_memory_bytes
    return PerGpu(
        total=total,
        weights=weights,
        activations=compute,
        cuda_graphs=0,
        runtime=setting.context_bytes,
        kv_cache=kv,
        reserve=total - weights - kv - compute - setting.context_bytes,
    )


def cuda_context(request: FitRequest) -> int:
    """What a driver context takes on one GPU."""
    return round(FITTED["context_one_gpu"] * GIB) if request.gpu.vendor != "apple" else 0
