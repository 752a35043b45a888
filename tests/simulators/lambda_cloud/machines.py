"""The simulated operations on instances."""

from typing import Any

import yaml

from modelyard.render.compose import ENV_PATH
from providers.base.marker import read_marker
from tests.simulators.core import ACCESS_KEY_VARIABLE, Dropped, Inside, SimRequest
from tests.simulators.gateway import environment
from tests.simulators.lambda_cloud import bodies
from tests.simulators.lambda_cloud.account import Account, Answer
from tests.simulators.lambda_cloud.bodies import Refused, internal, missing
from tests.simulators.lambda_cloud.catalog import REGIONS, TYPES, region_body
from tests.simulators.lambda_cloud.instances import SimInstance

BOOT_SECONDS = (165, 300)


class Machines(Account):
    """Instances and what they are made of."""

    def stock(self, sku: str, region: str, count: int) -> None:
        """Set how many machines of a SKU there are in a region."""
        self._stock[sku, region] = count

    def preempt(self, machine_id: str) -> None:
        """Take a machine back: it stays in the list as ``preempted`` and costs nothing more."""
        self.instances[machine_id].preempted = True
        self.ledger.close(machine_id)

    def remove_behind_back(self, machine_id: str) -> None:
        """Somebody terminates a machine in the console, long ago."""
        self._end(self.instances[machine_id])
        self.instances[machine_id].removed = True

    def inside(self, machine_id: str) -> Inside | None:
        """A virtual machine from the inside: what its user data wrote into the environment file."""
        instance = self.instances.get(machine_id)
        if instance is None or not instance.is_alive:
            return None
        running = instance.status(self.clock.now) == "active"
        return Inside(
            up_seconds=self.clock.now - instance.active_at if running else None,
            gpus_work=instance.gpus_work,
            access_key=_environment(instance.body.get("user_data", "")).get(ACCESS_KEY_VARIABLE),
        )

    def answers(self, machine_id: str, port: int) -> bool:
        """Whether a machine's port answers: it is up, its GPUs work, and a ruleset lets the port in."""
        instance = self.instances[machine_id]
        if instance.status(self.clock.now) != "active" or not instance.gpus_work:
            return False
        named = [self.rulesets[ref["id"]] for ref in instance.body.get("firewall_rulesets", [])]
        ranges = [rule["port_range"] for ruleset in named for rule in ruleset["rules"] if "port_range" in rule]
        return instance.body["region_name"] == "us-south-1" or any(low <= port <= high for low, high in ranges)

    def _seen(self) -> list[SimInstance]:
        return [i for i in self.instances.values() if self._shows(i)]

    def _shows(self, instance: SimInstance) -> bool:
        hidden = self._hidden_until.get(instance.id, 0.0) > self.clock.now
        return not hidden and instance.status(self.clock.now) is not None

    def _list_instances(self, request: SimRequest) -> Answer:
        del request
        return self._list([instance.shown(self.clock) for instance in self._seen()])

    def _get_instance(self, request: SimRequest, instance_id: str) -> Answer:
        del request
        return 200, {"data": self._existing(instance_id).shown(self.clock)}

    def _existing(self, instance_id: str) -> SimInstance:
        instance = self.instances.get(instance_id)
        if instance is None or not self._shows(instance):
            raise missing("Specified instance does not exist.")
        return instance

    def _rename(self, request: SimRequest, instance_id: str) -> Answer:
        instance = self._existing(instance_id)
        self.strangers_touched |= {instance_id} & self.strangers
        instance.name = bodies.strict(request, bodies.RENAME)["name"]
        return 200, {"data": instance.shown(self.clock)}

    def _list_types(self, request: SimRequest) -> Answer:
        del request
        if self.faults.take("malformed_list"):
            return 200, {"data": []}
        return 200, {
            "data": {
                name: {
                    "instance_type": kind.body(),
                    "regions_with_capacity_available": [
                        region_body(region) for region in REGIONS if self._stock.get((name, region), 1) > 0
                    ],
                }
                for name, kind in TYPES.items()
            }
        }

    def _launch(self, request: SimRequest) -> Answer:
        body = bodies.strict(request, bodies.LAUNCH)
        self._check_launch(body)
        instance = self._new_instance(body)

        def commit() -> object:
            self.instances[instance.id] = instance
            spot = body["instance_type_name"], body["region_name"]
            if spot in self._stock:
                self._stock[spot] -= 1
            usd = instance.usd_per_hour()
            self.ledger.open(instance.id, kind="machine", name=instance.name, usd_per_hour=usd)
            self.creates[instance.name] = self.creates.get(instance.name, 0) + 1
            if self.faults.take("duplicate_name"):
                self._add_stranger(instance)
            return {"instance_ids": [instance.id]}

        return self._commit(instance.id, instance.name, commit, machine=True)

    def _check_launch(self, body: dict[str, Any]) -> None:
        if not self.has_address:
            hint = "Make sure your billing address is valid. Contact Support if problems continue."
            raise Refused(403, "global/invalid-address", "Your billing address is invalid.", hint)
        known = {key["name"] for key in self.keys.values()}
        if body["ssh_key_names"][0] not in known:
            raise missing("Specified SSH key does not exist.")
        self._check_references(body)
        alive = [i for i in self.instances.values() if i.is_alive]
        if self.quota is not None and len(alive) >= self.quota:
            raise Refused(400, "global/quota-exceeded", "Quota exceeded.", "Contact Support to increase your quota.")
        out = self.faults.take("capacity_lie") or self.faults.take("out_of_stock")
        if out or self._stock.get((body["instance_type_name"], body["region_name"]), 1) <= 0:
            code = "instance-operations/launch/insufficient-capacity"
            raise Refused(400, code, "Not enough capacity to fulfill launch request.")

    def _check_references(self, body: dict[str, Any]) -> None:
        by_name = {fs["name"]: fs for fs in self.filesystems.values()}
        for name in body.get("file_system_names", []):
            if name not in by_name:
                raise missing("Filesystem was not found.")
            if by_name[name]["region"] != body["region_name"]:
                code = "instance-operations/launch/file-system-in-wrong-region"
                raise Refused(400, code, "The filesystem is in another region.")
        for ref in body.get("firewall_rulesets", []):
            if ref["id"] not in self.rulesets:
                raise missing("Firewall ruleset does not exist or you do not have permission to access it.")
            if self.rulesets[ref["id"]]["region"] != body["region_name"]:
                raise bodies.invalid("firewall_rulesets", "Ruleset is in another region")

    def _new_instance(self, body: dict[str, Any]) -> SimInstance:
        drift, slow = self.faults.take("price_drift"), self.faults.take("slow_boot")
        boot = self.random.randint(*BOOT_SECONDS) + (slow.params.get("seconds", 1200.0) if slow else 0.0)
        cents = TYPES[body["instance_type_name"]].cents
        return SimInstance(
            id=self._id(),
            body=body,
            cents=round(cents * drift.params.get("factor", 1.5)) if drift else cents,
            created=self.clock.now,
            active_at=self.clock.now + boot,
            ip=f"198.51.{self.random.randint(0, 255)}.{self.random.randint(1, 254)}",
            name=body.get("name", ""),
            tags=list(body.get("tags", [])),
            never_ready=self.faults.take("never_ready") is not None,
            gpus_work=self.faults.take("zero_gpu") is None,
            unhealthy=self.faults.take("unhealthy") is not None,
            preempted=self.faults.take("preempted") is not None,
        )

    def _add_stranger(self, like: SimInstance) -> None:
        """Somebody's machine with a name that begins like ours and no marker. It is on nobody's bill here."""
        marker = read_marker(like.name)
        body: dict[str, Any] = {**like.body, "tags": [], "file_system_names": [], "file_system_mounts": []}
        twin = SimInstance(
            id=self._id(),
            body=body,
            cents=like.cents,
            created=self.clock.now,
            active_at=self.clock.now,
            ip="203.0.113.7",
            name=f"modelyard-{marker.title}" if marker else like.name,
            stranger=True,
        )
        self.instances[twin.id] = twin

    def _terminate(self, request: SimRequest) -> Answer:
        ids: list[str] = bodies.strict(request, bodies.TERMINATE)["instance_ids"]
        if self.faults.take("delete_fails"):
            raise internal()
        ended = [self._existing(instance_id) for instance_id in ids]
        self.strangers_touched |= set(ids) & self.strangers
        if self.faults.take("delete_ignored"):
            return 200, {"data": {"terminated_instances": [i.shown(self.clock) for i in ended]}}
        for instance in ended:
            if instance.is_alive:
                self._end(instance)
                if ghost := self.faults.take("delete_reappears"):
                    instance.ghost_until = self.clock.now + ghost.params.get("seconds", 30.0)
        if self.faults.take("lost_delete_reply"):
            raise Dropped
        return 200, {
            "data": {"terminated_instances": [{**i.shown(self.clock), "status": "terminating"} for i in ended]}
        }

    def _end(self, instance: SimInstance) -> None:
        instance.terminated_at = self.clock.now
        self.ledger.close(instance.id)
        spot = instance.body["instance_type_name"], instance.body["region_name"]
        if spot in self._stock:
            self._stock[spot] += 1


def _environment(user_data: str) -> dict[str, str]:
    """What cloud-init puts into the environment file."""
    document: Any = yaml.safe_load(user_data) or {}
    files: list[dict[str, Any]] = document.get("write_files", [])
    return environment("\n".join(str(file["content"]) for file in files if file.get("path") == ENV_PATH))
