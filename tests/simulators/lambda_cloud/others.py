"""The simulated operations on SSH keys, filesystems and firewall rulesets."""

from decimal import Decimal
from typing import Any

from tests.simulators.core import SimRequest
from tests.simulators.lambda_cloud import bodies
from tests.simulators.lambda_cloud.account import Answer
from tests.simulators.lambda_cloud.bodies import Refused, internal, missing
from tests.simulators.lambda_cloud.catalog import region_body
from tests.simulators.lambda_cloud.machines import Machines

FILESYSTEM_USD_PER_HOUR = Decimal("0.20") * 100 / 730
"""A filesystem with 100 GiB in it."""


class Others(Machines):
    """What is in the account beside instances."""

    def _list_keys(self, request: SimRequest) -> Answer:
        del request
        return self._list(list(self.keys.values()))

    def _add_key(self, request: SimRequest) -> Answer:
        body = bodies.strict(request, bodies.SSH_KEY)
        if any(key["name"] == body["name"] for key in self.keys.values()):
            raise Refused(400, "global/duplicate", "An SSH key with this name exists.")
        key_id = self._id()
        key = {"id": key_id, "name": body["name"], "public_key": body.get("public_key", "ssh-ed25519 AAAAmade")}

        def commit() -> object:
            self.keys[key_id] = key
            return key if "public_key" in body else {**key, "private_key": f"-----PRIVATE {key_id}-----"}

        return self._commit(key_id, body["name"], commit)

    def _delete_key(self, request: SimRequest, key_id: str) -> Answer:
        del request
        if key_id not in self.keys:
            raise missing("Specified SSH key does not exist.")
        name = self.keys[key_id]["name"]
        if any(name in i.body["ssh_key_names"] for i in self.instances.values() if i.is_alive):
            raise Refused(400, "ssh-keys/key-in-use", "The SSH key is in use.")
        self._delete_faults()
        del self.keys[key_id]
        return 200, {"data": {}}

    # --- filesystems ---

    def _list_filesystems(self, request: SimRequest) -> Answer:
        del request
        return self._list([self._filesystem(fs) for fs in self.filesystems.values()])

    def _filesystem(self, fs: dict[str, Any]) -> dict[str, Any]:
        users = [i for i in self.instances.values() if i.is_alive and fs["name"] in i.body.get("file_system_names", [])]
        return {**fs, "region": region_body(fs["region"]), "is_in_use": bool(users)}

    def _create_filesystem(self, request: SimRequest) -> Answer:
        body = bodies.strict(request, bodies.FILESYSTEM)
        if any(fs["name"] == body["name"] for fs in self.filesystems.values()):
            raise Refused(400, "global/duplicate", "A filesystem with this name exists.")
        fs_id = self._id()

        def commit() -> object:
            self.filesystems[fs_id] = {
                "id": fs_id,
                "name": body["name"],
                "region": body["region"],
                "mount_point": f"/lambda/nfs/{body['name']}",
                "created": "2026-11-20T10:00:00+00:00",
                "created_by": {"id": "u1", "email": "someone@example.com", "status": "active"},
                "bytes_used": 0,
            }
            self.ledger.open(fs_id, kind="volume", name=body["name"], usd_per_hour=FILESYSTEM_USD_PER_HOUR)
            return self._filesystem(self.filesystems[fs_id])

        return self._commit(fs_id, body["name"], commit)

    def _delete_filesystem(self, request: SimRequest, fs_id: str) -> Answer:
        del request
        if fs_id not in self.filesystems:
            raise missing("Filesystem was not found.")
        if self._filesystem(self.filesystems[fs_id])["is_in_use"] or self.faults.take("volume_in_use"):
            raise Refused(400, "filesystems/filesystem-in-use", "Filesystem is in use.")
        self._delete_faults()
        del self.filesystems[fs_id]
        self.ledger.close(fs_id)
        return 200, {"data": {"deleted_ids": [fs_id]}}

    # --- firewall rulesets ---

    def _list_rulesets(self, request: SimRequest) -> Answer:
        del request
        return self._list([self._ruleset(ruleset) for ruleset in self.rulesets.values()])

    def _ruleset(self, ruleset: dict[str, Any]) -> dict[str, Any]:
        users = [
            i.id
            for i in self.instances.values()
            if i.is_alive and {"id": ruleset["id"]} in i.body.get("firewall_rulesets", [])
        ]
        return {**ruleset, "region": region_body(ruleset["region"]), "instance_ids": users}

    def _create_ruleset(self, request: SimRequest) -> Answer:
        body = bodies.strict(request, bodies.RULESET)
        if self.faults.take("ruleset_conflict"):
            refused = internal()
            refused.status = 409
            raise refused
        ruleset_id = self._id()

        def commit() -> object:
            self.rulesets[ruleset_id] = {"id": ruleset_id, "created": "2026-11-20T10:00:00+00:00", **body}
            return self._ruleset(self.rulesets[ruleset_id])

        return self._commit(ruleset_id, body["name"], commit)

    def _existing_ruleset(self, ruleset_id: str) -> dict[str, Any]:
        hidden = self._hidden_until.get(ruleset_id, 0.0) > self.clock.now
        if ruleset_id not in self.rulesets or hidden:
            text = "Firewall ruleset does not exist or you do not have permission to access it."
            raise missing(text, "Check your firewall ruleset ID and try again.")
        return self.rulesets[ruleset_id]

    def _get_ruleset(self, request: SimRequest, ruleset_id: str) -> Answer:
        del request
        return 200, {"data": self._ruleset(self._existing_ruleset(ruleset_id))}

    def _patch_ruleset(self, request: SimRequest, ruleset_id: str) -> Answer:
        ruleset = self._existing_ruleset(ruleset_id)
        ruleset.update(bodies.strict(request, bodies.RULESET_PATCH))
        return 200, {"data": self._ruleset(ruleset)}

    def _delete_ruleset(self, request: SimRequest, ruleset_id: str) -> Answer:
        del request
        if self._ruleset(self._existing_ruleset(ruleset_id))["instance_ids"]:
            text = "Firewall ruleset is in use by one or more instances."
            hint = "Terminate all instances that are using the ruleset before deleting it."
            raise Refused(400, "firewall-rulesets/firewall-ruleset-in-use", text, hint)
        self._delete_faults()
        del self.rulesets[ruleset_id]
        return 200, {"data": {}}

    def _delete_faults(self) -> None:
        if self.faults.take("delete_fails"):
            raise internal()
