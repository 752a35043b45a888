"""Our tags on Lambda's instances, within its rule for keys."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from providers.base.marker import Marker

OURS: Final = "modelyard:"
MARKER_TAG: Final = "modelyard:marker"
PORTS_TAG: Final = "modelyard:ports"
"""Open ports, the gateway's first: an instance does not tell what its rulesets let in."""
_MOUNT: Final = re.compile(r"(/home|/lambda/nfs|/data)[/a-zA-Z0-9-]*")


def tags_for(marker: Marker, labels: Mapping[str, str], ports: Sequence[int] = ()) -> list[dict[str, str]]:
    """What an instance is tagged with: its marker, its ports and the labels."""
    tags = {MARKER_TAG: marker.name, **{tag_key(name): value for name, value in labels.items()}}
    if ports:
        tags[PORTS_TAG] = "-".join(str(port) for port in ports)
    return [{"key": key, "value": value} for key, value in tags.items()]


def tag_key(name: str) -> str:
    """A label's name as a tag's key: lower case, digits, ``-`` and ``:``, below ``modelyard``."""
    plain = re.sub(r"[^a-z0-9:-]+", "-", name.lower()).strip("-:")
    return plain if plain.startswith("modelyard") else f"{OURS}{plain}"


def mount_of(filesystem_id: str, path: str | None) -> dict[str, str] | None:
    """Where a filesystem is to be seen; None: at the vendor's own place, since it allows no other here."""
    if path is None or not _MOUNT.fullmatch(path):
        return None
    return {"mount_point": path, "file_system_id": filesystem_id}
