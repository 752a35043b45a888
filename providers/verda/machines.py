"""Machines at Verda. The start-up script is an object of its own there: made before the machine, deleted before it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from modelyard.render.machine import GATEWAY_PORT
from providers.base.accounts import Accounts
from providers.base.errors import Kind, Stopped, VendorError
from providers.base.machines import Candidate, MachineOrder, Sighting, Status
from providers.base.marker import Marker, read_marker
from providers.base.rent import DEADLINE_VARIABLE, MARKER_VARIABLE, SPLIT_VARIABLE
from providers.base.user_data import UserDataError, as_script, with_environment
from providers.verda.client import VerdaClient, client_for
from providers.verda.errors import VENDOR
from providers.verda.gpus import catalog_gpu
from providers.verda.replies import Instance

STATUSES: Final = {
    "running": Status.RUNNING,
    "offline": Status.STOPPED,
    "hibernating": Status.STOPPED,
    "error": Status.FAILED,
    "no_capacity": Status.FAILED,
    "deleting": Status.ENDING,
}
"""What is not here is on its way: ordered, provisioning, validating, restoring …"""
ENDED: Final = frozenset({"discontinued", "deleted", "notfound"})
IMAGE: Final = "ubuntu-24.04-cuda-13.0-open-docker"
SMALLEST_DISK_GB: Final = 50
_OPEN: Final = frozenset({MARKER_VARIABLE, DEADLINE_VARIABLE, SPLIT_VARIABLE})
_POLL_SECONDS: Final = 2.0


class VerdaMachines:
    """Verda as a place where machines are rented."""

    name = VENDOR
    visible_within_seconds = 60.0

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, order: MachineOrder) -> str:
        """Store the script, send one create, and return the machine's id.

        Raises:
            VendorError: see ``MachineVendor.create``.
        """
        if order.network_volume_id is not None:
            raise VendorError(VENDOR, Kind.INVALID, "network volumes are not supported at Verda yet")
        script = _script(order)
        client, candidate = self._client(), order.candidate
        location = await _location(client, candidate)
        body: dict[str, Any] = {
            "instance_type": candidate.sku,
            "image": IMAGE,
            "hostname": f"modelyard-{order.marker.resource}{order.marker.nonce}",
            "description": order.marker.name,
            "location_code": location,
            "ssh_key_ids": await self._ssh_key_ids(client),
            "os_volume": {
                "name": order.marker.name,
                "size": max(order.disk_gb, SMALLEST_DISK_GB),
                "on_spot_discontinue": "delete_permanently",
            },
            "is_spot": candidate.spot,
            "pricing": "FIXED_PRICE",
        }
        body["startup_script_id"] = await self._store(order, script)
        try:
            return await client.create_instance(body)
        except (VendorError, Stopped) as error:
            if not (
                isinstance(error, VendorError) and error.kind is Kind.AMBIGUOUS
            ):  # else it may be there and need it
                await self._delete_scripts(order.marker)
            raise

    async def get(self, machine_id: str) -> Sighting | None:
        """A machine; None only when Verda says that it does not exist or is discontinued."""
        found = await self._instance(machine_id)
        return None if found is None else sighting_of(found)

    async def list(self) -> list[Sighting]:
        """Every machine of the account, from a list that was read after this call."""
        return [sighting_of(i) for i in await self._client().instances.fresh() if i.status not in ENDED]

    async def delete(self, machine_id: str) -> None:
        """Ask for its end, its script's and its disk's. CONFLICT while it is being provisioned."""
        found = await self._instance(machine_id)
        if found is None:
            return
        marker = read_marker(found.description)
        if marker is not None:
            await self._delete_scripts(marker)
        if STATUSES.get(found.status) is not Status.ENDING:
            await self._client().delete_instance(found)

    async def rename(self, machine_id: str, marker: Marker) -> None:
        """Not possible: Verda sets hostname and description once."""
        del machine_id, marker
        raise VendorError(
            VENDOR,
            Kind.INVALID,
            "a machine keeps its description, so its name and deadline cannot be changed",
            resolution="Replace the machine (`pulumi up --replace URN`), or leave its name and deadline as they are.",
        )

    async def logs(self, machine_id: str, *, lines: int = 40) -> Sequence[str]:
        """Nothing: Verda has no log of a machine."""
        del machine_id, lines
        return ()

    def console_url(self, machine_id: str) -> str:
        """Where a person looks at it."""
        del machine_id
        return "https://console.verda.com/dashboard"

    async def quote(self, candidate: Candidate) -> Decimal | None:
        """What a machine of this type costs an hour now; None: Verda does not say."""
        for kind in await self._client().types.recent(60):
            if kind.instance_type == candidate.sku:
                return kind.price(spot=candidate.spot)
        return None

    def _client(self) -> VerdaClient:
        return client_for(self._accounts)

    async def _instance(self, machine_id: str) -> Instance | None:
        """A machine that has not ended, as a list of a moment ago or Verda itself shows it."""
        client = self._client()
        known = {instance.id: instance for instance in await client.instances.recent(_POLL_SECONDS)}
        found = known.get(machine_id) or await client.instance(machine_id)
        return None if found is None or found.status in ENDED else found

    async def _store(self, order: MachineOrder, script: str) -> str:
        """Store the start-up script by the marker's name. Doubt about it is no doubt about a machine."""
        secrets = tuple(value for name, value in order.env.items() if name not in _OPEN)
        try:
            return await self._client().create_script(order.marker.name, script, secrets=secrets)
        except VendorError as error:
            if error.kind is Kind.AMBIGUOUS:
                await self._delete_scripts(order.marker)
                error.kind = Kind.TRANSIENT
            raise

    async def _delete_scripts(self, marker: Marker) -> None:
        """Delete a machine's script, and those that interrupted runs left: they hold secrets."""
        client, now = self._client(), self._accounts.time().now()
        for script in await client.scripts():
            found = read_marker(script.name)
            if found is not None and (found == marker or found.is_expired(now)):
                await client.delete_script(script.id)

    async def _ssh_key_ids(self, client: VerdaClient) -> Sequence[str]:
        asked = self._accounts.settings.get("verdaSshKeyId")
        return [asked] if asked else await client.ssh_key_ids()


def sighting_of(instance: Instance) -> Sighting:
    """A picture of a machine. Verda has no firewall in front of it: every port is reached on its address."""
    there = {GATEWAY_PORT: f"{instance.ip}:{GATEWAY_PORT}"} if instance.ip else {}
    return Sighting(
        machine_id=instance.id,
        name=instance.description or instance.hostname,
        marker=read_marker(instance.description),
        status=STATUSES.get(instance.status, Status.PENDING),
        detail=instance.status,
        gpu=catalog_gpu(instance.gpu.description) or instance.gpu.description,
        gpu_count=instance.gpu.number_of_gpus,
        region=instance.location,
        address=f"https://{there[GATEWAY_PORT]}" if there else None,
        ports=there,
        usd_per_hour=instance.usd_per_hour,
        created_at=_time(instance.created_at),
        spot=instance.is_spot,
    )


async def _location(client: VerdaClient, candidate: Candidate) -> str:
    """Where to create: the candidate's region, or for ``any`` the first that has stock."""
    for place in await client.availability(spot=candidate.spot):
        if candidate.region in ("any", place.location_code) and candidate.sku in place.availabilities:
            return place.location_code
    where = "anywhere" if candidate.region == "any" else f"in {candidate.region}"
    raise VendorError(VENDOR, Kind.CAPACITY, f"no {candidate.sku} {where}")


def _script(order: MachineOrder) -> str:
    try:
        return as_script(with_environment(order.boot, order.env))
    except UserDataError as error:
        raise VendorError(VENDOR, Kind.INVALID, str(error), operation="create script") from error


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
