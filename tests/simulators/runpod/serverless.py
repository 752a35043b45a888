"""Serverless endpoints, their workers, and their job API."""

from decimal import Decimal
from typing import Any

from tests.simulators.core import SimRequest, SimResponse, json_response
from tests.simulators.runpod.bodies import CREATE_ENDPOINT, PATCH_ENDPOINT
from tests.simulators.runpod.catalog import CPU_USD_PER_VCPU, GPUS, POOLS
from tests.simulators.runpod.storage import RegistryApi, TemplateApi, VolumeApi
from tests.simulators.runpod.world import GENERIC, Api, Problem, Thing, World, container, stamp

_CONTAINER = ("image", "args", "entrypoint", "cmd", "disk", "env", "ports", "registry")
_IDLE_WITH_COUNT = "idleTimeout does not apply to queue-based endpoints scaling on requestCount"


class EndpointApi(Api):
    """The account's serverless endpoints. A worker that always runs costs; the others are not modelled as bills."""

    wrapper = "endpoints"
    create_rule = staticmethod(CREATE_ENDPOINT)
    patch_rule = staticmethod(PATCH_ENDPOINT)

    def __init__(self, world: World, volumes: VolumeApi, templates: TemplateApi, registries: RegistryApi) -> None:
        super().__init__(world)
        self.volumes, self.templates, self.registries = volumes, templates, registries
        self.things: dict[str, Thing] = {}
        self.jobs: dict[str, dict[str, Any]] = {}

    def create(self, body: dict[str, Any]) -> Thing:
        """Make an endpoint; it takes jobs at once."""
        if template_id := body.get("templateId"):
            template = self.templates.things.get(template_id)
            if template is None or template.deleted:
                raise Problem(404, "resource not found")
            if not template.asked.get("serverless"):
                raise Problem(422, "Request validation failed.", errors=["$.templateId: is not a serverless template"])
            body = {**{k: template.asked[k] for k in _CONTAINER if k in template.asked}, **body}
        if not body.get("image"):
            raise Problem(422, "Request validation failed.", errors=["$: missing property 'image'"])
        self._check(body)
        rate = _usd_per_hour(body)
        self.world.afford(rate)
        endpoint = Thing(**self.base(body))
        self.things[endpoint.id] = endpoint
        self.world.ledger.open(endpoint.id, kind="endpoint", name=endpoint.name, usd_per_hour=rate)
        return endpoint

    def patch(self, thing: Thing, body: dict[str, Any]) -> None:
        """Change it."""
        if ("gpu" in body and "cpu" in thing.asked) or ("cpu" in body and "gpu" in thing.asked):
            raise Problem(400, GENERIC)
        changed = {**thing.asked, **body}
        if "gpu" in body:
            gpu = dict(body["gpu"])
            if "excludedTypes" in gpu and "pools" not in gpu:
                raise Problem(400, GENERIC)
            kept = {k: v for k, v in thing.asked["gpu"].items() if k != "excludedTypes" or "pools" not in gpu}
            changed["gpu"] = {**kept, **gpu}
        if "workers" in body:
            kept = dict(thing.asked.get("workers", {}))
            if changed["type"] == "QUEUE" and changed["scaling"]["type"] == "REQUEST_COUNT":
                kept.pop("idleTimeout", None)
            changed["workers"] = {**kept, **body["workers"]}
        self._check(changed)
        thing.asked, thing.name = changed, changed["name"]
        self.world.ledger.entries[thing.id].name = thing.name
        self.world.ledger.rate(thing.id, _usd_per_hour(changed))

    def delete(self, thing: Thing) -> None:
        """End it, with its workers and jobs."""
        thing.deleted = True
        self.world.ledger.close(thing.id)

    def show(self, thing: Thing) -> dict[str, Any]:
        """As the API shows it."""
        asked, workers = thing.asked, {"min": 0, "max": 3, **thing.asked.get("workers", {})}
        if _scales_by_queue_count(asked):
            workers.pop("idleTimeout", None)
        else:
            workers.setdefault("idleTimeout", 10)
        base = f"https://api.runpod.ai/v2/{thing.id}"
        urls = (
            {"run": f"{base}/run", "runSync": f"{base}/runsync", "health": f"{base}/health"}
            if asked["type"] == "QUEUE"
            else {"base": f"https://{thing.id}.api.runpod.ai", "health": f"https://{thing.id}.api.runpod.ai/ping"}
        )
        gpu = asked.get("gpu")
        return {
            **container(asked),
            "id": thing.id,
            "name": thing.name,
            "type": asked["type"],
            "scaling": asked["scaling"],
            "gpu": {
                "pools": gpu["pools"],
                "excludedTypes": gpu.get("excludedTypes", []),
                "count": gpu.get("count", 1),
                "allowedCudaVersions": gpu.get("allowedCudaVersions", []),
                "minCudaVersion": gpu.get("minCudaVersion") or None,
            }
            if gpu
            else None,
            **({"cpu": [{**c, "memory": c["vcpuCount"] * 2} for c in asked["cpu"]]} if asked.get("cpu") else {}),
            "workers": workers,
            "timeout": asked.get("timeout", 300000),
            "flashboot": asked.get("flashboot", "OFF"),
            "dataCenterIds": asked.get("dataCenterIds", []),
            "networkVolumes": asked.get("networkVolumes", []),
            "requestUrls": urls,
            "createdAt": stamp(thing.created),
        }

    def workers(self, thing: Thing) -> dict[str, Any]:
        """Its workers, counted."""
        always = thing.asked.get("workers", {}).get("min", 0)
        summary = {"running": 0, "idle": always, "initializing": 0, "throttled": 0, "unhealthy": 0, "total": always}
        return {
            "workers": [{"id": f"{thing.id}-{i}", "status": "IDLE", "isStale": False} for i in range(always)],
            "summary": summary,
            "endpointVersion": 1,
        }

    def job(self, thing: Thing, parts: list[str], request: SimRequest) -> SimResponse:
        """The job API, which is on a host of its own at the vendor."""
        match request.method, parts:
            case "GET", ["health"]:
                idle = self.workers(thing)["summary"]["idle"]
                done = sum(1 for job in self.jobs.values() if job["endpoint"] == thing.id)
                workers = {"idle": idle, "initializing": 0, "ready": idle, "running": 0, "throttled": 0, "unhealthy": 0}
                jobs = {"completed": done, "failed": 0, "inProgress": 0, "inQueue": 0, "retried": 0}
                return json_response(200, {"jobs": jobs, "workers": workers})
            case "POST", ["run" | "runsync" as how]:
                return self._run(thing, request, wait=how == "runsync")
            case "GET", ["status", job_id] if job_id in self.jobs:
                self.jobs[job_id]["asked"] += 1
                if self.jobs[job_id]["asked"] < 2:
                    return json_response(200, {"id": job_id, "status": "IN_PROGRESS"})
                return json_response(200, self._done(job_id))
            case _:
                return json_response(404, {"error": "not found"})

    def _run(self, thing: Thing, request: SimRequest, *, wait: bool) -> SimResponse:
        asked = request.json()
        if not isinstance(asked, dict) or "input" not in asked:
            return json_response(400, {"error": "input is required"})
        job_id = f"{self.world.new_id()}-u1"
        self.jobs[job_id] = {"endpoint": thing.id, "input": asked["input"], "asked": 0}
        return json_response(200, self._done(job_id) if wait else {"id": job_id, "status": "IN_QUEUE"})

    def _done(self, job_id: str) -> dict[str, Any]:
        return {"id": job_id, "status": "COMPLETED", "output": {"echo": self.jobs[job_id]["input"]}}

    def _check(self, body: dict[str, Any]) -> None:
        gpu, cpu, scaling = body.get("gpu"), body.get("cpu"), body["scaling"]
        if (gpu is None) == (cpu is None):
            raise Problem(400, GENERIC)
        if gpu:
            _check_gpu(gpu)
        wanted = {"QUEUE_DELAY": "queueDelay", "REQUEST_COUNT": "requestCount"}[scaling["type"]]
        if set(scaling) - {"type"} != {wanted} or (body["type"], scaling["type"]) == ("LOAD_BALANCER", "QUEUE_DELAY"):
            raise Problem(422, "Request validation failed.", errors=[f"$.scaling: missing property '{wanted}'"])
        if _scales_by_queue_count(body) and "idleTimeout" in body.get("workers", {}):
            raise Problem(422, "Request validation failed.", errors=[_IDLE_WITH_COUNT])
        workers = {"min": 0, "max": 3, **body.get("workers", {})}
        if workers["min"] > workers["max"]:
            raise Problem(400, GENERIC)
        centers = [self.volumes.require(v).asked["dataCenter"] for v in body.get("networkVolumes", [])]
        if len(centers) != len(set(centers)):
            raise Problem(400, GENERIC)
        if body.get("registry"):
            self.registries.require(body["registry"])


def _check_gpu(gpu: dict[str, Any]) -> None:
    if not set(gpu["pools"]) <= POOLS:
        raise Problem(400, GENERIC)
    inside = {kind.id for kind in GPUS.values() if kind.pool in gpu["pools"]}
    excluded = {each.strip() for each in gpu.get("excludedTypes", [])}
    if not excluded <= inside or excluded == inside:
        raise Problem(400, GENERIC)


def _scales_by_queue_count(body: dict[str, Any]) -> bool:
    return bool(body["type"] == "QUEUE" and body["scaling"]["type"] == "REQUEST_COUNT")


def _usd_per_hour(body: dict[str, Any]) -> Decimal:
    """Of the workers that always run: the dearest GPU that they may get."""
    always = int(body.get("workers", {}).get("min", 0))
    if gpu := body.get("gpu"):
        prices = [k.secure or k.community or Decimal(0) for k in GPUS.values() if k.pool in gpu["pools"]]
        return max(prices) * int(gpu.get("count", 1)) * always
    return CPU_USD_PER_VCPU * max(int(c["vcpuCount"]) for c in body["cpu"]) * always
