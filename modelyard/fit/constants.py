"""Every fitted or assumed number of the fit, in one table, each with its source and the runs that it was fitted on.

Functions take a mapping of these values, so that the accuracy benchmark can refit them with one model family left out.
Rules read in an engine's source (what is sharded, how blocks are grouped, which flag defaults to what) are not here:
they live, with their source, where they are used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Constants = Mapping[str, float]
"""Name → value; the unit is in the table."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Constant:
    """One number."""

    name: str
    value: float
    unit: str
    meaning: str
    source: str
    """``campaign``: the project's sizing notes, fitted on 54 runs of vLLM 0.19 on H100 (the 0.19 rows of the
    observations are among them); ``log``: read off published logs; ``issue``: a published report; ``guess``: no run."""
    rows: tuple[int, ...] = ()
    """Lines of ``vram_observations.csv`` that can refit it (the header is line 1); empty: never refit."""

    @property
    def refit(self) -> bool:
        """Whether cross-validation refits it; otherwise its source's value is taken as it is."""
        return bool(self.rows)


_H100_019 = (2, 5, 6, 7, 11, 12, 13, 14, 15, 16, 18, 19)
_SAMPLED = (*_H100_019, 3, 8, 9, 10, 17, 27, 49)
_SORTED = (20, 21, 22, 24, 26, 50, 51)


def _c(name: str, value: float, unit: str, meaning: str, source: str, rows: tuple[int, ...] = ()) -> Constant:
    return Constant(name=name, value=value, unit=unit, meaning=meaning, source=source, rows=rows)


TABLE: tuple[Constant, ...] = (
    _c("sampler_copies", 3.63, "copies", "fp32 logits of S × V at the sampler's peak, from 0.17", "campaign", _SAMPLED),
    _c("sampler_copies_sorting", 9.5, "copies", "the same through 0.16, which sorted all logits", "log", _SORTED),
    _c("sampler_hidden_copies", 1.1, "copies", "hidden states of T tokens beside the logits", "campaign"),
    _c("sampler_base", 0.04, "GiB", "fixed part of the sampler's peak", "campaign"),
    _c("forward_ffn_copies", 3, "copies", "feed-forward width of T tokens in the forward pass", "campaign"),
    _c("forward_hidden_copies", 4, "copies", "hidden states of T tokens in the forward pass", "campaign"),
    _c("forward_base", 0.015, "GiB", "fixed part of the forward pass", "campaign"),
    _c("non_torch_hopper_018_tp1", 0.25, "GiB", "not counted by torch, Hopper and B200, from 0.18", "log", _H100_019),
    _c("non_torch_hopper_018_tp2", 2.08, "GiB", "the same, two GPUs", "log", (8, 10, 17, 52)),
    _c("non_torch_hopper_018_tp4", 2.17, "GiB", "the same, four GPUs", "log", (3, 9)),
    _c("non_torch_hopper_018_tp8", 2.25, "GiB", "the same, eight GPUs", "guess"),
    _c("non_torch_hopper_v1_tp1", 0.13, "GiB", "Hopper and B200, 0.8 to 0.17", "log", (20, 21, 22, 24, 26, 27)),
    _c("non_torch_hopper_v1_tp2", 0.55, "GiB", "the same, two GPUs", "log"),
    _c("non_torch_hopper_v1_tp4", 0.7, "GiB", "the same, four GPUs", "guess"),
    _c("non_torch_hopper_v1_tp8", 0.8, "GiB", "the same, eight GPUs", "guess"),
    _c("non_torch_hopper_v0_tp1", 1.79, "GiB", "Hopper, the V0 engine", "log", (44,)),
    _c("non_torch_hopper_v0_tp2", 3.58, "GiB", "the same, two GPUs", "log"),
    _c("non_torch_other_tp1", 0.09, "GiB", "Ampere, Ada, consumer Blackwell", "log", (28, 49, 50)),
    _c("non_torch_other_tp2", 0.35, "GiB", "the same, two GPUs and more", "log"),
    _c("non_torch_amd_tp1", 1.5, "GiB", "MI300X class", "campaign", (51,)),
    _c("non_torch_amd_tp2", 1.75, "GiB", "the same, two GPUs", "guess"),
    _c("non_torch_amd_tp4", 2.0, "GiB", "the same, four GPUs", "campaign"),
    _c("non_torch_amd_tp8", 2.5, "GiB", "the same, eight GPUs", "campaign"),
    _c("non_torch_pp", 0.07, "GiB", "pipeline stages of one GPU each", "log", (4,)),
    _c("context_one_gpu", 0.51, "GiB", "CUDA context, outside gpu-memory-utilization", "log"),
    _c("context_group", 1.53, "GiB", "CUDA and NCCL context of a group", "log"),
    _c("graphs_dense", 0.9, "GiB", "CUDA-graph estimate, dense", "campaign"),
    _c("graphs_moe", 1.2, "GiB", "the same, mixture of experts", "log"),
    _c("graphs_moe_wide", 2.1, "GiB", "the same, eight GPUs and more", "log"),
    _c("graphs_amd", 7.0, "GiB", "graphs on MI300X, never taken out of the budget", "log"),
    _c("warm_up", 0.5, "GiB", "fragments beside the graphs before 0.20: between 0.44 and 0.64", "log"),
    _c("warm_up_mxfp4", 1.78, "GiB", "reserved and unusable after MXFP4 kernels", "log"),
)  # fmt: skip

FITTED: Constants = MappingProxyType({constant.name: constant.value for constant in TABLE})
"""The values that every fit uses unless it is told otherwise."""
