"""Which image references can mean something else tomorrow."""

import pytest

from modelyard.resources import SECRET, UNKNOWN, Resource, Value
from policies.facts import Facts
from policies.image_pinned import RULE, unpinned
from policies.rule import RuleConfig, Status
from tests.policies.build import NO_BILL

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    "image",
    [
        "vllm/vllm-openai:v0.33.0",
        "nginx:1.29.3-alpine",
        f"nginx@{DIGEST}",
        f"nginx:latest@{DIGEST}",
        "localhost:5000/team/server:2026-11-01",
        "nvcr.io/nvidia/k8s/dcgm-exporter:4.4.2-4.7.0-ubuntu22.04",
        "mainframe:1",
        "app:maintenance-1",
    ],
)
def test_pinned(image: str) -> None:
    assert unpinned(image) is None


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("nginx", "no tag, which means latest"),
        ("localhost:5000/team/server", "no tag, which means latest"),
        ("nginx:", "no tag, which means latest"),
        ("nginx:latest", "the tag 'latest' moves"),
        ("vllm/vllm-openai:LATEST", "the tag 'LATEST' moves"),
        ("vllm/vllm-openai:latest-cu130", "the tag 'latest-cu130' moves"),
        ("vllm/vllm-openai:nightly", "the tag 'nightly' moves"),
        ("nginx@sha256:abc", "not a sha256 digest"),
        ("", "no image is named"),
    ],
)
def test_unpinned(image: str, why: str) -> None:
    assert unpinned(image) == why


def _statuses(kind: str, props: dict[str, Value]) -> list[Status]:
    resource = Resource(urn="u", type=kind, name="x", props=props, custom=True)
    return [finding.status for finding in RULE.check(Facts(resources=(resource,), bill=NO_BILL), RuleConfig())]


def _pod(*images: Value) -> Value:
    return {"containers": [{"name": "c", "image": image} for image in images]}


@pytest.mark.parametrize("kind", ["apps/v1:Deployment", "apps/v1:DaemonSet", "apps/v1:StatefulSet", "batch/v1:Job"])
def test_every_kind_of_workload_is_looked_at(kind: str) -> None:
    spec: Value = {"template": {"spec": _pod("a:1", "b:latest", UNKNOWN)}}
    assert _statuses(f"kubernetes:{kind}", {"spec": spec}) == [Status.PASS, Status.FAIL, Status.UNKNOWN]


def test_a_pod_and_its_init_containers() -> None:
    spec: Value = {"containers": [{"image": "a:1"}], "initContainers": [{"image": "b"}]}
    assert _statuses("kubernetes:core/v1:Pod", {"spec": spec}) == [Status.FAIL, Status.PASS]


def test_a_cron_job_nests_its_pod_deeper() -> None:
    job: Value = {"jobTemplate": {"spec": {"template": {"spec": _pod("a:latest")}}}}
    assert _statuses("kubernetes:batch/v1:CronJob", {"spec": job}) == [Status.FAIL]


def test_a_container_without_an_image_fails() -> None:
    spec: Value = {"containers": [{"name": "c"}]}
    assert _statuses("kubernetes:core/v1:Pod", {"spec": spec}) == [Status.FAIL]


@pytest.mark.parametrize("spec", [UNKNOWN, {"containers": UNKNOWN}, {"containers": [UNKNOWN]}])
def test_what_is_not_known_is_said(spec: Value) -> None:
    assert _statuses("kubernetes:core/v1:Pod", {"spec": spec}) == [Status.UNKNOWN]


def test_our_components_and_their_optional_images() -> None:
    props: dict[str, Value] = {"prometheusImage": "prom/prometheus:latest"}
    assert _statuses("modelyard:index:Monitoring", props) == [Status.FAIL]
    assert _statuses("modelyard:index:Monitoring", {}) == []
    assert _statuses("modelyard-rental:index:Machine", {"image": SECRET}) == [Status.UNKNOWN]
