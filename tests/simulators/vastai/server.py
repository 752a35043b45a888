"""The HTTP surface of the simulated Vast: keys, paces, faults, and one answer an operation."""

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from tests.simulators.core import (
    ACCESS_KEY_VARIABLE,
    Dropped,
    Inside,
    SimClock,
    SimRequest,
    SimResponse,
    Simulator,
    json_response,
)
from tests.simulators.vastai.bodies import (
    BID,
    CREATE,
    CREATE_REQUIRED,
    LOGS,
    MANAGE,
    VOLUME,
    Refused,
    as_object,
    check_create,
    checked,
    refusal,
)
from tests.simulators.vastai.contracts import Contract
from tests.simulators.vastai.market import BadSearch, Host
from tests.simulators.vastai.world import World

INTERVALS: Final = {
    "create": 4.5, "destroy": 3.0, "show": 2.0, "list": 1.0, "manage": 1.0, "bid": 5.5, "volumes": 5.5,
}  # fmt: skip
"""Least seconds between two calls of an operation."""
CREATE_PENALTY_SECONDS: Final = 12.0
PAGE_MAX: Final = 25
LOGS_AFTER_SECONDS: Final = 2.0
_SLACK_SECONDS: Final = 0.01
_LOGS_AT: Final = "/sim-logs/"
_ROUTES: Final = (
    ("POST", r"/api/v0/bundles/", "search"),
    ("PUT", r"/api/v0/asks/(\d+)/", "create"),
    ("GET", r"/api/v0/instances/", "old_list"),
    ("GET", r"/api/v1/instances/", "list"),
    ("GET", r"/api/v0/instances/(\d+)/", "show"),
    ("PUT", r"/api/v0/instances/(\d+)/", "manage"),
    ("DELETE", r"/api/v0/instances/(\d+)/", "destroy"),
    ("PUT", r"/api/v0/instances/bid_price/(\d+)/", "bid"),
    ("PUT", r"/api/v0/instances/request_logs/(\d+)/", "logs"),
    ("POST", r"/api/v0/volumes/search/", "volume_search"),
    ("PUT", r"/api/v0/volumes/", "volume_create"),
    ("GET", r"/api/v0/volumes/?", "volume_list"),
    ("DELETE", r"/api/v0/volumes/", "volume_delete"),
    ("GET", r"/api/v0/users/current/", "user"),
)
_VOLUME_FILTERS: Final = frozenset(
    {"machine_id", "disk_space", "geolocation", "limit", "order", "verified", "allocated_storage"}
)
_READS: Final = frozenset({"list", "show", "volume_list", "search", "volume_search"})


class VastSimulator(Simulator):
    """Vast.

    Attributes:
        world: contracts, volumes, market.
        strangers_touched: names of machines that are not ours and that somebody changed.
        log_host: host of the address of collected logs; None: the host that was asked.
        early: calls that came before their time.
    """

    name = "vastai"

    def __init__(self, *, clock: SimClock, seed: int = 0, key: str = "test-account-key") -> None:
        super().__init__(clock=clock, seed=seed, key=key)
        self.world = World(clock, self.ledger, self.random)
        self.log_host: str | None = None
        self.early = 0
        self.strangers_touched: set[str] = set()
        self._free: dict[str, float] = {}
        self._collected: dict[str, tuple[float, int, int]] = {}

    @property
    def creates(self) -> dict[str, int]:
        """Committed creates by exact name."""
        return self.world.creates

    def stock(self, sku: str, region: str, count: int) -> None:
        """Set how many machines of a SKU there are in a country, or everywhere together."""
        self.world.market.stock(sku, region, count)

    def preempt(self, machine_id: str) -> None:
        """Somebody bids more, or takes the machine on demand."""
        self.world.set_state(self.world.contracts[int(machine_id)], "stopped")

    def remove_behind_back(self, machine_id: str) -> None:
        """Somebody deletes a machine in the console."""
        self.world.destroy(self.world.contracts[int(machine_id)])

    def inside(self, machine_id: str) -> Inside | None:
        """A contract's container from the inside."""
        contract = self.world.contracts.get(int(machine_id)) if machine_id.isdigit() else None
        if contract is None or contract.ended is not None:
            return None
        running = contract.status(self.clock.now) == "running"
        return Inside(
            up_seconds=self.clock.now - contract.started - contract.boot_seconds if running else None,
            gpus_work=not contract.without_gpu,
            access_key=contract.env.get(ACCESS_KEY_VARIABLE),
        )

    def answer(self, request: SimRequest) -> SimResponse:
        """Vast's behaviour."""
        self.world.pass_time()
        if request.path.startswith(_LOGS_AT):
            return self._collected_logs(request)
        for method, pattern, operation in _ROUTES:
            match = re.fullmatch(pattern, request.path)
            if match and method == request.method:
                return self._guarded(request, operation, [int(number) for number in match.groups()])
        return json_response(404, {"detail": "Not Found"})

    def _guarded(self, request: SimRequest, operation: str, numbers: list[int]) -> SimResponse:
        refused = self._refused(request, operation)
        if refused is not None:
            return refused
        handler: Callable[..., SimResponse] = getattr(self, f"_{operation}")
        try:
            return handler(request, *numbers)
        except Refused as answer:
            return answer.response
        except ValueError:
            return refusal(400, "invalid_args", "error 400/1782: Invalid args: invalid json: {}")

    def _refused(self, request: SimRequest, operation: str) -> SimResponse | None:
        """What stands before every operation."""
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return refusal(401, "auth_error", "Invalid user key")
        if self.faults.take("auth_as_404"):
            return refusal(404, "auth_error", "Invalid user key")
        if self.faults.take("retired"):
            return refusal(410, "deprecated_endpoint", f"{request.path} is deprecated.")
        if self._is_early(operation) or self.faults.take("rate_limited"):
            return self._too_frequent(operation)
        if operation in _READS and self.faults.take("read_error"):
            return SimResponse(status=502, body=b"<html>502 Bad Gateway</html>")
        return None

    def _is_early(self, operation: str) -> bool:
        name = "volumes" if operation.startswith("volume") else operation
        if name not in INTERVALS:
            return False
        now = self.clock.now
        if now < self._free.get(name, 0.0) - _SLACK_SECONDS:
            self.early += 1
            if name == "create":
                self._free[name] = now + CREATE_PENALTY_SECONDS
            return True
        self._free[name] = now + INTERVALS[name]
        return False

    def _too_frequent(self, operation: str) -> SimResponse:
        name = "volumes" if operation.startswith("volume") else operation
        text = "API requests too frequent"
        if name in INTERVALS:
            text += f": endpoint threshold={INTERVALS[name]}"
        forms = (
            SimResponse(status=429, body=text.encode(), headers={"content-type": "text/plain"}),
            json_response(429, {"detail": text.replace(":", "")}),
        )
        return self.random.choice(forms)

    # Search and create

    def _search(self, request: SimRequest) -> SimResponse:
        return json_response(200, {"offers": self._found(request)})

    def _found(self, request: SimRequest) -> list[dict[str, Any]]:
        filters = as_object(request.json())
        if filters is None:
            raise Refused(400, "invalid_request", "Invalid json body")
        try:
            return self.world.market.search(filters, self.clock.now)
        except BadSearch as problem:
            raise Refused(400, "invalid_request", str(problem)) from None

    def _create(self, request: SimRequest, ask_id: int) -> SimResponse:
        body = checked(request.json(), CREATE, required=CREATE_REQUIRED)
        check_create(body)
        if self.faults.take("error_before"):
            return SimResponse(status=500, body=b"Internal Server Error")
        if self.world.is_broke():
            return refusal(400, "insufficient_credit", "error 400/3490: insufficient_credit: add credit to rent")
        host = self.world.market.at(ask_id, self.clock.now)
        lie = self.faults.take("capacity_lie")
        delivered = lie is not None and bool(lie.params.get("delivered"))
        if host is None or not self.world.market.has(host) or self.faults.take("out_of_stock"):
            return self._no_such_ask(ask_id)
        if lie is not None and not delivered:
            return self._no_such_ask(ask_id)
        self.world.check_mount(host, body)
        return self._commit(host, body, ask_id, delivers_other=delivered)

    def _commit(self, host: Host, body: dict[str, Any], ask_id: int, *, delivers_other: bool) -> SimResponse:
        too_low = "price" in body and Decimal(str(body["price"])) < host.min_bid
        if too_low and body.get("cancel_unavail"):
            return self._no_such_ask(ask_id, status=410)
        contract = self.world.rent(host, body)
        if delivers_other:
            contract.gpu_name = "RTX 3060"
        self._shape(contract)
        if self.faults.take("duplicate_name"):
            self.world.stranger(contract)
        if too_low or self.faults.take("contract_in_error"):
            self.world.set_state(contract, "stopped")
            message = "error 400/3610: Invalid args: bid is too low to start the instance"
            return refusal(400, "invalid_args", message, new_contract=contract.id)
        return self._committed(json_response(200, {"success": True, "new_contract": contract.id}))

    def _shape(self, contract: Contract) -> None:
        """What goes wrong with a new machine later."""
        now = self.clock.now
        if (drift := self.faults.take("price_drift")) is not None:
            contract.dph_base *= Decimal(str(drift.params.get("factor", 1.5)))
            self.ledger.rate(str(contract.id), self.world.rate(contract))
        if (slow := self.faults.take("slow_boot")) is not None:
            contract.boot_seconds += slow.params.get("seconds", 600.0)
        if (hidden := self.faults.take("delayed_visibility")) is not None:
            contract.visible_from = now + hidden.params.get("seconds", 20.0)
        contract.never_ready = self.faults.take("never_ready") is not None
        contract.refused = self.faults.take("oci_error") is not None

    def _committed(self, response: SimResponse) -> SimResponse:
        """A create that happened, whatever its caller learns of it."""
        if self.faults.take("lost_reply"):
            raise Dropped
        if (slow := self.faults.take("slow_accept")) is not None:
            raise Dropped(after_seconds=slow.params.get("seconds", 75.0))
        if self.faults.take("error_after"):
            return SimResponse(status=502, body=b"<html>502 Bad Gateway</html>")
        return response

    def _no_such_ask(self, ask_id: int, *, status: int = 404) -> SimResponse:
        if status == 410:
            return refusal(410, "no_such_ask", f"error 410/3907: offer {ask_id} is no longer available.", ask_id=ask_id)
        message = f"error 404/3603: no_such_ask  Instance type by id {ask_id} is not available."
        return refusal(404, "invalid_args", message, ask_id=ask_id)

    # Instances

    def _old_list(self, request: SimRequest) -> SimResponse:
        message = f"{request.path} is deprecated. Use /api/v1/instances/ instead."
        return refusal(410, "deprecated_endpoint", message)

    def _list(self, request: SimRequest) -> SimResponse:
        if self.faults.take("malformed_list"):
            return self._malformed()
        limit, after = self._page(request)
        rows = [contract.row(self.clock.now) for contract in self._shown(request)]
        rest = [row for row in rows if row["id"] > after]
        page = rest[:limit]
        labels: dict[str, int] = {}
        for row in rows:
            labels[row["label"] or ""] = labels.get(row["label"] or "", 0) + 1
        return json_response(
            200,
            {
                "success": True,
                "instances": page,
                "instances_found": len(page),
                "total_instances": len(rows),
                "label_counts": labels,
                "next_token": f"after-{page[-1]['id']}" if len(rest) > limit else None,
            },
        )

    def _page(self, request: SimRequest) -> tuple[int, int]:
        unknown = set(request.query) - {"limit", "after_token", "order_by", "select_cols", "select_filters"}
        if unknown:
            raise Refused(400, "invalid_request", f"Error in query parameters: {min(unknown)}")
        order = json.loads(request.query.get("order_by", ['[{"col":"id","dir":"asc"}]'])[0])
        if order != [{"col": "id", "dir": "asc"}]:
            raise Refused(400, "invalid_request", "Error in query parameters: order_by")
        limit = int(request.query.get("limit", [str(PAGE_MAX)])[0])
        token = request.query.get("after_token", ["after-0"])[0]
        found = re.fullmatch(r"after-(\d+)", token)
        if found is None:
            raise Refused(400, "invalid_token", "Invalid after_token")
        return (5 if limit <= 0 else min(limit, PAGE_MAX)), int(found[1])

    def _shown(self, request: SimRequest) -> Iterable[Contract]:
        filters = json.loads(request.query.get("select_filters", ["{}"])[0])
        for column in filters:
            if column not in {"label", "id", "gpu_name"}:
                raise Refused(400, "invalid_request", f"Error in query parameters: {column} is not a valid search key")
        for contract in self.world.shown():
            row = contract.row(self.clock.now)
            if all(row[column] == test.get("eq") for column, test in filters.items()):
                yield contract

    def _malformed(self) -> SimResponse:
        """A list that is none: it must not be read as empty."""
        forms = (
            SimResponse(status=200, body=b"<html>Sign in</html>", headers={"content-type": "text/html"}),
            json_response(200, {"success": True, "instances": None, "total_instances": 0, "next_token": None}),
            json_response(200, {"success": True, "instances": [], "next_token": None}),
            json_response(200, {"success": True, "instances": [], "total_instances": 3, "next_token": None}),
            json_response(200, []),
        )
        return self.random.choice(forms)

    def _show(self, request: SimRequest, contract_id: int) -> SimResponse:
        if request.query.get("owner") != ["me"]:
            raise Refused(400, "invalid_args", "error 400/1782: Invalid args: owner")
        contract = self.world.contracts.get(contract_id)
        if contract is None or not contract.shows(self.clock.now):
            return json_response(200, {"instances": None})
        if contract.bid is not None and contract.status(self.clock.now) == "running" and self.faults.take("preempted"):
            self.world.set_state(contract, "stopped")
        return json_response(200, {"instances": contract.row(self.clock.now)})

    def _manage(self, request: SimRequest, contract_id: int) -> SimResponse:
        body = checked(request.json(), MANAGE)
        contract = self._touched(contract_id)
        if contract is None:
            return refusal(404, "no_such_instance", "Instance with that ID does not exist.")
        if not body:
            return refusal(400, "invalid_args", "error 400/1782: Invalid args: nothing to change")
        if len(body.get("label", "")) > 1024:
            return refusal(400, "label_too_long", "label is too long")
        contract.label = body.get("label", contract.label)
        if "state" in body:
            starts = body["state"] == "running" and contract.state == "stopped"
            contract.without_gpu = starts and self.faults.take("zero_gpu") is not None
            if not starts or contract.bid is None or contract.bid >= contract.host.min_bid:
                self.world.set_state(contract, body["state"])
        return json_response(200, {"success": True})

    def _destroy(self, request: SimRequest, contract_id: int) -> SimResponse:
        if request.body and request.json() != {}:
            return refusal(400, "invalid_args", "error 400/1782: Invalid args: body")
        if self.faults.take("delete_fails"):
            return SimResponse(status=500, body=b"Internal Server Error")
        contract = self._touched(contract_id)
        if contract is None:
            return refusal(404, "not_found", "Instance not found")
        if self.faults.take("delete_ignored"):
            return json_response(200, {"success": True, "msg": "Instance destroyed successfully"})
        self.world.destroy(contract)
        if (again := self.faults.take("delete_reappears")) is not None:
            start = self.clock.now + 2.0
            contract.shown_between = (start, start + again.params.get("seconds", 20.0))
        return json_response(200, {"success": True, "msg": "Instance destroyed successfully"})

    def _bid(self, request: SimRequest, contract_id: int) -> SimResponse:
        body = checked(request.json(), BID, required=("client_id", "price"))
        contract = self._touched(contract_id)
        if contract is None:
            return refusal(404, "no_such_instance", "Instance with that ID does not exist.")
        if not 0.001 <= body["price"] <= 32 or contract.bid is None:
            return refusal(400, "invalid_args", "Please set a bid price >= 0.001.")
        contract.bid = contract.dph_base = Decimal(str(body["price"]))
        self.world.set_state(contract, "running" if contract.bid >= contract.host.min_bid else "stopped")
        return json_response(200, {"success": True})

    def _touched(self, contract_id: int) -> Contract | None:
        """A contract that a call is about to change."""
        contract = self.world.live(contract_id)
        if contract is not None and contract.stranger:
            self.strangers_touched.add(contract.label)
        return contract

    # Logs

    def _logs(self, request: SimRequest, contract_id: int) -> SimResponse:
        body = checked(request.json(), LOGS)
        if self.world.live(contract_id) is None:
            return refusal(404, "invalid_id", "Invalid instance id.")
        name = f"{contract_id}-{len(self.calls)}.log"
        self._collected[name] = (self.clock.now + LOGS_AFTER_SECONDS, contract_id, int(body.get("tail", "1000")))
        host = self.log_host or request.headers.get("host", "localhost")
        scheme = "http" if host.startswith(("127.", "localhost")) else "https"
        return json_response(200, {"success": True, "result_url": f"{scheme}://{host}{_LOGS_AT}{name}", "msg": "ok"})

    def _collected_logs(self, request: SimRequest) -> SimResponse:
        if "authorization" in request.headers:
            return SimResponse(status=400, body=b"Only one auth mechanism allowed")
        known = self._collected.get(request.path.removeprefix(_LOGS_AT))
        if known is None or self.clock.now < known[0]:
            return SimResponse(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>")
        _, contract_id, tail = known
        lines = self.world.contracts[contract_id].log or [f"instance {contract_id}: starting"]
        return SimResponse(status=200, body="\n".join(lines[-tail:]).encode(), headers={"content-type": "text/plain"})

    # Volumes and the account

    def _volume_search(self, request: SimRequest) -> SimResponse:
        filters = as_object(request.json())
        if filters is None or set(filters) - _VOLUME_FILTERS:
            raise Refused(400, "invalid_request", "Invalid json body")
        tests = {name: test for name, test in filters.items() if name not in {"order", "limit", "allocated_storage"}}
        try:
            rows = self.world.market.search({**tests, "order": [["storage_cost", "asc"]]}, self.clock.now)
        except BadSearch as problem:
            raise Refused(400, "invalid_request", str(problem)) from None
        return json_response(200, {"offers": rows})

    def _volume_create(self, request: SimRequest) -> SimResponse:
        body = checked(request.json(), VOLUME, required=("id", "size", "name"))
        if self.faults.take("error_before"):
            return SimResponse(status=500, body=b"Internal Server Error")
        host = self.world.market.at(body["id"], self.clock.now)
        if host is None or self.faults.take("out_of_stock"):
            return self._no_such_ask(body["id"])
        volume = self.world.make_volume(host, size_gb=body["size"], label=body["name"])
        if (hidden := self.faults.take("delayed_visibility")) is not None:
            volume.visible_from = self.clock.now + hidden.params.get("seconds", 20.0)
        return self._committed(json_response(200, {"success": True, "volume_name": f"V.{volume.id}"}))

    def _volume_list(self, request: SimRequest) -> SimResponse:
        if request.query.get("owner") != ["me"]:
            raise Refused(400, "invalid_args", "error 400/1782: Invalid args: owner")
        if self.faults.take("malformed_list"):
            return json_response(200, {"success": True, "volumes": None})
        now = self.clock.now
        rows = [
            volume.row(self.world.users(volume.id))
            for volume in self.world.volumes.values()
            if volume.ended is None and now >= volume.visible_from
        ]
        return json_response(200, {"volumes": rows})

    def _volume_delete(self, request: SimRequest) -> SimResponse:
        asked = request.query.get("id", [""])[0]
        if not asked.isdigit() or (request.body and request.json() != {"id": int(asked)}):
            return refusal(400, "invalid_args", "error 400/1782: Invalid args: id")
        if self.faults.take("delete_fails"):
            return SimResponse(status=500, body=b"Internal Server Error")
        volume = self.world.volumes.get(int(asked))
        if volume is None or volume.ended is not None:
            return refusal(404, "no_such_volume", "Volume with that ID does not exist.")
        if self.world.users(volume.id) or self.faults.take("volume_in_use"):
            return refusal(400, "invalid_args", "error 400/3700: volume is in use by an instance")
        if not self.faults.take("delete_ignored"):
            self.world.delete_volume(volume)
        return json_response(200, {"success": True})

    def _user(self, request: SimRequest) -> SimResponse:
        del request
        return json_response(200, {"id": 1, "email": "sim@example.com", "credit": 100.0, "balance": 0.0})
