"""Memory beside weights and KV cache: activations, CUDA graphs, and what torch does not count.

These are not constants of a model: they follow the engine version, two flags (max_num_seqs S, max_num_batched_tokens T)
and the class of GPU. The shapes of the formulas are vLLM's; the numbers in them are in ``constants.py``.
"""

from dataclasses import dataclass

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model
from modelyard.fit.constants import FITTED, Constants, whole
from modelyard.fit.defaults import V1_ENGINE, Flags, Version
from modelyard.units import GIB

LOGITS_BYTES, HALF_BYTES = 4, 2

SAMPLER_FAST: Version = (0, 17)
"""Through 0.16, top-k and top-p sorted all logits."""
WORKSPACES_MODULAR: Version = (0, 17)
"""From here both workspaces of the experts are as wide as the hidden state (vLLM ``workspace_shapes``)."""
EXPERT_CHUNKS: tuple[tuple[Version, str], ...] = (((0, 13), "expert_chunk"), ((0, 0), "expert_chunk_012"))
"""Which constant says how many tokens the experts take at once; the version of the change is approximate."""

PIXEL_BYTES_PER_TOKEN = {"gemma": 896 * 896 * 3 * HALF_BYTES // 256}
"""Profiling fills a batch with images: their pixels in 16 bits, per image token. Gemma 3 makes 256 tokens of 896²."""
PIXEL_BYTES_MERGED = 28 * 28 * 3 * HALF_BYTES
"""Others cut patches of 14 and merge 2 × 2 (Pixtral, Qwen-VL)."""

GRAPHS_WIDE_TP = 8
GRAPH_SMALL = (1, 2, 4)
GRAPH_FINE_UP_TO = 256
"""Captured batch sizes: these, then in fine steps to 256, then in coarse ones (vLLM ``config/vllm.py``)."""
KIB = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Runtime:
    """Bytes per GPU of one stage."""

    activations: int
    cuda_graphs: int
    non_torch: int
    """Counted against gpu-memory-utilization."""
    context: int
    """CUDA and NCCL context, which lies outside it."""
    warm_up: int
    """Fragments that capture and warm-up leave beside the graphs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """How one GPU takes part in a forward pass."""

    tp: int = 1
    pp: int = 1
    dp: int = 1
    expert_parallel: bool = False
    is_first: bool = True
    """Whether the stage embeds."""
    is_last: bool = True
    """Whether the stage samples."""
    eager: bool = False
    """No CUDA graphs."""
    moe_workspace: bool = True
    """MXFP4 kernels need none."""


def gpu_class(gpu: Gpu) -> str:
    """``hopper`` (Hopper and data-centre Blackwell), ``amd`` or ``other``: what decides workspaces outside torch."""
    capability = gpu.capability
    if capability is None:
        return "amd"
    return "hopper" if capability[0] in {9, 10} else "other"


def estimate_runtime(model: Model, gpu: Gpu, flags: Flags, shape: Shape, *, constants: Constants = FITTED) -> Runtime:
    """Everything but weights and KV cache, for one GPU of one stage."""
    group = shape.tp * shape.pp * shape.dp > 1
    warm_up = constants["warm_up"] + (0.0 if shape.moe_workspace else constants["warm_up_mxfp4"])
    return Runtime(
        activations=round(activation_bytes(model, flags, shape, constants)),
        cuda_graphs=0 if shape.eager else round(graph_gib(model, gpu, flags, shape.tp, constants) * GIB),
        non_torch=round(non_torch_gib(gpu, flags.version, shape.tp * shape.dp, shape.pp, constants) * GIB),
        context=round(constants["context_group" if group else "context_one_gpu"] * GIB),
        warm_up=round(warm_up * GIB),
    )


def activation_bytes(model: Model, flags: Flags, shape: Shape, constants: Constants = FITTED) -> float:
    """Peak of the profiling run: the sampler or the forward pass, the experts' workspaces, the image encoder."""
    workspace = moe_workspace_bytes(model, flags, shape) if shape.moe_workspace else 0.0
    forward = forward_bytes(model, flags, shape.tp, constants)
    if shape.is_last:
        peak = max(sampler_bytes(model, flags, constants), forward) + workspace
    else:
        peak = forward + workspace + handed_on_copies(shape, constants) * hidden_bytes(model, flags)
    return peak + encoder_bytes(model, flags)


def handed_on_copies(shape: Shape, constants: Constants = FITTED) -> float:
    """Hidden states that a stage holds beside its forward pass because it does not sample."""
    return constants["handed_on_copies"] + (constants["embedded_copies"] if shape.is_first else 0)


def hidden_bytes(model: Model, flags: Flags) -> int:
    """Hidden states of T tokens."""
    return flags.max_num_batched_tokens * model.hidden_size * HALF_BYTES


def sampler_bytes(model: Model, flags: Flags, constants: Constants = FITTED) -> float:
    """Peak of the dummy sampler run, in bytes."""
    copies = constants["sampler_copies" if flags.version >= SAMPLER_FAST else "sampler_copies_sorting"]
    logits = flags.max_num_seqs * model.vocab_size * LOGITS_BYTES
    hidden = constants["sampler_hidden_copies"] * hidden_bytes(model, flags)
    return copies * logits + hidden + constants["sampler_base"] * GIB


def forward_bytes(model: Model, flags: Flags, tp: int, constants: Constants = FITTED) -> float:
    """Peak of one forward pass over T tokens, in bytes."""
    width = model.intermediate_size / tp * HALF_BYTES
    ffn = flags.max_num_batched_tokens * constants["forward_ffn_copies"] * width
    copies = constants[forward_copies_name(flags)]
    return ffn + copies * hidden_bytes(model, flags) + constants["forward_base"] * GIB


def forward_copies_name(flags: Flags) -> str:
    """Which constant says how many hidden states a forward pass holds."""
    return "forward_hidden_copies_v0" if flags.is_v0 else "forward_hidden_copies"


def moe_workspace_bytes(model: Model, flags: Flags, shape: Shape) -> float:
    """Workspaces of the fused experts, in bytes.

    Data-parallel ranks gather their tokens before the experts; more than a chunk is worked through in turn.
    """
    moe = model.moe
    if moe is None:
        return 0.0
    width = moe.moe_intermediate_size / (1 if shape.expert_parallel else shape.tp * shape.dp)
    chunk = whole(next(name for since, name in EXPERT_CHUNKS if flags.version >= since))
    tokens = flags.max_num_batched_tokens
    if shape.dp > 1:
        tokens = max(tokens, min(tokens * shape.dp, chunk))
    hidden = model.hidden_size
    second = max(width, hidden) if flags.version >= WORKSPACES_MODULAR else width
    return tokens * moe.experts_per_token * (max(2 * width, hidden) + second) * HALF_BYTES


def encoder_bytes(model: Model, flags: Flags) -> int:
    """A batch full of images: their pixels and their encoded states, in bytes; 0 for text models."""
    if model.vision is None:
        return 0
    pixels = PIXEL_BYTES_PER_TOKEN.get(model.family, PIXEL_BYTES_MERGED)
    return flags.max_num_batched_tokens * pixels + hidden_bytes(model, flags)


def graph_gib(model: Model, gpu: Gpu, flags: Flags, tp: int, constants: Constants = FITTED) -> float:
    """CUDA-graph pool in GiB: a first capture, and a little per layer for every captured batch size.

    vLLM measures two captures of each kind and extrapolates (``v1/worker/gpu_model_runner.py``
    profile_cudagraph_memory); how many there are follows from max-num-seqs.
    """
    if gpu.capability is None:
        return constants["graphs_amd"]
    base = constants["graphs_dense_base" if model.moe is None else "graphs_moe_base"]
    per_layer = constants["graphs_per_layer"] * KIB / GIB
    size = base + model.num_hidden_layers * captured_graphs(model, flags) * per_layer
    return max(size, constants["graphs_moe_wide"]) if model.moe is not None and tp >= GRAPHS_WIDE_TP else size


def captured_graphs(model: Model, flags: Flags) -> int:
    """How many graphs are captured: mixed batches up to twice max-num-seqs, and decoding batches up to max-num-seqs."""
    largest = whole("graph_largest_gpt_oss" if model.family == "gpt-oss" else "graph_largest")
    mixed = min(2 * flags.max_num_seqs, largest)
    return _sizes_up_to(mixed) + _sizes_up_to(min(flags.max_num_seqs, mixed))


def _sizes_up_to(largest: int) -> int:
    small = sum(1 for size in GRAPH_SMALL if size <= largest)
    fine = min(largest, GRAPH_FINE_UP_TO) // whole("graph_fine_step")
    return small + fine + max(0, largest - GRAPH_FINE_UP_TO) // whole("graph_coarse_step")


_NON_TORCH: dict[str, tuple[tuple[Version, str], ...]] = {
    "hopper": (((0, 18), "hopper_018"), (V1_ENGINE, "hopper_v1"), ((0, 0), "hopper_v0")),
    "other": ((V1_ENGINE, "other"), ((0, 0), "other_v0")),
    "amd": (((0, 0), "amd"),),
}
_SIZES = (8, 4, 2, 1)


def non_torch_name(gpu: Gpu, version: Version, tp: int, pp: int) -> str:
    """Which constant says what torch does not count: by class of GPU, engine version and size of the group."""
    if tp == 1 and pp > 1 and gpu.capability is not None:
        return "non_torch_pp"
    row = next(name for since, name in _NON_TORCH[gpu_class(gpu)] if version >= since)
    size = next(size for size in _SIZES if size <= tp and f"non_torch_{row}_tp{size}" in FITTED)
    return f"non_torch_{row}_tp{size}"


def non_torch_gib(gpu: Gpu, version: Version, tp: int, pp: int, constants: Constants = FITTED) -> float:
    """Memory in GiB that torch does not count, within gpu-memory-utilization."""
    return constants[non_torch_name(gpu, version, tp, pp)]
