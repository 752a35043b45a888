"""The KV cache of DeepSeek V4's compressed attention, as vLLM packs it.

Five kinds of rows share one pool: compressed rows (one per 4 or 128 tokens) with the indexer's, a window of whole rows
in every layer, and the states of the two compressors, whose blocks hold only 4 and 8 tokens. Every block is as large as
the largest group's, so a request pays the small blocks dearly for each token in flight: that is why published figures
differ twentyfold with max-model-len and max-num-batched-tokens.

Checked: 0.22 refuses 30,000 tokens on 5.44 GiB, names 6.66 GiB as needed and 13,528 tokens as possible (vllm#44376),
all to the last digit; 0.28 reports groups of 1,002,240, 823,680, 786,240, 870,912 and 656,640 bytes (vllm#54703).
"""

from modelyard.catalog.models import CompressedAttention
from modelyard.fit.defaults import Version
from modelyard.fit.groups import Group

BLOCK = 256
WINDOW_BLOCK, FINE_STATE_BLOCK, COARSE_STATE_BLOCK = 64, 4, 8
ROW_BYTES = 584
"""448 fp8 + 64 bf16 rotary + 8 scales (``fp8_ds_mla``)."""
INDEX_ROW_BYTES = 132
ALIGNMENT = 576
STATE_BYTES = 4
PACKED_BY_GROUP: Version = (0, 23)
"""From here groups are packed on their own; before, every layer was padded to a set of one page of each kind."""


def compressed_groups(attention: CompressedAttention, layers: int, version: Version) -> tuple[int, tuple[Group, ...]]:
    """Bytes of one block, and the groups that draw blocks."""
    fine, index, coarse = _pages(attention)
    window_page = _aligned(WINDOW_BLOCK * ROW_BYTES)
    repeats = max(attention.fine_layers, attention.coarse_layers, -(-layers // 2))
    window_groups = -(-layers // repeats)
    if version < PACKED_BY_GROUP:
        block = repeats * (fine + index + coarse)
    else:
        block = max(
            attention.fine_layers * (fine + index) + attention.coarse_layers * coarse,
            repeats * window_page,
            attention.fine_layers * sum(_fine_states(attention)),
            attention.coarse_layers * _aligned(COARSE_STATE_BLOCK * 2 * attention.head_dim * STATE_BYTES),
        )
    return block, (
        Group(kind="full", count=1, block_tokens=BLOCK),
        Group(kind="sliding", count=window_groups, block_tokens=WINDOW_BLOCK, window=attention.window),
        Group(kind="sliding", count=1, block_tokens=FINE_STATE_BLOCK, window=2 * attention.fine_ratio),
        Group(kind="sliding", count=1, block_tokens=COARSE_STATE_BLOCK, window=attention.coarse_ratio),
    )


def compressed_pages(attention: CompressedAttention, layers: int) -> tuple[tuple[str, int, int], ...]:
    """What a block is made of: for every kind of row its name, layers, and bytes of a page in one layer."""
    fine, index, coarse = _pages(attention)
    repeats = max(attention.fine_layers, attention.coarse_layers, -(-layers // 2))
    states = _aligned(COARSE_STATE_BLOCK * 2 * attention.head_dim * STATE_BYTES)
    return (
        ("fine rows", attention.fine_layers, fine),
        ("the indexer's rows", attention.fine_layers, index),
        ("coarse rows", attention.coarse_layers, coarse),
        ("windows of whole rows", repeats, _aligned(WINDOW_BLOCK * ROW_BYTES)),
        ("states of the fine compressor and its indexer", attention.fine_layers, sum(_fine_states(attention))),
        ("states of the coarse compressor", attention.coarse_layers, states),
    )


def compressed_token_bytes(attention: CompressedAttention) -> int:
    """Bytes per token of the compressed rows alone: what a long context adds."""
    fine, index, coarse = _pages(attention)
    return (attention.fine_layers * (fine + index) + attention.coarse_layers * coarse) // BLOCK


def _pages(attention: CompressedAttention) -> tuple[int, int, int]:
    """Bytes of a block in one layer: fine rows, their indexer, coarse rows."""
    rows = BLOCK // attention.fine_ratio
    coarse_rows = BLOCK // attention.coarse_ratio
    return _aligned(rows * ROW_BYTES), _aligned(rows * INDEX_ROW_BYTES), _aligned(coarse_rows * ROW_BYTES)


def _fine_states(attention: CompressedAttention) -> tuple[int, int]:
    """A block of the fine compressor's states in one layer, and of its indexer's: two halves of keys and scores."""
    return (
        _aligned(FINE_STATE_BLOCK * 4 * attention.head_dim * STATE_BYTES),
        _aligned(FINE_STATE_BLOCK * 4 * attention.index_head_dim * STATE_BYTES),
    )


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
