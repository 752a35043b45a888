"""Groups of layers that share one table of KV-cache blocks."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Layers that share one block table."""

    kind: str
    """``full``, ``sliding``, ``chunked`` or ``linear``."""
    count: int
    """How many groups of this kind there are."""
    block_tokens: int
    window: int = 0
