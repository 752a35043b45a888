"""RunPod's network volumes as a rented machine needs one: in a data centre that has both the GPU and volumes."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.machines import ANYWHERE, Candidate
from providers.base.marker import read_marker
from providers.base.resource import Found, Plain
from providers.runpod.client import client_for
from providers.runpod.errors import VENDOR
from providers.runpod.resources.network_volume import NetworkVolumeLifecycle, found_volume

MAX_GB: Final = 4096
_STOCK: Final = ("HIGH", "MEDIUM", "LOW")
"""Best first; what is not named here is not in stock."""


class RunpodVolumes:
    """Network volumes of the secure cloud."""

    has_size = True

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @property
    def lifecycle(self) -> NetworkVolumeLifecycle:
        """The single calls."""
        return NetworkVolumeLifecycle(self._accounts)

    def why_not(self, *, trust: str, size_gb: int, cache_path: str | None) -> str | None:
        """Community machines mount none, and none is larger than 4,096 GB."""
        del cache_path
        if trust != "secure":
            return "RunPod attaches network volumes to secure machines only"
        return f"RunPod's network volumes hold at most {MAX_GB:,} GB" if size_gb > MAX_GB else None

    async def places(self, candidate: Candidate) -> Sequence[str]:
        """Data centres with the GPU in stock and with network volumes, the best stocked first."""
        client = client_for(self._accounts)
        centers, gpus = await asyncio.gather(
            client.data_centers(), client.gpu_types(cloud="SECURE", count=candidate.gpu_count)
        )
        with_volumes = {center.id for center in centers if center.network_volume_types}
        listed = next((gpu.data_centers or () for gpu in gpus if gpu.id == candidate.sku), ())
        stocked = {place.id: place.availability for place in listed if place.availability in _STOCK}
        fitting = [
            place
            for place in stocked
            if place in with_volumes and (candidate.region in ANYWHERE or place == candidate.region)
        ]
        if not fitting:
            where = "no data centre" if candidate.region in ANYWHERE else f"{candidate.region} is not one that"
            detail = f"{where} has it in stock and network volumes too"
            raise VendorError(VENDOR, Kind.CAPACITY, detail, operation="find a place")
        return sorted(fitting, key=lambda place: (_STOCK.index(stocked[place]), place))

    def inputs(self, place: str, size_gb: int) -> Plain:
        """Its data centre's own storage tier."""
        return {"sizeGb": size_gb, "dataCenter": place}

    def place_of(self, volume: Found) -> str:
        """Its data centre."""
        return str(volume.outputs["dataCenter"])

    async def list(self) -> list[Found]:
        """Every network volume."""
        return [found_volume(volume) for volume in await client_for(self._accounts).list_volumes()]

    async def move_deadline(self, volume_id: str, deadline: datetime | None) -> None:
        """A rename; one that is not there or not ours is left alone."""
        client = client_for(self._accounts)
        volume = await client.get_volume(volume_id)
        marker = read_marker(volume.name) if volume else None
        if marker is not None:
            await client.patch_volume(volume_id, {"name": marker.until(deadline).name})
