"""The simulated API: sign-in, machines with their disks, start-up scripts, and what goes wrong on order.

Stricter than the vendor: bodies are checked to the last key, tokens last minutes, and a disk that was not asked to be
deleted for good goes on costing money.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from modelyard.render.compose import ENV_PATH
from providers.base.marker import read_marker
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
from tests.simulators.gateway import environment
from tests.simulators.verda.catalog import DISK_USD_PER_GB_HOUR, LOCATIONS, TYPES

TOKEN_SECONDS, REFRESH_SECONDS = 600.0, 3600.0
ORDERED_SECONDS = 15.0
PROVISIONING_SECONDS = (60, 150)
LINGER_SECONDS = 60.0
"""For how long a discontinued machine answers a read by id."""
SLOW_ACCEPT_SECONDS = 120.0
GHOST_FROM_SECONDS = 8.0
INSTANCE_KEYS = {
    "instance_type", "image", "hostname", "description", "location_code", "ssh_key_ids", "startup_script_id",
    "os_volume", "volumes", "existing_volumes", "is_spot", "contract", "pricing", "coupon",
}  # fmt: skip

ACTION_KEYS = {"id", "action", "volume_ids", "delete_permanently"}


class Refused(Exception):  # noqa: N818  # an answer, not a failure of the simulator
    """An error answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


@dataclass(kw_only=True)
class SimInstance:
    """One machine."""

    id: str
    body: Mapping[str, Any]
    usd: Decimal
    created: float
    running_at: float
    visible_at: float = 0.0
    never_ready: bool = False
    gpus_work: bool = True
    stranger: bool = False
    preempted: bool = False
    ended_at: float | None = None
    ghost_until: float | None = None

    def status(self, now: float) -> str | None:
        """The status shown; None: it does not show."""
        if now < self.visible_at:
            return None
        if self.ended_at is None:
            return self._alive(now)
        if self.ghost_until is not None and now >= self.ended_at + GHOST_FROM_SECONDS:
            return "running" if now < self.ghost_until else None
        return "discontinued" if now < self.ended_at + LINGER_SECONDS else None

    def _alive(self, now: float) -> str:
        if self.preempted:
            return "offline"
        if now < self.created + ORDERED_SECONDS:
            return "ordered"
        if now < self.running_at:
            return "provisioning"
        return "error" if self.never_ready else "running"


class VerdaSimulator(Simulator):
    """One Verda account.

    Attributes:
        creates: committed creates by exact description.
        strangers_touched: ids of other people's machines that somebody deleted.
        has_funds: whether there is money on the account.
        scripts: the account's start-up scripts by id.
        sign_ins: grants used so far.
    """

    name = "verda"
    base_path = "/v1"

    def __init__(self, *, clock: SimClock, seed: int = 0, key: str = "test-client:test-client-secret") -> None:
        super().__init__(clock=clock, seed=seed, key=key)
        self.creates: dict[str, int] = {}
        self.strangers_touched: set[str] = set()
        self.has_funds = True
        self.instances: dict[str, SimInstance] = {}
        self.scripts: dict[str, dict[str, str]] = {}
        self.ssh_keys = [{"id": "5ad0e1f2-key", "name": "laptop", "key": "ssh-ed25519 AAAA"}]
        self.currency = "usd"
        self.sign_ins: list[str] = []
        self.malformed: object = {"instances": []}
        self._stock: dict[tuple[str, str], int] = {}
        self._tokens: dict[str, float] = {}

    def stock(self, sku: str, region: str, count: int) -> None:
        """Set how many machines of a SKU there are in a region."""
        self._stock[sku, region] = count

    def preempt(self, machine_id: str) -> None:
        """Take a spot machine back: it is shown as offline, and its disk stays."""
        self.instances[machine_id].preempted = True
        self.ledger.close(machine_id)

    def remove_behind_back(self, machine_id: str) -> None:
        """Somebody deletes a machine and its disk in the console, long ago."""
        self._end(self.instances[machine_id], permanently=True)
        self.instances[machine_id].ended_at = self.clock.now - LINGER_SECONDS

    def inside(self, machine_id: str) -> Inside | None:
        """A virtual machine from the inside: what its start-up script wrote into the environment file."""
        instance = self.instances.get(machine_id)
        if instance is None or instance.ended_at is not None:
            return None
        running = instance.status(self.clock.now) == "running"
        script = self.scripts.get(str(instance.body.get("startup_script_id")), {}).get("script", "")
        written = re.search(rf"^base64 -d >{ENV_PATH} <<'END'\n(.*?)\nEND$", script, re.DOTALL | re.MULTILINE)
        env = environment(base64.b64decode(written[1]).decode()) if written else {}
        return Inside(
            up_seconds=self.clock.now - instance.running_at if running else None,
            gpus_work=instance.gpus_work,
            access_key=env.get(ACCESS_KEY_VARIABLE),
        )

    def answer(self, request: SimRequest) -> SimResponse:
        """The vendor's behaviour."""
        try:
            status, body = self._answer(request)
        except Refused as refused:
            return json_response(refused.status, {"code": refused.code, "message": refused.message})
        if isinstance(body, bytes):
            return SimResponse(status=status, body=body, headers={"content-type": "text/plain"})
        return json_response(status, body)

    def _answer(self, request: SimRequest) -> tuple[int, object]:
        if self.faults.take("retired"):
            raise Refused(410, "invalid_request", "This API version is no longer supported")
        if self.faults.take("rate_limited"):
            raise Refused(429, "invalid_request", "Too many requests")
        parts = request.path.removeprefix(self.base_path).strip("/").split("/")
        if (request.method, parts) == ("POST", ["oauth2", "token"]):
            return self._sign_in(request)
        self._check_token(request)
        if request.method == "GET" and self.faults.take("read_error"):
            raise Refused(500, "server_error", "Something went wrong")
        return self._operation(request, parts)

    def _operation(self, request: SimRequest, parts: list[str]) -> tuple[int, object]:
        plain: dict[tuple[str, str], Callable[[], tuple[int, object]]] = {
            ("GET", "instances"): self._list_instances,
            ("POST", "instances"): lambda: self._create(_body(request, INSTANCE_KEYS)),
            ("PUT", "instances"): lambda: self._act(_body(request, ACTION_KEYS)),
            ("GET", "instance-types"): lambda: (200, [self._type(name) for name in TYPES]),
            ("GET", "instance-availability"): lambda: self._list([self._available(place) for place in LOCATIONS]),
            ("GET", "sshkeys"): lambda: (200, self.ssh_keys),
            ("GET", "scripts"): lambda: (200, list(self.scripts.values())),
            ("POST", "scripts"): lambda: self._add_script(_body(request, {"name", "script"})),
        }
        if (request.method, *parts) in plain:
            return plain[request.method, parts[0]]()
        if (request.method, parts[0], len(parts)) == ("GET", "instances", 2):
            return 200, self._shown(self._existing(parts[1]))
        if (request.method, parts[0], len(parts)) == ("DELETE", "scripts", 2):
            if self.scripts.pop(parts[1], None) is None:
                raise Refused(404, "not_found", "Script not found")
            return 200, b""
        raise Refused(404, "not_found", "Not found")

    # --- sign-in ---

    def _sign_in(self, request: SimRequest) -> tuple[int, object]:
        body = _body(request, {"grant_type", "client_id", "client_secret", "refresh_token"})
        now, grant = self.clock.now, body.get("grant_type")
        if grant == "client_credentials":
            if f"{body.get('client_id')}:{body.get('client_secret')}" != self.key:
                raise Refused(401, "unauthorized_request", "Invalid client id or secret")
        elif grant != "refresh_token" or self._tokens.get(str(body.get("refresh_token")), 0.0) <= now:
            raise Refused(401, "unauthorized_request", "Invalid refresh token")
        self.sign_ins.append(str(grant))
        access, refresh = f"access-{self._id()}", f"refresh-{self._id()}"
        self._tokens |= {access: now + TOKEN_SECONDS, refresh: now + REFRESH_SECONDS}
        token = {"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "scope": "cloud-api-v1"}
        return 200, {**token, "expires_in": TOKEN_SECONDS}

    def _check_token(self, request: SimRequest) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.faults.take("token_revoked"):
            self._tokens.pop(token, None)
        if not token.startswith("access-") or self._tokens.get(token, 0.0) <= self.clock.now:
            raise Refused(401, "unauthorized_request", "Access token is invalid or expired")

    # --- machines ---

    def _list_instances(self) -> tuple[int, object]:
        return self._list([self._shown(i) for i in self.instances.values() if self._listed(i)])

    def _list(self, items: list[Any]) -> tuple[int, object]:
        return 200, self.malformed if self.faults.take("malformed_list") else items

    def _listed(self, instance: SimInstance) -> bool:
        return instance.status(self.clock.now) not in {None, "discontinued"}

    def _existing(self, instance_id: str) -> SimInstance:
        instance = self.instances.get(instance_id)
        if instance is None or instance.status(self.clock.now) is None:
            raise Refused(404, "not_found", "Invalid instance id")
        return instance

    def _create(self, body: dict[str, Any]) -> tuple[int, object]:
        self._check_create(body)
        instance = self._new_instance(body)

        def commit() -> None:
            self.instances[instance.id] = instance
            spot = body["instance_type"], body["location_code"]
            if spot in self._stock:
                self._stock[spot] -= 1
            name = str(body["description"])
            self.ledger.open(instance.id, kind="machine", name=name, usd_per_hour=instance.usd)
            disk = Decimal(DISK_USD_PER_GB_HOUR) * int(body["os_volume"]["size"])
            self.ledger.open(_disk(instance), kind="volume", name=name, usd_per_hour=disk)
            self.creates[name] = self.creates.get(name, 0) + 1
            if hidden := self.faults.take("delayed_visibility"):
                instance.visible_at = self.clock.now + hidden.params.get("seconds", 30.0)
            if self.faults.take("duplicate_name"):
                self._add_stranger(instance)

        return self._commit("", instance.id, commit)

    def _commit(self, prefix: str, made: str, commit: Callable[[], None]) -> tuple[int, object]:
        if self.faults.take(f"{prefix}error_before"):
            raise Refused(500, "server_error", "Something went wrong")
        commit()
        if self.faults.take(f"{prefix}lost_reply"):
            raise Dropped
        if slow := self.faults.take(f"{prefix}slow_accept"):
            raise Dropped(after_seconds=slow.params.get("seconds", SLOW_ACCEPT_SECONDS))
        if self.faults.take(f"{prefix}error_after"):
            raise Refused(500, "server_error", "Something went wrong")
        return 202, b"" if self.faults.take(f"{prefix}malformed_create") else made.encode()

    def _check_create(self, body: dict[str, Any]) -> None:
        for key in ("instance_type", "image", "hostname", "description", "location_code"):
            if not isinstance(body.get(key), str) or not body[key]:
                raise Refused(400, "invalid_request", f"{key} is required")
        if body["instance_type"] not in TYPES or body["location_code"] not in LOCATIONS:
            raise Refused(400, "invalid_request", "Invalid instance type or location")
        if not isinstance(body.get("ssh_key_ids"), list) or not isinstance(body.get("is_spot", False), bool):
            raise Refused(400, "invalid_request", "ssh_key_ids must be a list, is_spot a boolean")
        if len(body["hostname"]) > 63 or not body["hostname"].replace("-", "").isalnum():
            raise Refused(400, "invalid_request", "Invalid hostname")
        volume = cast("dict[str, Any]", body.get("os_volume") or {})
        if not isinstance(volume.get("size"), int) or volume["size"] < 50 or not volume.get("name"):
            raise Refused(400, "invalid_request", "Invalid OS volume")
        if body.get("startup_script_id") not in (None, *self.scripts):
            raise Refused(404, "not_found", "Script not found")
        if not self.has_funds:
            raise Refused(402, "insufficient_funds", "Insufficient funds")
        out = self.faults.take("capacity_lie") or self.faults.take("out_of_stock")
        if out or self._stock.get((body["instance_type"], body["location_code"]), 1) <= 0:
            raise Refused(503, "service_unavailable", "Not enough resources")

    def _new_instance(self, body: dict[str, Any]) -> SimInstance:
        drift, slow = self.faults.take("price_drift"), self.faults.take("slow_boot")
        boot = self.random.randint(*PROVISIONING_SECONDS) + (slow.params.get("seconds", 300.0) if slow else 0.0)
        price = Decimal(TYPES[body["instance_type"]][3 if body.get("is_spot") else 2])
        return SimInstance(
            id=self._id(),
            body=body,
            usd=price * Decimal(str(drift.params.get("factor", 1.5))) if drift else price,
            created=self.clock.now,
            running_at=self.clock.now + ORDERED_SECONDS + boot,
            never_ready=self.faults.take("never_ready") is not None,
            gpus_work=self.faults.take("zero_gpu") is None,
            preempted=bool(body.get("is_spot")) and self.faults.take("preempted") is not None,
        )

    def _add_stranger(self, like: SimInstance) -> None:
        """Somebody's machine with a name that begins like ours and no marker. It is on nobody's bill here."""
        marker = read_marker(str(like.body["description"]))
        body = {**like.body, "description": f"modelyard-{marker.title}" if marker else "x", "hostname": "theirs"}
        now = self.clock.now
        twin = SimInstance(id=self._id(), body=body, usd=like.usd, created=now, running_at=now, stranger=True)
        self.instances[twin.id] = twin

    def _act(self, body: dict[str, Any]) -> tuple[int, object]:
        ids = cast("list[str]", body.get("id"))
        if body.get("action") != "delete" or not isinstance(body.get("id"), list):
            raise Refused(400, "invalid_request", "Invalid action")
        if self.faults.take("delete_fails"):
            raise Refused(500, "server_error", "Something went wrong")
        for instance in [self._existing(instance_id) for instance_id in ids]:
            if instance.ended_at is not None:
                raise Refused(400, "invalid_request", "Can't discontinue a discontinued instance")
            if instance.status(self.clock.now) == "provisioning":
                raise Refused(403, "forbidden_action", "Can't discontinue a provisioning instance")
            volumes = cast("list[str]", body.get("volume_ids") or [])
            asked = bool(body.get("delete_permanently")) and _disk(instance) in volumes
            unmade = instance.status(self.clock.now) == "ordered"
            if self.faults.take("delete_ignored"):
                continue
            self._end(instance, permanently=asked or unmade)
            if ghost := self.faults.take("delete_reappears"):
                instance.ghost_until = self.clock.now + ghost.params.get("seconds", 30.0)
        return 202, b""

    def _end(self, instance: SimInstance, *, permanently: bool) -> None:
        if instance.stranger:
            self.strangers_touched.add(instance.id)
        instance.ended_at = self.clock.now
        self.ledger.close(instance.id)
        if permanently:
            self.ledger.close(_disk(instance))
        spot = instance.body["instance_type"], instance.body["location_code"]
        if spot in self._stock:
            self._stock[spot] += 1

    def _shown(self, instance: SimInstance) -> dict[str, object]:
        status = instance.status(self.clock.now)
        gpus, description, *_ = TYPES[instance.body["instance_type"]]
        return {
            "id": instance.id,
            "instance_type": instance.body["instance_type"],
            "price_per_hour": float(instance.usd),
            "currency": self.currency,
            "hostname": instance.body["hostname"],
            "description": instance.body["description"],
            "status": status,
            "created_at": datetime.fromtimestamp(instance.created, UTC).isoformat(),
            "ssh_key_ids": instance.body["ssh_key_ids"],
            "gpu": {"description": description, "number_of_gpus": gpus},
            "ip": f"192.0.2.{int(instance.id[:2], 16)}" if status in {"running", "error"} else None,
            "os_volume_id": None if status == "ordered" else _disk(instance),
            "location": instance.body["location_code"],
            "image": instance.body["image"],
            "startup_script_id": instance.body.get("startup_script_id"),
            "is_spot": instance.body.get("is_spot", False),
        }

    def _type(self, name: str) -> dict[str, object]:
        gpus, description, price, spot = TYPES[name]
        gpu = {"description": description, "number_of_gpus": gpus}
        return {
            "instance_type": name,
            "gpu": gpu,
            "price_per_hour": price,
            "spot_price": spot,
            "currency": self.currency,
        }

    def _available(self, place: str) -> dict[str, object]:
        stocked = [name for name in TYPES if self._stock.get((name, place), 1) > 0]
        return {"location_code": place, "availabilities": stocked}

    # --- scripts ---

    def _add_script(self, body: dict[str, Any]) -> tuple[int, object]:
        if not body.get("name") or not body.get("script"):
            raise Refused(400, "invalid_request", "name and script are required")
        script_id = self._id()

        def commit() -> None:
            self.scripts[script_id] = {"id": script_id, "name": body["name"], "script": body["script"]}

        return self._commit("script_", script_id, commit)

    def _id(self) -> str:
        digits = f"{self.random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _disk(instance: SimInstance) -> str:
    return f"{instance.id}-os"


def _body(request: SimRequest, keys: set[str]) -> dict[str, Any]:
    """The body; every key is known."""
    try:
        body: object = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "invalid_request", "Invalid body")
    given = cast("dict[str, Any]", body)
    unknown = sorted(set(given) - keys)
    if unknown:
        raise Refused(400, "invalid_request", f"Unknown properties: {', '.join(unknown)}")
    return given
