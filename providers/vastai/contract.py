"""The body of a create call: within Vast's limits, or an error before anything is sent."""

import base64
import gzip
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from providers.vastai.client import LABEL_MAX
from providers.vastai.errors import CREATE, invalid

ONSTART_MAX: Final = 4048
"""Characters of ``onstart`` that are certain to arrive."""
VALUE_MAX: Final = 256
ENV_MAX: Final = 32_768
"""Bytes of one variable's value, and of all variables together as flags (``-e NAME=value ``)."""
CHUNK: Final = "MODELYARD_BOOT_"
RUNTYPE: Final = "ssh_direc ssh_proxy"
"""SSH, directly and through Vast's proxy; Vast then runs ``onstart`` in place of the image's entry point."""
BID_MAX_USD: Final = 128
BID_CHANGE_MAX_USD: Final = 32
"""The highest bid of a create call, and the highest that one can be changed to."""
_BID_MIN_USD: Final = Decimal("0.001")
_DISK_MIN_GB: Final = 8
_FLAG: Final = len("-e = ")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_JOINER: Final = """\
#!/bin/bash
# The start-up script is longer than onstart may be: its parts are in the environment.
set -uo pipefail
text=
for ((part = 0; part < {count}; part++)); do
    name=$(printf '{chunk}%03d' "$part")
    text+=${{!name-}}
    unset "$name"
done
script=$(mktemp)
if ! printf %s "$text" | base64 -d | gunzip >"$script"; then
    echo 'modelyard: the start-up script did not arrive whole' >&2
    exit 1
fi
exec bash "$script"
"""


def start_up(boot: str) -> tuple[str, dict[str, str]]:
    """A start-up text as ``onstart`` and the variables that hold what ``onstart`` is too short for."""
    if len(boot.encode()) <= ONSTART_MAX:
        return boot, {}
    packed = base64.b64encode(gzip.compress(boot.encode(), mtime=0)).decode()
    parts = [packed[at : at + VALUE_MAX] for at in range(0, len(packed), VALUE_MAX)]
    chunks = {f"{CHUNK}{number:03d}": part for number, part in enumerate(parts)}
    return _JOINER.format(count=len(parts), chunk=CHUNK), chunks


def environment(env: Mapping[str, str], *, ports: Iterable[int], chunks: Mapping[str, str]) -> dict[str, str]:
    """Variables and port mappings in the form that Vast takes.

    Raises:
        VendorError: more than Vast takes (kind INVALID). Names the variable, never its value.
    """
    for name, value in env.items():
        if not _NAME.fullmatch(name):
            raise invalid(f"'{name}' cannot be the name of a variable", CREATE)
        if name.startswith(CHUNK):
            raise invalid(f"the name {name} is taken by the start-up script", CREATE)
        if len(value.encode()) > VALUE_MAX:
            raise invalid(
                f"variable {name} holds {len(value.encode())} bytes; Vast takes at most {VALUE_MAX}",
                CREATE,
                resolution="Shorten it, or let the machine fetch it.",
            )
    flags = {f"-p {port}:{port}": "1" for port in ports}
    whole = {**env, **chunks, **flags}
    size = sum(len(name.encode()) + len(value.encode()) + _FLAG for name, value in whole.items())
    if size > ENV_MAX:
        raise invalid(
            f"environment and start-up script come to {size} bytes; Vast takes at most {ENV_MAX}",
            CREATE,
            resolution="Shorten the start-up script (leave out monitoring), or use fewer variables.",
        )
    return whole


def contract(  # noqa: PLR0913  # each is a field of the create call
    *,
    label: str,
    image: str,
    disk_gb: int,
    onstart: str | None,
    env: Mapping[str, str],
    bid_usd: Decimal | None,
    volume: Mapping[str, object] | None = None,
    image_login: str | None = None,
    target_state: str = "running",
) -> dict[str, object]:
    """The body of ``PUT /asks/{id}/``.

    Raises:
        VendorError: a value that Vast refuses (kind INVALID).
    """
    if len(label) > LABEL_MAX:
        raise invalid(f"the label has {len(label)} characters; Vast takes at most {LABEL_MAX}", CREATE)
    if onstart is not None and len(onstart.encode()) > ONSTART_MAX:
        raise invalid(f"onstart has {len(onstart.encode())} bytes; at most {ONSTART_MAX} are safe", CREATE)
    if disk_gb < _DISK_MIN_GB:
        raise invalid(f"a disk of {disk_gb} GB; Vast takes at least {_DISK_MIN_GB}", CREATE)
    if bid_usd is not None:
        check_bid(bid_usd, most_usd=BID_MAX_USD)
    body: dict[str, object] = {
        "client_id": "me",
        "image": image,
        "label": label,
        "disk": disk_gb,
        "runtype": RUNTYPE,
        "target_state": target_state,
        "env": dict(env),
        # Without it Vast makes a stopped contract, which costs storage, when the machine cannot start.
        "cancel_unavail": True,
    }
    optional = {
        "onstart": onstart,
        "price": None if bid_usd is None else float(bid_usd),
        "volume_info": dict(volume) if volume is not None else None,
        "image_login": image_login,
    }
    return body | {name: value for name, value in optional.items() if value is not None}


def check_bid(bid_usd: Decimal, *, most_usd: int) -> None:
    """A bid that Vast takes.

    Raises:
        VendorError: it is not (kind INVALID).
    """
    if not _BID_MIN_USD <= bid_usd <= most_usd:
        raise invalid(f"a bid of ${bid_usd}/h; allowed: {_BID_MIN_USD} to {most_usd}", "bid")


def mounted(volume_id: str, mount_path: str | None) -> dict[str, object]:
    """The part of a create call that mounts a volume.

    Raises:
        VendorError: no absolute path to mount it at (kind INVALID).
    """
    if not mount_path or not mount_path.startswith("/"):
        raise invalid(f"volume {volume_id} needs an absolute path to be mounted at", CREATE)
    return {"create_new": False, "volume_id": int(volume_id), "mount_path": mount_path}
