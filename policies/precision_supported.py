"""The GPU generation can run the weights' precision: worked out here, never taken from the props."""

from modelyard.catalog.gpus import Gpu
from modelyard.errors import ModelyardError
from modelyard.fit import precision_support
from modelyard.resources import Resource
from policies.examples import serving
from policies.facts import SERVING, Facts, first_unknown, text
from policies.refit import find_serving_gpu
from policies.rule import Example, Finding, Rule, RuleConfig, Scope, Status


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Ask the fit's own table whether this engine has a kernel for this precision on this GPU."""
    return tuple(_judge(resource) for resource in facts.resources)


def _judge(resource: Resource) -> Finding:
    gpu_name, quantization = text(resource, "gpu"), text(resource, "quantization")
    engine = text(resource, "engine.name")
    unknown = first_unknown((("gpu", gpu_name), ("quantization", quantization), ("engine.name", engine)))
    if unknown:
        return _finding(resource, Status.UNKNOWN, f"{unknown} is not known before `up`", "give it as a plain value")
    if not isinstance(gpu_name, str) or not isinstance(quantization, str):
        return _finding(resource, Status.UNKNOWN, "the GPU or the precision is not given", "name both")
    try:
        gpu: Gpu = find_serving_gpu(resource)
        support = precision_support(gpu, quantization, engine if isinstance(engine, str) else "vllm")
    except ModelyardError as error:
        return _finding(resource, Status.UNKNOWN, error.brief, "use a GPU and a precision that the catalog holds")
    measured = (
        f"{quantization} on {gpu.name} ({gpu.generation}, compute capability {gpu.compute_capability}): {support.why}"
    )
    if support.kind == "fp16":
        return _finding(
            resource, Status.WARN, measured, "check that the model holds up in float16, or take a newer GPU"
        )
    if support.ok:
        return _finding(resource, Status.PASS, measured, "")
    others = ", ".join(gpu.precisions)
    return _finding(resource, Status.FAIL, measured, f"take one of {others} on this GPU, or a newer GPU")


def _finding(resource: Resource, status: Status, measured: str, change: str) -> Finding:
    return Finding(
        status=status,
        measured=measured,
        limit="the engine has a kernel for the precision on this GPU generation",
        change=change,
        urn=resource.urn,
        name=resource.name,
    )


def _with(quantization: str, gpu: str) -> Example:
    return Example(
        text=f"gpt-oss 20B in {quantization} on {gpu}.",
        resources=(serving({"model": "gpt-oss-20b", "quantization": quantization, "gpu": gpu, "gpuCount": 1}),),
    )


RULE = Rule(
    id="precision-supported",
    title="The GPU generation supports the precision",
    why=(
        "Each GPU generation computes in some precisions and not in others: bf16 begins with Ampere, fp8 arithmetic "
        "with Ada and Hopper, fp4 with Blackwell. The engine finds out after the download, and stops."
    ),
    remedy="Take a precision that the GPU has a kernel for, or a GPU that has one for the precision.",
    scope=Scope.RESOURCE,
    check=check,
    types=(SERVING,),
    fails=_with("mxfp4", "T4"),
    passes=_with("mxfp4", "H100-SXM"),
)
