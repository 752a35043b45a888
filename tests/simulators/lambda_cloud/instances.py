"""Simulated instances: launch, boot, end, and what is seen of them meanwhile."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.simulators.core import SimClock
from tests.simulators.lambda_cloud.catalog import TYPES, region_body

IP_SECONDS = 60.0
"""From launch until the address is known."""
TERMINATING_SECONDS = 20.0
LINGER_SECONDS = 120.0
"""For how long a terminated instance is still shown."""
GHOST_FROM_SECONDS = 8.0
"""After a terminate: when an instance that reappears does so."""


@dataclass(kw_only=True)
class SimInstance:
    """One instance."""

    id: str
    body: Mapping[str, Any]
    """The launch request."""
    cents: int
    created: float
    active_at: float
    ip: str
    name: str
    tags: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    never_ready: bool = False
    gpus_work: bool = True
    stranger: bool = False
    preempted: bool = False
    unhealthy: bool = False
    terminated_at: float | None = None
    removed: bool = False
    ghost_until: float | None = None

    @property
    def is_alive(self) -> bool:
        """Whether it still costs money."""
        return self.terminated_at is None and not self.removed

    def status(self, now: float) -> str | None:
        """The status shown; None: it does not show."""
        if self.removed:
            return None
        if self.terminated_at is None:
            return self._alive(now)
        ended = now - self.terminated_at
        if self.ghost_until is not None:
            return "active" if ended >= GHOST_FROM_SECONDS and now < self.ghost_until else None
        if ended < TERMINATING_SECONDS:
            return "terminating"
        return "terminated" if ended < TERMINATING_SECONDS + LINGER_SECONDS else None

    def _alive(self, now: float) -> str:
        if self.preempted:
            return "preempted"
        if self.never_ready or now < self.active_at:
            return "booting"
        return "unhealthy" if self.unhealthy else "active"

    def usd_per_hour(self) -> Decimal:
        """What it costs."""
        return Decimal(self.cents) / 100

    def shown(self, clock: SimClock) -> dict[str, object]:
        """As the API shows it."""
        status = self.status(clock.now)
        body: dict[str, object] = {
            "id": self.id,
            "name": self.name,
            "status": status,
            "region": region_body(self.body["region_name"]),
            "instance_type": TYPES[self.body["instance_type_name"]].body(self.cents),
            "ssh_key_names": list(self.body["ssh_key_names"]),
            "file_system_names": list(self.body.get("file_system_names", [])),
            "actions": {
                name: {"available": status == "active"}
                for name in ("migrate", "rebuild", "restart", "cold_reboot", "terminate")
            },
        }
        if self.tags:
            body["tags"] = self.tags
        for key in ("file_system_mounts", "firewall_rulesets"):
            if self.body.get(key):
                body[key] = self.body[key]
        if clock.now >= self.created + IP_SECONDS and not self.never_ready:
            token = f"jupyter-secret-{self.id}"
            body |= {
                "ip": self.ip,
                "private_ip": f"10.0.{self.ip.rpartition('.')[2]}.5",
                "hostname": self.body.get("hostname", self.ip.replace(".", "-")),
                "jupyter_token": token,
                "jupyter_url": f"https://jupyter-{self.id}.lambdaspaces.com/?token={token}",
            }
        return body
