"""A change of the engine replaces its pods one after the other, on the GPUs that they already have."""

import time

import pytest

from tests.cluster import pods
from tests.cluster.client import Client, apply_all, wait
from tests.cluster.rendered import manifests

pytestmark = pytest.mark.cluster

START_AFTER = {"tests.modelyard/start-after": "500ms"}


def test_a_rollout_keeps_one_of_two_replicas_ready_and_needs_no_spare_gpu(cluster: Client, namespace: str) -> None:
    found = manifests("prod", namespace=namespace)
    engine = next(m for m in found if m["kind"] == "Deployment" and m["metadata"]["name"] == "prod-server")
    engine["spec"]["template"]["metadata"]["annotations"] = START_AFTER
    apply_all(cluster, found)
    first = wait(lambda: pods.running(cluster, namespace, "engine", 2), until="two ready engines")
    old = {pod["metadata"]["name"] for pod in first}
    engine["spec"]["template"]["spec"]["containers"][0]["args"].append("--enable-prefix-caching")
    cluster.apply(engine)
    ready: list[int] = []
    held: list[int] = []

    def replaced() -> bool:
        now = pods.of(cluster, namespace, "engine")
        ready.append(sum(pods.is_ready(pod) for pod in now if "deletionTimestamp" not in pod["metadata"]))
        held.append(sum(pods.gpus(pod) for pod in now if pod["spec"].get("nodeName")))
        return ready[-1] == 2 and not old & {pod["metadata"]["name"] for pod in now}

    began = time.monotonic()
    wait(replaced, until="two new ready engines")
    assert min(ready) == 1, f"{ready} over {time.monotonic() - began:.1f} s"
    assert max(held) <= 8
