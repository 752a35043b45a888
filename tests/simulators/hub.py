"""A Hugging Face hub on the loopback address: model info, file resolution with ranges, a separate CDN, and faults.

Weight files are sparse: only their header exists, their length is declared. A request for a byte behind the header is
written down in ``overruns``. Hand-written from the hub's public behaviour
(``X-Error-Code``, ``X-Repo-Commit``, 307 for renamed repositories, 302 to the CDN for large files).
"""

import json
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE_BYTES = 1 << 20
"""Files from here on are on the CDN."""
PADDED_BYTES = 2 << 20
"""An answer of at most this much is filled up with zeros where nothing exists; a longer one breaks off."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SparseFile:
    """A file of which only the beginning exists."""

    head: bytes
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    byte_range: str | None
    authorization: str | None
    at_cdn: bool


@dataclass(slots=True)
class Repo:
    """One repository."""

    files: dict[str, SparseFile]
    commit: str
    gated: bool | str = False
    license: str | None = "apache-2.0"
    readers: frozenset[str] = frozenset()
    """Tokens that may read a gated repository."""


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next requests for a path."""

    pattern: str
    kind: str
    """``status``, ``hang``, ``garbage`` or ``drop``."""
    times: int
    status: int = 503


@dataclass(slots=True)
class HubSimulator:
    """The hub's state, and what it was asked."""

    endpoint: str = ""
    cdn: str = ""
    repos: dict[str, Repo] = field(default_factory=dict[str, Repo])
    renamed: dict[str, str] = field(default_factory=dict[str, str])
    faults: list[Fault] = field(default_factory=list[Fault])
    asked: list[Asked] = field(default_factory=list[Asked])
    overruns: list[str] = field(default_factory=list[str])
    serves_ranges: bool = True
    released: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, repo_id: str, files: Mapping[str, bytes | SparseFile | object], **facts: Any) -> Repo:
        """Publish a repository; bytes are whole files, other values become JSON."""
        commit = sha1(repo_id.encode(), usedforsecurity=False).hexdigest()
        repo = Repo(files={name: _as_file(content) for name, content in files.items()}, commit=commit, **facts)
        self.repos[repo_id] = repo
        return repo

    def fail(self, pattern: str, *, kind: str = "status", status: int = 503, times: int = 100) -> None:
        """Let the next ``times`` requests go wrong whose path matches ``pattern``."""
        self.faults.append(Fault(pattern=pattern, kind=kind, times=times, status=status))

    def due(self, path: str) -> Fault | None:
        """The fault for this request, if one is due."""
        with self.lock:
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, path):
                    fault.times -= 1
                    return fault
        return None

    @property
    def ranges(self) -> list[tuple[str, str | None]]:
        """Path and range of every file request that was answered with content."""
        return [(a.path.rpartition("/")[2], a.byte_range) for a in self.asked if a.method == "GET" and a.byte_range]


def _as_file(content: object) -> SparseFile:
    if isinstance(content, SparseFile):
        return content
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return SparseFile(head=data, size=len(data))


class _Handler(BaseHTTPRequestHandler):
    """Answers for the hub and for its CDN; which one is told by ``at_cdn``."""

    hub: HubSimulator
    at_cdn = False
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Say nothing."""

    def _answer(self) -> None:
        address = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=address.path,
            byte_range=self.headers.get("Range"),
            authorization=self.headers.get("Authorization"),
            at_cdn=self.at_cdn,
        )
        with self.hub.lock:
            self.hub.asked.append(asked)
        fault = self.hub.due(address.path)
        if fault is not None:
            self._fail(fault)
        elif self.at_cdn:
            _, _, repo, name = address.path.split("/", 3)
            self._send_file(self.hub.repos[unquote(repo)], name, asked)
        elif address.path.startswith("/api/models/"):
            self._info(address.path.removeprefix("/api/models/"), parse_qs(address.query), asked)
        else:
            self._resolve(address.path, asked)

    def _fail(self, fault: Fault) -> None:
        if fault.kind == "hang":
            self.hub.released.wait(30)
        if fault.kind in {"hang", "drop"}:
            self.close_connection = True
        elif fault.kind == "garbage":
            self._send(200, b"<html>a proxy's login page</html>", {"Content-Type": "text/html"})
        else:
            self._send(fault.status, b"out of order")

    def _info(self, path: str, query: dict[str, list[str]], asked: Asked) -> None:
        repo_id, _, revision = path.partition("/revision/")
        if repo_id in self.hub.renamed:
            self._redirect(307, f"/api/models/{self.hub.renamed[repo_id]}")
            return
        repo = self.hub.repos.get(repo_id)
        if repo is None:
            self._refuse(404 if asked.authorization else 401, "RepoNotFound", "Repository not found")
            return
        if revision and unquote(revision) not in {"main", repo.commit}:
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        siblings = [
            {"rfilename": name, **({"size": file.size} if "blobs" in query else {})}
            for name, file in repo.files.items()
        ]
        card = {"license": repo.license} if repo.license else {}
        facts = {
            "_id": "0", "id": repo_id, "modelId": repo_id, "sha": repo.commit, "gated": repo.gated, "private": False,
            "siblings": siblings, "cardData": card, "tags": [], "downloads": 0, "likes": 0,
        }  # fmt: skip
        self._send(200, json.dumps(facts).encode(), {"Content-Type": "application/json"})

    def _resolve(self, path: str, asked: Asked) -> None:
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        repo = self.hub.repos.get(match[1]) if match else None
        if match is None or repo is None:
            self._refuse(404, "RepoNotFound", "Repository not found")
            return
        if repo.gated and (asked.authorization or "").removeprefix("Bearer ") not in repo.readers:
            self._refuse(403 if asked.authorization else 401, "GatedRepo", "Access to model is restricted")
            return
        name = unquote(match[3])
        if name not in repo.files:
            self._refuse(404, "EntryNotFound", "Entry not found")
        elif repo.files[name].size >= LARGE_BYTES:
            self._redirect(302, f"{self.hub.cdn}/cdn/{match[1].replace('/', '%2F')}/{name}?signature=secret")
        else:
            self._send_file(repo, name, asked)

    def _send_file(self, repo: Repo, name: str, asked: Asked) -> None:
        file = repo.files[unquote(name)]
        headers = {"ETag": f'"{repo.commit[:8]}"', "X-Repo-Commit": repo.commit, "Accept-Ranges": "bytes"}
        start, stop, status = 0, file.size, 200
        if asked.byte_range is not None and self.hub.serves_ranges:
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.byte_range)
            if match is None or int(match[1]) >= file.size:
                self._send(416, b"", {"Content-Range": f"bytes */{file.size}"})
                return
            start, stop, status = int(match[1]), min(file.size, int(match[2]) + 1), 206
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{file.size}"
        if stop > len(file.head) and asked.method == "GET":
            with self.hub.lock:
                self.hub.overruns.append(f"{name}: bytes {start} to {stop} of a header of {len(file.head)}")
        body = file.head[start:stop]
        if stop - start <= PADDED_BYTES:
            body = body.ljust(stop - start, b"\0")
        self._send(status, body, headers, length=stop - start)

    def _redirect(self, status: int, target: str) -> None:
        self._send(status, b"", {"Location": target})

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": message})

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, *, length: int | None = None
    ) -> None:
        declared = len(body) if length is None else length
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(declared))
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        if len(body) < declared:
            self.close_connection = True  # what was promised does not exist


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""


@contextmanager
def hub_simulator() -> Generator[HubSimulator]:
    """Run a hub and its CDN until the block ends."""
    hub = HubSimulator()
    servers = [
        _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub, "at_cdn": at_cdn}))
        for at_cdn in (False, True)
    ]
    hub.endpoint, hub.cdn = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        hub.released.set()
        for server in servers:
            server.shutdown()
            server.server_close()
        for thread in threads:
            thread.join()
