import base64
import http.client
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from modelyard.errors import UsageError
from modelyard.render.nginx import access_conf, listen_conf, nginx_conf
from modelyard.spec import Auth
from tests.fakes.http import FakeHttp, fake_http
from tests.fakes.tools import free_port, tool

KEY = "kEy-of-at-least-20_letters"
BEARER = {"Authorization": f"Bearer {KEY}"}
BASIC = {"Authorization": "Basic " + base64.b64encode(f"modelyard:{KEY}".encode()).decode()}


@pytest.fixture(name="engine")
def _engine() -> Generator[FakeHttp]:
    with fake_http() as fake:
        yield fake


@contextmanager
def gateway(folder: Path, engine: FakeHttp, auth: Auth, key: str | None = KEY) -> Generator[int]:
    """A real nginx with the rendered files, until the block ends."""
    nginx = tool("nginx", "nginx")
    port = free_port()
    upstream = f"127.0.0.1:{engine.port}"
    conf = nginx_conf(
        engine=upstream,
        auth=auth,
        health_path="/health",
        metrics_path="/metrics",
        prometheus=upstream,
        grafana=upstream,
        directory=str(folder),
        state=str(folder),
        access_log=str(folder / "access.log"),
    )
    (folder / "nginx.conf").write_text(conf)
    (folder / "access.conf").write_text(access_conf(key))
    (folder / "listen.conf").write_text(listen_conf(port=port))
    command = [nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)]
    done = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # nginx goes to the background once its sockets are bound, so there is nothing to wait for. It keeps its standard
    # error, so that must not be a pipe.
    with (folder / "error.log").open("wb") as errors:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=errors, timeout=30)
    try:
        yield port
    finally:
        stop = [*command, "-s", "stop"]
        subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)


def ask(port: int, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, str | None]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("WWW-Authenticate")
    finally:
        connection.close()


def test_only_the_key_opens_the_api(tmp_path: Path, engine: FakeHttp) -> None:
    with gateway(tmp_path, engine, Auth.BEARER) as port:
        assert ask(port, "/v1/chat/completions", method="POST")[0] == 401
        assert ask(port, "/v1/models", {"Authorization": f"Bearer {KEY}x"})[0] == 401
        assert ask(port, "/v1/models", {"Authorization": f"Bearer {KEY.lower()}"})[0] == 401
        assert ask(port, "/v1/models", {"Authorization": KEY})[0] == 401
        assert ask(port, "/v1/models", BASIC)[0] == 401
        assert engine.asked.empty()
        assert ask(port, "/v1/models", BEARER)[0] == 200
        assert ask(port, "/v1/models", {"Authorization": f"bearer {KEY}"})[0] == 200
    arrived = engine.asked.get_nowait()
    assert (arrived.path, arrived.headers["authorization"]) == ("/v1/models", f"Bearer {KEY}")


@pytest.mark.parametrize("auth", list(Auth))
def test_metrics_and_pages_for_people_always_ask_for_the_key(tmp_path: Path, engine: FakeHttp, auth: Auth) -> None:
    with gateway(tmp_path, engine, auth) as port:
        for path in ("/metrics", "/prometheus/graph", "/grafana/d/x"):
            assert ask(port, path)[0] == 401
            assert ask(port, path, BEARER)[0] == 200
        assert ask(port, "/grafana/", BASIC) == (200, None)
        assert ask(port, "/grafana/") == (401, 'Basic realm="modelyard"')
    while not engine.asked.empty():
        arrived = engine.asked.get_nowait()
        if arrived.path.startswith(("/grafana", "/prometheus")):
            assert "authorization" not in arrived.headers


SHUT = (
    "/",
    "/docs",
    "/openapi.json",
    "/sleep",
    "/wake_up",
    "/reset_prefix_cache",
    "/collective_rpc",
    "/server_info",
    "/v1/load_lora_adapter",
    "/v1/unload_lora_adapter",
    "/v1/../metrics/../sleep",
    "/health/x",
)


def test_every_other_path_is_shut_even_with_the_key(tmp_path: Path, engine: FakeHttp) -> None:
    with gateway(tmp_path, engine, Auth.BEARER) as port:
        found = {(path, *headers): ask(port, path, headers)[0] for path in SHUT for headers in ({}, BEARER)}
    assert found == dict.fromkeys(found, 404)
    assert len(found) == 2 * len(SHUT)
    assert engine.asked.empty()


def test_health_is_open_to_get_alone(tmp_path: Path, engine: FakeHttp) -> None:
    with gateway(tmp_path, engine, Auth.BEARER) as port:
        assert ask(port, "/health")[0] == 200
        assert ask(port, "/health", method="POST")[0] == 403


def test_without_auth_the_api_is_open_and_nothing_else(tmp_path: Path, engine: FakeHttp) -> None:
    with gateway(tmp_path, engine, Auth.NONE, key=None) as port:
        assert ask(port, "/v1/models")[0] == 200
        assert ask(port, "/metrics", BEARER)[0] == 401


def test_neither_key_nor_query_is_logged(tmp_path: Path, engine: FakeHttp) -> None:
    with gateway(tmp_path, engine, Auth.BEARER) as port:
        ask(port, f"/v1/models?key={KEY}", BEARER)
    logged = (tmp_path / "access.log").read_text()
    assert '"GET /v1/models" 200' in logged
    assert KEY not in logged


def test_the_configuration_does_not_depend_on_the_key() -> None:
    conf = nginx_conf(engine="e:8000", auth=Auth.BEARER, health_path="/health", metrics_path="/metrics")
    assert "Bearer KEY" in conf


@pytest.mark.parametrize("key", ["short", "x" * 201, 'has"quote' * 4, "has space in the middle of it", "line\n" * 8])
def test_a_key_that_could_break_out_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        access_conf(key)
    assert key not in str(caught.value)


def test_tls_is_ended_here_only_when_asked_for() -> None:
    assert listen_conf(port=8080) == "listen 8080;\n"
    assert "ssl_certificate_key /t/tls.key;" in listen_conf(port=8443, tls_dir="/t")
