"""Bytes of a whole model as engines that place layers one by one see it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Bytes of the whole model."""

    layers: tuple[int, ...]
    embedding: int
    output: int
    embedding_on_gpu: bool
    """Whether the embedding goes to the GPU; llama.cpp keeps it in main memory."""
    kv: tuple[int, ...]
    """Per layer, for the whole context."""
    compute: int
    """Per GPU."""
    family: str
    """Family of the weights' scheme."""

    @property
    def count(self) -> int:
        """Layers that can be placed: the output counts as one."""
        return len(self.layers) + 1

    @property
    def whole(self) -> int:
        """Weights and KV cache, wherever they lie."""
        on_gpu = sum(self.on_gpu(self.count))
        return on_gpu if self.embedding_on_gpu else on_gpu + self.embedding

    def on_gpu(self, layers: int) -> tuple[int, int]:
        """Weights and KV cache of the last ``layers`` layers: the output goes first, the first layers stay behind."""
        start = len(self.layers) - max(0, layers - 1)
        weights = sum(self.layers[start:]) + (self.output if layers else 0)
        if layers and self.embedding_on_gpu:
            weights += self.embedding
        return weights, sum(self.kv[start:])

    def placed(self, room: int) -> int:
        """The most layers that ``room`` holds."""
        return next((n for n in range(self.count, 0, -1) if sum(self.on_gpu(n)) <= room), 0)
