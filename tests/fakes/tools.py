"""Programs of Debian packages that some tests run; absent ones skip with the package's name."""

import shutil
import socket

import pytest


def tool(name: str, package: str) -> str:
    """The path of ``name``; skips the test when it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package {package})")
    return found


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
