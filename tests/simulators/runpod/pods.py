"""Pods: how they come up, what resets them, what they cost."""

from decimal import Decimal
from typing import Any, cast

from tests.simulators.runpod.bodies import CREATE_POD, PATCH_POD
from tests.simulators.runpod.catalog import CPU_FLAVORS, CPU_USD_PER_VCPU, GPUS, MAX_COUNT, usd_per_gpu_hour
from tests.simulators.runpod.storage import RegistryApi, TemplateApi, VolumeApi
from tests.simulators.runpod.world import (
    GENERIC,
    HOURS_A_MONTH,
    NO_STOCK,
    Api,
    Pod,
    Problem,
    World,
    container,
    network_mounts,
    persistent_gb,
    stamp,
    texts,
)

_FREE = frozenset({"name", "locked"})
"""Fields whose change does not reset the container."""
_FROM_TEMPLATE = ("image", "args", "entrypoint", "cmd", "disk", "ports", "registry", "mounts", "startSsh",
                  "startJupyter")  # fmt: skip


class PodApi(Api):
    """The account's pods, those of clusters too."""

    wrapper = "pods"
    create_rule = staticmethod(CREATE_POD)
    patch_rule = staticmethod(PATCH_POD)
    missing = "pod not found"

    def __init__(self, world: World, volumes: VolumeApi, templates: TemplateApi, registries: RegistryApi) -> None:
        super().__init__(world)
        self.volumes, self.templates, self.registries = volumes, templates, registries
        self.things: dict[str, Pod] = {}
        self.log_lines: dict[str, list[str]] = {}

    def create(self, body: dict[str, Any]) -> Pod:
        """Check, find a host, and begin to boot."""
        body = self._with_template(body)
        self._check(body)
        cloud = body.get("cloud", "SECURE")
        gpu = body.get("gpu")
        if gpu is None:
            price = CPU_USD_PER_VCPU * body["cpu"]["vcpuCount"]
            return self.place(body, None, 0, cloud, price)
        kind = GPUS.get(gpu["id"])
        count = gpu.get("count", 1)
        per_gpu = usd_per_gpu_hour(kind, cloud) if kind else None
        if kind is None or per_gpu is None or count > MAX_COUNT:
            raise Problem(400, NO_STOCK)
        return self.place(body, kind.id, count, cloud, per_gpu * count)

    def place(self, body: dict[str, Any], gpu_id: str | None, count: int, cloud: str, usd_per_hour: Decimal) -> Pod:
        """Take a host and bill it from now on."""
        world, faults = self.world, self.world.faults
        sku = gpu_id or body["cpu"]["id"]
        delivered = sku
        if faults.take("out_of_stock"):
            raise Problem(400, NO_STOCK)
        if lie := faults.take("capacity_lie"):
            if not lie.params.get("other"):
                raise Problem(400, NO_STOCK)
            delivered = next(other for other in GPUS if other != sku)
        drift = faults.take("price_drift")
        price = usd_per_hour * Decimal(str(drift.params.get("factor", 1.5))) if drift else usd_per_hour
        world.afford(price)
        center = world.stock.take(sku, body.get("dataCenterIds") or self._volume_centers(body))
        if center is None:
            raise Problem(400, NO_STOCK)
        slow, never, none = faults.take("slow_boot"), faults.take("never_ready"), faults.take("zero_gpu")
        pod = Pod(
            **self.base(body),
            gpu_id=delivered if gpu_id else None,
            gpu_count=0 if none else count,
            cloud=cloud,
            data_center=center,
            usd_per_hour=price,
            boot_began=world.now,
            boot_seconds=world.boot_seconds + (slow.params.get("seconds", 600.0) if slow else 0.0),
            provisioning_seconds=world.provisioning_seconds,
            never_ready=never is not None,
            port_base=world.random.randrange(10000, 60000),
        )
        env = texts(body.get("env"))
        if body.get("startSsh"):
            env.setdefault("PUBLIC_KEY", "ssh-ed25519 AAAAaccount account")
        if body.get("startJupyter"):
            env.setdefault("JUPYTER_PASSWORD", world.new_id())
        pod.asked["env"] = env
        self.things[pod.id] = pod
        world.ledger.open(pod.id, kind="machine", name=pod.name, usd_per_hour=self._rate(pod))
        return pod

    def patch(self, thing: Pod, body: dict[str, Any]) -> None:
        """Change a pod; all but name and lock start its container anew."""
        if thing.cluster:
            raise Problem(409, "pod belongs to a cluster")
        mounts = cast("dict[str, Any]", body.pop("mounts", None) or {})
        self._check_mounts(thing, mounts)
        resets = bool(mounts) or not set(body) <= _FREE
        if resets and thing.locked and body.get("locked") is not False:
            raise Problem(409, "pod is locked")
        if "name" in body:
            thing.name = body["name"]
            self.world.ledger.entries[thing.id].name = thing.name
        thing.locked = body.pop("locked", thing.locked)
        thing.asked = {**thing.asked, **body}
        if mounts:
            thing.asked["mounts"] = {**thing.asked["mounts"], **mounts}
        if resets:
            thing.resets += 1
            self._boot(thing)
        self.world.ledger.rate(thing.id, self._rate(thing))

    def act(self, thing: Pod, action: str) -> None:
        """Start, stop or restart."""
        if thing.cluster:
            raise Problem(409, "pod belongs to a cluster")
        status = thing.status(self.world.now)
        allowed = {
            "start": {"EXITED", "ERROR"},
            "stop": {"PROVISIONING", "STARTING", "RUNNING"},
            "restart": {"RUNNING"},
        }[action]
        if status not in allowed or (thing.locked and action != "start"):
            raise Problem(409, f"action {action} is not valid for a pod that is {status}")
        if action == "stop":
            self.stop(thing)
            return
        if action == "start" and self.world.faults.take("zero_gpu"):
            thing.gpu_count = 0
        thing.state = ""
        self._boot(thing)
        self.world.ledger.rate(thing.id, self._rate(thing))

    def stop(self, thing: Pod) -> None:
        """Release its compute; its volume stays and costs."""
        thing.state = "EXITED"
        self.world.ledger.rate(thing.id, self._rate(thing))

    def delete(self, thing: Pod) -> None:
        """End it."""
        if thing.cluster:
            raise Problem(409, "pod belongs to a cluster; delete the cluster")
        self.end(thing)

    def end(self, thing: Pod) -> None:
        """Give back its host and close its bill."""
        if not thing.deleted:
            self.world.stock.give_back(thing.gpu_id or thing.asked["cpu"]["id"], thing.data_center)
        thing.deleted = True
        self.world.ledger.close(thing.id)

    def show(self, thing: Pod) -> dict[str, Any]:
        """As the API shows it."""
        now = self.world.now
        status = thing.status(now)
        running = status == "RUNNING"
        shown: dict[str, Any] = {
            **container(thing.asked),
            "id": thing.id,
            "name": thing.name,
            "cloud": thing.cloud,
            "dataCenterId": thing.data_center,
            "mounts": thing.asked.get("mounts") or {},
            "template": None,
            "globalNetworking": {"enabled": thing.asked.get("globalNetworking", False)},
            "locked": thing.locked,
            "status": status,
            "actions": ["start", "terminate"],  # unreliable at the vendor too
            "cudaVersion": "12.8" if thing.gpu_id else None,
            "ssh": self._ssh(thing, running=running),
            "cost": 0.0 if status in {"EXITED", "TERMINATED"} else float(thing.usd_per_hour),
            "runtime": {"uptime": int(now - thing.boot_began), "ports": self._ports(thing)} if running else None,
            "createdAt": stamp(thing.created),
            "startedAt": stamp(thing.boot_began) if running else None,
        }
        if thing.gpu_id:
            shown["gpu"] = {"id": thing.gpu_id, "count": thing.gpu_count, "vcpuCount": 16, "memory": 188}
        else:
            shown["cpu"] = {**thing.asked["cpu"], "memory": thing.asked["cpu"]["vcpuCount"] * 2}
        if thing.cluster:
            shown["cluster"] = {"id": thing.cluster, "rank": thing.rank}
        return shown

    def logs(self, thing: Pod) -> list[str]:
        """What its system and its container printed."""
        status = thing.status(self.world.now)
        lines = [f"create container {thing.asked.get('image')}"]
        if status in {"STARTING", "RUNNING"}:
            lines.append(f"pulling {thing.asked.get('image')}")
        if status == "RUNNING":
            lines.append("start container")
            lines += ["NVML: no devices were found"] if thing.gpu_id and thing.gpu_count == 0 else ["container is up"]
        return [*lines, *self.log_lines.get(thing.id, [])]

    def serves(self, thing: Pod, port: int) -> bool:
        """Whether something answers behind the proxy."""
        ready = thing.boot_began + thing.boot_seconds + self.world.proxy_seconds
        up = thing.status(self.world.now) == "RUNNING" and self.world.now >= ready
        return up and f"{port}/http" in thing.asked.get("ports", []) and (not thing.gpu_id or thing.gpu_count > 0)

    def _boot(self, thing: Pod) -> None:
        thing.boot_began = self.world.now
        thing.port_base = self.world.random.randrange(10000, 60000)

    def _rate(self, thing: Pod) -> Decimal:
        volume_gb, disk_gb = persistent_gb(thing.asked), int(thing.asked.get("disk", 20))
        if thing.state == "EXITED":
            return Decimal("0.20") * volume_gb / HOURS_A_MONTH
        disks = Decimal("0.10") * (disk_gb + volume_gb) / HOURS_A_MONTH
        return thing.usd_per_hour + disks

    def _with_template(self, body: dict[str, Any]) -> dict[str, Any]:
        template_id = body.get("templateId")
        if template_id is None:
            return body
        template = self.templates.things.get(template_id)
        if template is None or template.deleted:
            raise Problem(404, "resource not found")
        if template.asked.get("serverless"):
            raise Problem(422, "Request validation failed.", errors=["$.templateId: is a serverless template"])
        given = {key: template.asked[key] for key in _FROM_TEMPLATE if key in template.asked}
        env = {**texts(template.asked.get("env")), **texts(body.get("env"))}
        return {**given, **body, "env": env}

    def _check(self, body: dict[str, Any]) -> None:
        gpu, cpu = body.get("gpu"), body.get("cpu")
        if not body.get("image"):
            raise Problem(422, "Request validation failed.", errors=["$: missing property 'image'"])
        if (gpu is None) == (cpu is None):
            raise Problem(400, GENERIC)
        if gpu and gpu.get("allowedCudaVersions") and gpu.get("minCudaVersion"):
            raise Problem(400, GENERIC)
        if cpu and (cpu["id"] not in CPU_FLAVORS or cpu["vcpuCount"] & (cpu["vcpuCount"] - 1)):
            raise Problem(400, GENERIC)
        if persistent_gb(body) and cpu:
            raise Problem(400, GENERIC)
        self._check_places(body)
        if body.get("registry"):
            self.registries.require(body["registry"])

    def _check_places(self, body: dict[str, Any]) -> None:
        if persistent_gb(body) and network_mounts(body):
            raise Problem(400, GENERIC)
        if len([p for p in body.get("ports", []) if p.endswith("/http")]) > 10:
            raise Problem(400, GENERIC)
        if network_mounts(body):
            if body.get("cloud", "SECURE") != "SECURE":
                raise Problem(400, GENERIC)
            centers = self._volume_centers(body)
            asked = body.get("dataCenterIds") or centers
            if not set(centers) & set(asked):
                raise Problem(400, GENERIC)

    def _volume_centers(self, body: dict[str, Any]) -> list[str]:
        return [self.volumes.require(mount["volumeId"]).asked["dataCenter"] for mount in network_mounts(body)]

    def _check_mounts(self, thing: Pod, mounts: dict[str, Any]) -> None:
        held: dict[str, Any] = thing.asked.get("mounts") or {}
        if any(not value or not held.get(kind) for kind, value in mounts.items()):
            raise Problem(400, GENERIC)
        if "persistent" in mounts and mounts["persistent"]["size"] < held["persistent"]["size"]:
            raise Problem(400, "a volume cannot shrink")
        if "network" in mounts and mounts["network"][0]["volumeId"] != held["network"][0]["volumeId"]:
            raise Problem(400, GENERIC)

    def _ports(self, thing: Pod) -> list[dict[str, Any]]:
        ports: list[dict[str, Any]] = []
        for index, text in enumerate(thing.asked.get("ports", [])):
            number, _, protocol = text.partition("/")
            tcp = protocol == "tcp"
            ports.append(
                {
                    "private": int(number),
                    "public": thing.port_base + index if tcp else None,
                    "type": protocol,
                    "ip": "203.0.113.7" if tcp else None,
                }
            )
        return ports

    def _ssh(self, thing: Pod, *, running: bool) -> dict[str, Any]:
        if not thing.asked.get("startSsh") or not running:
            return {"proxy": None, "direct": None}
        user = f"{thing.id}-64411eb2"
        proxy = {"host": "ssh.runpod.io", "port": 22, "username": user, "command": f"ssh {user}@ssh.runpod.io"}
        tcp = next((p for p in self._ports(thing) if p["private"] == 22 and p["public"]), None)
        direct = tcp and {
            "host": tcp["ip"],
            "port": tcp["public"],
            "username": "root",
            "command": f"ssh root@{tcp['ip']} -p {tcp['public']}",
        }
        return {"proxy": proxy, "direct": direct}
