"""RunPod's REST v2 as one server: authorization, limits, paging, faults, and the way to the parts."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast
from urllib.parse import unquote

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
from tests.simulators.runpod.bodies import ACTION
from tests.simulators.runpod.catalog import GPUS, shown_data_centers, shown_gpu
from tests.simulators.runpod.clusters import ClusterApi
from tests.simulators.runpod.pods import PodApi
from tests.simulators.runpod.serverless import EndpointApi
from tests.simulators.runpod.storage import RegistryApi, TemplateApi, VolumeApi
from tests.simulators.runpod.world import Api, Pod, Problem, Thing, World, network_mounts, stamp

MAX_BODY_BYTES = 102_400
LIMITS = {"minute": (60, 60), "hour": (3000, 3600), "day": (50_000, 86_400)}
"""Calls and seconds of each window."""
_ODD_LISTS = (b'{"data": []}', b"[]", b"<html>Service temporarily unavailable</html>")

Engine = Callable[[Pod, SimRequest], SimResponse]
"""What answers behind the proxy of a pod that is up."""


def answer_ok(pod: Pod, request: SimRequest) -> SimResponse:
    """The plainest engine."""
    return json_response(200, {"status": "ok", "pod": pod.id, "path": request.path})


class RunpodSimulator(Simulator):
    """RunPod.

    Attributes:
        world: stock, prices, balance, times and the count of creates.
        creates: committed creates by exact name.
        scope: ``all``, or ``read`` for a key that may only read.
        retired: whether all of v2 answers 410.
        page_limit: most rows of one page, below what is asked for.
        limits: calls and seconds of each window.
        engine: what answers behind the proxy.
        strangers_touched: ids of strangers' objects that somebody changed or deleted.
    """

    name = "runpod"
    base_path = "/v2"

    def __init__(self, *, clock: SimClock, seed: int = 0, key: str = "test-account-key") -> None:
        super().__init__(clock=clock, seed=seed, key=key)
        self.world = World(clock=clock, faults=self.faults, ledger=self.ledger, random=self.random)
        self.creates = self.world.creates
        self.scope, self.retired, self.page_limit = "all", False, 1000
        self.limits: Mapping[str, tuple[int, int]] = dict(LIMITS)
        self._windows: dict[str, tuple[float, int]] = {}
        self.engine: Engine = answer_ok
        self.strangers: set[str] = set()
        self.strangers_touched: set[str] = set()
        self.volumes = VolumeApi(self.world)
        self.templates, self.registries = TemplateApi(self.world), RegistryApi(self.world)
        self.pods = PodApi(self.world, self.volumes, self.templates, self.registries)
        self.endpoints = EndpointApi(self.world, self.volumes, self.templates, self.registries)
        self.clusters = ClusterApi(self.world, self.pods)
        self._apis: dict[str, Api] = {
            "pods": self.pods,
            "network-volumes": self.volumes,
            "templates": self.templates,
            "registries": self.registries,
            "serverless": self.endpoints,
            "clusters": self.clusters,
        }
        self.volumes.users = self._mounting
        self.templates.users = self._made_of
        self.registries.users = self._pulling

    def stock(self, sku: str, region: str, count: int) -> None:
        """Set how many machines of a GPU type there are in a data centre, or in all (``any``)."""
        self.world.stock.set(sku, region, count)

    def preempt(self, machine_id: str) -> None:
        """A pod is stopped by the vendor."""
        self.pods.stop(self.pods.things[machine_id])

    def remove_behind_back(self, machine_id: str) -> None:
        """Somebody terminates a pod in the console."""
        self.pods.end(self.pods.things[machine_id])

    def inside(self, machine_id: str) -> Inside | None:
        """A pod from the inside."""
        pod: Pod | None = self.pods.things.get(machine_id)
        if pod is None or pod.deleted:
            return None
        running = pod.status(self.clock.now) == "RUNNING"
        return Inside(
            up_seconds=self.clock.now - pod.boot_began - pod.boot_seconds if running else None,
            gpus_work=pod.gpu_count > 0,
            access_key=pod.asked.get("env", {}).get(ACCESS_KEY_VARIABLE),
        )

    def pod_key(self, pod_id: str) -> str:
        """The key inside of a pod, which is good for that pod alone."""
        return f"pod-scoped-{pod_id}"

    def answer(self, request: SimRequest) -> SimResponse:
        """Answer a request."""
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[0] == "proxy":
            return self._proxied(parts[1:], request)
        limits: dict[str, str] = {"x-request-id": f"req-{len(self.calls):06d}"}
        try:
            if parts[0] != "jobs":
                self._check_retired(parts[0])
            self._check_key(parts, request)
            limits |= self._count()
            self._spend()
            self._limit_by_order()
            response = self._jobs(parts[1:], request) if parts[0] == "jobs" else self._route(parts[1:], request)
        except Problem as problem:
            response = problem.response()
        return SimResponse(status=response.status, body=response.body, headers={**response.headers, **limits})

    def _check_retired(self, version: str) -> None:
        if self.retired or version != "v2" or self.faults.take("retired"):
            raise Problem(410, "This API has been retired.")

    def _check_key(self, parts: list[str], request: SimRequest) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise Problem(401, "missing bearer token")
        if key == self.key:
            if self.scope != "all" and request.method != "GET":
                raise Problem(403, "access denied")
        elif parts[1:2] != ["pods"] or len(parts) < 3 or key != self.pod_key(parts[2]):
            raise Problem(401, "invalid API key")

    def _count(self) -> dict[str, str]:
        """Count the call in every window; the headers that tell what is left."""
        now, members, policies, empty = self.clock.now, list[str](), list[str](), ""
        for name, (quota, seconds) in self.limits.items():
            began, used = self._windows.get(name, (now, 0))
            if now >= began + seconds:
                began, used = now, 0
            reset = max(math.ceil(began + seconds - now), 1)
            if used >= quota:
                empty = empty or name
            self._windows[name] = (began, min(used + 1, quota))
            members.append(f'"{name}";r={max(quota - used - 1, 0)};t={reset}')
            policies.append(f'"{name}";q={quota};w={seconds}')
        headers = {"ratelimit": ", ".join(members), "ratelimit-policy": ", ".join(policies)}
        if empty:
            wait = math.ceil(self._windows[empty][0] + self.limits[empty][1] - now)
            problem = Problem(429, f"rate limit exceeded for the {empty} window", retry_after=str(max(wait, 1)))
            problem.headers |= headers
            raise problem
        return headers

    def _limit_by_order(self) -> None:
        if self.faults.take("rate_limited"):
            raise Problem(429, "rate limit exceeded for the minute window", retry_after="7")

    def _spend(self) -> None:
        """At balance 0 pods stop, and those without a network volume are lost."""
        if self.world.balance is None or self.ledger.total() < self.world.balance:
            return
        for pod in [p for p in self.pods.things.values() if not p.deleted]:
            if network_mounts(pod.asked):
                self.pods.stop(pod)
            else:
                self.pods.end(pod)

    def _route(self, parts: list[str], request: SimRequest) -> SimResponse:
        if parts[0] == "catalog":
            return self._catalog(parts[1:], request)
        api = self._apis.get(parts[0])
        if api is None:
            raise Problem(404, "resource not found")
        match request.method, parts[1:]:
            case "GET", []:
                return self._list(api, request)
            case "POST", []:
                return self._create(api, request)
            case _, []:
                raise Problem(405, "The requested method is not allowed for this path.", allow="GET, POST")
            case method, [object_id, *rest]:
                return self._one(api, self._find(api, object_id), method, rest, request)
            case _:
                raise Problem(404, "resource not found")

    def _find(self, api: Api, object_id: str) -> Thing:
        thing: Thing | None = api.things.get(object_id)
        if thing is None or not thing.is_visible(self.clock.now):
            raise Problem(404, api.missing)
        return thing

    def _one(self, api: Api, thing: Thing, method: str, rest: list[str], request: SimRequest) -> SimResponse:
        if method != "GET" and thing.id in self.strangers:
            self.strangers_touched.add(thing.id)
        match method, rest:
            case "GET", []:
                self._read_faults(thing)
                return json_response(200, api.show(thing))
            case "PATCH", [] if api.patch_rule is not None:
                body = self._body(request)
                _validate(api.patch_rule(body, "$"))
                api.patch(thing, body)
                return json_response(200, api.show(thing))
            case "DELETE", []:
                return self._delete(api, thing)
            case _, ["action" | "logs"] if isinstance(thing, Pod):
                return self._act(thing, request) if method == "POST" else self._logs(thing, request)
            case "GET", [inner] if (shown := self._inner(api, thing, inner)) is not None:
                return json_response(200, shown)
            case _:
                raise Problem(405, "The requested method is not allowed for this path.", allow="GET, PATCH, DELETE")

    def _inner(self, api: Api, thing: Thing, inner: str) -> dict[str, Any] | None:
        """A list that belongs to one object."""
        if api is self.endpoints and inner == "workers":
            return self.endpoints.workers(thing)
        if api is self.clusters and inner == "pods":
            return {"pods": [self.pods.show(pod) for pod in self.clusters.members(thing)]}
        return None

    def _list(self, api: Api, request: SimRequest) -> SimResponse:
        self._read_faults(None)
        if self.faults.take("malformed_list"):
            body = self.random.choice((*_ODD_LISTS, json.dumps({api.wrapper: None}).encode()))
            return SimResponse(status=200, body=body, headers={"content-type": "application/json"})
        limit, after = _page(request)
        now = self.clock.now
        alive = [t for t in api.things.values() if t.number > after and t.is_visible(now)]
        page = sorted(alive, key=lambda t: t.number)[: min(limit, self.page_limit)]
        more = len(page) < len(alive)
        members = request.query.get("includeClusterPods", ["false"])[0] == "true"
        shown = [api.show(t) for t in page if members or not getattr(t, "cluster", None)]
        cursor = f"n{page[-1].number}" if more else None
        return json_response(200, {api.wrapper: shown, "pagination": {"nextCursor": cursor, "hasNextPage": more}})

    def _read_faults(self, thing: Thing | None) -> None:
        if self.faults.take("read_error"):
            raise Problem(502, "upstream error")
        if isinstance(thing, Pod) and thing.status(self.clock.now) == "RUNNING" and self.faults.take("preempted"):
            self.pods.stop(thing)

    def _create(self, api: Api, request: SimRequest) -> SimResponse:
        body = self._body(request)
        _validate(api.create_rule(body, "$"))
        if self.faults.take("error_before"):
            raise Problem(500, "Something went wrong. Please try again later or contact support.")
        thing = api.create(body)
        self.creates[thing.name] = self.creates.get(thing.name, 0) + 1
        if hidden := self.faults.take("delayed_visibility"):
            thing.visible_from = self.clock.now + hidden.params.get("seconds", 20.0)
        if self.faults.take("duplicate_name"):
            self._stranger(api, thing)
        if self.faults.take("error_after"):
            raise Problem(502, "upstream error")
        if self.faults.take("lost_reply"):
            raise Dropped
        if slow := self.faults.take("slow_accept"):
            raise Dropped(after_seconds=slow.params.get("seconds", 60.0))
        return json_response(201, api.show(thing))

    def _stranger(self, api: Api, thing: Thing) -> None:
        """Somebody else's object of the same title, without our marker; it is not on the bill."""
        title = "-".join(thing.name.split("-")[1:-3]) or "trial"
        asked: dict[str, Any] = {**thing.asked, "name": title, "env": {}}
        asked.pop("mounts", None)  # nobody else mounts our volume
        double = replace(thing, id=self.world.new_id(), name=title, number=self.world.number(), asked=asked)
        double.visible_from = 0.0
        api.things[double.id] = double
        self.ledger.open(double.id, kind="stranger", name=title, usd_per_hour=Decimal(0))
        self.strangers.add(double.id)

    def _delete(self, api: Api, thing: Thing) -> SimResponse:
        if self.faults.take("delete_fails"):
            raise Problem(500, "Something went wrong. Please try again later or contact support.")
        if not thing.deleted and not self.faults.take("delete_ignored"):
            api.delete(thing)
            if again := self.faults.take("delete_reappears"):
                thing.shown_until = self.clock.now + again.params.get("seconds", 20.0)
        return SimResponse(status=204)

    def _act(self, thing: Pod, request: SimRequest) -> SimResponse:
        body = self._body(request)
        _validate(ACTION(body, "$"))
        if body["action"] == "terminate":
            return self._delete(self.pods, thing)
        self.pods.act(thing, body["action"])
        return json_response(200, self.pods.show(thing))

    def _logs(self, thing: Pod, request: SimRequest) -> SimResponse:
        tail = int(request.query.get("tail", ["100"])[0])
        if not 0 <= tail <= 5000:
            raise Problem(422, "Request validation failed.", errors=["tail: must be 0 to 5000"])
        lines = self.pods.logs(thing)[-tail:] if tail else []
        moment = stamp(self.clock.now)
        events = [
            f"id: {moment}\ndata: {json.dumps({'source': 'container', 'line': line, 'ts': moment})}\n\n"
            for line in lines
        ]
        body = "".join(events).encode()
        return SimResponse(status=200, body=body, headers={"content-type": "text/event-stream"})

    def _catalog(self, parts: list[str], request: SimRequest) -> SimResponse:
        if request.method == "GET" and parts == ["datacenters"]:
            return json_response(200, {"dataCenters": shown_data_centers()})
        if request.method != "GET" or parts[:1] != ["gpus"]:
            raise Problem(404, "resource not found")
        query = {key: values[-1] for key, values in request.query.items()}
        include = query.pop("include", None)
        if include is None and query:
            raise Problem(400, "availability filters need include=AVAILABILITY")
        if include is not None and (include != "AVAILABILITY" or "product" not in query):
            raise Problem(400, "include=AVAILABILITY needs a product")
        cloud, count = query.get("cloud", "SECURE"), query.get("count", "1")
        if cloud not in {"SECURE", "COMMUNITY"} or not count.isdigit() or int(count) < 1:
            raise Problem(422, "Request validation failed.", errors=["query: malformed value"])
        stock = self.world.stock if include else None
        if parts[1:]:
            gpu = GPUS.get(parts[1])
            if gpu is None:
                raise Problem(404, "resource not found")
            return json_response(200, shown_gpu(gpu, stock, cloud, int(count)))
        return json_response(200, {"gpus": [shown_gpu(gpu, stock, cloud, int(count)) for gpu in GPUS.values()]})

    def _proxied(self, parts: list[str], request: SimRequest) -> SimResponse:
        pod = self.pods.things.get(parts[0])
        if pod is None or pod.deleted:
            return SimResponse(status=404, body=b"not found")
        if not self.pods.serves(pod, int(parts[1])):
            return SimResponse(status=502, body=b"Bad gateway")
        return self.engine(pod, replace(request, path="/" + "/".join(parts[2:])))

    def _jobs(self, parts: list[str], request: SimRequest) -> SimResponse:
        return self.endpoints.job(self._find(self.endpoints, parts[0]), parts[1:], request)

    def _body(self, request: SimRequest) -> dict[str, Any]:
        if len(request.body) > MAX_BODY_BYTES:
            raise Problem(413, "request body is too large")
        try:
            body: Any = request.json()
        except ValueError:
            raise Problem(422, "Request validation failed.", errors=["$: not JSON"]) from None
        if not isinstance(body, dict):
            raise Problem(422, "Request validation failed.", errors=["$: got array, want object"])
        return cast("dict[str, Any]", body)

    def _mounting(self, volume_id: str) -> list[object]:
        alive = [p for p in self.pods.things.values() if not p.deleted]
        return [pod for pod in alive if any(m["volumeId"] == volume_id for m in network_mounts(pod.asked))]

    def _made_of(self, template_id: str) -> list[object]:
        makers = [*self.endpoints.things.values(), *self.clusters.things.values()]
        return [t for t in makers if not t.deleted and t.asked.get("templateId") == template_id]

    def _pulling(self, registry_id: str) -> list[object]:
        return [p for p in self.pods.things.values() if not p.deleted and p.asked.get("registry") == registry_id]


def _validate(errors: list[str]) -> None:
    if errors:
        raise Problem(422, "Request validation failed.", errors=errors)


def _page(request: SimRequest) -> tuple[int, int]:
    """Rows asked for, and the number behind which the page begins."""
    limit, cursor = request.query.get("limit", ["1000"])[0], request.query.get("cursor", ["n0"])[0]
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise Problem(422, "Request validation failed.", errors=["limit: must be 1 to 1000"])
    if not cursor.startswith("n") or not cursor[1:].isdigit():
        raise Problem(422, "Request validation failed.", errors=["cursor: invalid"])
    return int(limit), int(cursor[1:])
