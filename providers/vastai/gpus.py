"""Vast's names of GPUs, the catalog's, and the names in our price table."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class VastGpu:
    """One GPU as Vast sells it.

    Attributes:
        gpu: catalog name.
        vendor_gpu: Vast's ``gpu_name``.
        sku: as in our price table.
        least_mb: least ``gpu_ram``; Vast gives the same name to A100s of 40 and of 80 GB.
        most_mb: most ``gpu_ram``; None: no other memory size has this name.
    """

    gpu: str
    vendor_gpu: str
    sku: str
    least_mb: int = 0
    most_mb: int | None = None

    def is_it(self, vendor_gpu: str, gpu_ram_mb: float | None) -> bool:
        """Whether a machine's own words say that it is this one."""
        if vendor_gpu.replace("_", " ").lower() != self.vendor_gpu.lower():
            return False
        if self.least_mb == 0 and self.most_mb is None:
            return True
        return gpu_ram_mb is not None and self.least_mb <= gpu_ram_mb <= (self.most_mb or gpu_ram_mb)


def _same(gpu: str, vendor_gpu: str) -> VastGpu:
    return VastGpu(gpu=gpu, vendor_gpu=vendor_gpu, sku=vendor_gpu)


_BETWEEN_A100S_MB: Final = 60_000

GPUS: Final[tuple[VastGpu, ...]] = (
    _same("T4", "Tesla T4"),
    _same("L4", "L4"),
    _same("A10", "A10"),
    _same("A10G", "A10G"),
    _same("RTX-3090", "RTX 3090"),
    _same("RTX-4090", "RTX 4090"),
    _same("RTX-5090", "RTX 5090"),
    _same("L40", "L40"),
    _same("L40S", "L40S"),
    _same("A40", "A40"),
    _same("RTX-A6000", "RTX A6000"),
    VastGpu(gpu="RTX-6000-Ada", vendor_gpu="RTX 6000Ada", sku="RTX 6000 Ada"),
    VastGpu(gpu="RTX-PRO-6000", vendor_gpu="RTX PRO 6000 S", sku="RTX PRO 6000 Server"),
    _same("RTX-PRO-6000-WS", "RTX PRO 6000 WS"),
    _same("RTX-PRO-4500", "RTX PRO 4500"),
    VastGpu(gpu="A100-40-PCIe", vendor_gpu="A100 PCIE", sku="A100 PCIe", most_mb=_BETWEEN_A100S_MB),
    VastGpu(gpu="A100-40-SXM", vendor_gpu="A100 SXM4", sku="A100 SXM", most_mb=_BETWEEN_A100S_MB),
    VastGpu(gpu="A100-80-PCIe", vendor_gpu="A100 PCIE", sku="A100 PCIe 80", least_mb=_BETWEEN_A100S_MB),
    VastGpu(gpu="A100-80-SXM", vendor_gpu="A100 SXM4", sku="A100 SXM 80", least_mb=_BETWEEN_A100S_MB),
    VastGpu(gpu="H100-PCIe", vendor_gpu="H100 PCIE", sku="H100 PCIe"),
    _same("H100-SXM", "H100 SXM"),
    _same("H100-NVL", "H100 NVL"),
    _same("H200", "H200"),
    _same("H200-NVL", "H200 NVL"),
    _same("B200", "B200"),
    _same("B300", "B300"),
)

NOT_SOLD: Final = frozenset({"H20", "GH200", "GB200", "GB300"})
"""NVIDIA GPUs of the catalog that Vast does not sell, or whose name there is not known. Others are not asked for."""


def by_catalog_name(gpu: str) -> VastGpu | None:
    """Vast's GPU for a catalog name."""
    return next((known for known in GPUS if known.gpu == gpu), None)


def by_vendor_name(vendor_gpu: str, gpu_ram_mb: float | None) -> VastGpu | None:
    """What a machine that Vast shows has; None: not in the catalog."""
    return next((known for known in GPUS if known.is_it(vendor_gpu, gpu_ram_mb)), None)
