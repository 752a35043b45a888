"""The weights of one GPU, addend by addend: shapes × layers × share of the GPU × bytes per parameter."""

from collections.abc import Iterator

from modelyard.fit.allocation import DIRECT_STEP, ROW_PADDING
from modelyard.fit.architecture import Part, Split, take_apart
from modelyard.fit.checkpoints import resolve_precision
from modelyard.fit.engines.base import StageBudget, spread_of
from modelyard.fit.explain.shapes import shape_of, symbols_of
from modelyard.fit.memo import ById
from modelyard.fit.mxfp4 import HIDDEN_MULTIPLE, SCALE_ROWS, SCALE_SHARE, WIDTH_MULTIPLE, Kernels
from modelyard.fit.schemes import Scheme
from modelyard.fit.terms import Number, Term, make_term
from modelyard.fit.types import FitRequest
from modelyard.fit.weights import (
    GEMMA3_ROPE_FACTOR,
    Piece,
    dtype_bytes,
    mtp_params,
    surplus_bytes,
    weight_pieces,
)

SPLITS = "vLLM 0.33.0 model_executor/layers/linear.py, vocab_parallel_embedding.py, fused_moe/layer.py"
ALLOCATOR = "PyTorch 2.13 c10/cuda/CUDACachingAllocator.h kMinLargeAlloc 10 MiB, kRoundLarge 2 MiB, kSmallSize 1 MiB"
ROWS = "vLLM 0.33.0 model_executor/layers/fused_moe/layer.py _maybe_pad_weight (VLLM_ROCM_MOE_PADDING)"
ROTARY = "vLLM 0.33.0 model_executor/layers/rotary_embedding/base.py _compute_cos_sin_cache"
MXFP4 = "vLLM 0.33.0 model_executor/layers/fused_moe/oracle/mxfp4.py"
MXFP4_TRITON = "vLLM 0.11.0 model_executor/layers/quantization/mxfp4.py and triton_kernels, scales kept beside a copy"

Known = dict[str, tuple[str, Number]]


def weight_terms(request: FitRequest, budget: StageBudget) -> tuple[Term, ...]:
    """Every addend, and their sum."""
    pieces = weight_pieces(request.model, request.quantization, spread_of(request), budget.stage)
    terms = tuple(_numbered(_term(request, budget, piece) for piece in pieces))
    known = {f"w_{i}": (term.name, term.bytes) for i, term in enumerate(terms, start=1)}
    total = make_term(
        "weights",
        budget.stage.weights_bytes,
        " + ".join(known),
        known,
        f"the sum of the above; each is rounded to a whole byte, so it may be {len(terms) // 2 + 1} bytes off",
    )
    return (*terms, total)


def _numbered(terms: Iterator[Term]) -> Iterator[Term]:
    """No two terms of one name: the second becomes ``… (2)``."""
    seen: dict[str, int] = {}
    for term in terms:
        seen[term.name] = seen.get(term.name, 0) + 1
        count = seen[term.name]
        yield term if count == 1 else _renamed(term, f"{term.name} ({count})")


def _renamed(term: Term, name: str) -> Term:
    return Term(
        name=name, bytes=term.bytes, symbols=term.symbols, formula=term.formula, inputs=term.inputs,
        source=term.source, unit=term.unit, gib=term.gib,
    )  # fmt: skip


def _term(request: FitRequest, budget: StageBudget, piece: Piece) -> Term:
    if piece.part is not None:
        return _part_term(request, piece, piece.part)
    known: Known = dict(symbols_of(request.model))
    known |= {
        "n": ("layers of this kind on this stage", piece.count),
        "tp": ("tensor-parallel size", request.tensor_parallel_size),
        "l": ("layers of this stage", budget.stage.layers),
        "b": ("bytes per parameter", piece.element_bytes or dtype_bytes(request.model)),
    }
    formula, more, source = _formula(request, piece)
    known |= more
    return make_term(f"weights: {_label(piece)}", piece.size * piece.count, formula, known, source)


def _label(piece: Piece) -> str:
    labels = {
        "rounding": f"allocator rounding of {piece.name}",
        "rows": f"row padding of {piece.name}",
        "unlisted": "parameters beyond the listed shapes",
        "surplus": "bytes of the files beyond the scheme",
    }
    return labels.get(piece.kind, piece.name)


def _formula(request: FitRequest, piece: Piece) -> tuple[str, Known, str]:
    """Formula, further symbols and source of an addend that is no part of the config's shapes."""
    whole_model = {"unlisted": _unlisted, "surplus": _surplus}
    if piece.kind in whole_model:
        return whole_model[piece.kind](request)
    if piece.kind == "rotary":
        return _rotary(request, piece)
    if piece.kind == "absorbed":
        return "n * ceil(N / tp) * r_kv * (d_nope + d_v) * b", {}, "vLLM 0.33.0 layers/attention/mla_attention.py"
    if piece.kind in {"rounding", "rows"}:
        return _allocated(piece)
    if piece.kind == "norm":
        return "H * b", {}, request.model.source
    ends: Known = {
        "W": ("bytes of that layer in 16 bits on this GPU", piece.size + piece.quantized),
        "Q": ("bytes that it was counted with above", piece.quantized),
    }
    return "W - Q", ends, resolve_precision(request.model, request.quantization).checkpoint.source


def _allocated(piece: Piece) -> tuple[str, Known, str]:
    if piece.kind == "rounding":
        known: Known = {
            "s": ("bytes of that tensor of one layer on one GPU", piece.tensor),
            "u": ("step of the allocator", DIRECT_STEP),
        }
        return "n * (ceil(s / u) * u - s)", known, ALLOCATOR
    rows: Known = {
        "r": ("rows on this GPU whose length is a multiple of 512 bytes", piece.size / ROW_PADDING),
        "p": ("bytes added to each", ROW_PADDING),
    }
    return "n * r * p", rows, ROWS


def _unlisted(request: FitRequest) -> tuple[str, Known, str]:
    model = request.model
    left = take_apart(model).unlisted_params
    known: Known = {
        "P": ("parameters of the model, as published", model.total_params),
        "P_l": ("parameters of all shapes that the catalog lists", model.total_params - left),
    }
    return "(P - P_l) / tp * b * l / L", known, model.source


def _surplus(request: FitRequest) -> tuple[str, Known, str]:
    model, checkpoint = request.model, resolve_precision(request.model, request.quantization).checkpoint
    left = surplus_bytes(ById(model), request.quantization)
    exact = checkpoint.tensors
    if exact is not None:
        files = exact.sharded + exact.kv_heads + exact.replicated + exact.embed_tokens + exact.lm_head + exact.vision
        mtp = 0
    else:
        files, mtp = checkpoint.bytes or 0, mtp_params(model) * dtype_bytes(model)
    known: Known = {
        "B": ("bytes of the checkpoint's tensors, as published", files),
        "M": ("bytes of multi-token-prediction layers, which are not loaded", mtp),
        "Q": ("bytes of all shapes at this precision, unsplit", files - mtp - left),
    }
    return "(B - M - Q) / tp * l / L", known, checkpoint.source


def _rotary(request: FitRequest, piece: Piece) -> tuple[str, Known, str]:
    model = request.model
    width = ("rotary width", model.rotary_dim or model.head_dim)
    if model.mla is not None:
        width = ("rotary width", model.mla.qk_rope_head_dim)
    plain = model.max_position_embeddings * width[1] * piece.element_bytes
    known: Known = {"X": ("positions", model.max_position_embeddings), "d_r": width}
    if piece.size == plain:
        return "X * d_r * b", known, ROTARY
    known["g"] = ("scaled positions for each, tabulated as well (Gemma 3)", GEMMA3_ROPE_FACTOR)
    return "X * d_r * b * (1 + g)", known, ROTARY


def _part_term(request: FitRequest, piece: Piece, part: Part) -> Term:
    model = request.model
    label, shape, known = shape_of(model, part, piece.layer)
    known |= {
        "n": ("layers of this kind on this stage", piece.count),
        "b": (_element(piece), piece.element_bytes),
        "r": ("output rows", part.rows),
        "s": ("bytes of the scale of one row", piece.row_scale_bytes),
        "tp": ("tensor-parallel size", request.tensor_parallel_size),
        "dp": ("data-parallel size", request.data_parallel_size if model.moe is not None else 1),
    }
    share, more = _share(request, part)
    known |= more
    padding, source = _padding(request, piece, part), _source(request, piece)
    scales = " + r * s" if piece.row_scale_bytes and part.rows else ""
    each = f"({shape}{padding} * b{scales})" if scales else f"{shape}{padding} * b"
    where = f", {piece.layer.attention} layers" if piece.layer is not None and _is_mixed(request) else ""
    return make_term(f"weights: {label}{where}", piece.size * piece.count, f"n * {each}{share}", known, source)


def _is_mixed(request: FitRequest) -> bool:
    return len({kind.attention for kind in take_apart(request.model).parts}) > 1


def _share(request: FitRequest, part: Part) -> tuple[str, Known]:
    """What one GPU holds of a part."""
    if part.split is Split.REPLICATED:
        return "", {}
    if part.split is Split.KV_HEADS:
        heads: Known = {"K_p": ("key/value heads, whole ones per GPU and at least one", part.kv_heads)}
        return " * max(1, floor(K_p / tp)) / K_p", heads
    return (" / (tp * dp)", {}) if part.name == "experts" and request.data_parallel_size > 1 else (" / tp", {})


def _padding(request: FitRequest, piece: Piece, part: Part) -> str:
    if part.name != "experts" or piece.scheme is None or piece.scheme.family != "mxfp4":
        return ""
    h, w, rows = HIDDEN_MULTIPLE, WIDTH_MULTIPLE, SCALE_ROWS
    cut = "F_e" if request.expert_parallel else "F_e / tp" if request.data_parallel_size == 1 else "F_e / (tp * dp)"
    if spread_of(request).mxfp4 is Kernels.PADDED:
        return f" * (ceil(H / {h}) * {h} / H) * (ceil({cut} / {w}) * {w} / ({cut}))"
    up, down = f"ceil(2 * {cut} / {rows}) * {rows} / (2 * {cut})", f"ceil(H / {rows}) * {rows} / H"
    return f" * (1 + (2 * {up} + {down}) / 3 / {SCALE_SHARE})"  # the scales once more, rows padded


def _element(piece: Piece) -> str:
    if piece.scheme is None:
        return "bytes per parameter, unquantized"
    made = _made_of(piece.scheme, piece.element_bytes)
    return f"bytes per parameter in {piece.scheme.name}{made}"


def _made_of(scheme: Scheme, size: float) -> str:
    """What bytes per parameter are made of, where a group carries a scale and perhaps a zero."""
    for group in (16, 32, 64, 128):
        for scale, zero, text in (
            (2.0, 0.5, "0.5 + 2 / {g} scale + 0.5 / {g} zero"),
            (2.0, 0.0, "0.5 + 2 / {g} scale"),
            (1.0, 0.0, "0.5 + 1 / {g} scale"),
        ):
            if scheme.family in {"int4", "nvfp4", "mxfp4", "fp8-fp4"} and size == 0.5 + (scale + zero) / group:
                return f" = {text.format(g=group)}"
    for group in (32, 64, 128):
        if scheme.family == "int8" and size == 1 + 2 / group:
            return f" = 1 + 2 / {group} scale"
    if size == 1 + 4 / 128**2:
        return " = 1 + 4 / 128**2 scale"
    return ""


def _source(request: FitRequest, piece: Piece) -> str:
    checkpoint = resolve_precision(request.model, request.quantization).checkpoint
    split = SPLITS
    if piece.scheme is not None and piece.scheme.family == "mxfp4" and piece.name == "experts":
        split = MXFP4 if spread_of(request).mxfp4 is Kernels.PADDED else MXFP4_TRITON
    return f"shapes: {request.model.source}; precision: {checkpoint.source}; split: {split}"
