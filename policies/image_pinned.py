"""Every image that runs is pinned: by a digest, or by a tag that does not move."""

import re

from modelyard.errors import quote
from modelyard.resources import SECRET, UNKNOWN, Resource, Value, lookup
from policies.examples import deployment
from policies.facts import MACHINE, SERVING, Facts, maps
from policies.rule import Example, Finding, Rule, RuleConfig, Scope, Status

_OURS = {
    SERVING: ("engine.image",),
    MACHINE: ("image",),
    "modelyard:index:InferenceServer": ("image",),
    "modelyard:index:Gateway": ("image",),
    "modelyard:index:GpuMetrics": ("image",),
    "modelyard:index:Monitoring": ("prometheusImage", "grafanaImage"),
}
_PODS = {
    "kubernetes:core/v1:Pod": "spec",
    "kubernetes:batch/v1:CronJob": "spec.jobTemplate.spec.template.spec",
    **{
        f"kubernetes:{kind}": "spec.template.spec"
        for kind in (
            "apps/v1:Deployment",
            "apps/v1:DaemonSet",
            "apps/v1:StatefulSet",
            "apps/v1:ReplicaSet",
            "batch/v1:Job",
        )
    },
}
_MOVING = re.compile(r"^(latest|nightly|main|master|edge|dev|stable|rolling)(-.*)?$", re.IGNORECASE)
_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


def check(facts: Facts, config: RuleConfig) -> tuple[Finding, ...]:  # noqa: ARG001  # the shape of every check
    """Look at every image of our components and of any Kubernetes workload."""
    return tuple(
        finding for resource in facts.resources for image in _images(resource) if (finding := _judge(resource, image))
    )


def _images(resource: Resource) -> list[Value]:
    if resource.type in _OURS:
        return [lookup(resource.props, path) for path in _OURS[resource.type]]
    pod = lookup(resource.props, _PODS[resource.type])
    if not isinstance(pod, dict):
        return [UNKNOWN] if pod is UNKNOWN else []
    images: list[Value] = []
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        containers = pod.get(kind)
        if containers is UNKNOWN:
            images.append(UNKNOWN)
        elif isinstance(containers, list):
            images.extend(UNKNOWN for item in containers if item is UNKNOWN)
            # A container without an image is not valid, and is worth the same finding.
            images.extend(item.get("image") or "" for item in maps(containers))
    return images


def _judge(resource: Resource, image: Value) -> Finding | None:
    if image is None:
        return None
    if image is UNKNOWN or image == SECRET:
        status, measured = Status.UNKNOWN, "an image that is secret, or not known before `up`"
    else:
        fault = unpinned(image) if isinstance(image, str) else "the image is not a text"
        status = Status.FAIL if fault else Status.PASS
        measured = f"image {quote(image, limit=100)}" + (f": {fault}" if fault else "")
    return Finding(
        status=status,
        measured=measured,
        limit="a tag that does not move, or a digest",
        change=""
        if status is Status.PASS
        else "name the version, such as vllm/vllm-openai:v0.33.0, or a @sha256 digest",
        urn=resource.urn,
        name=resource.name,
    )


def unpinned(image: str) -> str | None:
    """Why an image reference can mean something else tomorrow; None when it cannot."""
    name, at, digest = image.strip().partition("@")
    if at:
        return None if _DIGEST.match(digest) else "not a sha256 digest"
    # A colon before the last slash is a registry's port.
    _, colon, tag = name.rpartition("/")[2].partition(":")
    if not name:
        return "no image is named"
    if not colon or not tag:
        return "no tag, which means latest"
    return f"the tag {quote(tag)} moves" if _MOVING.match(tag) else None


RULE = Rule(
    id="image-pinned",
    title="Every image is pinned",
    why=(
        "An engine's memory use, flags and bugs change from one version to the next, so a fit that was worked out for "
        "one version says nothing about `latest`. A moving tag also makes two replicas of one deployment differ."
    ),
    remedy="Name a version tag or a digest.",
    scope=Scope.RESOURCE,
    check=check,
    types=(*_OURS, *_PODS),
    fails=Example(text="A Deployment of whatever is newest.", resources=(deployment("vllm/vllm-openai:latest"),)),
    passes=Example(text="The same at one version.", resources=(deployment("vllm/vllm-openai:v0.33.0"),)),
)
