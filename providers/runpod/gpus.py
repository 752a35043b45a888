"""RunPod's GPU type ids and our catalog's names.

A GPU type id is also the SKU of our price table. Ids that are not here are on sale but not in the catalog (too small
for a language model, or retired), and keep RunPod's own name wherever they are shown.
"""

from typing import Final

CATALOG_NAMES: Final = {
    "AMD Instinct MI300X OAM": "MI300X",
    "NVIDIA A100 80GB PCIe": "A100-80-PCIe",
    "NVIDIA A100-SXM4-80GB": "A100-80-SXM",
    "NVIDIA A40": "A40",
    "NVIDIA B200": "B200",
    "NVIDIA B300 SXM6 AC": "B300",
    "NVIDIA GeForce RTX 3090": "RTX-3090",
    "NVIDIA GeForce RTX 4090": "RTX-4090",
    "NVIDIA GeForce RTX 5090": "RTX-5090",
    "NVIDIA H100 80GB HBM3": "H100-SXM",
    "NVIDIA H100 NVL": "H100-NVL",
    "NVIDIA H100 PCIe": "H100-PCIe",
    "NVIDIA H200": "H200",
    "NVIDIA H200 NVL": "H200-NVL",
    "NVIDIA L4": "L4",
    "NVIDIA L40": "L40",
    "NVIDIA L40S": "L40S",
    "NVIDIA RTX 6000 Ada Generation": "RTX-6000-Ada",
    "NVIDIA RTX A6000": "RTX-A6000",
    "NVIDIA RTX PRO 4500 Blackwell": "RTX-PRO-4500",
    "NVIDIA RTX PRO 6000 Blackwell Server Edition": "RTX-PRO-6000",
    "NVIDIA RTX PRO 6000 Blackwell Workstation Edition": "RTX-PRO-6000-WS",
    "Tesla T4": "T4",
}


def catalog_name(gpu_id: str) -> str | None:
    """The catalog's name of a GPU type; None when the catalog does not have it."""
    return CATALOG_NAMES.get(gpu_id)
