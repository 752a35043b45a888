"""What the simulated RunPod sells, and what is in stock."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

DATA_CENTERS = ("US-KS-2", "US-TX-3", "CA-MTL-3", "EU-RO-1", "EU-SE-1", "EUR-IS-1", "AP-JP-1")
VOLUME_DATA_CENTERS = ("US-KS-2", "US-TX-3", "CA-MTL-3", "EU-RO-1", "EUR-IS-1")
CPU_FLAVORS = ("cpu3c", "cpu3g", "cpu3m", "cpu5c", "cpu5g", "cpu5m")
CPU_USD_PER_VCPU = Decimal("0.03")
_UNLIMITED = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuKind:
    """A GPU type; prices are per GPU and hour."""

    id: str
    name: str
    pool: str | None
    memory: int
    secure: Decimal | None
    community: Decimal | None


def _kind(gpu_id: str, name: str, pool: str | None, memory: int, secure: str, community: str) -> GpuKind:
    return GpuKind(
        id=gpu_id,
        name=name,
        pool=pool,
        memory=memory,
        secure=Decimal(secure) if secure else None,
        community=Decimal(community) if community else None,
    )


GPUS = {
    gpu.id: gpu
    for gpu in (
        _kind("NVIDIA H100 80GB HBM3", "H100 SXM", "ADA_80_PRO", 80, "3.99", "2.69"),
        _kind("NVIDIA H100 PCIe", "H100 PCIe", "ADA_80_PRO", 80, "2.89", "1.99"),
        _kind("NVIDIA H100 NVL", "H100 NVL", "ADA_80_PRO", 94, "3.19", "2.59"),
        _kind("NVIDIA A100 80GB PCIe", "A100 PCIe", "AMPERE_80", 80, "1.79", "1.19"),
        _kind("NVIDIA A100-SXM4-80GB", "A100 SXM", "AMPERE_80", 80, "1.79", "1.39"),
        _kind("NVIDIA H200", "H200 SXM", "HOPPER_141", 141, "4.59", "3.59"),
        _kind("NVIDIA H200 NVL", "H200 NVL", "HOPPER_141", 143, "3.79", ""),
        _kind("NVIDIA B200", "B200", "BLACKWELL_180", 180, "6.79", "5.98"),
        _kind("NVIDIA B300 SXM6 AC", "B300", None, 288, "7.89", "6.94"),
        _kind("NVIDIA L40S", "L40S", "ADA_48_PRO", 48, "1.09", "0.79"),
        _kind("NVIDIA L40", "L40", "ADA_48_PRO", 48, "0.82", "0.69"),
        _kind("NVIDIA L4", "L4", "AMPERE_24", 24, "0.49", ""),
        _kind("NVIDIA GeForce RTX 4090", "RTX 4090", "ADA_24", 24, "0.74", "0.34"),
        _kind("NVIDIA GeForce RTX 5090", "RTX 5090", "ADA_32_PRO", 32, "", "0.69"),
        _kind("AMD Instinct MI300X OAM", "MI300X", None, 192, "2.39", ""),
        _kind("NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX PRO 6000 S", "BLACKWELL_96", 96, "", "1.69"),
        _kind("NVIDIA A40", "A40", "AMPERE_48", 48, "0.49", ""),
        _kind("NVIDIA RTX A6000", "RTX A6000", "AMPERE_48", 48, "", "0.33"),
        _kind("NVIDIA RTX A2000", "RTX A2000", None, 6, "0.12", "0.10"),
    )
}
POOLS = {gpu.pool for gpu in GPUS.values() if gpu.pool}
MAX_COUNT = 8


def usd_per_gpu_hour(gpu: GpuKind, cloud: str) -> Decimal | None:
    """A GPU's price in a cloud; None where it is not offered."""
    return gpu.secure if cloud == "SECURE" else gpu.community


@dataclass(slots=True)
class Stock:
    """Machines left, by GPU type and data centre; what was never set is unlimited."""

    by_place: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """Region ``any`` is a total over all data centres."""

    def set(self, sku: str, region: str, count: int) -> None:
        """Set what is left; ``any`` forgets what was set for single data centres."""
        if region == "any":
            for key in [key for key in self.by_place if key[0] == sku]:
                del self.by_place[key]
        self.by_place[sku, region] = count

    def left(self, sku: str, region: str) -> int:
        """Machines left in one data centre."""
        return min(self.by_place.get((sku, region), _UNLIMITED), self.by_place.get((sku, "any"), _UNLIMITED))

    def take(self, sku: str, regions: list[str]) -> str | None:
        """Take a machine in the first of these data centres (or any) that has one."""
        for region in regions or DATA_CENTERS:
            if self.left(sku, region) > 0:
                self._change(sku, region, -1)
                return region
        return None

    def give_back(self, sku: str, region: str) -> None:
        """A machine is free again."""
        self._change(sku, region, 1)

    def _change(self, sku: str, region: str, by: int) -> None:
        for key in ((sku, region), (sku, "any")):
            if key in self.by_place:
                self.by_place[key] += by

    def level(self, sku: str, region: str) -> str:
        """How the catalogue calls it."""
        return level(self.left(sku, region))


def shown_data_centers() -> list[dict[str, Any]]:
    """The data centres as the catalogue shows them."""
    return [
        {
            "id": center,
            "name": center,
            "region": "UNKNOWN",
            "globalNetwork": True,
            "networkVolumeTypes": ["STANDARD"] if center in VOLUME_DATA_CENTERS else [],
            "compliance": [],
        }
        for center in DATA_CENTERS
    ]


def level(left: int) -> str:
    """NONE, LOW, MEDIUM or HIGH."""
    return "NONE" if left <= 0 else "LOW" if left <= 2 else "MEDIUM" if left <= 9 else "HIGH"


def shown_gpu(gpu: GpuKind, stock: Stock | None, cloud: str, count: int) -> dict[str, Any]:
    """A GPU type as the catalogue shows it, with its stock for pods of ``count`` GPUs when asked for."""
    price = {"secure": float(gpu.secure or 0), "community": float(gpu.community or 0)}
    most = {"secure": MAX_COUNT if gpu.secure else 0, "community": MAX_COUNT if gpu.community else 0}
    shown: dict[str, Any] = {
        "id": gpu.id,
        "name": gpu.name,
        "pool": gpu.pool,
        "manufacturer": "AMD" if gpu.id.startswith("AMD") else "NVIDIA",
        "memory": gpu.memory,
        "secure": gpu.secure is not None,
        "community": gpu.community is not None,
        "price": price,
        "maxCount": most,
    }
    if stock is not None:
        sold = usd_per_gpu_hour(gpu, cloud) is not None and count <= MAX_COUNT
        places = [
            {"id": dc, "name": dc, "availability": stock.level(gpu.id, dc)}
            for dc in DATA_CENTERS
            if sold and stock.left(gpu.id, dc) > 0
        ]
        total = sum(stock.left(gpu.id, dc) for dc in DATA_CENTERS) if sold else 0
        shown["availability"] = level(min(total, stock.by_place.get((gpu.id, "any"), total)))
        if places:
            shown["dataCenters"] = places
    return shown
