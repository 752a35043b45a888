"""What Vast takes in a body, and its words for the rest. Unknown keys are refused, unlike at the vendor."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from tests.simulators.core import SimResponse, json_response

RUNTYPES: Final = frozenset(
    {"ssh_direc ssh_proxy", "ssh_proxy", "jupyter_direc ssh_direc ssh_proxy", "jupyter_proxy ssh_proxy", "args"}
)
VALUE_MAX: Final = 256
ENV_MAX: Final = 32_768
ONSTART_MAX: Final = 4048
_ENV_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|-p \d{1,5}:\d{1,5}(/udp)?")


Check = Callable[[object], bool]


class Refused(Exception):  # noqa: N818  # an answer, told by exception
    """An answer that ends a request."""

    def __init__(self, status: int, error: str, message: str, **more: object) -> None:
        super().__init__(message)
        self.response = refusal(status, error, message, **more)


def refusal(status: int, error: str, message: str, **more: object) -> SimResponse:
    """Vast's usual error."""
    return json_response(status, {"success": False, "error": error, "msg": message, **more})


def as_object(value: object) -> dict[str, Any] | None:
    """A JSON object; None when it is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_env(value: object) -> bool:
    env = as_object(value)
    return env is not None and all(isinstance(text, str) for text in env.values())


def _is_disk(value: object) -> bool:
    return isinstance(value, int | float) and _is_number(value) and value >= 8


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_digits(value: object) -> bool:
    return isinstance(value, str) and value.isdigit()


def _one_of(*allowed: str) -> Check:
    return lambda value: value in allowed


def _text(least: int, most: int) -> Check:
    return lambda value: isinstance(value, str) and least <= len(value) <= most


CREATE: Final[Mapping[str, Check]] = {
    "client_id": _one_of("me"),
    "image": _text(1, 1000),
    "label": _text(0, 256),
    "disk": _is_disk,
    "runtype": _one_of(*RUNTYPES),
    "target_state": _one_of("running", "stopped"),
    "price": _is_number,
    "env": _is_env,
    "cancel_unavail": _is_flag,
    "onstart": _text(0, ONSTART_MAX),
    "image_login": _is_text,
    "volume_info": _is_object,
}
CREATE_REQUIRED: Final = ("client_id", "image", "disk", "label", "runtype")
MANAGE: Final[Mapping[str, Check]] = {
    "state": _one_of("running", "stopped"),
    "label": _is_text,
}
BID: Final[Mapping[str, Check]] = {"client_id": _one_of("me"), "price": _is_number}
LOGS: Final[Mapping[str, Check]] = {
    "tail": _is_digits,
    "filter": _is_text,
    "daemon_logs": _one_of("true"),
}
VOLUME: Final[Mapping[str, Check]] = {
    "id": _is_number,
    "size": _is_number,
    "name": _is_text,
}


def checked(body: object, allowed: Mapping[str, Check], *, required: tuple[str, ...] = ()) -> dict[str, Any]:
    """A body that Vast takes.

    Raises:
        Refused: it is not.
    """
    known = as_object(body)
    if known is None:
        raise Refused(400, "invalid_args", "error 400/1782: Invalid args: invalid json: {}")
    for name in required:
        if name not in known:
            raise Refused(400, "invalid_args", f"error 400/3467: Invalid args: '{name}' is required")
    for name, value in known.items():
        if name not in allowed:
            raise Refused(400, "invalid_args", f"error 400/3468: Invalid args: unknown key '{name}'")
        if not allowed[name](value):
            raise Refused(400, "invalid_args", f"error 400/3469: Invalid args: bad value for '{name}'")
    return known


def check_create(body: dict[str, Any]) -> None:
    """What reaches beyond one key.

    Raises:
        Refused: Vast does not take it.
    """
    env: dict[str, str] = body.get("env", {})
    for name, value in env.items():
        if not _ENV_NAME.fullmatch(name):
            raise Refused(400, "invalid_args", "error 400/3470: Invalid args: bad name in env")
        if len(value) > VALUE_MAX:
            raise Refused(400, "invalid_args", f"error 400/3471: Invalid args: env value too long ({len(value)})")
    if sum(len(name) + len(value) for name, value in env.items()) > ENV_MAX:
        raise Refused(400, "invalid_args", "error 400/3472: Invalid args: env too long")
    price = body.get("price")
    if price is not None and not 0.001 <= price <= 128:
        raise Refused(400, "invalid_price", "error 400/3473: Invalid price")
    volume = body.get("volume_info")
    if volume is not None and (
        set(volume) != {"create_new", "volume_id", "mount_path"} or not str(volume["mount_path"]).startswith("/")
    ):
        raise Refused(400, "invalid_args", "error 400/3474: Invalid args: bad volume_info")
