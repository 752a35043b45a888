"""Pods as rented machines."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from providers.base.accounts import Accounts
from providers.base.machines import Candidate, MachineOrder, Sighting, Status
from providers.base.marker import Marker, read_marker
from providers.runpod.boot import ENTRYPOINT, command
from providers.runpod.client import PROXY_SETTING, client_for
from providers.runpod.errors import VENDOR, invalid
from providers.runpod.gpus import catalog_name
from providers.runpod.replies import Pod

PROXY_VARIABLE: Final = "RUNPOD_PROXY_URL"
PROXY_URL: Final = "https://{pod}-{port}.proxy.runpod.net"
MARKER_VARIABLE: Final = "MODELYARD_MARKER"
CLOUDS: Final = {"secure": "SECURE", "community": "COMMUNITY"}
GONE_STATUS: Final = "TERMINATED"
MAX_HTTP_PORTS: Final = 10
_STATUSES: Final = {
    "PROVISIONING": Status.PENDING,
    "STARTING": Status.PENDING,
    "RUNNING": Status.RUNNING,
    "EXITED": Status.STOPPED,
    "ERROR": Status.FAILED,
}


class RunpodMachines:
    """Renting pods. A pod's name is its marker; so is a variable of it, which a rename leaves as it was."""

    name = VENDOR
    visible_within_seconds = 60.0

    def __init__(self, accounts: Accounts) -> None:
        self._client = client_for(accounts)
        self._proxy = proxy_url(accounts)

    async def create(self, order: MachineOrder) -> str:
        """Ask for a pod once and return its id."""
        secrets = tuple(value for name, value in order.env.items() if not name.startswith("MODELYARD_"))
        pod = await self._client.create_pod(create_body(order), secrets=secrets)
        return pod.id

    async def get(self, machine_id: str) -> Sighting | None:
        """A pod; None when it does not exist or has been terminated."""
        pod = await self._client.see_pod(machine_id)
        return None if pod is None or pod.status == GONE_STATUS else self._sighting(pod)

    async def list(self) -> list[Sighting]:
        """Every pod of the account."""
        return [self._sighting(pod) for pod in await self._client.list_pods() if pod.status != GONE_STATUS]

    async def delete(self, machine_id: str) -> None:
        """Terminate a pod; one that does not exist is no error."""
        await self._client.delete_pod(machine_id)

    async def rename(self, machine_id: str, marker: Marker) -> None:
        """Give it another marker; a name changes without touching the container."""
        await self._client.patch_pod(machine_id, {"name": marker.name})

    async def logs(self, machine_id: str, *, lines: int = 40) -> Sequence[str]:
        """The last lines of its container and of the system around it."""
        return await self._client.pod_logs(machine_id, lines=lines)

    def console_url(self, machine_id: str) -> str:
        """Its page in RunPod's console."""
        return pod_console_url(machine_id)

    async def quote(self, candidate: Candidate) -> Decimal | None:
        """RunPod's list price for it now, USD per hour; account discounts are not in it."""
        gpu = await self._client.gpu_type(candidate.sku)
        if gpu is None or candidate.spot:
            return None
        price = gpu.price.secure if candidate.trust == "secure" else gpu.price.community
        return price * candidate.gpu_count if price else None

    def _sighting(self, pod: Pod) -> Sighting:
        http = http_ports(pod)
        return Sighting(
            machine_id=pod.id,
            name=pod.name,
            marker=pod_marker(pod),
            # A status that is new to us may cost money, so it must not read as stopped.
            status=_STATUSES.get(pod.status, Status.PENDING),
            detail=_detail(pod),
            gpu=(catalog_name(pod.gpu.id) or pod.gpu.id) if pod.gpu else None,
            gpu_count=pod.gpu.count if pod.gpu else None,
            region=pod.data_center_id,
            address=proxied(self._proxy, pod.id, http[0]) if http else None,
            ports=outside_ports(pod, self._proxy),
            usd_per_hour=pod.cost if pod.cost > 0 else None,  # 0 is shown while it is stopped, and its disk still costs
            created_at=pod.created_at,
            image=pod.image,
            network_volume_id=_network_volume(pod),
        )


def create_body(order: MachineOrder) -> Mapping[str, object]:
    """The body of the create call.

    Raises:
        VendorError: the order cannot be met by RunPod (kind INVALID); nothing was sent.
    """
    candidate = order.candidate
    _check(order)
    body: dict[str, object] = {
        "name": order.marker.name,
        "image": order.image,
        "entrypoint": list(ENTRYPOINT),
        "cmd": command(order.boot),
        "env": dict(order.env),
        "gpu": {"id": candidate.sku, "count": candidate.gpu_count},
        "cloud": CLOUDS[candidate.trust],
        "disk": order.disk_gb,
        "ports": [f"{port}/http" for port in order.ports],
    }
    if candidate.region != "any":
        body["dataCenterIds"] = [candidate.region]
    if order.network_volume_id is not None:
        body["mounts"] = {"network": [{"volumeId": order.network_volume_id, "path": order.cache_path or "/workspace"}]}
    return body


def _check(order: MachineOrder) -> None:
    candidate = order.candidate
    if candidate.spot:
        raise invalid(
            f"{candidate.label}: RunPod's REST v2 rents no spot pods",
            operation="create pod",
            resolution="Take spot offers of RunPod out of the candidates.",
        )
    if candidate.trust not in CLOUDS:
        raise invalid(
            f"{candidate.label}: trust {candidate.trust!r} is not sold by RunPod; allowed: {', '.join(CLOUDS)}",
            operation="create pod",
        )
    if order.network_volume_id is not None and candidate.trust != "secure":
        raise invalid(
            f"{candidate.label}: network volumes exist in the secure cloud only",
            operation="create pod",
            resolution="Take the network volume away, or the offers with trust community.",
        )
    if len(order.ports) > MAX_HTTP_PORTS:
        raise invalid(
            f"{len(order.ports)} ports; RunPod's proxy serves at most {MAX_HTTP_PORTS} of a pod", operation="create pod"
        )


def proxy_url(accounts: Accounts) -> str:
    """Where pods are reached, with ``{pod}`` and ``{port}`` to be filled in."""
    return accounts.settings.get(PROXY_SETTING) or accounts.environment.get(PROXY_VARIABLE) or PROXY_URL


def proxied(proxy: str, pod_id: str, port: int) -> str:
    """The address of a port behind the proxy, which is known before the pod runs."""
    return proxy.replace("{pod}", pod_id).replace("{port}", str(port))


def pod_console_url(pod_id: str) -> str:
    """A pod's page in RunPod's console."""
    return f"https://console.runpod.io/pods?id={pod_id}"


def pod_marker(pod: Pod) -> Marker | None:
    """A pod's marker: its name, else the variable that it was created with."""
    return read_marker(pod.name, (pod.env or {}).get(MARKER_VARIABLE))


def http_ports(pod: Pod) -> list[int]:
    """The pod's ports behind the proxy, in the order in which they were asked for."""
    asked = [port.partition("/") for port in pod.ports or ()]
    return [int(number) for number, _, protocol in asked if protocol == "http" and number.isdigit()]


def outside_ports(pod: Pod, proxy: str) -> dict[int, str]:
    """Port in the container → where it is reached: an address behind the proxy, or ``host:port`` for TCP."""
    mapped = (pod.runtime.ports if pod.runtime else None) or ()
    direct = {p.private: f"{p.ip}:{p.public}" for p in mapped if p.ip and p.public and p.type == "tcp"}
    return {**{port: _host_port(proxied(proxy, pod.id, port)) for port in http_ports(pod)}, **direct}


def _network_volume(pod: Pod) -> str | None:
    mounted = pod.mounts.network if pod.mounts else None
    return mounted[0].volume_id if mounted else None


def _host_port(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0]
    return host if ":" in host else f"{host}:{443 if scheme == 'https' else 80}"


def _detail(pod: Pod) -> str:
    """The vendor's last word on a pod, with what its status alone would hide."""
    if pod.status == "RUNNING" and pod.gpu is not None and pod.gpu.count == 0:
        return "RUNNING without a GPU"
    if pod.status == "RUNNING" and pod.runtime is None:
        return "RUNNING, nothing started in it yet"
    return pod.status
