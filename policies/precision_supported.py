"""The GPU generation can run the weights' precision: worked out here, never taken from the props."""

from modelyard.catalog.gpus import Gpu
from modelyard.errors import ModelyardError
from modelyard.fit import Support, precision_support, resolve_precision
from modelyard.resources import Resource
from policies.examples import serving
from policies.facts import SERVING, Facts, first_unknown, text
from policies.refit import find_serving_gpu, find_serving_model
from policies.rule import Example, Finding, Rule, RuleConfig, Scope, Status


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Ask the fit's own table whether this engine release has a kernel for this precision on this GPU."""
    return tuple(_judge(resource) for resource in facts.resources)


def _judge(resource: Resource) -> Finding:
    gpu_name, quantization = text(resource, "gpu"), text(resource, "quantization")
    engine, version = text(resource, "engine.name"), text(resource, "engine.version")
    unknown = first_unknown(
        (("gpu", gpu_name), ("quantization", quantization), ("engine.name", engine), ("engine.version", version))
    )
    if unknown:
        return _finding(resource, Status.UNKNOWN, f"{unknown} is not known before `up`", "give it as a plain value")
    if not isinstance(gpu_name, str) or not isinstance(quantization, str):
        return _finding(resource, Status.UNKNOWN, "the GPU or the precision is not given", "name both")
    try:
        gpu: Gpu = find_serving_gpu(resource)
        support = _support(resource, gpu, quantization)
    except ModelyardError as error:
        return _finding(resource, Status.UNKNOWN, error.brief, "use a GPU and a precision that the catalog holds")
    others = ", ".join(gpu.precisions)
    verdicts = (
        (not support.ok, Status.FAIL, f"take one of {others} on this GPU, or a newer GPU"),
        (
            support.kind in {"fp16", "fp32"},
            Status.WARN,
            "check that the model holds up in float16, or take a newer GPU",
        ),
        (support.plugin is not None, Status.WARN, f"use an image that holds {support.plugin}"),
    )
    status, change = next(((status, change) for is_so, status, change in verdicts if is_so), (Status.PASS, ""))
    measured = (
        f"{quantization} on {gpu.name} ({gpu.generation}, compute capability {gpu.compute_capability}): {support.why}"
    )
    return _finding(resource, status, measured, change)


def _support(resource: Resource, gpu: Gpu, quantization: str) -> Support:
    engine, version = text(resource, "engine.name"), text(resource, "engine.version")
    name, method = quantization, None
    try:
        precision = resolve_precision(find_serving_model(resource), quantization)
        name, method = precision.scheme.name, None if precision.on_the_fly else precision.checkpoint.quant_method
    except ModelyardError:
        pass  # a model or checkpoint that the catalog lacks: judged by the precision's name alone
    return precision_support(
        gpu,
        name,
        engine if isinstance(engine, str) and engine else "vllm",
        version=version if isinstance(version, str) and version else None,
        method=method,
    )


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
