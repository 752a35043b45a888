"""Vast's objects as far as they are used, checked when they arrive: an odd one is an error, never a missing machine."""

from decimal import Decimal
from typing import TypeVar, cast

import msgspec

from providers.vastai.errors import as_object, malformed

T = TypeVar("T")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One ask of a search. Its id may be gone a second later."""

    id: int
    gpu_name: str
    num_gpus: int
    dph_total: float
    """US dollars an hour for the whole machine, with the disk that the search asked for."""
    gpu_ram: float | None = None
    """MB per GPU."""
    min_bid: float | None = None
    machine_id: int | None = None
    geolocation: str | None = None
    storage_cost: float | None = None
    """US dollars per GB and month."""
    gpu_frac: float | None = None
    bw_nvlink: float | None = None
    inet_down: float | None = None
    reliability2: float | None = None


class VolumeOffer(msgspec.Struct, frozen=True, kw_only=True):
    """Disk on sale on one machine."""

    id: int
    machine_id: int
    disk_space: float
    storage_cost: float
    """US dollars per GB and month."""
    geolocation: str | None = None


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """A rented machine."""

    id: int
    actual_status: str | None
    cur_state: str | None = None
    next_state: str | None = None
    intended_status: str | None = None
    status_msg: str | None = None
    label: str | None = None
    machine_id: int | None = None
    image_uuid: str | None = None
    image_runtype: str | None = None
    extra_env: object = None
    public_ipaddr: str | None = None
    ssh_host: str | None = None
    ssh_port: int | None = None
    ports: object = None
    geolocation: str | None = None
    gpu_name: str | None = None
    num_gpus: int | None = None
    gpu_ram: float | None = None
    disk_space: float | None = None
    dph_base: float | None = None
    dph_total: float | None = None
    storage_total_cost: float | None = None
    is_bid: bool = False
    start_date: float | None = None
    end_date: float | None = None
    jupyter_token: str | None = None

    def env(self) -> dict[str, str]:
        """Its environment as the vendor echoes it: pairs, or a map; empty when it echoes none. Secret."""
        mapped, raw = as_object(self.extra_env), self.extra_env
        pairs: list[object] = [] if mapped is None else [list(pair) for pair in mapped.items()]
        if isinstance(raw, list):
            pairs = cast("list[object]", raw)
        env: dict[str, str] = {}
        for pair in pairs:
            match pair:
                case [str() as name, str() as value]:
                    env[name] = value
                case _:
                    pass  # a form that is not known tells nothing
        return env


class InstancePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the list."""

    instances: list[Instance]
    total_instances: int
    next_token: str | None


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """Disk that was rented on one machine."""

    id: int
    machine_id: int
    status: str | None = None
    label: str | None = None
    name: str | None = None
    disk_space: float | None = None
    storage_total_cost: float | None = None
    instances: list[int] | None = None
    geolocation: str | None = None
    start_date: float | None = None


def parse(body: object, kind: type[T], operation: str) -> T:
    """A part of an answer as what it should be.

    Raises:
        VendorError: it is something else (kind MALFORMED); names the place, never a value.
    """
    try:
        return msgspec.convert(body, type=kind)
    except msgspec.ValidationError as error:
        raise malformed(f"an odd answer: {error}", operation) from None


def member(body: object, name: str, operation: str) -> object:
    """A member that an answer must have.

    Raises:
        VendorError: it has not (kind MALFORMED).
    """
    known = as_object(body)
    if known is None or name not in known:
        raise malformed(f"the answer has no '{name}'", operation)
    return known[name]


def usd(amount: float | None) -> Decimal | None:
    """A price as Vast writes it; None stays None, and so does what is no price."""
    if amount is None or amount <= 0:
        return None
    return Decimal(str(amount))
