"""Start-up text of a virtual machine, completed with what only the create call knows: the environment.

``modelyard.render`` writes cloud-init without any secret. The environment becomes one file that only root can read;
the shell and Docker Compose both read it, so a value is written in a form that means the same to the two.
"""

import base64
import re
import shlex
from collections.abc import Mapping
from typing import Any, Final, cast

import yaml

from modelyard.render.compose import ENV_PATH

_HEADER: Final = "#cloud-config"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BARE: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")


class UserDataError(ValueError):
    """Start-up text or an environment that cannot be sent; never quotes a value."""


def with_environment(cloud_config: str, env: Mapping[str, str]) -> str:
    """cloud-init user data with the environment in ``/etc/modelyard/env``, mode 600.

    Raises:
        UserDataError: no cloud-init document, or an environment that the file cannot hold.
    """
    document = _document(cloud_config)
    files = [file for file in _files(document) if file.get("path") != ENV_PATH]
    mine = {"path": ENV_PATH, "owner": "root:root", "permissions": "0600", "content": environment_file(env)}
    merged = {**document, "write_files": [*files, mine]}
    return f"{_HEADER}\n" + yaml.safe_dump(merged, sort_keys=False, width=120)


def as_script(cloud_config: str) -> str:
    """The same as a bash script, for vendors that run a script and know no cloud-init.

    Only ``write_files`` and ``runcmd`` are understood, which is all that our text has.

    Raises:
        UserDataError: no cloud-init document, or one with something else in it.
    """
    document = _document(cloud_config)
    unknown = sorted(set(document) - {"write_files", "runcmd"})
    if unknown:
        raise UserDataError(f"cloud-init keys that no script can stand for: {', '.join(unknown)}")
    lines = ["#!/usr/bin/env bash", "set -euo pipefail", "umask 077"]
    for file in _files(document):
        path = shlex.quote(str(file["path"]))
        content = base64.b64encode(str(file["content"]).encode()).decode()
        lines.append(f'mkdir -p "$(dirname {path})"')
        lines.append(f"base64 -d >{path} <<'END'\n{content}\nEND")
        lines.append(f"chmod {shlex.quote(str(file.get('permissions', '0644')))} {path}")
    lines.append("umask 022")
    commands = cast("list[str | list[object]]", document.get("runcmd") or [])
    lines.extend(c if isinstance(c, str) else shlex.join(str(word) for word in c) for c in commands)
    return "\n".join(lines) + "\n"


def environment_file(env: Mapping[str, str]) -> str:
    """``NAME=value`` a line, read alike by a shell that sources it and by Compose's ``env_file``.

    Raises:
        UserDataError: a name that is none, or a value with a line break or with both kinds of quotes and a ``$``.
    """
    return "".join(f"{name}={_value(name, value)}\n" for name, value in env.items())


def _value(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        raise UserDataError("the environment has a name that is not letters, digits and _")
    if _BARE.fullmatch(value):
        return value
    if not any(c in value for c in "'\n\r\0\\"):
        return f"'{value}'"
    if not any(c in value for c in '"$`\\!\n\r\0'):
        return f'"{value}"'
    raise UserDataError(f"the value of {name} cannot be put into an environment file: line break, \\ or mixed quotes")


def _files(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", document.get("write_files") or [])


def _document(text: str) -> dict[str, Any]:
    try:
        document: object = yaml.safe_load(text) if text.startswith(_HEADER) else None
    except yaml.YAMLError:
        document = None
    if not isinstance(document, dict):
        raise UserDataError(f"the start-up text of a virtual machine begins with {_HEADER} and is a mapping")
    return cast("dict[str, Any]", document)
