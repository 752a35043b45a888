"""Verda's words for GPUs and the catalog's."""

import re
from typing import Final

GPUS: Final = {
    "A100 SXM4 40GB": "A100-40-SXM",
    "A100 SXM4 80GB": "A100-80-SXM",
    "B200 SXM6": "B200",
    "B300 SXM6": "B300",
    "GB300 SXM6": "GB300",
    "H100 SXM5": "H100-SXM",
    "H200 SXM5": "H200",
    "L40S": "L40S",
    "RTX 6000 Ada": "RTX-6000-Ada",
    "RTX A6000": "RTX-A6000",
    "RTX PRO 6000": "RTX-PRO-6000",
}
"""A description without its count, and without its memory where the name alone says which GPU it is → catalog name."""


def catalog_gpu(description: str) -> str | None:
    """The catalog's name of ``8x H100 SXM5 80GB``; None when the catalog has no such GPU."""
    name = re.sub(r"^\d+x\s*", "", " ".join(description.split()))
    return GPUS.get(name) or GPUS.get(re.sub(r"\s*\d+GB$", "", name))
