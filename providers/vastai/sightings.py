"""A Vast instance in our words."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, cast

from modelyard.render.machine import GATEWAY_PORT
from providers.base.machines import Sighting, Status
from providers.base.marker import Marker, read_marker
from providers.base.rent import MARKER_VARIABLE
from providers.vastai.errors import as_object
from providers.vastai.gpus import by_vendor_name
from providers.vastai.replies import Instance, usd

STATUSES: Final[Mapping[str | None, Status]] = {
    None: Status.PENDING,
    "created": Status.PENDING,
    "loading": Status.PENDING,
    "rebooting": Status.PENDING,
    "restarting": Status.PENDING,
    "recycling": Status.PENDING,
    "running": Status.RUNNING,
    "exited": Status.STOPPED,
    "stopped": Status.STOPPED,
    "offline": Status.FAILED,
    "frozen": Status.FAILED,
    "unknown": Status.FAILED,
}
_CANNOT_START: Final = ("error response from daemon", "oci runtime create failed")


def sighting(instance: Instance, hide: Callable[[str], str]) -> Sighting:
    """An instance as the rental sees it.

    Args:
        instance: as Vast shows it.
        hide: takes secrets out of a text; Vast's messages come from its hosts.
    """
    gpu = instance.gpu_name and by_vendor_name(instance.gpu_name, instance.gpu_ram)
    status = status_of(instance)
    outside = reachable(instance) if status is Status.RUNNING else {}
    gateway = outside.get(GATEWAY_PORT)
    return Sighting(
        machine_id=str(instance.id),
        name=instance.label or "",
        marker=marker_of(instance),
        status=status,
        detail=hide(_detail(instance)),
        gpu=gpu.gpu if gpu else instance.gpu_name,
        gpu_count=instance.num_gpus,
        region=country(instance.geolocation),
        address=f"https://{gateway}" if gateway else None,  # our own gateway ends TLS on the machine
        ports=outside,
        usd_per_hour=usd(instance.dph_total),
        created_at=None if instance.start_date is None else datetime.fromtimestamp(instance.start_date, UTC),
        spot=instance.is_bid,
        image=instance.image_uuid,
    )


def marker_of(instance: Instance) -> Marker | None:
    """The marker in its label, else in its environment."""
    return read_marker(instance.label, instance.env().get(MARKER_VARIABLE))


def status_of(instance: Instance) -> Status:
    """Where a machine is in its life; a start that the host refused is FAILED, being outbid is STOPPED."""
    if instance.actual_status != "running" and _refused(instance):
        return Status.FAILED
    if instance.cur_state == instance.next_state == instance.intended_status == "stopped":
        return Status.STOPPED
    return STATUSES.get(instance.actual_status, Status.PENDING)


def reachable(instance: Instance) -> dict[int, str]:
    """TCP port in the container → ``host:port`` outside; empty until Vast maps them."""
    host = (instance.public_ipaddr or "").strip()  # it may end in a newline
    mapped = as_object(instance.ports)
    if not host or mapped is None:
        return {}
    if ":" in host:
        host = f"[{host}]"
    found: dict[int, str] = {}
    for inside, bindings in mapped.items():
        number, _, protocol = inside.partition("/")
        outside = _host_port(bindings)
        if number.isdigit() and protocol in {"tcp", ""} and outside is not None:
            found[int(number)] = f"{host}:{outside}"
    return found


def country(geolocation: str | None) -> str | None:
    """``"City, US"`` → ``"US"``."""
    code = (geolocation or "").rpartition(",")[2].strip()
    return code if len(code) == 2 and code.isalpha() else None


def _host_port(bindings: object) -> int | None:
    listed = cast("list[object]", bindings) if isinstance(bindings, list) else []
    port = (as_object(listed[0]) or {}).get("HostPort") if listed else None
    return int(port) if isinstance(port, str | int) and str(port).isdigit() else None


def _refused(instance: Instance) -> bool:
    told = (instance.status_msg or "").lower()
    return any(sign in told for sign in _CANNOT_START)


def _detail(instance: Instance) -> str:
    told = (instance.status_msg or "").strip()
    state = instance.actual_status or "not started"
    return f"{state}: {told}" if told else state
