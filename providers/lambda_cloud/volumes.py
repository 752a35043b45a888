"""Lambda's filesystems as a rented machine needs one: elastic, and seen by the machines of one region alone."""

from collections.abc import Sequence
from datetime import datetime

from providers.base.accounts import Accounts
from providers.base.errors import Kind, VendorError
from providers.base.machines import ANYWHERE, Candidate
from providers.base.resource import Found, Plain
from providers.lambda_cloud.client import client_for
from providers.lambda_cloud.errors import VENDOR
from providers.lambda_cloud.prepare import CATALOG_SECONDS
from providers.lambda_cloud.resources.filesystem import Filesystems, found_filesystem
from providers.lambda_cloud.tags import mount_of


class LambdaVolumes:
    """Filesystems."""

    has_size = False

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @property
    def lifecycle(self) -> Filesystems:
        """The single calls."""
        return Filesystems(self._accounts)

    def why_not(self, *, trust: str, size_gb: int, cache_path: str | None) -> str | None:
        """Only some paths may be mounted; weights would else go to the machine's own disk."""
        del trust, size_gb
        if cache_path is None or mount_of("any", cache_path) is not None:
            return None
        return (
            f"Lambda mounts filesystems below /home, /lambda/nfs or /data only, not at {cache_path} (in a stack: "
            "cache.path)"
        )

    async def places(self, candidate: Candidate) -> Sequence[str]:
        """Regions with stock; Lambda says where, and never how much."""
        on_sale = (await client_for(self._accounts).types.recent(CATALOG_SECONDS)).get(candidate.sku)
        stocked = [] if on_sale is None else [region.name for region in on_sale.regions_with_capacity_available]
        fitting = [name for name in stocked if candidate.region in ANYWHERE or name == candidate.region]
        if not fitting:
            where = "any region" if candidate.region in ANYWHERE else candidate.region
            raise VendorError(VENDOR, Kind.CAPACITY, f"no capacity for {candidate.sku} in {where}")
        return fitting

    def inputs(self, place: str, size_gb: int) -> Plain:
        """It has no size."""
        del size_gb
        return {"region": place}

    def place_of(self, volume: Found) -> str:
        """Its region."""
        return str(volume.outputs["region"])

    async def list(self) -> list[Found]:
        """Every filesystem."""
        return [found_filesystem(one) for one in await client_for(self._accounts).filesystems.fresh()]

    async def move_deadline(self, volume_id: str, deadline: datetime | None) -> None:
        """A filesystem cannot be renamed; what reaps it looks at its machine as well."""
        del volume_id, deadline
