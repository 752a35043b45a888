"""Keeping to RunPod's limits as its own headers tell them: there is no fixed number to keep to."""

import re
from typing import Final

from providers.base.http import Reply

_MEMBER: Final = re.compile(r'"[^"]*"((?:\s*;\s*[a-z]+\s*=\s*\d+)+)')
_PARAMETER: Final = re.compile(r"([a-z]+)\s*=\s*(\d+)")


def pause_after(reply: Reply) -> float | None:
    """Seconds for which nobody may call, because a window of the ``RateLimit`` header is used up; None: go on.

    The header has one member a window: ``"minute";r=0;t=12, "hour";r=2800;t=1812`` (r: calls left, t: seconds to its
    reset).
    """
    pauses: list[float] = []
    for member in _MEMBER.finditer(reply.headers.get("ratelimit", "")):
        facts = {key: int(value) for key, value in _PARAMETER.findall(member[1])}
        if facts.get("r") == 0 and facts.get("t"):
            pauses.append(float(facts["t"]))
    return max(pauses, default=None)
