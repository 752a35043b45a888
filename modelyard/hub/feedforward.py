"""The feed-forward side: dense width, experts, and which layers have which, from ``config.json``."""

from dataclasses import dataclass

from modelyard.catalog.models import MoE
from modelyard.hub.config import Config
from modelyard.hub.families import Family
from modelyard.hub.layers import block_pattern

_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_PER_TOKEN = (
    "num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts", "moe_topk", "moe_k",
)  # fmt: skip
_SHARED = ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts")
_SHARED_WIDTH = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "shared_intermediate_size")


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedForward:
    """The feed-forward facts of a model."""

    intermediate_size: int
    """Width of the dense MLP; 0 where no layer has one."""
    moe: MoE | None = None


def read_feedforward(config: Config, family: Family | None, layers: int) -> FeedForward:
    """Read the feed-forward facts.

    Args:
        config: the language model's config.
        family: how it is read; None: not known.
        layers: ``num_hidden_layers``.

    Raises:
        UsageError: a count that is missing or impossible.
    """
    width = config.integer("intermediate_size", "ffn_hidden_size", "n_inner", "ffn_dim", "hidden_dim") or 0
    experts = config.integer(*_EXPERTS) or 0
    if experts < 2:  # one expert is a dense MLP by another name (Jamba's small models)
        shared = config.integer("shared_intermediate_size") if family and family.expert_width_is_intermediate else None
        return FeedForward(intermediate_size=shared or width)
    if config.has("interleave_moe_layer_step") or config.has("intermediate_size_mlp"):
        return _llama4(config, experts, width, layers)
    expert_width = config.integer("moe_intermediate_size", "expert_intermediate_size") or width
    only_experts = family is not None and family.expert_width_is_intermediate
    dense, step = (0, 1) if only_experts else _dense_layers(config, layers)
    beside = family is not None and family.dense_beside_experts
    count, shared = _shared(config, expert_width)
    pattern = block_pattern(config)
    has_dense = "-" in pattern if pattern else bool(dense or step > 1 or beside)
    return FeedForward(
        intermediate_size=width if has_dense else 0,
        moe=MoE(
            num_experts=experts,
            experts_per_token=_experts_per_token(config),
            moe_intermediate_size=expert_width,
            num_shared_experts=count,
            shared_expert_intermediate_size=shared,
            first_dense_layers=dense,
            moe_layer_step=step,
            latent_size=config.integer("moe_latent_size"),
        ),
    )


def _experts_per_token(config: Config) -> int:
    listed = config.items(*_PER_TOKEN)
    if listed and isinstance(listed[0], int):  # Hunyuan gives one number per layer
        return listed[0]
    return config.integer(*_PER_TOKEN) or 1


def _shared(config: Config, expert_width: int) -> tuple[int, int]:
    """Number of shared experts, and their width together."""
    count = config.integer(*_SHARED)
    width = config.integer(*_SHARED_WIDTH)
    if width:
        return max(1, count or 1), width
    return (count, count * expert_width) if count else (0, 0)


def _dense_layers(config: Config, layers: int) -> tuple[int, int]:
    """How many layers are dense before the experts begin, and how often experts come after that."""
    frequency = config.items("moe_layer_freq")
    if frequency is not None:  # one number per layer
        return next((i for i, item in enumerate(frequency) if item), layers), 1
    first = config.integer("first_k_dense_replace", "moe_layer_start_index")
    if first is None:
        first = _prefix(config.items("mlp_only_layers") or ())
    step = config.integer("decoder_sparse_step", "moe_layer_freq", "expert_layer_period", "moe_layer_interval") or 1
    return first, step


def _prefix(indexes: tuple[object, ...]) -> int:
    """How many of the layers 0, 1, 2 … are named."""
    count = 0
    while count in indexes:
        count += 1
    return count


def _llama4(config: Config, experts: int, width: int, layers: int) -> FeedForward:
    """Llama 4: ``intermediate_size`` is an expert's and the shared expert's width, ``…_mlp`` the dense layers'."""
    step = config.integer("interleave_moe_layer_step") or 1
    listed = config.items("moe_layers")
    if listed:
        step = max(1, layers // len(listed))
    return FeedForward(
        intermediate_size=(config.integer("intermediate_size_mlp") or 0) if step > 1 else 0,
        moe=MoE(
            num_experts=experts,
            experts_per_token=_experts_per_token(config),
            moe_intermediate_size=width,
            num_shared_experts=1,
            shared_expert_intermediate_size=width,
            moe_layer_step=step,
        ),
    )
