"""What RunPod's resources have in common: names, container fields, and how inputs become bodies and back."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, cast

from providers.base.errors import Kind, VendorError
from providers.base.marker import Marker, read_marker
from providers.base.resource import Change, Field, Plain, ResourceType, Wanted
from providers.runpod.errors import VENDOR, as_map, invalid

ALLOW_RESET: Final = Field(
    name="allowReset",
    kind="boolean",
    description="Whether a change may start the container anew, which wipes everything outside of its volumes.",
    change=Change.STATE,
)
_CONTAINER: Final = {
    "image": "image",
    "args": "args",
    "entrypoint": "entrypoint",
    "cmd": "cmd",
    "diskGb": "disk",
    "env": "env",
    "ports": "ports",
    "registryId": "registry",
}
"""Our inputs → RunPod's keys."""
CLEARED: Final[Mapping[str, object]] = {
    "args": "",
    "entrypoint": [],
    "cmd": [],
    "env": {},
    "ports": [],
    "registryId": None,
    "allowedCudaVersions": [],
    "dataCenterIds": [],
    "networkVolumeIds": [],
}
"""What is sent for an input that was taken away; what is not here cannot be taken away."""


class Container(Protocol):
    """The container fields of anything that has them."""

    @property
    def image(self) -> str | None:
        """Docker reference."""
        ...

    @property
    def args(self) -> str | None:
        """Arguments of the entrypoint, or entrypoint and cmd as JSON."""
        ...

    @property
    def entrypoint(self) -> Sequence[str] | None:
        """Replaces the image's entrypoint."""
        ...

    @property
    def cmd(self) -> Sequence[str] | None:
        """Replaces the image's command."""
        ...

    @property
    def disk(self) -> int | None:
        """Container disk, GB."""
        ...

    @property
    def env(self) -> Mapping[str, str] | None:
        """Environment."""
        ...

    @property
    def ports(self) -> Sequence[str] | None:
        """``8000/http``, ``22/tcp`` …."""
        ...

    @property
    def registry(self) -> str | None:
        """Id of the registry credential."""
        ...


def name_field() -> Field:
    """The input ``name`` of what has no variable for a marker: the object's name is the marker, with this in it."""
    return Field(
        name="name",
        kind="string",
        description="For people: lower-case letters, digits and dashes, at most 18 of it are kept in the object's "
        "name, which also says whose it is (vendorName). Default: the resource's name.",
        change=Change.UPDATE,
        write_only=True,
    )


VENDOR_NAME: Final = Field(name="vendorName", kind="string", description="The object's whole name at RunPod.")


def container_fields(change: Change) -> tuple[Field, ...]:
    """The container inputs; ``change``: what a change of any of them does."""
    return (
        Field(name="image", kind="string", description="Container image; required unless templateId.", change=change),
        Field(name="args", kind="string", description="Arguments for the image's entrypoint.", change=change),
        Field(name="entrypoint", kind="array", description="Replaces the image's entrypoint.", change=change),
        Field(name="cmd", kind="array", description="Replaces the image's command.", change=change),
        Field(
            name="diskGb",
            kind="integer",
            description="Container disk, GB. It is wiped when the container starts anew.",
            change=change,
            minimum=1,
        ),
        Field(name="env", kind="map", description="Environment; up to 50 variables.", change=change, secret=True),
        Field(
            name="ports",
            kind="array",
            description="Ports to expose, such as 8000/http (behind RunPod's proxy, without any authorization) or "
            "22/tcp.",
            change=change,
            pattern=r"^\d+/(http|tcp)$",
        ),
        Field(name="registryId", kind="string", description="Id of a RegistryAuth, for private images.", change=change),
    )


def container_body(inputs: Plain) -> dict[str, Any]:
    """The container inputs as RunPod's keys."""
    return picked(inputs, _CONTAINER)


def container_change(new: Plain, changed: Sequence[str], kind: ResourceType) -> dict[str, Any]:
    """The changed container inputs as RunPod's keys."""
    return changes(new, changed, _CONTAINER, kind)


def container_outputs(shown: Container) -> dict[str, Any]:
    """The container fields as they are now, by our names."""
    args, entrypoint, cmd = shown.args, shown.entrypoint, shown.cmd
    packed = _packed_args(args)
    if packed is not None:  # RunPod keeps entrypoint and cmd inside of args
        args = None
        entrypoint = entrypoint or packed.get("entrypoint")
        cmd = cmd or packed.get("cmd")
    return {
        "image": shown.image,
        "args": args,
        "entrypoint": list(entrypoint or ()),
        "cmd": list(cmd or ()),
        "diskGb": shown.disk,
        "env": dict(shown.env or {}),
        "ports": list(shown.ports or ()),
        "registryId": shown.registry,
    }


def picked(inputs: Plain, keys: Mapping[str, str]) -> dict[str, Any]:
    """The inputs that were given, by RunPod's keys."""
    return {key: inputs[name] for name, key in keys.items() if inputs.get(name) is not None}


def changes(new: Plain, changed: Sequence[str], keys: Mapping[str, str], kind: ResourceType) -> dict[str, Any]:
    """The changed inputs by RunPod's keys; one that was taken away becomes what empties it.

    Raises:
        VendorError: an input that cannot be taken away (kind INVALID).
    """
    body: dict[str, Any] = {}
    for name in changed:
        if name not in keys:
            continue
        value = new.get(name)
        if value is None and name not in CLEARED:
            raise invalid(
                f"{kind.name}: {name} cannot be taken away from one that exists",
                resolution=f"Give {name} a value, or replace the resource (`pulumi up --replace URN`).",
            )
        body[keys[name]] = CLEARED[name] if value is None else value
    return body


def refuse(kind: ResourceType, inputs: Plain) -> None:
    """Raise the first thing that the type's own rules find wrong (an import or another client may have passed them).

    Raises:
        VendorError: kind INVALID; nothing was sent.
    """
    for name, reason in kind.check(inputs):
        raise invalid(f"{kind.name}: {name} {reason}")


def given(inputs: Plain, name: str) -> bool:
    """Whether an input has a value, or will have one."""
    return inputs.get(name) is not None


def one_of(inputs: Plain, *names: str) -> list[tuple[str, str]]:
    """A problem unless exactly one of these inputs is given."""
    count = sum(given(inputs, name) for name in names)
    if count == 1:
        return []
    return [(names[0], f"or {' or '.join(names[1:])} is needed: exactly one of them")]


def image_or_template(inputs: Plain) -> list[tuple[str, str]]:
    """A problem when neither an image nor a template says what to run."""
    return (
        [] if given(inputs, "image") or given(inputs, "templateId") else [("image", "is required without templateId")]
    )


def titled(wanted: Wanted) -> Marker:
    """The marker of a create, with the user's name in it."""
    name = wanted.inputs.get("name")
    return wanted.marker.titled(name) if isinstance(name, str) else wanted.marker


def renamed(shown_name: str, new: Plain) -> str:
    """The name at RunPod after a change of the input ``name``."""
    marker, name = read_marker(shown_name), new.get("name")
    if not isinstance(name, str):
        return shown_name
    return marker.titled(name).name if marker else name


def is_ours(marker: Marker | None, wanted: Wanted) -> bool:
    """Whether an object belongs to the resource that is being created."""
    return marker is not None and marker.resource == wanted.marker.resource


def gone(kind: ResourceType, object_id: str) -> VendorError:
    """What an update meets when somebody deleted the object meanwhile."""
    return VendorError(VENDOR, Kind.GONE, f"{kind.name} {object_id} does not exist", operation="update")


def _packed_args(args: str | None) -> dict[str, list[str]] | None:
    if not args or not args.startswith("{"):
        return None
    try:
        packed = as_map(json.loads(args))
    except ValueError:
        return None
    return cast("dict[str, list[str]]", packed) if packed and set(packed) <= {"entrypoint", "cmd"} else None
