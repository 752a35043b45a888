"""Lambda's words for GPUs and the catalog's."""

from typing import Final

GPUS: Final = {
    "A10 (24 GB PCIe)": "A10",
    "A100 (40 GB PCIe)": "A100-40-PCIe",
    "A100 (40 GB SXM4)": "A100-40-SXM",
    "A100 (80 GB SXM4)": "A100-80-SXM",
    "A6000 (48 GB)": "RTX-A6000",
    "B200 (180 GB SXM6)": "B200",
    "GH200 (96 GB)": "GH200",
    "H100 (80 GB PCIe)": "H100-PCIe",
    "H100 (80 GB SXM5)": "H100-SXM",
}
"""``gpu_description`` → catalog name. The names of types are no key: ``gpu_1x_a100`` is PCIe, ``gpu_8x_a100`` SXM.

Not in the catalog, since no engine of ours runs on them: Quadro RTX 6000 and V100.
"""


def catalog_gpu(description: str) -> str | None:
    """The catalog's name of what Lambda calls ``description``; None when the catalog has no such GPU."""
    return GPUS.get(" ".join(description.split()))
