"""A contract: a machine at a host, from the pull of its image to the end of the host's offer."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from tests.simulators.vastai.market import Host

BOOT_SECONDS: Final = 60.0
_CREATED_AFTER: Final = 2.0
_LOADING_AFTER: Final = 5.0


@dataclass(slots=True)
class Contract:
    """One rented machine.

    Attributes:
        started: when the present start began.
        visible_from: until then neither lists nor reads show it.
        state: what is wanted: ``running`` or ``stopped``.
        shown_between: after its end, when it shows again for a moment.
    """

    id: int
    host: Host
    label: str
    image: str
    disk_gb: float
    env: dict[str, str]
    runtype: str
    onstart: str | None
    bid: Decimal | None
    dph_base: Decimal
    storage: Decimal
    created: float
    started: float
    visible_from: float
    end_date: float
    gpu_name: str
    public_ip: str
    boot_seconds: float = BOOT_SECONDS
    state: str = "running"
    never_ready: bool = False
    refused: bool = False
    without_gpu: bool = False
    stranger: bool = False
    expired: bool = False
    volume_id: int | None = None
    ended: float | None = None
    shown_between: tuple[float, float] | None = None
    log: list[str] = field(default_factory=list[str])

    def shows(self, now: float) -> bool:
        """Whether Vast shows it."""
        if self.ended is None:
            return now >= self.visible_from
        return self.shown_between is not None and self.shown_between[0] <= now < self.shown_between[1]

    def status(self, now: float) -> str | None:
        """``actual_status``."""
        age = now - self.started
        if self.state == "stopped" or self.without_gpu or self.ended is not None:
            return "exited"
        if age < _CREATED_AFTER:
            return None
        if age < _LOADING_AFTER or self.refused:
            return "created"
        return "loading" if self.never_ready or age < self.boot_seconds else "running"

    def message(self, status: str | None) -> str | None:
        """``status_msg``."""
        if self.refused:
            return "Error response from daemon: OCI runtime create failed: runc create failed: no such device"
        if self.without_gpu:
            return "no free gpu on this machine to start the instance"
        return {None: None, "running": "success, running", "exited": "exited"}.get(status, "Pulling fs layer 3/12")

    def row(self, now: float) -> dict[str, Any]:
        """As Vast shows it."""
        status, host = self.status(now), self.host
        rate = self.storage if self.state == "stopped" else self.dph_base + self.storage
        return {
            "id": self.id, "label": self.label or None, "actual_status": status, "cur_state": self.state,
            "next_state": self.state, "intended_status": self.state, "status_msg": self.message(status),
            "machine_id": host.machine_id, "host_id": host.machine_id + 2, "hosting_type": int(host.secure),
            "bundle_id": host.machine_id + 1, "image_uuid": self.image, "image_args": [],
            "image_runtype": self.runtype, "extra_env": [[name, value] for name, value in self.env.items()],
            "onstart": self.onstart, "jupyter_token": f"jupyter-token-{self.id}",
            "public_ipaddr": f"{self.public_ip}\n", "local_ipaddrs": "10.0.0.2 172.17.0.1\n",
            "ssh_host": "ssh4.vast.ai", "ssh_port": 20_000 + self.id % 10_000, "ports": self._ports(status),
            "geolocation": f"{host.city}, {host.country}", "country_code": host.country,
            "gpu_name": self.gpu_name, "num_gpus": host.count, "gpu_ram": host.product.ram_mb, "gpu_frac": 1.0,
            "disk_space": self.disk_gb, "disk_usage": -1, "volume_info": [],
            "dph_base": float(self.dph_base), "dph_total": float(rate), "min_bid": float(host.min_bid),
            "is_bid": self.bid is not None, "storage_total_cost": float(self.storage), "verification": "verified",
            "start_date": self.created, "end_date": self.end_date, "duration": self.end_date - now,
            "uptime_mins": None, "template_id": None, "external": False,
        }  # fmt: skip

    def _ports(self, status: str | None) -> dict[str, list[dict[str, str]]] | None:
        if status != "running":
            return None
        inside = [22] + [int(name.split()[1].partition(":")[0]) for name in self.env if name.startswith("-p ")]
        return {
            f"{port}/tcp": [
                {"HostIp": "0.0.0.0", "HostPort": str(30_000 + (self.id * 7 + at) % 30_000)},  # noqa: S104  # as shown
                {"HostIp": "::", "HostPort": str(30_000 + (self.id * 7 + at) % 30_000)},
            ]
            for at, port in enumerate(inside)
        }


@dataclass(slots=True)
class SimVolume:
    """Disk rented on one machine."""

    id: int
    label: str
    size_gb: int
    machine_id: int
    place: str
    usd_per_hour: Decimal
    created: float
    visible_from: float
    ended: float | None = None

    def row(self, users: list[int]) -> dict[str, Any]:
        """As Vast shows it."""
        return {
            "id": self.id, "status": "in-use" if users else "available", "label": self.label,
            "machine_id": self.machine_id, "host_id": self.machine_id + 2, "disk_space": float(self.size_gb),
            "storage_total_cost": float(self.usd_per_hour), "start_date": self.created, "instances": users,
            "geolocation": self.place,
        }  # fmt: skip
