"""Rules judge what is registered, so a program that was written by hand, without our components, is judged as well."""

from pathlib import Path

from modelyard.cli.embedded.program import run_program
from modelyard.cost import price_resources
from policies.evaluate import evaluate, gate
from tests.policies.pack_process import running_pack

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s


class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("acme:index:Thing", name)
        self.register_outputs({})


class Serving(pulumi.ComponentResource):
    def __init__(self, name, props):
        super().__init__("modelyard:index:Serving", name, props)
        self.register_outputs({})


config = pulumi.Config()
facts = {"model": "llama-3.1-405b", "quantization": "fp8", "gpu": "L4", "gpuCount": 1, "contextTokens": 8192}
Serving("mine", {**facts, "auth": config.get("auth") or "none", "trial": True})
Thing("theirs")
labels = {"app": "mine"}
container = {"name": "server", "image": "vllm/vllm-openai:latest"}
k8s.apps.v1.Deployment(
    "mine",
    metadata={"namespace": "llm"},
    spec={
        "selector": {"match_labels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
    },
)
"""


def test_a_program_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: mine\nruntime: python\n", encoding="utf-8")
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    (tmp_path / "__main__.py").write_text(PROGRAM, encoding="utf-8")
    resources = run_program(tmp_path, "dev")
    stopped = {result.id: result.findings for result in gate(evaluate(resources, price_resources(resources)))}
    assert list(stopped) == ["trial-deadline", "vram-fit", "endpoint-auth", "image-pinned"]
    assert "the tag 'latest' moves" in stopped["image-pinned"][0].measured
    with running_pack() as pack:
        said = {item.policyName for item in pack.preview(resources)}
    assert said - {"advice"} == set(stopped)
