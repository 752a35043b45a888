"""A Vast instance as a resource: on demand, or interruptible with a bid."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.machines import Candidate, Sighting
from providers.base.rent import DEADLINE_VARIABLE, MARKER_VARIABLE
from providers.base.resource import Found, Lifecycle, Plain, Wanted
from providers.vastai.client import CONSOLE, vast_client
from providers.vastai.contract import BID_CHANGE_MAX_USD, check_bid, contract, environment, mounted, start_up
from providers.vastai.errors import CREATE, VENDOR, invalid
from providers.vastai.renting import Deal, rent
from providers.vastai.replies import Instance, usd
from providers.vastai.resources.fields import money, shown, text, whole
from providers.vastai.resources.instance_table import INSTANCE
from providers.vastai.sightings import marker_of, sighting


class InstanceLifecycle(Lifecycle):
    """The calls behind an instance."""

    kind = INSTANCE

    def __init__(self, accounts: Accounts) -> None:
        self._client, self._clock = vast_client(accounts), accounts.time()

    async def create(self, wanted: Wanted) -> Found:
        """Rent the cheapest ask.

        Raises:
            VendorError: as ``renting.rent``; CAPACITY with ``created_id`` when another GPU came than was listed.
        """
        candidate = _candidate(wanted.inputs)
        instance_id = await rent(self._client, self._deal(wanted, candidate))
        instance = await self._look(instance_id)
        if instance is None:
            pending = {"status": "pending", "detail": "created; Vast does not show it yet"}
            return Found(id=instance_id, outputs={**wanted.inputs, **pending}, marker=wanted.marker)
        seen = sighting(instance, self._client.hide)
        if (seen.gpu, seen.gpu_count) != (candidate.gpu, candidate.gpu_count):
            raise VendorError(
                VENDOR,
                Kind.CAPACITY,
                f"came with {seen.gpu_count}× {seen.gpu} in place of {candidate.gpu_count}× {candidate.gpu}",
                operation=CREATE,
                created_id=instance_id,
            )
        return self._found(instance)

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """Every machine that carries this resource's marker, as its label or in its environment."""
        found = [self._found(instance) for instance in await self._client.list_instances()]
        return [item for item in found if item.marker and item.marker.resource == wanted.marker.resource]

    async def read(self, object_id: str) -> Found | None:
        """The machine; None when Vast says that there is none."""
        instance = await self._client.get_instance(object_id)
        return None if instance is None else self._found(instance)

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Label, bid and state."""
        del old
        if "label" in changed:
            await self._client.label_instance(object_id, text(new, "label") or await self._own_label(object_id))
        if "bidUsdPerHour" in changed:
            bid = _bid(new)
            check_bid(bid, most_usd=BID_CHANGE_MAX_USD)
            await self._client.set_bid(object_id, float(bid))
        if "state" in changed:
            await self._client.set_state(object_id, text(new, "state") or "running")
        found = await self.read(object_id)
        if found is None:
            raise VendorError(VENDOR, Kind.GONE, f"instance {object_id} does not exist any more", operation="manage")
        return found

    async def delete(self, object_id: str) -> None:
        """Ask for its end once."""
        await self._client.destroy_instance(object_id)

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it; Vast has one page for all."""
        del object_id
        return f"{CONSOLE}/instances/"

    def _deal(self, wanted: Wanted, candidate: Candidate) -> Deal:
        inputs, marker = wanted.inputs, wanted.marker
        given = cast("dict[str, str]", inputs.get("env") or {})
        env = {**given, MARKER_VARIABLE: marker.name}
        if marker.deadline is not None:
            env[DEADLINE_VARIABLE] = marker.deadline.strftime("%Y-%m-%dT%H:%M:%SZ")
        onstart, chunks = start_up(text(inputs, "onstart") or "")
        ports = [int(port) for port in cast("Sequence[float]", inputs.get("ports") or ())]
        volume, login, disk_gb = text(inputs, "volumeId"), text(inputs, "imageLogin"), whole(inputs, "diskGb")
        body = contract(
            label=text(inputs, "label") or marker.name,
            image=text(inputs, "image") or "",
            disk_gb=disk_gb,
            onstart=onstart or None,
            env=environment(env, ports=ports, chunks=chunks),
            bid_usd=candidate.usd_per_hour if candidate.spot else None,
            volume=None if volume is None else mounted(volume, text(inputs, "mountPath")),
            image_login=login,
            target_state=text(inputs, "state") or "running",
        )
        return Deal(
            candidate=candidate,
            body=body,
            ceiling_usd=candidate.usd_per_hour,
            ports=len(ports),
            disk_gb=disk_gb,
            lasts_seconds=0.0 if marker.deadline is None else (marker.deadline - self._clock.now()).total_seconds(),
            volume_id=volume,
            secrets=(*wanted.secrets, *given.values(), *((login,) if login else ())),
        )

    async def _look(self, instance_id: str) -> Instance | None:
        """What is known of a new machine. It is there, so a read that fails does not undo it."""
        try:
            return await self._client.get_instance(instance_id)
        except VendorError:
            return None

    async def _own_label(self, instance_id: str) -> str:
        instance = await self._client.get_instance(instance_id)
        return "" if instance is None else instance.env().get(MARKER_VARIABLE, "")

    def _found(self, instance: Instance) -> Found:
        seen = sighting(instance, self._client.hide)
        return Found(id=str(instance.id), outputs=_outputs(instance, seen), marker=seen.marker)


def _candidate(inputs: Plain) -> Candidate:
    spot = inputs.get("interruptible") is True
    limit = money(inputs, "maxUsdPerHour")
    if not spot and limit is None:
        raise invalid("maxUsdPerHour is needed: the market's prices have no limit of their own", CREATE)
    if not spot and inputs.get("bidUsdPerHour") is not None:
        raise invalid("bidUsdPerHour is for interruptible machines; set interruptible, or leave it out", CREATE)
    gpu = text(inputs, "gpu") or ""
    return Candidate(
        vendor=VENDOR,
        sku=gpu,
        gpu=gpu,
        gpu_count=whole(inputs, "gpuCount"),
        tensor_parallel_size=1,
        region=text(inputs, "region") or "any",
        trust=text(inputs, "trust") or "community",
        spot=spot,
        usd_per_hour=_bid(inputs) if spot else cast("Decimal", limit),
    )


def _bid(inputs: Plain) -> Decimal:
    bid = money(inputs, "bidUsdPerHour")
    if bid is None or inputs.get("interruptible") is not True:
        raise invalid("an interruptible machine, and only such a one, needs bidUsdPerHour", "bid")
    return bid


def _outputs(instance: Instance, seen: Sighting) -> dict[str, Any]:
    own_label = marker_of(instance)
    outputs: dict[str, Any] = {
        "gpu": seen.gpu,
        "gpuCount": seen.gpu_count,
        "image": instance.image_uuid,
        "interruptible": instance.is_bid,
        "label": None if own_label is not None and instance.label == own_label.name else instance.label,
        "state": instance.intended_status if instance.intended_status in {"running", "stopped"} else None,
        "diskGb": None if instance.disk_space is None else round(instance.disk_space),
        "status": seen.status.value,
        "detail": seen.detail,
        "hostMachineId": None if instance.machine_id is None else str(instance.machine_id),
        "country": seen.region,
        "publicIp": (instance.public_ipaddr or "").strip() or None,
        "sshHost": instance.ssh_host,
        "sshPort": instance.ssh_port,
        "portMap": {str(port): outside for port, outside in seen.ports.items()},
        "chargedUsdPerHour": shown(usd(instance.dph_total)),
        "createdAt": _when(instance.start_date),
        "endsAt": _when(instance.end_date),
        "jupyterToken": instance.jupyter_token,
    }
    if instance.is_bid:
        outputs["bidUsdPerHour"] = shown(usd(instance.dph_base))
    return {name: value for name, value in outputs.items() if value is not None}


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
