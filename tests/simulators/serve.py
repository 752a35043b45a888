"""A simulator over real HTTP on the loopback address, with a control API of its own.

``/__sim/ledger``, ``/__sim/orphans?prefix=``, ``/__sim/clock``, ``POST /__sim/clock/advance?seconds=``,
``POST /__sim/faults`` (``{"name": …, "times": 1, …}``), ``POST /__sim/stock`` (``{"sku", "region", "count"}``),
``POST /__sim/preempt/ID``, ``POST /__sim/remove/ID``, ``/__sim/calls``.

``/__gateway/MACHINE/…`` is what answers on a machine: of this simulator, or of its neighbours.
"""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.simulators import gateway
from tests.simulators.core import Dropped, SimClock, SimRequest, SimResponse, Simulator, json_response


class Ticking:
    """A simulated clock that runs with the real one, ``speed`` times as fast; one for all that share it."""

    def __init__(self, clock: SimClock, *, speed: float) -> None:
        self.clock, self.speed, self.lock = clock, speed, threading.Lock()
        self._start, self._from, self._advanced = clock.now, time.monotonic(), 0.0

    def catch_up(self) -> None:
        """Move the clock to where it should be."""
        target = self._start + self._advanced + (time.monotonic() - self._from) * self.speed
        self.clock.now = max(self.clock.now, target)

    def jump(self, seconds: float) -> None:
        """Let time pass at once."""
        self._advanced += seconds


class Served:
    """A simulator behind a port.

    Attributes:
        speed: how many of the simulator's seconds pass in one real second.
        offline: while set, new connections are closed at once.
        neighbours: other simulators on the same clock whose machines' gateways answer here too.
        ticking: the clock, where several simulators share it; None: one of its own.
    """

    def __init__(
        self,
        simulator: Simulator,
        *,
        speed: float = 1.0,
        port: int = 0,
        neighbours: Sequence[Simulator] = (),
        ticking: Ticking | None = None,
    ) -> None:
        self.simulator, self.speed, self.neighbours = simulator, speed, neighbours
        self._ticking = ticking or Ticking(simulator.clock, speed=speed)
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length) if length else b""
                request = SimRequest.of(self.command, self.path, self.headers.items(), body)
                try:
                    response = served.handle(request)
                except Dropped as dropped:
                    time.sleep(min(dropped.after_seconds / served.speed, 5.0))
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(response.status)
                for name, value in response.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(response.body)))
                self.end_headers()
                self.wfile.write(response.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # names of the base class

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's signature
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """What a client's base URL is set to."""
        return self.origin + self.simulator.base_path

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer, with the simulator's clock moved to where it should be."""
        with self._ticking.lock:
            self._ticking.catch_up()
            if request.path.startswith("/__sim/"):
                return self._control(request)
            if request.path.startswith("/__gateway/"):
                return self._gateway(request)
            return self.simulator.handle(request)

    @property
    def gateway_url(self) -> str:
        """What ``MODELYARD_GATEWAY_URL`` is set to."""
        return f"{self.origin}/__gateway/{{machine}}"

    def _gateway(self, request: SimRequest) -> SimResponse:
        machine_id, _, path = request.path.removeprefix("/__gateway/").partition("/")
        insides = (simulator.inside(machine_id) for simulator in (self.simulator, *self.neighbours))
        return gateway.answer(next((inside for inside in insides if inside is not None), None), f"/{path}", request)

    def start(self) -> None:
        """Listen in a thread of its own."""
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.serve_forever()

    def advance(self, seconds: float) -> None:
        """Let the simulator's time jump."""
        with self._ticking.lock:
            self._ticking.jump(seconds)

    def _control(self, request: SimRequest) -> SimResponse:
        known = self._look(request)
        if known is not None:
            return json_response(200, known)
        asked: dict[str, Any] = request.json() if request.body else {}
        simulator = self.simulator
        match request.path.removeprefix("/__sim/").split("/"):
            case ["clock", "advance"]:
                self._ticking.jump(float(request.query["seconds"][0]))
            case ["faults"]:
                simulator.faults.arm(asked.pop("name"), times=int(asked.pop("times", 1)), **asked)
            case ["stock"]:
                simulator.stock(asked["sku"], asked["region"], int(asked["count"]))
            case ["preempt", machine_id]:
                simulator.preempt(machine_id)
            case ["remove", machine_id]:
                simulator.remove_behind_back(machine_id)
            case _:
                return json_response(404, {"error": f"no such control: {request.path}"})
        return json_response(200, {})

    def _look(self, request: SimRequest) -> dict[str, object] | None:
        """What can be read."""
        simulator, now = self.simulator, self.simulator.clock.now
        match request.path.removeprefix("/__sim/").split("/"):
            case ["ledger"]:
                entries = [
                    {"id": e.id, "kind": e.kind, "name": e.name, "created": e.created, "ended": e.ended,
                     "usd": str(e.cost(now))}
                    for e in simulator.ledger.entries.values()
                ]  # fmt: skip
                return {"entries": entries, "total_usd": str(simulator.ledger.total())}
            case ["orphans"]:
                prefix = request.query.get("prefix", [""])[0]
                return {"alive": [e.id for e in simulator.ledger.alive() if e.name.startswith(prefix)]}
            case ["calls"]:
                return {"calls": simulator.calls}
            case ["clock"]:
                return {"now": now, "speed": self.speed}
            case _:
                return None


@contextmanager
def serving(
    simulator: Simulator,
    *,
    speed: float = 1.0,
    port: int = 0,
    neighbours: Sequence[Simulator] = (),
    ticking: Ticking | None = None,
) -> Generator[Served]:
    """A served simulator that is stopped at the end."""
    served = Served(simulator, speed=speed, port=port, neighbours=neighbours, ticking=ticking)
    served.start()
    try:
        yield served
    finally:
        served.stop()
