"""Activations, CUDA graphs and what torch does not count, each with the constants that it leans on."""

from modelyard.fit.constants import FITTED, describe_constant, find_constant
from modelyard.fit.defaults import Flags
from modelyard.fit.engines.base import Case, StageBudget
from modelyard.fit.runtime import (
    EXPERT_CHUNKS,
    GRAPHS_WIDE_TP,
    PIXEL_BYTES_MERGED,
    PIXEL_BYTES_PER_TOKEN,
    SAMPLER_FAST,
    WORKSPACES_MODULAR,
    captured_graphs,
    encoder_bytes,
    forward_bytes,
    forward_copies_name,
    handed_on_copies,
    hidden_bytes,
    moe_workspace_bytes,
    non_torch_name,
    sampler_bytes,
)
from modelyard.fit.terms import Number, Term, make_term
from modelyard.fit.types import FitRequest

PROFILE = "vLLM 0.33.0 v1/worker/gpu_model_runner.py"
EXPERTS = "vLLM 0.33.0 model_executor/layers/fused_moe/modular_kernel.py workspace_shapes"
TGI_WARMUP = "TGI 3.3 models/flash_causal_lm.py warmup"

Known = dict[str, tuple[str, Number]]


def runtime_terms(request: FitRequest, case: Case, budget: StageBudget) -> tuple[Term, ...]:
    """Everything but weights and KV cache."""
    return (
        *_activations(request, case, budget),
        _outside_torch(request, case.flags, budget),
        _context(request, budget),
        _graphs(request, case.flags, budget),
    )


def _constants(**names: str) -> Known:
    """Symbols for constants of the table."""
    return {
        symbol: (f"{find_constant(name).unit}, {find_constant(name).meaning} ({describe_constant(name)})", FITTED[name])
        for symbol, name in names.items()
    }


def _batch(request: FitRequest, flags: Flags) -> Known:
    model = request.model
    return {
        "T": ("max-num-batched-tokens", flags.max_num_batched_tokens),
        "S": ("max-num-seqs", flags.max_num_seqs),
        "H": ("hidden size", model.hidden_size),
        "V": ("vocabulary", model.vocab_size),
        "I": ("feed-forward width", model.intermediate_size),
        "tp": ("tensor-parallel size", request.tensor_parallel_size),
    }


def _activations(request: FitRequest, case: Case, budget: StageBudget) -> tuple[Term, ...]:
    model, flags, shape = request.model, case.flags, case.shape
    forward = _forward(request, flags)
    if request.engine == "tgi":
        return (forward, *_tgi(request, flags, budget, forward))
    workspace = moe_workspace_bytes(model, flags, shape) if shape.moe_workspace else 0.0
    images, parts = encoder_bytes(model, flags), [forward]
    known: Known = {"A_f": ("forward pass", forward.bytes)}
    if shape.is_last:
        sampler = _sampler(request, flags)
        parts.insert(0, sampler)
        known["A_s"] = ("sampler", sampler.bytes)
        total = "max(A_s, A_f)"
    else:
        handed = _handed_on(request, case)
        parts.append(handed)
        known["A_h"] = (handed.name, handed.bytes)
        total = "A_f + A_h"
    if workspace:
        parts.append(_workspace(request, case, workspace))
        known["A_e"] = ("workspaces of the experts", parts[-1].bytes)
        total += " + A_e"
    if images:
        parts.append(_images(request, flags, images))
        known["A_i"] = ("image encoder", images)
        total += " + A_i"
    source = f"{PROFILE} profile_run: the larger peak, and what lives beside it"
    return (*parts, make_term("activations", budget.runtime.activations, total, known, source))


def _forward(request: FitRequest, flags: Flags) -> Term:
    copies = forward_copies_name(flags)
    known = _batch(request, flags) | _constants(a="forward_ffn_copies", h="forward_hidden_copies", c="forward_base")
    known |= _constants(h=copies)
    size = forward_bytes(request.model, flags, request.tensor_parallel_size)
    source = f"{PROFILE} _dummy_run; {find_constant(copies).source}"
    return make_term("peak of a forward pass", size, "T * a * I / tp * 2 + h * T * H * 2 + c * 2**30", known, source)


def _sampler(request: FitRequest, flags: Flags) -> Term:
    copies = "sampler_copies" if flags.version >= SAMPLER_FAST else "sampler_copies_sorting"
    known = _batch(request, flags) | _constants(a=copies, h="sampler_hidden_copies", c="sampler_base")
    return make_term(
        "peak of the sampler",
        sampler_bytes(request.model, flags),
        "a * S * V * 4 + h * T * H * 2 + c * 2**30",
        known,
        f"{PROFILE} _dummy_sampler_run; {describe_constant(copies)}",
    )


def _handed_on(request: FitRequest, case: Case) -> Term:
    known = _batch(request, case.flags) | _constants(h="handed_on_copies")
    formula = "h * T * H * 2"
    if case.shape.is_first:
        known |= _constants(e="embedded_copies")
        formula = "(h + e) * T * H * 2"
    size = handed_on_copies(case.shape) * hidden_bytes(request.model, case.flags)
    return make_term("hidden states handed on", size, formula, known, find_constant("handed_on_copies").source)


def _workspace(request: FitRequest, case: Case, size: float) -> Term:
    moe, flags = request.model.moe, case.flags
    if moe is None:  # only models with experts come here
        raise ValueError(f"{request.model.title} has no experts")
    known = _batch(request, flags)
    known |= {
        "k": ("experts per token", moe.experts_per_token),
        "F_e": ("width of an expert", moe.moe_intermediate_size),
        "dp": ("data-parallel size", request.data_parallel_size),
    }
    width = "F_e" if request.expert_parallel else "(F_e / (tp * dp))"
    tokens = "T"
    if request.data_parallel_size > 1:
        known |= _constants(c=next(name for since, name in EXPERT_CHUNKS if flags.version >= since))
        tokens = "max(T, min(T * dp, c))"
    second = f"max({width}, H)" if flags.version >= WORKSPACES_MODULAR else width
    formula = f"{tokens} * k * (max(2 * {width}, H) + {second}) * 2"
    return make_term("workspaces of the experts", size, formula, known, EXPERTS)


def _images(request: FitRequest, flags: Flags, size: int) -> Term:
    pixels = PIXEL_BYTES_PER_TOKEN.get(request.model.family, PIXEL_BYTES_MERGED)
    known = _batch(request, flags) | {"p": ("bytes of the pixels behind one image token, 16 bits each", pixels)}
    source = f"{PROFILE} profile_run with a full encoder budget; pixels: the model's image processor"
    return make_term("image encoder", size, "T * p + T * H * 2", known, source)


def _tgi(request: FitRequest, flags: Flags, budget: StageBudget, forward: Term) -> tuple[Term, ...]:
    known = _batch(request, flags) | _constants(b="tgi_logits_bytes")
    size = flags.max_num_batched_tokens * request.model.vocab_size * FITTED["tgi_logits_bytes"]
    logits = make_term("logits of the largest prefill", size, "T * V * b", known, TGI_WARMUP)
    parts: Known = {"A_f": ("forward pass", forward.bytes), "A_l": ("logits", logits.bytes)}
    total = make_term("activations", budget.runtime.activations, "max(A_f, A_l)", parts, TGI_WARMUP)
    return logits, total


def _outside_torch(request: FitRequest, flags: Flags, budget: StageBudget) -> Term:
    group = request.tensor_parallel_size * request.data_parallel_size
    name = non_torch_name(request.gpu, flags.version, group, request.pipeline_parallel_size)
    source = describe_constant(name)
    return make_term("not counted by torch", budget.runtime.non_torch, "c * 2**30", _constants(c=name), source)


def _context(request: FitRequest, budget: StageBudget) -> Term:
    name = "context_group" if request.gpu_count > 1 else "context_one_gpu"
    source = describe_constant(name)
    return make_term("CUDA context", budget.runtime.context, "c * 2**30", _constants(c=name), source)


def _graphs(request: FitRequest, flags: Flags, budget: StageBudget) -> Term:
    inside = "" if budget.graphs_inside else " (not taken out of the KV cache)"
    label, model = f"CUDA graphs{inside}", request.model
    source = f"{PROFILE} profile_cudagraph_memory; constants by name above"
    if request.enforce_eager:
        return make_term(label, 0, "0", {}, f"{PROFILE} capture_model: nothing with enforce-eager")
    if request.gpu.capability is None:
        return make_term(
            label, budget.runtime.cuda_graphs, "c * 2**30", _constants(c="graphs_amd"), describe_constant("graphs_amd")
        )
    known = _constants(a="graphs_dense_base" if model.moe is None else "graphs_moe_base", c="graphs_per_layer")
    known["L"] = ("layers", model.num_hidden_layers)
    known["G"] = ("graphs captured with this max-num-seqs, mixed and decoding", captured_graphs(model, flags))
    formula = "a * 2**30 + L * G * c * 2**10"
    if model.moe is not None and request.tensor_parallel_size >= GRAPHS_WIDE_TP:
        known |= _constants(w="graphs_moe_wide")
        formula = f"max({formula}, w * 2**30)"
    return make_term(label, budget.runtime.cuda_graphs, formula, known, source)
