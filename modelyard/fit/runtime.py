"""Memory beside weights and KV cache: activations, CUDA graphs, and what torch does not count.

These are not constants of a model: they follow the engine version, two flags (max_num_seqs S, max_num_batched_tokens T)
and the class of GPU. Every number below was fitted to or read off published logs and will drift with versions; its
section of ``vram.md`` is named. They live in this one file so that a new engine version is one row.
"""

from dataclasses import dataclass

from modelyard.catalog.gpus import Gpu
from modelyard.catalog.models import Model
from modelyard.fit.defaults import V1_ENGINE, Flags, Version
from modelyard.units import GIB

LOGITS_BYTES, HALF_BYTES = 4, 2

# §3.1: the dummy sampler run holds this many fp32 copies of S × V logits.
SAMPLER_COPIES = 3.63
SAMPLER_COPIES_SORTING = 9.5
"""Through 0.16, top-k and top-p sorted all logits."""
SAMPLER_FAST: Version = (0, 17)
SAMPLER_HIDDEN_COPIES = 1.1
SAMPLER_BASE = 0.04 * GIB
FORWARD_HIDDEN_COPIES = 4
FORWARD_BASE = 0.015 * GIB
ENCODER_BASE = 0.1 * GIB
"""§3.1: multimodal models hold the encoder's output of one batch (T × H) and this much beside it."""

# §3.2: GiB that torch does not count, after the engine's own baseline, by tensor-parallel size.
_NON_TORCH: dict[str, tuple[tuple[Version, dict[int, float]], ...]] = {
    "hopper": (
        ((0, 18), {1: 0.25, 2: 2.08, 4: 2.17, 8: 2.25}),  # symmetric memory and FlashInfer all-reduce workspaces
        (V1_ENGINE, {1: 0.13, 2: 0.55, 4: 0.7, 8: 0.8}),
        ((0, 0), {1: 1.79, 2: 3.58}),
    ),
    "other": (((0, 0), {1: 0.09, 2: 0.35}),),
    "amd": (((0, 0), {1: 1.5, 2: 1.75, 4: 2.0, 8: 2.5}),),
}
NON_TORCH_PP = 0.07
"""GiB with pipeline stages alone."""

# Baseline before the engine measures: it lies outside gpu-memory-utilization (§3; run logs of 0.19 on H100).
CONTEXT_ONE_GPU, CONTEXT_GROUP = 0.51, 1.53

# §3: CUDA-graph pool, GiB.
GRAPHS_DENSE, GRAPHS_MOE, GRAPHS_MOE_WIDE, GRAPHS_AMD = 0.9, 1.2, 2.1, 7.0
GRAPHS_WIDE_TP = 8

# Before 0.20, graphs and warm-up had to fit in what gmu leaves alone. The sampler's warm-up reuses the activation peak,
# so beside the graphs only fragments count: more than 0.44 GiB and less than 0.64 (0.19 on H100 at gmu .95 on two GPUs:
# gpt-oss-20b ran out, Llama 70B FP8 did not). MXFP4 kernels left 1.78 GiB reserved and unusable (gpt-oss-20b, one GPU).
WARM_UP = 0.5 * GIB
WARM_UP_MXFP4 = 1.78 * GIB


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


def gpu_class(gpu: Gpu) -> str:
    """``hopper`` (Hopper and data-centre Blackwell), ``amd`` or ``other``: what decides the workspaces of §3.2."""
    capability = gpu.capability
    if capability is None:
        return "amd"
    return "hopper" if capability[0] in {9, 10} else "other"


def estimate_runtime(
    model: Model, gpu: Gpu, flags: Flags, *, tp: int, pp: int, is_last: bool, eager: bool, moe_workspace: bool
) -> Runtime:
    """Everything but weights and KV cache, for one GPU of one stage.

    Args:
        model: the model.
        gpu: the GPU.
        flags: the engine's flags, resolved.
        tp: tensor-parallel size.
        pp: pipeline-parallel size.
        is_last: whether the stage samples.
        eager: no CUDA graphs.
        moe_workspace: whether the expert kernel needs a workspace (MXFP4 kernels do not).
    """
    sampler = sampler_bytes(model, flags)
    workspace = moe_workspace_bytes(model, flags, tp) if moe_workspace else 0.0
    forward = forward_bytes(model, flags, tp)
    hidden = flags.max_num_batched_tokens * model.hidden_size * HALF_BYTES
    activations = max(sampler, forward) + workspace if is_last else forward + workspace + hidden
    if model.vision is not None:
        activations += hidden + ENCODER_BASE
    group = tp * pp > 1
    return Runtime(
        activations=round(activations),
        cuda_graphs=0 if eager else round(graph_gib(model, gpu, tp) * GIB),
        non_torch=round(non_torch_gib(gpu, flags.version, tp, pp) * GIB),
        context=round((CONTEXT_GROUP if group else CONTEXT_ONE_GPU) * GIB),
        warm_up=round(WARM_UP if moe_workspace else WARM_UP + WARM_UP_MXFP4),
    )


def sampler_bytes(model: Model, flags: Flags) -> float:
    """Peak of the dummy sampler run, in bytes."""
    copies = SAMPLER_COPIES if flags.version >= SAMPLER_FAST else SAMPLER_COPIES_SORTING
    logits = flags.max_num_seqs * model.vocab_size * LOGITS_BYTES
    hidden = flags.max_num_batched_tokens * model.hidden_size * HALF_BYTES
    return copies * logits + SAMPLER_HIDDEN_COPIES * hidden + SAMPLER_BASE


def forward_bytes(model: Model, flags: Flags, tp: int) -> float:
    """Peak of one forward pass over T tokens, in bytes."""
    tokens = flags.max_num_batched_tokens
    ffn = tokens * 3 * model.intermediate_size / tp * HALF_BYTES
    return ffn + FORWARD_HIDDEN_COPIES * tokens * model.hidden_size * HALF_BYTES + FORWARD_BASE


def moe_workspace_bytes(model: Model, flags: Flags, tp: int) -> float:
    """Workspace of the fused experts over T tokens, in bytes."""
    moe = model.moe
    if moe is None:
        return 0.0
    width = moe.moe_intermediate_size / tp
    routed = flags.max_num_batched_tokens * moe.experts_per_token
    return routed * (max(2 * width, model.hidden_size) + width) * HALF_BYTES


def graph_gib(model: Model, gpu: Gpu, tp: int) -> float:
    """CUDA-graph pool in GiB."""
    if gpu.capability is None:
        return GRAPHS_AMD
    if model.moe is None:
        return GRAPHS_DENSE
    return GRAPHS_MOE_WIDE if tp >= GRAPHS_WIDE_TP else GRAPHS_MOE


def non_torch_gib(gpu: Gpu, version: Version, tp: int, pp: int) -> float:
    """Memory in GiB that torch does not count, within gpu-memory-utilization."""
    if tp == 1 and pp > 1 and gpu.capability is not None:
        return NON_TORCH_PP
    for since, by_tp in _NON_TORCH[gpu_class(gpu)]:
        if version >= since:
            return by_tp[max(size for size in by_tp if size <= tp)]
    raise AssertionError(f"no row for {version}")  # the last row starts at (0, 0)
