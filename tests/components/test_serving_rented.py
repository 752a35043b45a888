"""A Serving on rented machines: the tree, every prop of the contract, and where the secrets are."""

from dataclasses import replace
from typing import Any

import pytest

from components import serving
from modelyard.plan.props import serving_props
from modelyard.plan.types import Plan
from modelyard.spec import Auth, Cache, CacheKind, Expose, Life, Monitoring
from tests.components.builders import NEW_YEAR, candidate, fit, offer, trial
from tests.components.running import KEY, TOKEN, run_serving
from tests.fakes.engine import Engine, Secret, secrets, texts


@pytest.fixture(name="engine", scope="module")
def _engine() -> Engine:
    return run_serving(trial(), token=TOKEN)


def with_spec(plan: Plan, **changes: Any) -> Plan:
    return replace(plan, spec=replace(plan.spec, **changes))


def test_tree(engine: Engine) -> None:
    assert engine.tree() == {
        "trial-405b": "",
        "trial-405b-key": "trial-405b",
        "trial-405b-node-0": "trial-405b",
        "trial-405b-node-0-machine": "trial-405b-node-0",
        "trial-405b-cache": "trial-405b",
        "trial-405b-server": "trial-405b",
        "trial-405b-gateway": "trial-405b",
        "trial-405b-gpu-metrics": "trial-405b",
        "trial-405b-monitoring": "trial-405b",
        "trial-405b-ready-0": "trial-405b",
    }


def test_nothing_of_kubernetes_is_registered(engine: Engine) -> None:
    assert not [r for r in engine.registered if r.type.startswith("kubernetes:")]


def test_serving_carries_the_plans_facts(engine: Engine) -> None:
    registered = engine.one("modelyard:index:Serving")
    assert registered.props == serving_props(trial())
    assert registered.custom is False


def test_gpu_node(engine: Engine) -> None:
    assert engine.one("modelyard:index:GpuNode").props == {
        "vendor": "runpod",
        "gpu": "H200",
        "gpuCount": 4,
        "usdPerHour": "18.36",
        "lifetimeSeconds": 3600,
    }


def test_machine(engine: Engine) -> None:
    machine = engine.one("modelyard-rental:index:Machine")
    props = dict(machine.props)
    assert machine.custom
    assert props.pop("boot").startswith("#!/usr/bin/env bash\n")
    assert props.pop("otherBoots")["vm"].startswith("#cloud-config\n")
    first, second = props.pop("candidates")
    assert first == {
        "vendor": "runpod",
        "sku": "4x H200",
        "gpu": "H200",
        "gpuCount": 4,
        "tensorParallelSize": 4,
        "region": "any",
        "trust": "secure",
        "spot": False,
        "usdPerHour": "18.36",
        "granularitySeconds": 60,
        "minimumSeconds": 0,
        "asOf": "2026-11-09",
        "source": "https://example.com/prices",
    }
    assert (second["vendor"], second["tensorParallelSize"]) == ("lambda", 8)
    assert props == {
        "image": "docker.io/vllm/vllm-openai:v0.33.0",
        "env": Secret(value={"VLLM_API_KEY": KEY, "HF_TOKEN": TOKEN}),
        "ports": [8080],
        "diskGb": 471,
        "lifetimeSeconds": 3600,
        "labels": {"modelyard-environment": "trial-405b", "modelyard-model": "llama-3.1-405b"},
        "owner": "acme/modelyard/test",
    }


def test_ready_waits_for_the_machine_and_shows_the_phases(engine: Engine) -> None:
    ready = engine.one("modelyard-rental:index:Ready")
    assert ready.props == {
        "machineId": "trial-405b-node-0-machine-id",
        "healthPath": "/health",
        "port": 8080,
        "timeoutSeconds": 1264,
        "phases": [
            {"name": "machine", "seconds": 120, "why": "a container"},
            {"name": "weights", "seconds": 512, "why": "410 GB at 0.8 GB/s"},
        ],
        "deleteOnFailure": True,
        "accessKey": Secret(value=KEY),
    }
    assert engine.one("modelyard-rental:index:Machine").urn in ready.dependencies


def test_access_key(engine: Engine) -> None:
    key = engine.one("modelyard-rental:index:AccessKey")
    assert key.props == {"length": 32}
    assert key.secret_outputs == ("value",)


def test_model_cache(engine: Engine) -> None:
    assert engine.one("modelyard:index:ModelCache").props == {
        "kind": "local-nvme",
        "path": "/models",
        "sizeGb": 451,
        "hubId": "meta-llama/Llama-3.1-405B-Instruct-FP8",
        "quantization": "fp8",
        "downloadBytes": 410_000_000_000,
    }


def test_inference_server(engine: Engine) -> None:
    assert engine.one("modelyard:index:InferenceServer").props == {
        "engine": "vllm",
        "version": "0.33.0",
        "image": "docker.io/vllm/vllm-openai:v0.33.0",
        "argv": ["meta-llama/Llama-3.1-405B-Instruct-FP8", "--tensor-parallel-size", "4", "--port", "8000"],
        "port": 8000,
        "healthPath": "/health",
        "metricsPath": "/metrics",
        "gpu": "H200",
        "gpuCount": 4,
        "replicas": 1,
        "startupTimeoutSeconds": 1264,
    }


def test_gateway_gpu_metrics_and_monitoring(engine: Engine) -> None:
    assert engine.one("modelyard:index:Gateway").props == {
        "auth": "bearer",
        "tls": True,
        "tlsEndsAt": "vendor",
        "public": True,
        "image": "docker.io/library/nginx:1.30.4-alpine",
    }
    assert engine.one("modelyard:index:GpuMetrics").props == {
        "exporter": "dcgm-exporter",
        "image": "nvcr.io/nvidia/k8s/dcgm-exporter:4.5.3-4.8.2-distroless",
        "port": 9400,
    }
    assert engine.one("modelyard:index:Monitoring").props == {
        "prometheusImage": "docker.io/prom/prometheus:v3.15.0",
        "grafanaImage": "docker.io/grafana/grafana:13.2.3",
        "retentionDays": 15,
    }


def test_no_secret_is_in_plain_text_anywhere(engine: Engine) -> None:
    for registered in engine.registered:
        for text in texts(registered.props):
            assert KEY not in text, registered.name
            assert TOKEN not in text, registered.name
    for urn, outputs in engine.outputs.items():
        assert not [text for text in texts(outputs) if KEY in text or TOKEN in text], urn
    found = [s for r in engine.registered for s in secrets(r.props)]
    assert len(found) == 2, "the machine's environment, and the key that Ready asks with"


def test_outputs(engine: Engine) -> None:
    found = engine.outputs[engine.one("modelyard:index:Serving").urn]
    assert found == {"endpoint": "https://pod7-8080.example.com", "key": Secret(value=KEY)}


def test_replicas_are_machines_of_their_own() -> None:
    engine = run_serving(with_spec(trial(nodes=2), replicas=2))
    machines = [r for r in engine.registered if r.type == "modelyard-rental:index:Machine"]
    assert sorted(m.name for m in machines) == ["trial-405b-node-0-machine", "trial-405b-node-1-machine"]
    assert len([r for r in engine.registered if r.type == "modelyard-rental:index:Ready"]) == 2


def test_without_auth_there_is_no_key() -> None:
    engine = run_serving(with_spec(trial(), expose=Expose(auth=Auth.NONE)))
    assert not [r for r in engine.registered if r.type == "modelyard-rental:index:AccessKey"]
    assert engine.one("modelyard-rental:index:Machine").props["env"] == Secret(value={})
    assert engine.one("modelyard:index:Gateway").props["auth"] == "none"


def test_network_volume_takes_the_weights_off_the_machines_disk() -> None:
    engine = run_serving(with_spec(trial(), cache=Cache(kind=CacheKind.NETWORK_VOLUME)))
    props = engine.one("modelyard-rental:index:Machine").props
    assert (props["diskGb"], props["networkVolumeGb"], props["cachePath"]) == (20, 451, "/models")


def test_a_fixed_deadline_is_carried_in_utc() -> None:
    engine = run_serving(with_spec(trial(deadline=NEW_YEAR, lifetime_seconds=None), life=Life(until=NEW_YEAR)))
    for kind in ("modelyard:index:GpuNode", "modelyard-rental:index:Machine"):
        props = engine.one(kind).props
        assert props["deadline"] == "2027-01-01T00:00:00Z"
        assert "lifetimeSeconds" not in props


def test_monitoring_that_was_not_asked_for_is_absent() -> None:
    off = Monitoring(prometheus=False, grafana=False, gpu_metrics=False)
    engine = run_serving(with_spec(trial(), monitoring=off))
    kinds = {r.type for r in engine.registered}
    assert not kinds & {"modelyard:index:Monitoring", "modelyard:index:GpuMetrics"}


def test_a_vendor_without_a_proxy_makes_the_gateway_end_tls() -> None:
    found = fit("llama-3.1-405b", "H100-SXM", "fp8", 8)
    only = candidate(found, offer("lambda", "H100-SXM", 8, "31.92"), 8)
    engine = run_serving(trial(candidates=(only,)))
    assert engine.one("modelyard:index:Gateway").props["tlsEndsAt"] == "gateway"
    machine = engine.one("modelyard-rental:index:Machine").props
    assert machine["boot"].startswith("#cloud-config\n")
    assert "otherBoots" not in machine


def test_the_same_plan_gives_the_same_arguments() -> None:
    assert serving.args_for(trial()) == serving.args_for(trial())
