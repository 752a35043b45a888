"""What exists at the simulated Vast, and what it costs."""

import random
from decimal import Decimal
from typing import Any, Final

from tests.simulators.core import Ledger, SimClock
from tests.simulators.vastai.bodies import Refused
from tests.simulators.vastai.contracts import Contract, SimVolume
from tests.simulators.vastai.market import Host, Market, storage_usd

CONTRACT_SECONDS: Final = 30 * 86_400.0
KEPT_AFTER_END_SECONDS: Final = 48 * 3600.0
_PREFIX: Final = "modelyard-"


class World:
    """Contracts, volumes and the market.

    Attributes:
        contracts: every contract that ever was, by id.
        volumes: every volume that ever was, by id.
        creates: committed creates by the exact name (marker) that they carried.
        credit: money on the account; None: enough.
        contract_seconds: how long a host's offer lasts.
    """

    def __init__(self, clock: SimClock, ledger: Ledger, dice: random.Random) -> None:
        self._clock, self._ledger, self._dice = clock, ledger, dice
        self._last_id = 20_000_000
        self.market = Market(self.number)
        self.contracts: dict[int, Contract] = {}
        self.volumes: dict[int, SimVolume] = {}
        self.creates: dict[str, int] = {}
        self.credit: Decimal | None = None
        self.contract_seconds = CONTRACT_SECONDS

    def number(self) -> int:
        """A new id."""
        self._last_id += self._dice.randint(1, 90)
        return self._last_id

    def rent(self, host: Host, body: dict[str, Any]) -> Contract:
        """Make a contract; everything about the request has been checked."""
        now, number = self._clock.now, self.number()
        price = body.get("price")
        bid = None if price is None else Decimal(str(price))
        volume = body.get("volume_info")
        contract = Contract(
            id=number,
            host=host,
            label=body["label"],
            image=body["image"],
            disk_gb=body["disk"],
            env=dict(body.get("env", {})),
            runtype=body["runtype"],
            onstart=body.get("onstart"),
            bid=bid,
            dph_base=bid if bid is not None else host.dph_base,
            storage=storage_usd(body["disk"]),
            created=now,
            started=now,
            visible_from=now,
            end_date=now + self.contract_seconds,
            gpu_name=host.product.gpu_name,
            public_ip=f"198.51.100.{number % 250 + 1}",
            state=body.get("target_state", "running"),
            volume_id=None if volume is None else volume["volume_id"],
        )
        self.contracts[number] = contract
        self.market.take(host)
        name = contract.label if contract.label.startswith(_PREFIX) else contract.env.get("MODELYARD_MARKER", "")
        name = name or contract.label
        self.creates[name] = self.creates.get(name, 0) + 1
        self._ledger.open(str(number), kind="machine", name=name, usd_per_hour=self.rate(contract))
        return contract

    def stranger(self, like: Contract) -> Contract:
        """Somebody else's machine of almost the same name; it is none of ours to pay or to end."""
        body = {"label": like.label[:-5], "image": "ubuntu:24.04", "disk": 10.0, "runtype": "ssh_proxy"}
        number = self.number()
        other = Contract(
            id=number,
            host=like.host,
            label=str(body["label"]),
            image=str(body["image"]),
            disk_gb=10.0,
            env={},
            runtype="ssh_proxy",
            onstart=None,
            bid=None,
            dph_base=like.dph_base,
            storage=storage_usd(10),
            created=self._clock.now,
            started=self._clock.now,
            visible_from=self._clock.now,
            end_date=like.end_date,
            gpu_name=like.gpu_name,
            public_ip="198.51.100.254",
            stranger=True,
        )
        self.contracts[number] = other
        return other

    def rate(self, contract: Contract) -> Decimal:
        """What a contract costs an hour now: stopped, its disk alone."""
        return contract.storage if contract.state == "stopped" else contract.dph_base + contract.storage

    def set_state(self, contract: Contract, state: str) -> None:
        """Start or stop."""
        if state == "running" and contract.state != "running":
            contract.started = self._clock.now
        contract.state = state
        if not contract.stranger:
            self._ledger.rate(str(contract.id), self.rate(contract))

    def destroy(self, contract: Contract) -> None:
        """End a contract for good."""
        if contract.ended is None:
            contract.ended = self._clock.now
            self.market.move(contract.host.product.sku, contract.host.country, 1)
            self._ledger.close(str(contract.id))

    def make_volume(self, host: Host, *, size_gb: int, label: str) -> SimVolume:
        """Rent disk at a host."""
        now = self._clock.now
        volume = SimVolume(
            id=self.number(),
            label=label,
            size_gb=size_gb,
            machine_id=host.machine_id,
            place=f"{host.city}, {host.country}",
            usd_per_hour=storage_usd(size_gb),
            created=now,
            visible_from=now,
        )
        self.volumes[volume.id] = volume
        self.creates[label] = self.creates.get(label, 0) + 1
        self._ledger.open(str(volume.id), kind="volume", name=label, usd_per_hour=volume.usd_per_hour)
        return volume

    def delete_volume(self, volume: SimVolume) -> None:
        """End it."""
        volume.ended = self._clock.now
        self._ledger.close(str(volume.id))

    def users(self, volume_id: int) -> list[int]:
        """Machines that hold a volume."""
        return [c.id for c in self.contracts.values() if c.volume_id == volume_id and c.ended is None]

    def shown(self) -> list[Contract]:
        """What lists and reads show now, by id."""
        return [c for _, c in sorted(self.contracts.items()) if c.shows(self._clock.now)]

    def live(self, contract_id: int) -> Contract | None:
        """A contract that can be worked with."""
        contract = self.contracts.get(contract_id)
        if contract is None or contract.ended is not None or not contract.shows(self._clock.now):
            return None
        return contract

    def check_mount(self, host: Host, body: dict[str, Any]) -> None:
        """A volume must be there, and on this very machine.

        Raises:
            Refused: it is not.
        """
        info = body.get("volume_info")
        if info is None:
            return
        volume = self.volumes.get(info["volume_id"])
        if volume is None or volume.ended is not None:
            raise Refused(404, "no_such_volume", "Volume with that ID does not exist.")
        if volume.machine_id != host.machine_id:
            raise Refused(400, "invalid_args", "error 400/3480: Invalid args: volume is on another machine")

    def is_broke(self) -> bool:
        """Whether the money is used up."""
        return self.credit is not None and self._ledger.total() >= self.credit

    def pass_time(self) -> None:
        """What happens by itself: hosts' offers end, and money runs out."""
        now = self._clock.now
        broke = self.is_broke()
        for contract in self.contracts.values():
            if contract.ended is not None:
                continue
            if now >= contract.end_date + KEPT_AFTER_END_SECONDS:
                self.destroy(contract)
            elif contract.state == "running" and (broke or (now >= contract.end_date and not contract.expired)):
                contract.expired = now >= contract.end_date
                self.set_state(contract, "stopped")
