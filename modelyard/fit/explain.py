"""A fit, term by term: what each comes to, the arithmetic with its numbers, what they are, and where the rule is from.

Every formula is plain arithmetic (``arithmetic.evaluate``): a sceptic can recompute it with a pocket calculator.
"""

from dataclasses import dataclass

from modelyard.fit.arithmetic import evaluate
from modelyard.fit.assess import requests_per_rank, stage_budgets
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.constants import FITTED, TABLE
from modelyard.fit.defaults import TOKENS_FROM_CONCURRENCY, Flags
from modelyard.fit.engines import LOCAL, rules_of
from modelyard.fit.engines.base import Case, StageBudget, spread_of
from modelyard.fit.kv_cache import Layout
from modelyard.fit.kv_dtype import resolve_kv_dtype
from modelyard.fit.runtime import SAMPLER_FAST, encoder_bytes, hidden_bytes, moe_workspace_bytes, non_torch_name
from modelyard.fit.types import Fit, FitRequest
from modelyard.fit.weights import weight_pieces

SIZING = "project sizing notes, fitted on vLLM 0.19 run logs"
_SOURCES = {
    "campaign": SIZING,
    "log": "read off published run logs",
    "issue": "a published issue",
    "guess": "assumed: no run",
}
CODE = "vLLM v1/worker/gpu_worker.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One term of a fit."""

    name: str
    bytes: int
    """What it comes to; tokens or requests where ``unit`` says so."""
    formula: str
    inputs: tuple[tuple[str, str], ...] = ()
    """What the numbers of the formula are, in order."""
    source: str = ""
    unit: str = "bytes"


def explain(fit: Fit) -> tuple[Term, ...]:
    """The terms of ``fit``, in the order in which they are computed; of the stage that governs."""
    if fit.request.engine in LOCAL:
        return _explain_local(fit)
    request = fit.request
    flags = rules_of(request.engine).flags(request)
    budget = min(stage_budgets(request), key=lambda b: b.kv_bytes / b.layout.block_bytes)
    return (
        *_weights(request, budget),
        _activations(request, flags, budget),
        _constant(
            "not counted by torch",
            budget.runtime.non_torch,
            non_torch_name(
                request.gpu,
                flags.version,
                request.tensor_parallel_size * request.data_parallel_size,
                request.pipeline_parallel_size,
            ),
        ),
        _graphs(request, budget),
        _kv_budget(request, flags, budget),
        *_capacity(request, flags, budget),
    )


def to_text(terms: tuple[Term, ...]) -> str:
    """The terms for people: what each comes to, the arithmetic, what its numbers are, and the source."""
    lines: list[str] = []
    for term in terms:
        size = f"{term.bytes / 2**30:.4f} GiB = {term.bytes:,} bytes" if term.unit == "bytes" else f"{term.bytes:,}"
        lines.append(f"{term.name}: {size}{'' if term.unit == 'bytes' else f' {term.unit}'}")
        lines.append(f"    = {term.formula}")
        lines += [f"    {name}{f': {value}' if value else ''}" for name, value in term.inputs]
        lines.append(f"    source: {term.source}")
    return "\n".join(lines)


def _weights(request: FitRequest, budget: StageBudget) -> tuple[Term, ...]:
    pieces = weight_pieces(request.model, request.quantization, spread_of(request), budget.stage)
    source = resolve_precision(request.model, request.quantization).checkpoint.source
    terms = tuple(
        Term(
            name=f"weights: {name}",
            bytes=round(evaluate(text)),
            formula=text,
            inputs=(("layers × parameters × share of one GPU × bytes per parameter", ""),),
            source=source,
        )
        for name, text in pieces
    )
    total = Term(
        name="weights",
        bytes=budget.stage.weights_bytes,
        formula=" + ".join(f"({text})" for _, text in pieces),
        inputs=(("the sum of the above", ""),),
        source="shapes of the published config; splits as vLLM makes them",
    )
    return (*terms, total)


def _activations(request: FitRequest, flags: Flags, budget: StageBudget) -> Term:
    model = request.model
    tokens, seqs, hidden = flags.max_num_batched_tokens, flags.max_num_seqs, model.hidden_size
    name = "sampler_copies" if flags.version >= SAMPLER_FAST else "sampler_copies_sorting"
    c = FITTED
    forward = (
        f"{tokens} * {c['forward_ffn_copies']} * {model.intermediate_size} / {request.tensor_parallel_size} * 2"
        f" + {c['forward_hidden_copies']} * {tokens} * {hidden} * 2 + {c['forward_base']} * 2**30"
    )
    sampler = (
        f"{c[name]} * {seqs} * {model.vocab_size} * 4 + {c['sampler_hidden_copies']} * {tokens} * {hidden} * 2"
        f" + {c['sampler_base']} * 2**30"
    )
    case = _case(request, flags, budget)
    workspace = moe_workspace_bytes(model, flags, case.shape) if case.shape.moe_workspace else 0.0
    extra = f" + {workspace!r} + {encoder_bytes(model, flags)}"
    if request.engine == "tgi":
        text = f"max({forward}, {tokens} * {model.vocab_size} * 2)"
    elif budget.stage.is_last:
        text = f"max({sampler}, {forward}){extra}"
    else:
        text = f"{forward} + 2 * {hidden_bytes(model, flags)}{extra}"
    return Term(
        name="activations",
        bytes=budget.runtime.activations,
        formula=text,
        inputs=(
            ("T, tokens of a batch", str(tokens)),
            ("S, requests in flight", str(seqs)),
            ("H, hidden size", str(hidden)),
            ("vocabulary", str(model.vocab_size)),
            ("feed-forward width", str(model.intermediate_size)),
            ("workspace of the experts, bytes", f"{workspace:.0f}"),
        ),
        source=SIZING,
    )


def _case(request: FitRequest, flags: Flags, budget: StageBudget) -> Case:
    precision = resolve_precision(request.model, request.quantization)
    dtype = resolve_kv_dtype(request.model, precision.checkpoint, request.kv_cache_dtype, request.gpu)
    return Case(request=request, precision=precision, flags=flags, dtype=dtype, stage=budget.stage)


def _constant(name: str, size: int, constant: str) -> Term:
    row = next(row for row in TABLE if row.name == constant)
    return Term(
        name=name,
        bytes=size,
        formula=f"{row.value} * 2**30",
        inputs=((row.meaning, f"{row.value} {row.unit}"),),
        source=_SOURCES[row.source],
    )


def _graphs(request: FitRequest, budget: StageBudget) -> Term:
    value = budget.runtime.cuda_graphs / 2**30
    name = "CUDA graphs" if budget.graphs_inside else "CUDA graphs (not taken out of the KV cache)"
    return Term(
        name=name,
        bytes=budget.runtime.cuda_graphs,
        formula=f"{value!r} * 2**30",
        inputs=(("estimate for this class of model and GPU; 0 with enforce-eager", str(request.enforce_eager)),),
        source="project sizing notes",
    )


def _kv_budget(request: FitRequest, flags: Flags, budget: StageBudget) -> Term:
    runtime, total, fraction = budget.runtime, request.gpu.total_memory_bytes, flags.gpu_memory_utilization
    used = f"{budget.stage.weights_bytes} - {runtime.activations} - {runtime.non_torch}"
    graphs = f" - {runtime.cuda_graphs}" if budget.graphs_inside else ""
    source = CODE
    if request.kv_cache_memory_bytes is not None:
        text = str(request.kv_cache_memory_bytes)
    elif request.engine == "sglang":
        text = f"round(({total} - {runtime.context}) * {fraction}) - {budget.stage.weights_bytes} - {runtime.non_torch}"
        source = "SGLang srt/arg_groups/memory_hook.py"
    elif request.engine == "tensorrt-llm":
        left = f"{total} - {used} - {runtime.cuda_graphs} - {runtime.context}"
        text = f"round(({left}) * {fraction})" if budget.kv_bytes > 0 else left
        source = "TensorRT-LLM reference, Memory Usage"
    else:
        context = f" - {runtime.context}" if request.engine == "tgi" else ""
        text = f"ceil({total} * {fraction}) - {used}{graphs}{context}"
        source = "TGI models/flash_causal_lm.py" if request.engine == "tgi" else CODE
    return Term(
        name="KV cache",
        bytes=budget.kv_bytes,
        formula=text,
        inputs=(
            ("memory of the GPU as the engine sees it", str(total)),
            ("fraction that the engine may use", f"{fraction:g}"),
            ("weights", str(budget.stage.weights_bytes)),
            ("activations", str(runtime.activations)),
            ("not counted by torch", str(runtime.non_torch)),
            ("CUDA graphs", str(runtime.cuda_graphs)),
        ),
        source=source,
    )


def _capacity(request: FitRequest, flags: Flags, budget: StageBudget) -> tuple[Term, ...]:
    layout, length = budget.layout, request.max_model_len
    blocks = layout.blocks(budget.kv_bytes)
    per_request = layout.blocks_per_request(length, flags.in_flight_tokens)
    block_tokens = min(group.block_tokens for group in layout.groups)
    if flags.version >= TOKENS_FROM_CONCURRENCY:
        tokens = f"floor({blocks} / {per_request} * {length})"
    else:
        tokens = f"floor({blocks} / {layout.group_count}) * {block_tokens}"
    wanted = requests_per_rank(request)
    return (
        Term(
            name="KV blocks",
            bytes=blocks,
            formula=f"max(0, floor({budget.kv_bytes} / {layout.block_bytes}))",
            inputs=(("KV cache", str(budget.kv_bytes)), ("bytes of one block", str(layout.block_bytes))),
            source="vLLM v1/core/kv_cache_planning.py",
            unit="blocks",
        ),
        Term(
            name=f"blocks of one request of {length} tokens",
            bytes=per_request,
            formula=_request_text(layout, length, flags.in_flight_tokens),
            inputs=tuple((f"{g.count} group(s), {g.kind}", f"{g.block_tokens} tokens a block") for g in layout.groups),
            source="vLLM v1/kv_cache_interface.py",
            unit="blocks",
        ),
        Term(
            name="KV tokens as logged",
            bytes=layout.tokens(budget.kv_bytes, length, flags),
            formula=tokens,
            inputs=(("blocks", str(blocks)), ("blocks of one request", str(per_request))),
            source="vLLM v1/core/kv_cache_utils.py",
            unit="tokens",
        ),
        Term(
            name="KV cache beyond what was asked",
            bytes=budget.kv_bytes - layout.bytes_for(wanted, length, flags.in_flight_tokens),
            formula=f"{budget.kv_bytes} - {wanted} * {per_request} * {layout.block_bytes}",
            inputs=(("requests", str(wanted)), ("blocks of one request", str(per_request))),
            source="negative: it is short of that much",
        ),
    )


def _request_text(layout: Layout, length: int, in_flight: int) -> str:
    texts: list[str] = []
    for group in layout.groups:
        block = group.block_tokens
        if group.kind == "sliding":
            each = f"(ceil(min({group.window} - 1 + {in_flight}, {length}) / {block}) + 1)"
        elif group.kind == "chunked":
            each = f"ceil(min({group.window} + {in_flight}, {length}) / {block})"
        elif group.kind == "linear":
            each = "2"
        else:
            each = f"ceil({length} / {block})"
        texts.append(f"{group.count} * {each}")
    return " + ".join(texts)


def _explain_local(fit: Fit) -> tuple[Term, ...]:
    per_gpu, request = fit.per_gpu, fit.request
    ubatch = request.max_num_batched_tokens or 512
    model = request.model
    parts = (per_gpu.total, per_gpu.weights, per_gpu.kv_cache, per_gpu.activations, per_gpu.runtime)
    return (
        Term(
            name="compute buffer",
            bytes=per_gpu.activations,
            formula=f"{ubatch} * ({model.vocab_size} + {model.hidden_size}) * 4",
            inputs=(("micro-batch", str(ubatch)), ("vocabulary and hidden size, 32 bits", "")),
            source="llama.cpp logs: 258.5 MiB for Llama 3 8B at 512",
        ),
        Term(
            name="left free",
            bytes=per_gpu.reserve,
            formula=" - ".join(str(part) for part in parts),
            inputs=(("memory − weights − KV cache − compute buffer − context", ""),),
            source="llama.cpp common/fit.cpp",
        ),
    )
