"""Weight files as lists of tensors, whatever the format."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Tensor:
    """One tensor of a header; its data is never read."""

    name: str
    dtype: str
    """As the format writes it: ``BF16``, ``F8_E4M3``, ``U8`` …; for GGUF the block type, such as ``Q4_K``."""
    shape: tuple[int, ...]
    size: int
    """Bytes in the file."""

    @property
    def elements(self) -> int:
        """Stored elements; a packed element holds several weights."""
        return math.prod(self.shape)

    @property
    def leaf(self) -> str:
        """The last part of the name that says what it belongs to: ``q_proj`` of ``….q_proj.weight``."""
        parts = self.name.split(".")
        return parts[-2] if len(parts) > 1 else parts[-1]
