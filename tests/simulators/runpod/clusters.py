"""Instant clusters: several pods that come and go together."""

from typing import Any

from tests.simulators.runpod.bodies import CREATE_CLUSTER, PATCH_CLUSTER
from tests.simulators.runpod.catalog import DATA_CENTERS, GPUS, MAX_COUNT, usd_per_gpu_hour
from tests.simulators.runpod.pods import PodApi
from tests.simulators.runpod.world import GENERIC, NO_STOCK, Api, Pod, Problem, Thing, World, stamp

_NOT_WITH_TEMPLATE = {"image", "args", "entrypoint", "cmd", "disk", "env", "ports", "mounts"}


class ClusterApi(Api):
    """The account's clusters."""

    wrapper = "clusters"
    create_rule = staticmethod(CREATE_CLUSTER)
    patch_rule = staticmethod(PATCH_CLUSTER)

    def __init__(self, world: World, pods: PodApi) -> None:
        super().__init__(world)
        self.pods = pods
        self.things: dict[str, Thing] = {}

    def create(self, body: dict[str, Any]) -> Thing:
        """All pods or none, in one data centre."""
        compute = body["compute"]
        if body.get("templateId"):
            template = self.pods.templates.things.get(body["templateId"])
            if template is None or template.deleted:
                raise Problem(404, "resource not found")
            if _NOT_WITH_TEMPLATE & set(body):
                raise Problem(400, GENERIC)
        elif not body.get("image"):
            raise Problem(422, "Request validation failed.", errors=["$: missing property 'image'"])
        kind, count, size = GPUS.get(compute["gpuTypeId"]), compute["gpuCountPerPod"], compute["podCount"]
        per_gpu = usd_per_gpu_hour(kind, "SECURE") if kind else None
        if kind is None or per_gpu is None or count > MAX_COUNT:
            raise Problem(400, NO_STOCK)
        self.world.afford(per_gpu * count * size)
        centers = [c for c in body.get("dataCenterIds") or DATA_CENTERS if self.world.stock.left(kind.id, c) >= size]
        if not centers:
            raise Problem(400, NO_STOCK)
        cluster = Thing(**self.base(body))
        self.things[cluster.id] = cluster
        self.world.ledger.open(cluster.id, kind="cluster", name=cluster.name, usd_per_hour=per_gpu * 0)
        for rank in range(size):
            asked = {k: v for k, v in body.items() if k not in {"compute", "type", "templateId"}}
            asked |= {"name": f"{cluster.name}-pod-{rank}", "dataCenterIds": centers[:1]}
            pod = self.pods.place(asked, kind.id, count, "SECURE", per_gpu * count)
            pod.cluster, pod.rank = cluster.id, rank
        return cluster

    def patch(self, thing: Thing, body: dict[str, Any]) -> None:
        """Rename it."""
        thing.name = body["name"]
        self.world.ledger.entries[thing.id].name = thing.name

    def delete(self, thing: Thing) -> None:
        """End it with all its pods."""
        for pod in self.members(thing):
            self.pods.end(pod)
        thing.deleted = True
        self.world.ledger.close(thing.id)

    def show(self, thing: Thing) -> dict[str, Any]:
        """As the API shows it."""
        members, now = self.members(thing), self.world.now
        by_status: dict[str, int] = {}
        for pod in members:
            status = pod.status(now)
            by_status[status] = by_status.get(status, 0) + 1
        shown: dict[str, Any] = {
            "id": thing.id,
            "name": thing.name,
            "type": thing.asked["type"],
            "compute": thing.asked["compute"],
            "template": thing.asked.get("templateId"),
            "dataCenterId": members[0].data_center if members else None,
            "pods": {"total": len(members), "byStatus": by_status},
            "createdAt": stamp(thing.created),
        }
        if members:
            ssh = thing.asked.get("startSsh") and members[0].status(now) == "RUNNING"
            shown["network"] = {"cidr": "10.65.0.0/24"}
            shown["primary"] = {
                "podId": members[0].id,
                "status": members[0].status(now),
                **({"sshEndpoint": "203.0.113.7:40022"} if ssh else {}),
            }
        return shown

    def members(self, thing: Thing) -> list[Pod]:
        """Its living pods, by rank."""
        mine = [pod for pod in self.pods.things.values() if pod.cluster == thing.id and not pod.deleted]
        return sorted(mine, key=lambda pod: pod.rank or 0)
