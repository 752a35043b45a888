"""A Serving on an existing Kubernetes: the objects, field by field."""

import sys
from dataclasses import replace
from typing import Any

import pytest
import yaml

from modelyard.plan import make_plan
from modelyard.render.dcgm import dcgm_counters
from modelyard.render.nginx import access_conf
from modelyard.spec import (
    Auth,
    Cache,
    CacheKind,
    EngineChoice,
    Expose,
    KubernetesNodes,
    KubernetesPlace,
    Monitoring,
    Place,
    ServingSpec,
)
from tests.components.builders import prod
from tests.components.running import KEY, TOKEN, run_serving
from tests.fakes.engine import Engine, Registered, Secret, texts


@pytest.fixture(name="engine", scope="module")
def _engine() -> Engine:
    return run_serving(prod(), token=TOKEN)


def k8s(engine: Engine, kind: str, name: str) -> Registered:
    found = [r for r in engine.registered if r.type.endswith(f":{kind}") and r.props["metadata"]["name"] == name]
    assert len(found) == 1, [r.props["metadata"]["name"] for r in engine.registered if r.type.endswith(f":{kind}")]
    return found[0]


def pod_of(registered: Registered) -> dict[str, Any]:
    pod: dict[str, Any] = registered.props["spec"]["template"]["spec"]
    return pod


def test_tree(engine: Engine) -> None:
    parents = engine.tree()
    assert {name: parent for name, parent in parents.items() if parent == "prod"} == dict.fromkeys(
        [
            "prod-key",
            "prod-nodes",
            "prod-cache",
            "prod-server",
            "prod-gateway",
            "prod-gpu-metrics",
            "prod-monitoring",
        ],
        "prod",
    )
    for name, parent in parents.items():
        assert parent in {"", "prod"} or name.startswith(f"{parent}-"), name
    assert not [r for r in engine.registered if r.type in {"modelyard:index:GpuNode", "modelyard-rental:index:Ready"}]


def test_existing_nodes(engine: Engine) -> None:
    assert engine.one("modelyard:index:ExistingNodes").props == {
        "gpu": "H100-SXM",
        "gpusPerNode": 8,
        "nodes": 1,
        "usdPerHour": "49.24",
        "controlPlane": "eks",
    }


def test_everything_is_in_the_namespace_with_our_labels(engine: Engine) -> None:
    objects = [r for r in engine.registered if r.type.startswith("kubernetes:")]
    assert len(objects) > 15
    for registered in objects:
        metadata = registered.props["metadata"]
        assert metadata["namespace"] == "llm"
        assert metadata["labels"]["app.kubernetes.io/instance"] == "prod"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "modelyard"


def test_server_deployment(engine: Engine) -> None:
    deployment = k8s(engine, "Deployment", "prod-server")
    spec, pod = deployment.props["spec"], pod_of(deployment)
    assert spec["replicas"] == 2
    assert spec["progressDeadlineSeconds"] == 1264 + 300
    assert deployment.timeouts == {"create": "1564s", "update": "1564s"}
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] == 75
    assert pod["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_server_container(engine: Engine) -> None:
    pod = pod_of(k8s(engine, "Deployment", "prod-server"))
    container = pod["containers"][0]
    assert container["image"] == "docker.io/vllm/vllm-openai:v0.33.0"
    assert container["args"][0] == "org/Llama-3.3-70B-FP8"
    assert container["args"][-2:] == ["--shutdown-timeout", "45"]
    assert container["resources"] == {
        "limits": {"nvidia.com/gpu": "2"},
        "requests": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "2"},
    }
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "15"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "16Gi"}
    assert volumes["cache"]["hostPath"] == {"path": "/mnt/models", "type": "DirectoryOrCreate"}


def test_probes_give_the_start_the_time_that_the_plan_computed(engine: Engine) -> None:
    container = pod_of(k8s(engine, "Deployment", "prod-server"))["containers"][0]
    start = container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] == 1270, "1264 s, rounded up to whole probes"
    assert start["httpGet"] == {"path": "/health", "port": "http"}
    assert container["livenessProbe"]["periodSeconds"] * container["livenessProbe"]["failureThreshold"] == 90


def test_secrets_reach_the_engine_by_reference(engine: Engine) -> None:
    container = pod_of(k8s(engine, "Deployment", "prod-server"))["containers"][0]
    by_name = {entry["name"]: entry for entry in container["env"]}
    assert by_name["VLLM_API_KEY"]["valueFrom"]["secretKeyRef"] == {"name": "prod-gateway-access", "key": "token"}
    assert by_name["HF_TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "prod-server-hub", "key": "token"}
    assert by_name["HF_HUB_CACHE"]["value"] == "/mnt/models"
    access = k8s(engine, "Secret", "prod-gateway-access").props["stringData"]
    assert isinstance(access, Secret)
    assert access.value == {"token": KEY, "access.conf": access_conf(KEY)}
    assert k8s(engine, "Secret", "prod-server-hub").props["stringData"] == Secret(value={"token": TOKEN})


def test_no_secret_is_in_plain_text_anywhere(engine: Engine) -> None:
    for registered in engine.registered:
        for text in texts(registered.props):
            assert KEY not in text, registered.name
            assert TOKEN not in text, registered.name


def test_services_of_the_engine(engine: Engine) -> None:
    one = k8s(engine, "Service", "prod-server").props["spec"]
    each = k8s(engine, "Service", "prod-server-pods").props["spec"]
    assert one["ports"] == each["ports"] == [{"name": "http", "port": 8000, "targetPort": "http"}]
    assert each["clusterIP"] == "None"
    assert "type" not in one


def test_gateway_runs_as_nobody_on_a_read_only_file_system(engine: Engine) -> None:
    deployment = k8s(engine, "Deployment", "prod-gateway")
    container = pod_of(deployment)["containers"][0]
    assert container["image"] == "docker.io/library/nginx:1.30.4-alpine"
    assert container["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    sources = pod_of(deployment)["volumes"][0]["projected"]["sources"]
    assert sources[0] == {"configMap": {"name": "prod-gateway-config"}}
    assert sources[1]["secret"]["name"] == "prod-gateway-access"
    conf = k8s(engine, "ConfigMap", "prod-gateway-config").props["data"]
    assert "server prod-server.llm.svc:8000;" in conf["nginx.conf"]
    assert "proxy_pass http://prod-monitoring-grafana.llm.svc:3000;" in conf["nginx.conf"]
    assert conf["listen.conf"] == "listen 8080;\n"


def test_private_gateway_is_reached_inside_the_cluster_alone(engine: Engine) -> None:
    assert not [r for r in engine.registered if r.type.endswith(":Ingress")]
    assert "type" not in k8s(engine, "Service", "prod-gateway").props["spec"]
    facts = engine.one("modelyard:index:Gateway").props
    assert (facts["public"], facts["tls"], facts["tlsEndsAt"]) == (False, False, "nowhere")
    assert engine.outputs[engine.one("modelyard:index:Serving").urn]["endpoint"] == "http://prod-gateway.llm.svc"


def test_public_gateway_with_a_hostname_has_an_ingress_that_ends_tls() -> None:
    engine = run_serving(prod(spec={"expose": Expose(public=True, hostname="llm.example.com")}))
    spec = k8s(engine, "Ingress", "prod-gateway").props["spec"]
    assert spec["tls"] == [{"hosts": ["llm.example.com"], "secretName": "prod-gateway-tls"}]
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "prod-gateway", "port": {"name": "http"}}
    assert engine.one("modelyard:index:Gateway").props["tlsEndsAt"] == "ingress"
    assert engine.outputs[engine.one("modelyard:index:Serving").urn]["endpoint"] == "https://llm.example.com"


def test_public_without_a_hostname_stays_inside_rather_than_in_the_clear() -> None:
    engine = run_serving(prod(spec={"expose": Expose(public=True)}))
    assert engine.one("modelyard:index:Gateway").props["public"] is False
    services = [r for r in engine.registered if r.type.endswith(":Service")]
    assert all("type" not in r.props["spec"] for r in services)


def test_parts_listen_to_one_another_alone(engine: Engine) -> None:
    spec = k8s(engine, "NetworkPolicy", "prod-gateway-policy").props["spec"]
    assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/instance": "prod"}
    assert spec["podSelector"]["matchExpressions"][0]["values"] == ["gateway"]
    assert spec["ingress"] == [{"from": [{"podSelector": {"matchLabels": {"app.kubernetes.io/instance": "prod"}}}]}]


def test_gpu_metrics_run_on_every_gpu_node_without_taking_a_gpu(engine: Engine) -> None:
    daemon_set = k8s(engine, "DaemonSet", "prod-gpu-metrics")
    pod = pod_of(daemon_set)
    assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert "nvidia.com/gpu" not in str(pod["containers"][0]["resources"])
    assert pod["automountServiceAccountToken"] is False
    assert k8s(engine, "ConfigMap", "prod-gpu-metrics-config").props["data"] == {"counters.csv": dcgm_counters()}
    assert k8s(engine, "Service", "prod-gpu-metrics").props["spec"]["clusterIP"] == "None"


def test_prometheus_finds_pods_by_name_and_asks_the_api_server_nothing(engine: Engine) -> None:
    text = k8s(engine, "ConfigMap", "prod-monitoring-prometheus-config").props["data"]["prometheus.yml"]
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in yaml.safe_load(text)["scrape_configs"]}
    assert jobs == {
        "vllm": {"names": ["prod-server-pods.llm.svc"], "type": "A", "port": 8000},
        "gpu": {"names": ["prod-gpu-metrics.llm.svc"], "type": "A", "port": 9400},
    }
    assert not [r for r in engine.registered if "rbac" in r.type]
    deployment = k8s(engine, "Deployment", "prod-monitoring-prometheus")
    assert "--storage.tsdb.retention.time=30d" in pod_of(deployment)["containers"][0]["args"]
    claim = k8s(engine, "PersistentVolumeClaim", "prod-monitoring-prometheus").props["spec"]
    assert claim["storageClassName"] == "fast"
    assert claim["resources"]["requests"]["storage"] == "20G"
    assert engine.one("modelyard:index:Monitoring").props["retentionDays"] == 30


def test_grafana_has_the_dashboard_and_no_way_to_log_in(engine: Engine) -> None:
    files = k8s(engine, "ConfigMap", "prod-monitoring-grafana-config").props["data"]
    assert set(files) == {"datasource.yml", "dashboards.yml", "serving.json"}
    source = yaml.safe_load(files["datasource.yml"])["datasources"][0]
    assert source["url"] == "http://prod-monitoring-prometheus.llm.svc:9090/prometheus"
    container = pod_of(k8s(engine, "Deployment", "prod-monitoring-grafana"))["containers"][0]
    env = {entry["name"]: entry["value"] for entry in container["env"]}
    assert (env["GF_AUTH_DISABLE_LOGIN_FORM"], env["GF_AUTH_BASIC_ENABLED"]) == ("true", "false")
    mounted = {mount["subPath"] for mount in container["volumeMounts"] if "subPath" in mount}
    assert mounted == set(files)


def test_without_a_storage_class_samples_lie_on_the_pods_own_disk() -> None:
    engine = run_serving(prod(place={"storage_class": None}))
    assert not [r for r in engine.registered if r.type.endswith(":PersistentVolumeClaim")]
    volumes = pod_of(k8s(engine, "Deployment", "prod-monitoring-prometheus"))["volumes"]
    assert volumes[1] == {"name": "data", "emptyDir": {"sizeLimit": "20G"}}


@pytest.mark.parametrize(
    ("nodes", "mode"), [(1, "ReadWriteOnce"), (2, "ReadWriteMany")], ids=["one node", "several nodes"]
)
def test_network_volume_is_a_claim(nodes: int, mode: str) -> None:
    cache = Cache(kind=CacheKind.NETWORK_VOLUME, path="/models")
    engine = run_serving(prod(spec={"cache": cache}, nodes=nodes))
    claim = k8s(engine, "PersistentVolumeClaim", "prod-cache")
    assert claim.props["spec"] == {
        "accessModes": [mode],
        "resources": {"requests": {"storage": "80G"}},
        "storageClassName": "fast",
    }
    volumes = pod_of(k8s(engine, "Deployment", "prod-server"))["volumes"]
    assert volumes[0] == {"name": "cache", "persistentVolumeClaim": {"claimName": "prod-cache"}}


def test_no_cache_is_an_empty_folder() -> None:
    engine = run_serving(prod(spec={"cache": Cache(kind=CacheKind.NONE)}))
    volumes = pod_of(k8s(engine, "Deployment", "prod-server"))["volumes"]
    assert volumes[0] == {"name": "cache", "emptyDir": {"sizeLimit": "80G"}}


def test_without_auth_there_is_no_key_to_refer_to() -> None:
    engine = run_serving(prod(spec={"expose": Expose(auth=Auth.NONE, public=False)}))
    container = pod_of(k8s(engine, "Deployment", "prod-server"))["containers"][0]
    assert "VLLM_API_KEY" not in {entry["name"] for entry in container["env"]}
    data = k8s(engine, "Secret", "prod-gateway-access").props["stringData"]
    assert getattr(data, "value", data) == {"access.conf": access_conf(None)}


def test_monitoring_that_was_not_asked_for_is_absent() -> None:
    off = Monitoring(prometheus=False, grafana=False, gpu_metrics=False)
    engine = run_serving(prod(spec={"monitoring": off}))
    assert not [r for r in engine.registered if "monitoring" in r.name or "gpu-metrics" in r.name]
    conf = k8s(engine, "ConfigMap", "prod-gateway-config").props["data"]["nginx.conf"]
    assert "/grafana/" not in conf


def test_a_context_gives_every_object_a_provider_of_its_own() -> None:
    engine = run_serving(prod(place={"context": "other-cluster"}))
    made = engine.one("pulumi:providers:kubernetes")
    assert made.props["context"] == "other-cluster"
    objects = [r for r in engine.registered if r.type.startswith("kubernetes:")]
    assert objects
    assert {r.provider.rpartition("::")[0] for r in objects} == {made.urn}
    key = engine.one("modelyard-rental:index:AccessKey")
    assert "kubernetes" not in key.provider


def test_a_gpu_whose_product_label_is_not_certain_gets_no_selector() -> None:
    engine = run_serving(prod(gpu="GH200"))
    assert "nodeSelector" not in pod_of(k8s(engine, "Deployment", "prod-server"))


def test_amd_asks_for_amd() -> None:
    engine = run_serving(prod(gpu="MI300X"))
    pod = pod_of(k8s(engine, "Deployment", "prod-server"))
    assert pod["containers"][0]["resources"]["limits"] == {"amd.com/gpu": "2"}
    assert pod["tolerations"][0]["key"] == "amd.com/gpu"


def test_an_engine_that_is_set_up_by_its_environment() -> None:
    spec = ServingSpec(
        name="prod",
        model="llama-3.3-70b",
        quantization="q4_k_m",
        weights="org/Llama-3.3-70B-GGUF",
        context_tokens=8192,
        concurrency=2,
        engine=EngineChoice(name="ollama"),
        place=Place(
            kubernetes=KubernetesPlace(namespace="llm", nodes=KubernetesNodes(gpu="H100-SXM", gpus_per_node=8, count=1))
        ),
    )
    engine = run_serving(make_plan(spec))
    container = pod_of(k8s(engine, "Deployment", "prod-server"))["containers"][0]
    assert container["command"][:2] == ["/bin/sh", "-c"]
    assert "args" not in container, "it has no flag for the shutdown either"
    env = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert env["OLLAMA_CONTEXT_LENGTH"] == "8192"
    assert "VLLM_API_KEY" not in env, "it checks no key; the gateway does"
    assert container["startupProbe"]["httpGet"]["path"] == "/v1/models/llama-3.3-70b"
    text = k8s(engine, "ConfigMap", "prod-monitoring-prometheus-config").props["data"]["prometheus.yml"]
    assert [job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]] == ["gpu"]
    dashboard = k8s(engine, "ConfigMap", "prod-monitoring-grafana-config").props["data"]["serving.json"]
    assert "vllm:" not in dashboard
    conf = k8s(engine, "ConfigMap", "prod-gateway-config").props["data"]["nginx.conf"]
    assert "location =  {" not in conf
    assert engine.one("modelyard:index:InferenceServer").props["servedModel"] == "llama-3.3-70b"


def test_an_offloaded_kv_cache_is_part_of_the_memory_request() -> None:
    plan = prod()
    engine = run_serving(replace(plan, engine=replace(plan.engine, host_gib=64)))
    container = pod_of(k8s(engine, "Deployment", "prod-server"))["containers"][0]
    assert container["resources"]["requests"]["memory"] == "96Gi"


def test_the_kubernetes_sdk_is_imported_by_registration_alone() -> None:
    import components  # noqa: PLC0415  # what is imported is the question

    assert components.__name__ in sys.modules
    source = [m for m in sys.modules if m.startswith("components.")]
    assert not [m for m in source if any(n.startswith("pulumi_kubernetes") for n in vars(sys.modules[m]))]
