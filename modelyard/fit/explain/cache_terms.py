"""The KV cache: what is left for it, what a block is made of, and what it holds."""

from modelyard.fit.assess import requests_per_rank
from modelyard.fit.compressed import PACKED_BY_GROUP, compressed_pages
from modelyard.fit.engines.base import Case, StageBudget
from modelyard.fit.engines.sglang import SHARES as SGLANG_SHARES
from modelyard.fit.explain.rows import CachedRow, cached_rows
from modelyard.fit.groups import Group
from modelyard.fit.kv_cache import BLOCK
from modelyard.fit.terms import Number, Term, make_term
from modelyard.fit.types import FitRequest

WORKER = "vLLM 0.33.0 v1/worker/gpu_worker.py determine_available_memory"
PLANNING = "vLLM 0.33.0 v1/core/kv_cache_planning.py"
INTERFACE = "vLLM 0.33.0 v1/kv_cache_interface.py max_memory_usage_bytes"
TOKENS = "vLLM 0.33.0 v1/core/kv_cache_utils.py _report_kv_cache_config"
SGLANG_POOL = "SGLang 0.5.23 srt/model_executor/kv_cache_configurator.py, srt/arg_groups/memory_hook.py"
TRTLLM_POOL = "TensorRT-LLM 1.0 _torch/pyexecutor/_util.py, documented in its reference, Memory Usage"
TGI_POOL = "TGI 3.3 models/flash_causal_lm.py warmup"

Known = dict[str, tuple[str, Number]]


def cache_terms(request: FitRequest, case: Case, budget: StageBudget) -> tuple[Term, ...]:
    """What is left, and what it holds."""
    return (left_term(request, case, budget), *_block(request, case, budget), *_capacity(request, case, budget))


def left_term(request: FitRequest, case: Case, budget: StageBudget, *, name: str = "KV cache") -> Term:
    """What the engine's own rule leaves beside weights and runtime."""
    runtime = budget.runtime
    known: Known = {
        "M": (f"memory of {request.gpu.title} as torch sees it", request.gpu.total_memory_bytes),
        "f": ("fraction that the engine may use", case.flags.gpu_memory_utilization),
        "W": ("weights", budget.stage.weights_bytes),
        "A": ("activations", runtime.activations),
        "N": ("not counted by torch", runtime.non_torch),
        "G": ("CUDA graphs", runtime.cuda_graphs),
        "C": ("CUDA context", runtime.context),
        "B": ("KV cache as asked", request.kv_cache_memory_bytes or 0),
    }
    graphs = " - G" if budget.graphs_inside else ""
    formula, source = f"ceil(M * f) - W - A - N{graphs}", WORKER
    if request.kv_cache_memory_bytes is not None and request.engine not in {"sglang", "tensorrt-llm", "tgi"}:
        room = f"M - C - W - A - N{graphs}"
        formula = "B" if budget.kv_bytes == request.kv_cache_memory_bytes else f"({room}) - B"
    elif request.engine == "sglang":
        formula, source = "round((M - C) * f) - W - N", SGLANG_POOL
    elif request.engine == "tensorrt-llm":
        left = "M - W - A - N - G - C"
        formula, source = (f"round(({left}) * f)" if budget.kv_bytes > 0 else left), TRTLLM_POOL
    elif request.engine == "tgi":
        formula, source = "ceil(M * f) - W - A - N - C", TGI_POOL
    return make_term(name, budget.kv_bytes, formula, known, source)


def _block(request: FitRequest, case: Case, budget: StageBudget) -> tuple[Term, ...]:
    """One block, from the shapes of what a layer caches."""
    rows = cached_rows(request.model, case.dtype, request.tensor_parallel_size)
    terms = tuple(_row(request, case, row) for row in rows)
    if request.model.compressed is not None and request.engine not in {"sglang", "tensorrt-llm", "tgi"}:
        return (_compressed_block(request, case, budget),)
    if request.engine in {"sglang", "tensorrt-llm", "tgi"}:
        return (*terms, _plain_block(request, budget, rows))
    pages = (_page(request, budget, rows),) if request.model.linear_attention is not None else ()
    return (*terms, *pages, _shared_block(budget, rows))


def _row(request: FitRequest, case: Case, row: CachedRow) -> Term:
    known: Known = {
        "K": ("key/value heads", row.kv_heads),
        "tp": ("tensor-parallel size", request.tensor_parallel_size),
        "d": ("head width", row.head_dim),
        "e": (f"bytes per element, {case.dtype.name}", case.dtype.element_bytes),
        "r": ("rank of keys and values, and rotary width", row.latent),
        "p": (f"bytes of a packed latent row, {case.dtype.name}", case.dtype.latent_row_bytes),
        "i": ("bytes of the indexer's key, whole on every GPU", row.indexer_bytes),
        "c": ("elements of the convolution's tail on this GPU", row.conv_elements),
        "s": ("elements of the recurrent state on this GPU", row.state_elements),
        "q": ("bytes of such an element", row.state_element_bytes),
        "x": ("bytes of a compressed row", row.fixed),
    }
    if row.kind == "linear":
        name, formula = "state of one request in one layer of linear attention", "c * 2 + s * q"
    elif row.fixed:
        name, formula = "one token in one layer", "x"
    elif row.latent:
        name, formula = "one token in one latent layer", "p" if case.dtype.latent_row_bytes else "round(r * e)"
    else:
        name, formula = f"one token in one {row.kind} layer", "round(max(1, floor(K / tp)) * 2 * d * e)"
    if row.indexer_bytes and row.kind == "full":
        formula += " + i"
    source = f"{INTERFACE.rsplit(' ', 1)[0]} page_size_bytes"
    return make_term(name, row.bytes, formula, known, source)


def _page(request: FitRequest, budget: StageBudget, rows: tuple[CachedRow, ...]) -> Term:
    """Hybrids: a block of attention is made as long as one state is large."""
    state = next(row.bytes for row in rows if row.kind == "linear")
    known: Known = {
        "s": ("bytes of one state", state),
        "b": ("bytes of one token in one layer of attention", max(r.bytes for r in rows if r.kind != "linear")),
        "t": ("tokens of a block otherwise", BLOCK),
    }
    source = f"vLLM 0.33.0 model_executor/models/config.py HybridAttentionMambaModelConfig, for {request.model.title}"
    name = "tokens of a block as large as a state"
    return make_term(name, budget.layout.page_tokens, "max(t, ceil(s / (b * t)) * t)", known, source, unit="tokens")


def _shared_block(budget: StageBudget, rows: tuple[CachedRow, ...]) -> Term:
    """vLLM: every group draws blocks of one size, that of the layers of one group."""
    layout = budget.layout
    token = max(row.bytes for row in rows if row.kind != "linear")
    page_tokens = layout.page_tokens
    known: Known = {
        "l": ("layers of one group on this stage", layout.group_layers),
        "t": ("tokens of a block of the widest rows", page_tokens),
        "b": ("bytes of such a token in one layer", token),
    }
    return make_term("one KV block", layout.block_bytes, "l * t * b", known, f"{PLANNING} page and group size")


def _plain_block(request: FitRequest, budget: StageBudget, rows: tuple[CachedRow, ...]) -> Term:
    """Other engines: a token takes a row in every layer."""
    model, shares = request.model, SGLANG_SHARES if request.engine == "sglang" else None
    known: Known = {
        "L": ("layers", model.num_hidden_layers),
        "l": ("layers of this stage", budget.stage.layers),
        "t": ("tokens of a block", budget.layout.groups[0].block_tokens),
        "y": ("room for states, per room for tokens", shares.state if shares else 0.0),
    }
    addends: list[str] = []
    for index, row in enumerate(rows):
        windowed = shares is not None and row.kind in {"sliding", "chunked"} and len(rows) > 1
        known[f"n_{index}"] = (f"{row.kind} layers", row.layers)
        known[f"b_{index}"] = (f"bytes of a token in one {row.kind} layer", 0 if row.kind == "linear" else row.bytes)
        known[f"x_{index}"] = (f"tokens kept in {row.kind} layers, per token", shares.window if shares else 1.0)
        addends.append(f"n_{index} * b_{index}" + (f" * x_{index}" if windowed else ""))
    state = " * (1 + y)" if model.linear_attention is not None else ""
    formula = f"max(1, round(({' + '.join(addends)}) * l / L{state} * t))"
    source = {"sglang": SGLANG_POOL, "tensorrt-llm": TRTLLM_POOL}.get(request.engine, TGI_POOL)
    return make_term("one KV block", budget.layout.block_bytes, formula, known, source)


def _compressed_block(request: FitRequest, case: Case, budget: StageBudget) -> Term:
    attention = request.model.compressed
    if attention is None:  # only compressed models come here
        raise ValueError(f"{request.model.title} has no compressed attention")
    known: Known = {
        "l": ("layers of this stage", budget.stage.layers),
        "L": ("layers", request.model.num_hidden_layers),
    }
    addends: list[str] = []
    for index, (meaning, layers, size) in enumerate(compressed_pages(attention, request.model.num_hidden_layers)):
        known[f"n_{index}"], known[f"p_{index}"] = (f"layers with {meaning}", layers), (f"page of {meaning}", size)
    if case.flags.version < PACKED_BY_GROUP:
        known["m"] = ("sets of one page of each kind", known["n_3"][1])
        addends = ["m * (p_0 + p_1 + p_2)"]
    else:
        addends = ["max(n_0 * (p_0 + p_1) + n_2 * p_2, n_3 * p_3, n_4 * p_4, n_5 * p_5)"]
    formula = f"ceil({addends[0]} * l / L)"
    return make_term("one KV block", budget.layout.block_bytes, formula, known, "vLLM 0.28.0 v1/core/kv_cache_utils.py")


def _capacity(request: FitRequest, case: Case, budget: StageBudget) -> tuple[Term, ...]:
    layout, length, flags = budget.layout, request.max_model_len, case.flags
    blocks = layout.blocks(budget.kv_bytes)
    per_request = layout.blocks_per_request(length, flags.in_flight_tokens)
    wanted = requests_per_rank(request)
    known: Known = {
        "B": ("KV cache", budget.kv_bytes),
        "b": ("bytes of one block", layout.block_bytes),
        "n": ("blocks", blocks),
        "q": ("blocks of one request", per_request),
        "X": ("max-model-len", length),
        "g": ("groups", layout.group_count),
        "t": ("tokens of the smallest block", min(group.block_tokens for group in layout.groups)),
        "R": ("requests of that length that one rank must hold", wanted),
    }
    by_requests = flags.counts_by_concurrency
    tokens = "floor(n / q * X)" if by_requests else "floor(n / g) * t"
    margin = budget.kv_bytes - layout.bytes_for(wanted, length, flags.in_flight_tokens)
    return (
        make_term("KV blocks", blocks, "floor(max(0, B) / b)", known, f"{PLANNING} num_blocks", unit="blocks"),
        _one_request(layout.groups, length, flags.in_flight_tokens, per_request),
        make_term(
            "KV tokens as logged", layout.tokens(budget.kv_bytes, length, flags), tokens, known,
            f"{TOKENS} ({'from' if by_requests else 'before'} 0.20.2)", unit="tokens",
        ),
        make_term(
            "KV cache beyond what was asked", margin, "B - R * q * b", known,
            f"{WORKER}: asked requests × blocks; below 0, it is short of that much",
        ),
    )  # fmt: skip


def _one_request(groups: tuple[Group, ...], length: int, in_flight: int, blocks: int) -> Term:
    known: Known = {"X": ("max-model-len", length), "f": ("tokens in flight", in_flight)}
    addends: list[str] = []
    for i, group in enumerate(groups):
        known[f"g_{i}"] = (f"groups of {group.kind} layers", group.count)
        known[f"t_{i}"] = ("tokens of their blocks", group.block_tokens)
        known[f"w_{i}"] = ("their window", group.window)
        each = {
            "sliding": f"(ceil(min(w_{i} - 1 + f, X) / t_{i}) + 1)",
            "chunked": f"ceil(min(w_{i} + f, X) / t_{i})",
            "linear": "2",
        }.get(group.kind, f"ceil(X / t_{i})")
        addends.append(f"g_{i} * {each}")
    return make_term(
        f"blocks of one request of {length} tokens", blocks, " + ".join(addends), known, INTERFACE, unit="blocks"
    )
