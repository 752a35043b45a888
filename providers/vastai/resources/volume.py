"""A Vast volume as a resource: disk on one host's machine, kept when an instance ends."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.marker import Marker, read_marker
from providers.base.resource import Change, Field, Found, Lifecycle, Plain, ResourceType, Wanted
from providers.vastai.client import CONSOLE, vast_client
from providers.vastai.errors import CREATE, VENDOR, invalid
from providers.vastai.replies import Volume, VolumeOffer, usd
from providers.vastai.resources.fields import MODULE, REGION, money, shown, text, usd_field, whole
from providers.vastai.sightings import country

ASKS: Final = 4
VOLUME: Final = ResourceType(
    module=MODULE,
    name="Volume",
    description="Disk on one host's machine. It can be mounted by instances on that machine alone, and never grows.",
    inputs=(
        Field(
            name="sizeGb",
            kind="integer",
            description="Decimal GB; Vast cannot change it later.",
            required=True,
            minimum=1,
            maximum=100_000,
        ),
        Field(
            name="hostMachineId",
            kind="string",
            description="The host's machine on which it is to lie, as an instance's hostMachineId.",
            pattern=r"\d+",
            write_only=True,
        ),
        REGION,
        usd_field("maxUsdPerGbMonth", "The most that a GB may cost a month.", change=Change.STATE),
    ),
    outputs=(
        Field(name="status", kind="string", description="Vast's word for its state."),
        Field(name="country", kind="string", description="Where it stands."),
        Field(name="chargedUsdPerHour", kind="string", description="What Vast charges an hour."),
        Field(name="instances", kind="array", description="Instances that hold it."),
    ),
)


class VolumeLifecycle(Lifecycle):
    """The calls behind a volume."""

    kind = VOLUME

    def __init__(self, accounts: Accounts) -> None:
        self._client = vast_client(accounts)

    async def create(self, wanted: Wanted) -> Found:
        """Rent disk from the cheapest offer; the marker is its name.

        Raises:
            VendorError: CAPACITY → no disk on the market; AMBIGUOUS → it may exist.
        """
        size_gb, limit = whole(wanted.inputs, "sizeGb"), money(wanted.inputs, "maxUsdPerGbMonth")
        async with self._client.market:
            offers = _matching(await self._client.search_volume_offers(_filters(wanted.inputs)), limit, size_gb)
            last = VendorError(VENDOR, Kind.CAPACITY, f"no host sells {size_gb} GB as asked for", operation=CREATE)
            for offer in offers[:ASKS]:
                try:
                    volume_id = await self._client.create_volume(offer.id, size_gb=size_gb, name=wanted.marker.name)
                except VendorError as error:
                    if error.kind is not Kind.CAPACITY:
                        raise
                    last = error
                    continue
                facts = {"hostMachineId": str(offer.machine_id), "status": "created", "sizeGb": size_gb}
                return Found(id=volume_id, outputs={**wanted.inputs, **facts}, marker=wanted.marker)
        raise last

    async def find(self, wanted: Wanted) -> Sequence[Found]:
        """Every volume that carries this resource's marker."""
        found = [_found(volume) for volume in await self._client.list_volumes()]
        return [item for item in found if item.marker and item.marker.resource == wanted.marker.resource]

    async def read(self, object_id: str) -> Found | None:
        """The volume; Vast shows volumes only in a list."""
        for volume in await self._client.list_volumes():
            if str(volume.id) == object_id:
                return _found(volume)
        return None

    async def update(self, object_id: str, *, old: Plain, new: Plain, changed: Sequence[str]) -> Found:
        """Nothing of a volume can be changed at Vast."""
        del old, new, changed
        found = await self.read(object_id)
        if found is None:
            raise VendorError(VENDOR, Kind.GONE, f"volume {object_id} does not exist any more", operation="volumes")
        return found

    async def delete(self, object_id: str) -> None:
        """Ask for its end once; while an instance holds it, that is CONFLICT."""
        await self._client.delete_volume(object_id)

    def console_url(self, object_id: str) -> str:
        """Where a person looks at it; Vast has one page for all."""
        del object_id
        return f"{CONSOLE}/volumes/"


def _filters(inputs: Plain) -> dict[str, object]:
    filters: dict[str, object] = {
        "disk_space": {"gte": whole(inputs, "sizeGb")},
        "allocated_storage": whole(inputs, "sizeGb"),
        "verified": {"eq": True},
        "order": [["storage_cost", "asc"]],
    }
    machine, region = text(inputs, "hostMachineId"), text(inputs, "region")
    if machine is not None:
        if not machine.isdigit():
            raise invalid("hostMachineId must be digits", CREATE)
        filters["machine_id"] = {"eq": int(machine)}
    if region is not None:
        filters["geolocation"] = {"eq": region.upper()}
    return filters


def _matching(offers: Sequence[VolumeOffer], limit: Decimal | None, size_gb: int) -> list[VolumeOffer]:
    kept = [
        offer
        for offer in offers
        if offer.disk_space >= size_gb and (limit is None or Decimal(str(offer.storage_cost)) <= limit)
    ]
    return sorted(kept, key=lambda offer: (offer.storage_cost, offer.id))


def _marker(volume: Volume) -> Marker | None:
    return read_marker(volume.label, volume.name)


def _found(volume: Volume) -> Found:
    outputs: dict[str, Any] = {
        "sizeGb": None if volume.disk_space is None else round(volume.disk_space),
        "hostMachineId": str(volume.machine_id),
        "status": volume.status,
        "country": country(volume.geolocation),
        "chargedUsdPerHour": shown(usd(volume.storage_total_cost)),
        "instances": [str(instance) for instance in volume.instances or ()],
    }
    told = {name: value for name, value in outputs.items() if value is not None}
    return Found(id=str(volume.id), outputs=told, marker=_marker(volume))
