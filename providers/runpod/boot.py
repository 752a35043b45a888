"""How a start-up text travels to a pod: in the create call itself, because a pod has no other door before it runs."""

import base64
import gzip
import shlex
from typing import Final

ENTRYPOINT: Final = ("bash", "-c")
_PLAIN_MAX_BYTES: Final = 4096


def command(boot: str) -> list[str]:
    """The ``cmd`` that runs a start-up text under ``ENTRYPOINT``: as it is, or packed when it is long.

    The packed text is evaluated in the same shell, so that neither the length of one argument (128 KiB on Linux) nor
    its standard input is used up by it.
    """
    if len(boot.encode()) <= _PLAIN_MAX_BYTES:
        return [boot]
    packed = base64.b64encode(gzip.compress(boot.encode(), mtime=0)).decode()
    unpack = f"boot=$(printf %s {shlex.quote(packed)} | base64 -d | gzip -d) || exit 1"
    return [f'set -o pipefail; {unpack}; set +o pipefail; eval "$boot"']
