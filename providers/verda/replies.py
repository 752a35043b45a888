"""What Verda's answers must look like. Anything else is an error, never "none"."""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct, ValidationError, convert

from providers.base.http import UNREADABLE, Reply


class Token(Struct, frozen=True, kw_only=True):
    """What a sign-in yields."""

    access_token: str
    refresh_token: str
    expires_in: float
    """Seconds."""


class Gpus(Struct, frozen=True, kw_only=True):
    """The GPUs of a machine."""

    description: str
    """Such as ``8x H100 SXM5 80GB``; empty without GPUs."""
    number_of_gpus: int


class Instance(Struct, frozen=True, kw_only=True):
    """A virtual machine."""

    id: str
    instance_type: str
    hostname: str
    description: str
    status: str
    created_at: str
    location: str
    gpu: Gpus
    price_per_hour: float | str | None = None
    currency: str | None = None
    ip: str | None = None
    os_volume_id: str | None = None
    is_spot: bool = False

    @property
    def usd_per_hour(self) -> Decimal | None:
        """What it costs; None unless Verda says that it is in US dollars."""
        return usd(self.price_per_hour, self.currency)


class InstanceType(Struct, frozen=True, kw_only=True):
    """What is sold. Prices are texts."""

    instance_type: str
    price_per_hour: float | str | None
    gpu: Gpus
    currency: str | None = None
    spot_price: float | str | None = None

    def price(self, *, spot: bool) -> Decimal | None:
        """US dollars an hour for the whole machine; None: not said."""
        return usd(self.spot_price if spot else self.price_per_hour, self.currency)


class Availability(Struct, frozen=True, kw_only=True):
    """The types that one location has now."""

    location_code: str
    availabilities: list[str]


class Script(Struct, frozen=True, kw_only=True):
    """A start-up script that the account holds. What is in it is not read."""

    id: str
    name: str


class SshKey(Struct, frozen=True, kw_only=True):
    """A public key of the account."""

    id: str


class ErrorBody(Struct, frozen=True, kw_only=True):
    """A refusal."""

    code: str
    message: str = ""


SHAPES: Final[dict[str, object]] = {
    "sign in": Token,
    "list instances": list[Instance],
    "get instance": Instance,
    "list instance types": list[InstanceType],
    "list availability": list[Availability],
    "list scripts": list[Script],
    "list ssh keys": list[SshKey],
}
CREATES: Final = frozenset({"create instance", "create script"})
"""Operations that answer with an id as plain text."""
_ID: Final = re.compile(r"[0-9a-zA-Z-]{8,64}")


def oddity(operation: str, reply: Reply) -> str | None:
    """What is wrong with the shape of a good answer; None when it is as promised."""
    if operation in CREATES:
        return None if created_id(reply) else "the answer is not an id"
    shape = SHAPES.get(operation)
    if shape is None:
        return None
    if reply.body is UNREADABLE:
        return "the answer is not JSON"
    try:
        convert(reply.body, type=shape)
    except ValidationError as error:
        return str(error)
    return None


def created_id(reply: Reply) -> str | None:
    """The id in the answer to a create, bare or as a JSON string."""
    text = reply.text.strip().strip('"')
    return text if _ID.fullmatch(text) else None


def usd(price: float | str | None, currency: str | None) -> Decimal | None:
    """A price in US dollars; None when there is none, it is zero, or in another currency."""
    if price is None or currency != "usd":
        return None
    try:
        value = Decimal(str(price))
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None
