"""Machines at Lambda: virtual machines that boot our cloud-init.

Nothing on the machine can end its bill, since no key belongs to one machine; what ends it is a terminate call.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.machines import Candidate, MachineOrder, Sighting, Status
from providers.base.marker import Marker, read_marker
from providers.base.rent import DEADLINE_VARIABLE, MARKER_VARIABLE, SPLIT_VARIABLE
from providers.base.user_data import UserDataError, with_environment
from providers.lambda_cloud.client import LambdaClient, client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.gpus import catalog_gpu
from providers.lambda_cloud.prepare import CATALOG_SECONDS, Preparation
from providers.lambda_cloud.replies import Filesystem, Instance
from providers.lambda_cloud.tags import MARKER_TAG, PORTS_TAG, mount_of, tags_for

STATUSES: Final = {
    "booting": Status.PENDING,
    "active": Status.RUNNING,
    "unhealthy": Status.PENDING,  # it may recover, and the start-up budget bounds the wait
    "preempted": Status.FAILED,
    "terminating": Status.ENDING,
}
TERMINATED: Final = "terminated"
"""Shown for a while after the end, and as good as absent."""
USER_DATA_MAX_BYTES: Final = 1_000_000
CONSOLE: Final = "https://cloud.lambda.ai/instances"
_OPEN: Final = frozenset({MARKER_VARIABLE, DEADLINE_VARIABLE, SPLIT_VARIABLE})
"""Variables that are no secret; a message may name them."""
_POLL_SECONDS: Final = 2.0
"""How old a list may be that says how a machine is. Absence is never read from an old one."""


class LambdaMachines:
    """Lambda as a place where machines are rented."""

    name = VENDOR
    visible_within_seconds = 60.0

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def create(self, order: MachineOrder) -> str:
        """Send one launch and return the instance's id.

        Raises:
            VendorError: see ``MachineVendor.create``.
        """
        if order.candidate.spot:
            raise VendorError(VENDOR, Kind.INVALID, "has no spot machines", operation="launch")
        user_data = _user_data(order)
        client = self._client()
        body = {**await self._where(client, order), **_what(order), "user_data": user_data}
        return await client.launch(body, secrets=[value for name, value in order.env.items() if name not in _OPEN])

    async def get(self, machine_id: str) -> Sighting | None:
        """A machine; None only when Lambda says that it does not exist or is terminated."""
        client = self._client()
        for instance in await client.instances.recent(_POLL_SECONDS):
            if instance.id == machine_id:
                return _present(instance)
        alone = await client.instance(machine_id)
        return None if alone is None else _present(alone)

    async def list(self) -> list[Sighting]:
        """Every machine of the account, from a list that was read after this call."""
        found = await self._client().instances.fresh()
        return [sighting for instance in found if (sighting := _present(instance)) is not None]

    async def delete(self, machine_id: str) -> None:
        """Ask for its end, unless it is known to be ending already."""
        client = self._client()
        for instance in await client.instances.recent(_POLL_SECONDS):
            if instance.id == machine_id and instance.status == "terminating":
                return
        await client.terminate(machine_id)

    async def rename(self, machine_id: str, marker: Marker) -> None:
        """Put another marker on it: its name, which wins over the tag that cannot be changed."""
        await self._client().rename(machine_id, marker.name)

    async def logs(self, machine_id: str, *, lines: int = 40) -> Sequence[str]:
        """Nothing: Lambda has no log of a machine."""
        del machine_id, lines
        return ()

    def console_url(self, machine_id: str) -> str:
        """Where a person looks at it."""
        del machine_id  # the console has one page for all
        return CONSOLE

    async def quote(self, candidate: Candidate) -> Decimal | None:
        """What a machine of this type costs an hour now; None: Lambda does not list it."""
        on_sale = (await self._client().types.recent(CATALOG_SECONDS)).get(candidate.sku)
        return None if on_sale is None else on_sale.instance_type.usd_per_hour

    def _client(self) -> LambdaClient:
        return client_for(self._accounts)

    async def _where(self, client: LambdaClient, order: MachineOrder) -> dict[str, Any]:
        """The region, and what the launch refers to there."""
        prepare = Preparation(client, self._accounts)
        filesystem: Filesystem | None = None
        if order.network_volume_id is not None:
            filesystem = await prepare.filesystem(order.network_volume_id)
            if order.candidate.region not in ("any", filesystem.region.name):
                raise VendorError(
                    VENDOR,
                    Kind.INVALID,
                    f"filesystem {filesystem.name} is in {filesystem.region.name}, "
                    f"the machine would be in {order.candidate.region}",
                )
        region = await prepare.region(order.candidate, filesystem.region.name if filesystem else None)
        body: dict[str, Any] = {"region_name": region, "ssh_key_names": [await prepare.ssh_key_name()]}
        ruleset_id = await prepare.ruleset_id(region, order.ports)
        if ruleset_id is not None:
            body["firewall_rulesets"] = [{"id": ruleset_id}]
        if filesystem is not None:
            body["file_system_names"] = [filesystem.name]
            mount = mount_of(filesystem.id, order.cache_path)
            if mount is not None:
                body["file_system_mounts"] = [mount]
        return body


def sighting_of(instance: Instance) -> Sighting:
    """A picture of an instance."""
    tags = {tag.key: tag.value for tag in instance.tags or []}
    ports = [int(port) for port in tags.get(PORTS_TAG, "").split("-") if port.isdigit()]
    there = {port: f"{instance.ip}:{port}" for port in ports} if instance.ip else {}
    kind = instance.instance_type
    return Sighting(
        machine_id=instance.id,
        name=instance.name or "",
        marker=read_marker(instance.name, tags.get(MARKER_TAG)),
        status=STATUSES.get(instance.status, Status.PENDING),
        detail=instance.status,
        gpu=catalog_gpu(kind.gpu_description) or kind.gpu_description,
        gpu_count=kind.specs.gpus,
        region=instance.region.name,
        address=f"https://{there[ports[0]]}" if there else None,
        ports=there,
        usd_per_hour=kind.usd_per_hour,
        created_at=None,
        network_volume_id=next((mount.file_system_id for mount in instance.file_system_mounts or ()), None),
    )


def _present(instance: Instance) -> Sighting | None:
    return None if instance.status == TERMINATED else sighting_of(instance)


def _what(order: MachineOrder) -> Mapping[str, Any]:
    return {
        "name": order.marker.name,
        "instance_type_name": order.candidate.sku,
        "tags": tags_for(order.marker, order.labels, order.ports),
    }


def _user_data(order: MachineOrder) -> str:
    try:
        text = with_environment(order.boot, order.env)
    except UserDataError as error:
        raise VendorError(VENDOR, Kind.INVALID, str(error), operation="launch") from error
    size = len(text.encode())
    if size > USER_DATA_MAX_BYTES:
        detail = f"start-up text of {size:,} bytes; Lambda takes {USER_DATA_MAX_BYTES:,}"
        raise VendorError(VENDOR, Kind.INVALID, detail, operation="launch")
    return text
