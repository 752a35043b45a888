"""Which machines have a fast link between all their GPUs."""

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.offers.links import has_fast_link


@pytest.mark.parametrize(
    ("gpu", "count", "fast"),
    [
        ("L4", 1, True),  # one GPU needs no link
        ("L4", 2, False),
        ("H100-SXM", 8, True),
        ("A100-40-SXM", 16, False),  # the catalog vouches for 8
        ("H100-PCIe", 2, False),  # a bridge connector, and nobody says that the bridge is there
        ("H100-NVL", 2, True),
        ("H100-NVL", 4, False),
        ("H200-NVL", 4, False),
        ("MI300X", 8, True),
        ("GB200", 4, True),
    ],
)
def test_fast_link(gpu: str, count: int, *, fast: bool) -> None:
    assert has_fast_link(find_gpu(gpu), count) is fast
