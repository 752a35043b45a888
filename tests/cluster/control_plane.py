"""Starts and stops a Kubernetes control plane of this process's own, on the loopback address.

etcd, kube-apiserver, kube-scheduler and kube-controller-manager are the real ones. The nodes are not: kwok answers for
them. Admission is the API server's default set, which has PodSecurity, ResourceQuota, LimitRanger and Priority in it.
"""

import json
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

STARTS_WITHIN_SECONDS: Final = 60
STAGES: Final = Path(__file__).with_name("stages.yaml")


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlPlane:
    """A control plane that runs."""

    url: str
    ca_file: Path
    token: str
    """Bearer token of an administrator."""
    kubeconfig: Path
    folder: Path
    """Logs of every program, as ``NAME.log``."""


class DidNotStartError(Exception):
    """A program ended, or did not become ready; the message has the end of its log."""


@contextmanager
def started(programs: Path, folder: Path) -> Generator[ControlPlane]:
    """A control plane for as long as the block lasts.

    Args:
        programs: folder with the programs, from ``tests.cluster.build``.
        folder: empty folder for data, keys and logs.

    Raises:
        DidNotStartError: it did not become ready in time.
    """
    etcd_port, peer_port, port = _free_ports(3)
    plane = ControlPlane(
        url=f"https://127.0.0.1:{port}",
        ca_file=folder / "tls" / "apiserver.crt",
        token=secrets.token_hex(16),
        kubeconfig=folder / "kubeconfig.json",
        folder=folder,
    )
    account_key = _service_account_key(folder)
    (folder / "tokens.csv").write_text(f'{plane.token},admin,admin,"system:masters"\n', encoding="utf-8")
    with ExitStack() as running:

        def start(program: str, *args: str) -> subprocess.Popen[bytes]:
            return running.enter_context(_running(programs / program, args, log=folder / f"{program}.log"))

        store = start("etcd", *_etcd_args(folder, etcd_port, peer_port))
        server = start("kube-apiserver", *_apiserver_args(folder, account_key, port=port, etcd_port=etcd_port))
        _wait_until_ready(plane, [store, server])
        _write_kubeconfig(plane)
        client = f"--kubeconfig={plane.kubeconfig}"
        start("kube-scheduler", client, "--leader-elect=false", "--secure-port=0")
        start("kube-controller-manager", client, *_controller_args(plane, account_key))
        start("kwok", client, f"--config={STAGES}", "--manage-all-nodes=true", "--node-lease-duration-seconds=0")
        yield plane


def _etcd_args(folder: Path, port: int, peer_port: int) -> list[str]:
    client, peer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer_port}"
    return [
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _apiserver_args(folder: Path, account_key: Path, *, port: int, etcd_port: int) -> list[str]:
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        # It makes a certificate of its own here, for the address that it listens on.
        f"--cert-dir={folder / 'tls'}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        f"--token-auth-file={folder / 'tokens.csv'}",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        "--allow-privileged=true",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={account_key}",
        f"--service-account-signing-key-file={account_key}",
        "--profiling=false",
    ]


def _controller_args(plane: ControlPlane, account_key: Path) -> list[str]:
    return [
        "--leader-elect=false",
        "--secure-port=0",
        f"--service-account-private-key-file={account_key}",
        f"--root-ca-file={plane.ca_file}",
        # Nobody renews the leases of nodes that are not there: a node is lost when a test says so.
        "--node-monitor-grace-period=24h",
        "--profiling=false",
    ]


def _free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    with ExitStack() as held:
        found: list[int] = []
        for _ in range(count):
            sock = held.enter_context(socket.socket())
            sock.bind(("127.0.0.1", 0))
            found.append(int(sock.getsockname()[1]))
        return found


def _service_account_key(folder: Path) -> Path:
    """A key that service account tokens are signed with; the programs do not make one themselves."""
    key = folder / "service-accounts.pem"
    command = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return key


@contextmanager
def _running(program: Path, args: Sequence[str], *, log: Path) -> Generator[subprocess.Popen[bytes]]:
    # Should this process be killed, the kernel ends the program with it.
    follow = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
    with log.open("wb") as output:
        process = subprocess.Popen([*follow, str(program), *args], stdout=output, stderr=output, cwd=log.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(plane: ControlPlane, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    give_up = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < give_up:
        if any(process.poll() is not None for process in processes):
            break
        if plane.ca_file.is_file() and _is_ready(plane):
            return
        time.sleep(0.1)
    raise DidNotStartError("\n".join(f"== {log.name}\n{_end_of(log)}" for log in sorted(plane.folder.glob("*.log"))))


def _is_ready(plane: ControlPlane) -> bool:
    try:
        trust = ssl.create_default_context(cafile=str(plane.ca_file))
        with httpx.Client(base_url=plane.url, verify=trust, headers={"Authorization": f"Bearer {plane.token}"}) as http:
            return http.get("/readyz").status_code == 200
    except (httpx.TransportError, ssl.SSLError):
        return False


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])


def _write_kubeconfig(plane: ControlPlane) -> None:
    """A kubeconfig with one context, in JSON, which is YAML too."""
    name = "tests"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": plane.url, "certificate-authority": str(plane.ca_file)}},
        ],
        "users": [{"name": name, "user": {"token": plane.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    plane.kubeconfig.write_text(json.dumps(document), encoding="utf-8")
