"""What Lambda's answers must look like. Anything else is an error, never "none"."""

from decimal import Decimal
from typing import Final

from msgspec import UNSET, Struct, UnsetType, ValidationError, convert


class Region(Struct, frozen=True, kw_only=True):
    """A place."""

    name: str


class Specs(Struct, frozen=True, kw_only=True):
    """The size of a type."""

    vcpus: int
    memory_gib: int
    gpus: int
    storage_gib: int | None = None


class InstanceType(Struct, frozen=True, kw_only=True):
    """What is sold."""

    name: str
    gpu_description: str
    price_cents_per_hour: int
    """US cents an hour for the whole machine."""
    specs: Specs

    @property
    def usd_per_hour(self) -> Decimal | None:
        """For the whole machine; None when the vendor names no price."""
        return Decimal(self.price_cents_per_hour) / 100 if self.price_cents_per_hour > 0 else None


class TypeOnSale(Struct, frozen=True, kw_only=True):
    """A type and where it can be had now; the list is no promise."""

    instance_type: InstanceType
    regions_with_capacity_available: list[Region]


class Tag(Struct, frozen=True, kw_only=True):
    """A label of an instance."""

    key: str
    value: str


class Mount(Struct, frozen=True, kw_only=True):
    """Where a filesystem is seen in an instance."""

    mount_point: str
    file_system_id: str


class Id(Struct, frozen=True, kw_only=True):
    """A reference."""

    id: str


class Instance(Struct, frozen=True, kw_only=True):
    """A virtual machine."""

    id: str
    status: str
    region: Region
    instance_type: InstanceType
    ssh_key_names: list[str]
    file_system_names: list[str]
    name: str | None = None
    ip: str | None = None
    private_ip: str | None = None
    hostname: str | None = None
    jupyter_token: str | None = None
    jupyter_url: str | None = None
    file_system_mounts: list[Mount] | None = None
    firewall_rulesets: list[Id] | None = None
    tags: list[Tag] | None = None


class Launched(Struct, frozen=True, kw_only=True):
    """The answer to a launch."""

    instance_ids: list[str]


class Terminated(Struct, frozen=True, kw_only=True):
    """The answer to a terminate."""

    terminated_instances: list[Id]


class SshKey(Struct, frozen=True, kw_only=True):
    """A public key of the account."""

    id: str
    name: str
    public_key: str


class Filesystem(Struct, frozen=True, kw_only=True):
    """Storage in one region, billed by what is in it."""

    id: str
    name: str
    region: Region
    mount_point: str
    created: str
    is_in_use: bool
    bytes_used: int | None = None


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What may come in."""

    protocol: str
    source_network: str
    description: str
    port_range: list[int] | UnsetType = UNSET
    """First and last port; absent for icmp."""


class Ruleset(Struct, frozen=True, kw_only=True):
    """Rules that instances of one region may name."""

    id: str
    name: str
    region: Region
    rules: list[Rule]
    created: str
    instance_ids: list[str]


SHAPES: Final[dict[str, object]] = {
    "list instances": list[Instance],
    "get instance": Instance,
    "rename instance": Instance,
    "list instance types": dict[str, TypeOnSale],
    "launch": Launched,
    "terminate": Terminated,
    "list ssh keys": list[SshKey],
    "add ssh key": SshKey,
    "list filesystems": list[Filesystem],
    "create filesystem": Filesystem,
    "list firewall rulesets": list[Ruleset],
    "get firewall ruleset": Ruleset,
    "create firewall ruleset": Ruleset,
    "update firewall ruleset": Ruleset,
}
"""Operation → what is below ``data`` in its answer. Deletes may answer anything."""


class ErrorBody(Struct, frozen=True, kw_only=True):
    """What is below ``error``."""

    code: str
    message: str = ""
    suggestion: str | None = None


class Refusal(Struct, frozen=True, kw_only=True):
    """An answer that is an error."""

    error: ErrorBody


def oddity(operation: str, body: object) -> str | None:
    """What is wrong with the shape of a good answer; None when it is as promised."""
    shape = SHAPES.get(operation)
    if shape is None:
        return None
    if not isinstance(body, dict) or "data" not in body:
        return "the answer has no data"
    try:
        data = convert(body["data"], type=shape)
    except ValidationError as error:
        return str(error)
    if isinstance(data, Launched) and len(data.instance_ids) != 1:
        return f"{len(data.instance_ids)} instances where one was asked for"
    return None
