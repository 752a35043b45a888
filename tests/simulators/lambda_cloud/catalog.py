"""What the simulated Lambda sells, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SimType:
    """An instance type."""

    name: str
    gpu: str
    gpus: int
    cents: int
    vcpus: int
    memory_gib: int
    storage_gib: int

    def body(self, cents: int | None = None) -> dict[str, object]:
        """As the API shows it."""
        return {
            "name": self.name,
            "description": f"{self.gpus}x {self.gpu}",
            "gpu_description": self.gpu,
            "price_cents_per_hour": self.cents if cents is None else cents,
            "specs": {
                "vcpus": self.vcpus,
                "memory_gib": self.memory_gib,
                "storage_gib": self.storage_gib,
                "gpus": self.gpus,
            },
        }


def _type(name: str, gpu: str, gpus: int, cents: int, vcpus: int, memory_gib: int, storage_gib: int) -> SimType:
    return SimType(
        name=name, gpu=gpu, gpus=gpus, cents=cents, vcpus=vcpus, memory_gib=memory_gib, storage_gib=storage_gib
    )


TYPES = {
    kind.name: kind
    for kind in (
        _type("gpu_1x_a10", "A10 (24 GB PCIe)", 1, 129, 30, 226, 1400),
        _type("gpu_4x_a6000", "A6000 (48 GB)", 4, 436, 56, 400, 1024),
        _type("gpu_1x_a100", "A100 (40 GB PCIe)", 1, 199, 30, 200, 512),
        _type("gpu_1x_a100_sxm4", "A100 (40 GB SXM4)", 1, 199, 30, 200, 512),
        _type("gpu_8x_a100", "A100 (40 GB SXM4)", 8, 1592, 124, 1800, 6144),
        _type("gpu_8x_a100_80gb_sxm4", "A100 (80 GB SXM4)", 8, 2232, 240, 1800, 20480),
        _type("gpu_1x_gh200", "GH200 (96 GB)", 1, 229, 64, 432, 4096),
        _type("gpu_1x_h100_pcie", "H100 (80 GB PCIe)", 1, 329, 26, 225, 1024),
        _type("gpu_1x_h100_sxm5", "H100 (80 GB SXM5)", 1, 429, 26, 225, 2816),
        _type("gpu_2x_h100_sxm5", "H100 (80 GB SXM5)", 2, 838, 52, 450, 5632),
        _type("gpu_4x_h100_sxm5", "H100 (80 GB SXM5)", 4, 1636, 104, 900, 11264),
        _type("gpu_8x_h100_sxm5", "H100 (80 GB SXM5)", 8, 3192, 208, 1800, 22528),
        _type("gpu_1x_b200_sxm6", "B200 (180 GB SXM6)", 1, 699, 26, 360, 2816),
        _type("gpu_2x_b200_sxm6", "B200 (180 GB SXM6)", 2, 1378, 52, 720, 5632),
        _type("gpu_4x_b200_sxm6", "B200 (180 GB SXM6)", 4, 2716, 104, 1440, 11264),
        _type("gpu_8x_b200_sxm6", "B200 (180 GB SXM6)", 8, 5352, 208, 2900, 22528),
        _type("gpu_1x_rtx6000", "RTX 6000 (24 GB)", 1, 69, 14, 46, 512),
    )
}
REGIONS = {
    "us-west-1": "California, USA",
    "us-east-1": "Virginia, USA",
    "us-south-1": "Texas, USA",
    "us-south-3": "Texas, USA",
    "europe-central-1": "Germany",
    "asia-northeast-1": "Osaka, Japan",
}


def region_body(name: str) -> dict[str, str]:
    """A region as the API shows it."""
    return {"name": name, "description": REGIONS[name]}
