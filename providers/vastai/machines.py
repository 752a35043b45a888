"""Vast as a place where machines are rented: search, accept the cheapest ask, and look after the contract."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from providers.base.accounts import Accounts
from providers.base.machines import Candidate, MachineOrder, MachineVendor, Sighting
from providers.base.marker import Marker
from providers.base.reconcile import VISIBLE_WITHIN_SECONDS
from providers.base.rent import DEADLINE_VARIABLE, MARKER_VARIABLE, SPLIT_VARIABLE
from providers.vastai.client import CONSOLE, vast_client
from providers.vastai.contract import contract, environment, mounted, start_up
from providers.vastai.errors import VENDOR
from providers.vastai.renting import Deal, rent
from providers.vastai.search import asked_usd, ceiling, machine_filters, matching
from providers.vastai.sightings import sighting

_OPEN: Final = frozenset({MARKER_VARIABLE, DEADLINE_VARIABLE, SPLIT_VARIABLE})
"""Variables that are no secret; a message may name them."""


class VastMachines(MachineVendor):
    """Machines of one Vast account."""

    name = VENDOR
    visible_within_seconds = VISIBLE_WITHIN_SECONDS

    def __init__(self, accounts: Accounts) -> None:
        self._client, self._clock = vast_client(accounts), accounts.time()

    async def create(self, order: MachineOrder) -> str:
        """Rent the cheapest ask that is what the candidate asks for, within its quote.

        Raises:
            VendorError: CAPACITY → nothing on the market; AMBIGUOUS → it may exist; ``created_id`` set → it exists
                and is of no use.
        """
        deadline = order.marker.deadline
        deal = Deal(
            candidate=order.candidate,
            body=self._body(order),
            ceiling_usd=ceiling(order.candidate),
            ports=len(order.ports),
            disk_gb=order.disk_gb,
            lasts_seconds=0.0 if deadline is None else (deadline - self._clock.now()).total_seconds(),
            volume_id=order.network_volume_id,
            secrets=[value for name, value in order.env.items() if name not in _OPEN],
        )
        return await rent(self._client, deal)

    async def get(self, machine_id: str) -> Sighting | None:
        """A machine; None when Vast says that there is none."""
        instance = await self._client.get_instance(machine_id)
        return None if instance is None else sighting(instance, self._client.hide)

    async def list(self) -> list[Sighting]:
        """Every machine of the account, over all pages."""
        return [sighting(instance, self._client.hide) for instance in await self._client.list_instances()]

    async def delete(self, machine_id: str) -> None:
        """Ask for its end once."""
        await self._client.destroy_instance(machine_id)

    async def rename(self, machine_id: str, marker: Marker) -> None:
        """Put another marker on it. The one in its environment stays; the label is read first."""
        await self._client.label_instance(machine_id, marker.name)

    async def logs(self, machine_id: str, *, lines: int = 40) -> Sequence[str]:
        """The last lines that it printed."""
        return await self._client.logs(machine_id, lines=lines)

    def console_url(self, machine_id: str) -> str:
        """Where a person looks at it; Vast has one page for all."""
        del machine_id
        return f"{CONSOLE}/instances/"

    async def quote(self, candidate: Candidate) -> Decimal | None:
        """The cheapest ask now, without the price of a disk."""
        offers = await self._client.search_offers(machine_filters(candidate))
        found = matching(offers, candidate, ceiling_usd=None)
        return asked_usd(found[0], spot=candidate.spot) if found else None

    def _body(self, order: MachineOrder) -> dict[str, object]:
        onstart, chunks = start_up(order.boot)
        volume = order.network_volume_id
        return contract(
            label=order.marker.name,
            image=order.image,
            disk_gb=order.disk_gb,
            onstart=onstart,
            env=environment(order.env, ports=order.ports, chunks=chunks),
            bid_usd=order.candidate.usd_per_hour if order.candidate.spot else None,
            volume=None if volume is None else mounted(volume, order.cache_path),
        )
