"""A small HTTP server on the loopback address that records what it was asked."""

import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(slots=True)
class FakeHttp:
    """The server's port, and a queue of what it was asked."""

    port: int
    asked: "queue.Queue[Asked]" = field(default_factory=queue.Queue[Asked])


@contextmanager
def fake_http(body: bytes = b"ok\n") -> Generator[FakeHttp]:
    """Serve ``body`` on every path until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            fake.asked.put(Asked(method=self.command, path=self.path, headers=headers))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815  # the base class looks these names up

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake = FakeHttp(port=server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
