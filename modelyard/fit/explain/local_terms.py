"""The terms of a fit on one machine: layers that were placed, their cache, and what the GPU may keep."""

from collections import Counter

from modelyard.fit.checkpoints import resolve_file
from modelyard.fit.constants import describe_constant
from modelyard.fit.engines.local import setting_of
from modelyard.fit.engines.offload import kv_terms, size_up
from modelyard.fit.engines.placed import Setting
from modelyard.fit.engines.sizes import Sizes
from modelyard.fit.terms import Number, Term, make_term
from modelyard.fit.types import Fit, FitRequest

MIXING = "llama.cpp src/llama-quant.cpp llama_tensor_get_type; bits of each type: ggml/src/ggml-common.h"
PLACING = "llama.cpp common/fit.cpp common_fit_params (--fit-target 1024 MiB)"
CACHES = {True: "llama.cpp src/llama-kv-cache.cpp", False: "mlx-lm 0.32 models/cache.py"}

Known = dict[str, tuple[str, Number]]


def local_terms(fit: Fit) -> tuple[Term, ...]:
    """The terms of ``fit``, in the order in which they are computed."""
    setting = setting_of(fit.request)
    sizes = size_up(fit.request, setting)
    placed = sizes.count if fit.gpu_layers is None else fit.gpu_layers
    terms = [*_usable(fit.request, setting), _weights(fit, sizes, placed), _cache(fit, setting, placed)]
    terms.append(_compute(setting, sizes))
    if setting.context_bytes:
        source = describe_constant("context_one_gpu")
        terms.append(
            make_term("driver context", setting.context_bytes, "C", {"C": ("bytes", setting.context_bytes)}, source)
        )
    if setting.reserve:
        terms.append(make_term("kept free", setting.reserve, "F", {"F": ("bytes per GPU", setting.reserve)}, PLACING))
    terms.append(_beyond(fit, setting))
    return (*terms, _behind(fit, sizes)) if fit.host_bytes else tuple(terms)


def _usable(request: FitRequest, setting: Setting) -> tuple[Term, ...]:
    if not setting.usable_text:
        return ()
    source = "as given" if request.wired_limit_bytes else "start-up logs of llama.cpp (ggml-org/llama.cpp#1870, #2182)"
    return (make_term("wired limit", setting.usable, setting.usable_text, {}, source),)


def _weights(fit: Fit, sizes: Sizes, placed: int) -> Term:
    """Layers of one size together; several GPUs share them evenly."""
    body = Counter(sizes.layers[len(sizes.layers) - max(0, placed - 1) :])
    known: Known = {"g": ("GPUs", fit.request.gpu_count)}
    addends: list[str] = []
    for index, (size, count) in enumerate(body.items()):
        known[f"n_{index}"], known[f"b_{index}"] = ("layers of one size", count), ("bytes of such a layer", size)
        addends.append(f"n_{index} * b_{index}")
    if placed and sizes.output:
        known["O"] = ("output head and last norm, bytes", sizes.output)
        addends.append("O")
    if placed and sizes.embedding_on_gpu:
        known["D"] = ("embedding, bytes", sizes.embedding)
        addends.append("D")
    precision = resolve_file(fit.request.model, fit.request.quantization)
    source = MIXING if sizes.family == "gguf" else precision.checkpoint.source
    return make_term("weights", fit.per_gpu.weights, f"ceil(({' + '.join(addends) or '0'}) / g)", known, source)


def _cache(fit: Fit, setting: Setting, placed: int) -> Term:
    terms = kv_terms(fit.request, setting)
    on_gpu = Counter(terms[len(terms) - max(0, placed - 1) :])
    known: Known = {"g": ("GPUs", fit.request.gpu_count)}
    addends: list[str] = []
    for i, ((cells, elements, each), count) in enumerate(on_gpu.items()):
        known[f"n_{i}"] = ("layers that cache alike", count)
        known[f"c_{i}"] = (f"cells: context × {setting.parallel} requests, a window, or states", cells)
        known[f"e_{i}"] = ("elements of a cell: 2 × key/value heads × head width, a latent row or a state", elements)
        known[f"b_{i}"] = ("bytes of an element", each)
        addends.append(f"n_{i} * round(c_{i} * e_{i} * b_{i})")
    formula = f"ceil(({' + '.join(addends) or '0'}) / g)"
    return make_term("KV cache", fit.per_gpu.kv_cache, formula, known, CACHES[setting.offloads])


def _compute(setting: Setting, sizes: Sizes) -> Term:
    notes = "; ".join(f"{name}: {value}" if value else name for name, value in setting.compute_note)
    return make_term("compute buffer", sizes.compute, setting.compute_text, {}, f"{setting.compute_source} ({notes})")


def _beyond(fit: Fit, setting: Setting) -> Term:
    per_gpu = fit.per_gpu
    known: Known = {
        "M": ("what the GPU may keep", setting.usable),
        "W": ("weights", per_gpu.weights),
        "K": ("KV cache", per_gpu.kv_cache),
        "A": ("compute buffer", per_gpu.activations),
        "C": ("driver context", per_gpu.runtime),
        "F": ("kept free", setting.reserve),
    }
    used = per_gpu.weights + per_gpu.kv_cache + per_gpu.activations + per_gpu.runtime + setting.reserve
    source = f"{PLACING if setting.offloads else 'macOS iogpu.wired_limit_mb'}; below 0, it is short of that much"
    return make_term("left free", setting.usable - used, "M - W - K - A - C - F", known, source)


def _behind(fit: Fit, sizes: Sizes) -> Term:
    known: Known = {
        "B": ("weights and KV cache of the whole model", sizes.whole),
        "P": ("of it on the GPUs", sum(sizes.on_gpu(fit.gpu_layers or 0))),
    }
    source = f"{PLACING}: the embedding, and layers that run on the CPU"
    return make_term("in main memory", fit.host_bytes, "B - P", known, source)
