"""Names of what has no tags at Lambda: always the marker, with the user's name as the part for people."""

from typing import Final

from providers.base.marker import Marker, read_marker
from providers.base.resource import Change, Field, Wanted

TITLE_MAX: Final = 18
FILESYSTEM_TITLE_MAX: Final = 14
"""A filesystem's name has 60 characters; a marker with a full title has 64."""


def name_field(change: Change, *, maximum: int = TITLE_MAX) -> Field:
    """The input ``name`` of such a resource; its pattern is what a marker keeps as it is."""
    return Field(
        name="name",
        kind="string",
        description=f"What people read in its name: up to {maximum} small letters, digits and single dashes. Lambda "
        "has no tags here, so the whole name also says whose it is.",
        change=change,
        minimum=1,
        maximum=maximum,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$",
    )


def named(wanted: Wanted, *, maximum: int = TITLE_MAX) -> Marker:
    """The marker that becomes the object's name."""
    return wanted.marker.titled(str(wanted.inputs.get("name") or wanted.marker.title)[:maximum])


def name_input(name: str) -> str:
    """What the input ``name`` says of an object that is called ``name``."""
    marker = read_marker(name)
    return name if marker is None else marker.title


def is_of(name: str, wanted: Wanted) -> bool:
    """Whether a name is a marker of this very resource."""
    marker = read_marker(name)
    return marker is not None and marker.resource == wanted.marker.resource
