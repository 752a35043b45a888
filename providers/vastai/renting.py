"""From a wish to a contract: one search, then the cheapest ask that is still there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from providers.base.errors import Kind, VendorError
from providers.base.machines import Candidate
from providers.vastai.client import VastClient
from providers.vastai.errors import CREATE, invalid
from providers.vastai.replies import Offer
from providers.vastai.search import machine_filters, matching, none_left

ASKS: Final = 4
"""Asks of one search that are tried, each only after the one before it was certainly gone."""
SSH_PORTS: Final = 1
"""Ports that Vast takes for itself."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deal:
    """What may be rented, and the create call that does it.

    Attributes:
        candidate: GPU, count, region, trust, market.
        body: of the create call.
        ceiling_usd: the most that the ask (spot: the least bid) may cost an hour.
        ports: how many of ours must be reachable.
        disk_gb: container disk.
        lasts_seconds: how long the host's offer must last.
        volume_id: a volume that must be mounted; it decides the machine.
        secrets: texts of the body that no message may hold.
    """

    candidate: Candidate
    body: Mapping[str, object]
    ceiling_usd: Decimal
    ports: int
    disk_gb: int
    lasts_seconds: float = 0.0
    volume_id: str | None = None
    secrets: Iterable[str] = ()


async def rent(client: VastClient, deal: Deal) -> str:
    """Rent it; the id of the contract.

    Raises:
        VendorError: CAPACITY → nothing on the market; AMBIGUOUS → it may exist; ``created_id`` set → it exists and is
            of no use.
    """
    machine_id = None if deal.volume_id is None else await _machine_of(client, deal.volume_id)
    async with client.market:
        filters = machine_filters(
            deal.candidate,
            ports=deal.ports + SSH_PORTS,
            disk_gb=deal.disk_gb,
            lasts_seconds=deal.lasts_seconds,
            ceiling_usd=deal.ceiling_usd,
            machine_id=machine_id,
        )
        offers = matching(await client.search_offers(filters), deal.candidate, ceiling_usd=deal.ceiling_usd)
        return await _accept(client, offers, deal)


async def _accept(client: VastClient, offers: Sequence[Offer], deal: Deal) -> str:
    """The first ask that is still there; the next one only when nothing was made of the one before."""
    secrets, last = tuple(deal.secrets), none_left(deal.candidate, deal.ceiling_usd)
    for offer in offers[:ASKS]:
        try:
            return await client.create_instance(offer.id, deal.body, secrets=secrets)
        except VendorError as error:
            if error.kind is not Kind.CAPACITY or error.created_id is not None:
                raise
            last = error
    raise last


async def _machine_of(client: VastClient, volume_id: str) -> int:
    """The machine on which a volume lies: it can be mounted on no other."""
    for volume in await client.list_volumes():
        if str(volume.id) == volume_id:
            return volume.machine_id
    raise invalid(f"there is no volume {volume_id}", CREATE)
