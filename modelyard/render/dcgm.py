"""GPU metrics: the fields that the DCGM exporter reads, and a stand-in where DCGM cannot run.

A rented container often may not read DCGM's profiling fields, or run DCGM at all. The stand-in asks ``nvidia-smi`` and
answers under DCGM's names, so that the same dashboard works; it has the fields that ``nvidia-smi`` knows and no others.
"""

from collections.abc import Mapping
from typing import Final

from modelyard.render.text import fill

DCGM_PORT: Final = 9400

DCGM_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "GPU utilisation (in %)."),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("gauge", "Memory utilisation (in %)."),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Memory used (in MiB)."),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "Memory free (in MiB)."),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "GPU temperature (in C)."),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "Power draw (in W)."),
    "DCGM_FI_DEV_SM_CLOCK": ("gauge", "SM clock (in MHz)."),
    "DCGM_FI_DEV_MEM_CLOCK": ("gauge", "Memory clock (in MHz)."),
    "DCGM_FI_DEV_MEMORY_TEMP": ("gauge", "Memory temperature (in C)."),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("counter", "Energy since boot (in mJ)."),
    "DCGM_FI_DEV_XID_ERRORS": ("gauge", "Number of the last XID error."),
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": ("counter", "PCIe retries."),
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL": ("counter", "NVLink traffic over all lanes."),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": ("counter", "Rows remapped for errors that could not be corrected."),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": ("gauge", "Whether remapping rows has failed."),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("gauge", "Share of time that the graphics engine is active."),
    "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": ("gauge", "Share of cycles that the tensor pipe is active."),
    "DCGM_FI_PROF_DRAM_ACTIVE": ("gauge", "Share of cycles that the memory interface is active."),
    "DCGM_FI_PROF_PCIE_TX_BYTES": ("gauge", "PCIe bytes sent (per second)."),
    "DCGM_FI_PROF_PCIE_RX_BYTES": ("gauge", "PCIe bytes received (per second)."),
}
"""Field → Prometheus type and help. Names: ``etc/default-counters.csv`` of dcgm-exporter 4.8.2."""

SMI_FIELDS: Final[Mapping[str, str]] = {
    "DCGM_FI_DEV_GPU_UTIL": "utilization.gpu",
    "DCGM_FI_DEV_MEM_COPY_UTIL": "utilization.memory",
    "DCGM_FI_DEV_FB_USED": "memory.used",
    "DCGM_FI_DEV_FB_FREE": "memory.free",
    "DCGM_FI_DEV_GPU_TEMP": "temperature.gpu",
    "DCGM_FI_DEV_POWER_USAGE": "power.draw",
    "DCGM_FI_DEV_SM_CLOCK": "clocks.sm",
    "DCGM_FI_DEV_MEM_CLOCK": "clocks.mem",
}
"""Field → what ``nvidia-smi --query-gpu`` calls it."""


def dcgm_counters() -> str:
    """The exporter's field list: ``FIELD, type, help`` a line."""
    lines = [f"{name}, {kind}, {text}" for name, (kind, text) in DCGM_FIELDS.items()]
    return "\n".join(["# DCGM field, Prometheus type, help", *lines, ""])


def smi_exporter(*, port: int = DCGM_PORT) -> str:
    """The stand-in: a Python program with nothing but the standard library that listens on the loopback address."""
    metrics = {name: (query, *DCGM_FIELDS[name]) for name, query in SMI_FIELDS.items()}
    return fill("smi_exporter.py.j2", metrics=metrics, port=port)
