"""What each resource is, in a few words."""

import pytest

from modelyard.report.describe import describe
from modelyard.resources import UNKNOWN, Resource, Value


@pytest.mark.parametrize(
    ("kind", "props", "says"),
    [
        (
            "modelyard-rental:index:Machine",
            {
                "candidates": [
                    {"vendor": "runpod", "gpu": "H200", "gpuCount": 4, "trust": "secure"},
                    {"vendor": "lambda", "gpu": "H100-SXM", "gpuCount": 8},
                ],
                "deadline": "2026-12-01T18:00:00Z",
            },
            "runpod 4× H200 secure, 1 more to fall back on, gone by 2026-12-01T18:00:00Z",
        ),
        ("modelyard-rental:index:Machine", {"candidates": UNKNOWN}, "no end"),
        ("modelyard:index:GpuNode", {"vendor": "vastai", "gpu": "L40S", "gpuCount": 1}, "vastai 1× L40S, no end"),
        ("modelyard:index:Gateway", {"auth": "none", "public": True}, "none auth, no TLS, public"),
        (
            "modelyard:index:ModelCache",
            {"kind": "local-nvme", "path": "/m", "sizeGb": 1200},
            "/m on local-nvme, 1,200 GB",
        ),
        (
            "modelyard:index:ExistingNodes",
            {"nodes": 2, "gpusPerNode": 8, "gpu": "H200", "usdPerHour": "50"},
            "2 nodes of 8× H200, already there",
        ),
        (
            "kubernetes:apps/v1:Deployment",
            {
                "spec": {
                    "replicas": 2,
                    "template": {
                        "spec": {
                            "containers": [
                                {"image": "vllm:1", "resources": {"limits": {"nvidia.com/gpu": "4"}}},
                                {"image": "side:1", "resources": UNKNOWN},
                            ]
                        }
                    },
                }
            },
            "2× vllm:1, side:1 (4 GPUs each)",
        ),
        ("kubernetes:core/v1:Service", {"spec": {"ports": [{"port": 80}]}}, "ClusterIP, port 80"),
        (
            "kubernetes:core/v1:PersistentVolumeClaim",
            {"spec": {"resources": {"requests": {"storage": "450Gi"}}}},
            "450Gi",
        ),
        ("aws:s3/bucket:Bucket", {"bucket": "x"}, ""),
        ("modelyard:index:InferenceServer", {}, ""),
    ],
)
def test_describe(kind: str, props: dict[str, Value], says: str) -> None:
    assert describe(Resource(urn="u", type=kind, name="x", props=props, custom=True)) == says
