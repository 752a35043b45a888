"""The gateway in front of the engine: nginx with a bearer check, and every path shut that nobody asked for.

TLS is ended by the vendor's proxy where there is one (RunPod), by an Ingress on Kubernetes, and by nginx itself with a
certificate made on the machine everywhere else; ``listen_conf`` is the only part that differs.
"""

import base64
import re
from typing import Final

from modelyard.errors import UsageError
from modelyard.render.text import fill
from modelyard.spec import Auth

CONFIG_DIR: Final = "/etc/modelyard"
"""Where nginx finds ``nginx.conf``, ``listen.conf``, ``access.conf`` and ``tls/``."""

UI_USER: Final = "modelyard"
"""The name that a browser is asked for; the password is the key."""

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{20,200}")


def nginx_conf(  # noqa: PLR0913  # each is one place or path of the file, all keyword-only
    *,
    engine: str,
    auth: Auth,
    health_path: str,
    metrics_path: str,
    prometheus: str | None = None,
    grafana: str | None = None,
    directory: str = CONFIG_DIR,
    state: str = "/tmp",  # noqa: S108  # inside the gateway's own container, where nothing else writes
    access_log: str = "/dev/stdout",
) -> str:
    """``nginx.conf``. It holds no key, and its text does not depend on one.

    Args:
        engine: ``host:port`` of the engine.
        auth: whether ``/v1`` asks for the key. ``/metrics`` and the pages for people always do.
        health_path: path that is open, for probes.
        metrics_path: path of the engine's metrics.
        prometheus: ``host:port``, served below ``/prometheus/``; None: not there.
        grafana: ``host:port``, served below ``/grafana/``; None: not there.
        directory: where the included files lie.
        state: a folder that nginx may write to.
        access_log: where requests are logged.
    """
    uis = [(f"/{name}", upstream) for name, upstream in (("prometheus", prometheus), ("grafana", grafana)) if upstream]
    return fill(
        "nginx.conf.j2",
        access_log=access_log,
        directory=directory,
        engine=engine,
        has_auth=auth is Auth.BEARER,
        health_path=health_path,
        metrics_path=metrics_path,
        state=state,
        uis=uis,
    )


def listen_conf(*, port: int, tls_dir: str | None = None) -> str:
    """``listen.conf``: the port, and TLS when nginx has to end it.

    Args:
        port: TCP port.
        tls_dir: folder with ``tls.crt`` and ``tls.key``; None: something in front ends TLS.
    """
    if tls_dir is None:
        return f"listen {port};\n"
    return (
        f"listen {port} ssl;\n"
        f"ssl_certificate {tls_dir}/tls.crt;\n"
        f"ssl_certificate_key {tls_dir}/tls.key;\n"
        "ssl_protocols TLSv1.2 TLSv1.3;\n"
    )


def access_conf(key: str | None) -> str:
    """``access.conf``: which ``Authorization`` headers hold the key. A secret whenever ``key`` is one.

    The patterns are regular expressions because nginx compares plain strings of a map without regard to case, which
    would accept a key in the wrong case.

    Args:
        key: 20 to 200 letters, digits, ``-`` and ``_``; None: no header is ever good enough.

    Raises:
        UsageError: a key of another shape, which could end the pattern early. The message does not show it.
    """
    if key is None:
        return _maps(bearer=None, basic=None)
    if not _KEY.fullmatch(key):
        raise UsageError(
            "the access key has a shape that the gateway does not accept",
            details="allowed  20 to 200 letters, digits, - and _",
        )
    basic = base64.b64encode(f"{UI_USER}:{key}".encode()).decode()
    return _maps(bearer=key, basic=basic.replace("+", "\\+"))


def _maps(*, bearer: str | None, basic: str | None) -> str:
    bearer_line = f'    "~^(?i:bearer) {bearer}$" 1;\n' if bearer else ""
    basic_line = f'    "~^(?i:basic) {basic}$" 1;\n' if basic else ""
    return (
        "map $http_authorization $has_bearer {\n    default 0;\n"
        f"{bearer_line}"
        "}\nmap $http_authorization $has_key {\n    default 0;\n"
        f"{bearer_line}{basic_line}"
        "}\n"
    )
