"""What engines that run on one machine share: layers placed one by one, and a context that is reserved whole at load.

So "does it fit" becomes "how many layers do". llama-server lowers ``--n-gpu-layers`` until weights, KV cache and the
compute buffer leave a margin on every GPU (llama.cpp ``common/fit.cpp``; ``--fit-target``, 1024 MiB); the rest runs on
the CPU. MLX leaves nothing to the CPU: there, all layers fit or it does not run as it should.
"""

from modelyard.catalog.models import LinearAttention
from modelyard.errors import UsageError, quote
from modelyard.fit.arithmetic import evaluate
from modelyard.fit.checkpoints import resolve_file
from modelyard.fit.constants import FITTED, whole
from modelyard.fit.engines.apple import memory_assumed, wired_limit
from modelyard.fit.engines.placed import Setting, judge_placed
from modelyard.fit.engines.sizes import Sizes
from modelyard.fit.kv_cache import windowed_layers
from modelyard.fit.types import Fit, FitRequest, PerGpu
from modelyard.fit.weights import file_layers
from modelyard.units import GIB, MIB

FIT_MARGIN = whole("llama_fit_margin_mib") * MIB
UBATCH = whole("llama_ubatch")
CACHE_STEP = whole("llama_cache_step")
"""Cells of a window's cache are counted in these steps."""
KV_BYTES = {
    "auto": 2.0, "float16": 2.0, "bfloat16": 2.0, "f16": 2.0, "bf16": 2.0, "f32": 4.0, "q8_0": 34 / 32, "q5_1": 24 / 32,
    "q5_0": 22 / 32, "q4_1": 20 / 32, "q4_0": 18 / 32, "iq4_nl": 18 / 32, "fp8": 34 / 32,
}  # fmt: skip
"""Bytes per element of ``--cache-type-k/v``; fp8 is taken for the nearest, q8_0. MLX's ``--kv-bits`` 8 and 4, in groups
of 64, come to q8_0 and q4_0."""
FLOAT = 4
GGUF_FAMILIES = frozenset({"gguf", "bf16", "fp32"})


def llama_setting(
    request: FitRequest, *, title: str, parallel: int, kept: int, batch: int, unknown: tuple[str, ...]
) -> Setting:
    """The setting of an engine that runs llama.cpp.

    Args:
        request: what is asked.
        title: its name.
        parallel: requests that share the context.
        kept: bytes per GPU that stay free.
        batch: tokens of a micro-batch when none is asked for.
        unknown: what it does not know.
    """
    gpu, model = request.gpu, request.model
    ubatch = request.max_num_batched_tokens or batch
    assumed, usable, newer, usable_text = unknown, gpu.total_memory_bytes, gpu.total_memory_bytes, ""
    if gpu.is_apple:
        wired = wired_limit(request)
        usable, newer, usable_text = wired.bytes, wired.newer_bytes, wired.formula
        assumed = (*wired.assumed, *memory_assumed(request), *unknown)
    if model.vision is not None:
        assumed = (*assumed, "the vision projector: a file of its own (mmproj), not counted here")
    return Setting(
        title=title,
        parallel=parallel,
        reserve=kept,
        context_bytes=0 if gpu.is_apple else cuda_context(),
        usable=usable,
        newer_usable=newer,
        usable_text=usable_text,
        ubatch=ubatch,
        compute_text=f"{ubatch} * ({model.vocab_size} + {model.hidden_size}) * {FLOAT}",
        compute_note=(("micro-batch", str(ubatch)), ("vocabulary and hidden size, 32 bits", "")),
        compute_source="llama.cpp logs: 258.5 MiB for Llama 3 8B at 512 (with flash attention)",
        families=GGUF_FAMILIES,
        formats="GGUF files, such as q8_0 or q4_k_m, and 16-bit weights",
        unknown=assumed,
    )


def cuda_context() -> int:
    """What a driver context takes on one GPU."""
    return round(FITTED["context_one_gpu"] * GIB)


def assess_offload(request: FitRequest, setting: Setting) -> Fit:
    """How much of the model the GPUs hold, and whether that is all of it.

    Raises:
        UsageError: an unknown precision or cache type.
    """
    gpus, sizes = request.gpu_count, size_up(request, setting)
    room = (setting.usable - setting.context_bytes - setting.reserve - sizes.compute) * gpus
    count = sizes.count
    wanted = count if request.gpu_layers is None else min(request.gpu_layers, count)
    placed = sizes.placed(room) if setting.offloads else count
    on_gpu = min(placed, wanted)
    weights, kv = sizes.on_gpu(on_gpu)
    host = sizes.whole - weights - kv if setting.offloads else 0
    asked = sum(sizes.on_gpu(wanted))
    verdict, reasons = judge_placed(request, setting, sizes, placed=placed, wanted=wanted, margin=room - asked)
    context = request.max_model_len * setting.parallel
    unknown = setting.unknown
    if host - sizes.embedding > 0 and not request.gpu.is_apple:
        unknown = (*unknown, "main memory of the machine, and how fast its CPU is: the layers left behind run there")
    return Fit(
        request=request,
        verdict=verdict,
        per_gpu=_per_gpu(request, setting, -(-weights // gpus), -(-kv // gpus), sizes.compute),
        kv_bytes_per_token=sum(sizes.kv) // context,
        kv_cache_tokens=context,
        max_concurrency=float(setting.parallel),
        margin_bytes=(room - asked) // gpus,
        reasons=reasons,
        warnings=setting.warnings(weights),
        unknown=unknown,
        gpu_layers=on_gpu if setting.offloads else None,
        host_bytes=host,
    )


def size_up(request: FitRequest, setting: Setting) -> Sizes:
    """Bytes of the whole model, layer by layer.

    Raises:
        UsageError: an unknown precision or cache type.
    """
    family = resolve_file(request.model, request.quantization).scheme.family
    converted = family == "mxfp4" and "gguf" in setting.families  # gpt-oss: published files keep its blocks
    files = file_layers(request.model, "gguf-mxfp4" if converted else request.quantization)
    tied = request.model.tie_word_embeddings is True
    return Sizes(
        layers=files.layers,
        embedding=files.embedding,
        output=files.output - (files.embedding if tied and not setting.offloads else 0),
        embedding_on_gpu=not setting.offloads,
        kv=tuple(round(cells * elements * each) for cells, elements, each in kv_terms(request, setting)),
        compute=round(evaluate(setting.compute_text)),
        family="gguf" if converted else family,
    )


def kv_terms(request: FitRequest, setting: Setting) -> tuple[tuple[int, int, float], ...]:
    """For every layer: cells of the cache, elements of a cell, bytes of an element.

    Raises:
        UsageError: a cache type that the engine does not have.
    """
    element = KV_BYTES.get(request.kv_cache_dtype)
    if element is None:
        raise UsageError(
            f"{quote(request.kv_cache_dtype)} is no KV cache type of {request.engine}",
            details=f"where    kv_cache_dtype\nallowed  {', '.join(KV_BYTES)}",
        )
    model, parallel = request.model, setting.parallel
    total = request.max_model_len * parallel
    terms: list[tuple[int, int, float]] = []
    for kind, elements in windowed_layers(model):
        if kind == "linear" and model.linear_attention is not None:
            terms.append((parallel, _state_elements(model.linear_attention), FLOAT))
            continue
        cells = total
        if kind == "window" and model.window is not None:
            cells = min(total, -(-(model.window.size * parallel + setting.ubatch) // CACHE_STEP) * CACHE_STEP)
        terms.append((cells, elements, element))
    return tuple(terms)


def _state_elements(linear: LinearAttention) -> int:
    """Elements of one request's state in one layer: the convolution's tail and the recurrent state, both 32 bits."""
    mixed = 2 * linear.num_key_heads * linear.key_head_dim + linear.num_value_heads * linear.value_head_dim
    return mixed * (linear.conv_kernel_dim - 1) + linear.num_value_heads * linear.key_head_dim * linear.value_head_dim


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
