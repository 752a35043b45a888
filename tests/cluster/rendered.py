"""The Kubernetes objects of a stack, exactly as its program registers them."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from modelyard.cli.embedded.program import run
from modelyard.cli.project import load_project, load_stack
from modelyard.resources import SECRET, UNKNOWN, Resource
from tests.cluster.client import Manifest

ROOT: Final = Path(__file__).parents[2]
SERVE: Final = "modelyard:serve"


def manifests(stack: str, *, namespace: str | None = None, **changes: Any) -> list[Manifest]:
    """Every Kubernetes object of a stack of this repository, in the order in which it is registered.

    Args:
        stack: name of the environment.
        namespace: put in the place of the stack's own.
        changes: keys of ``modelyard:serve`` that replace the stack's, such as ``replicas=3``; mappings are merged.
    """
    project = load_project(ROOT)
    found = load_stack(project, stack)
    config = copy.deepcopy(dict(found.config))
    asked = config[SERVE]
    if namespace is not None:
        changes = _merged(changes, {"place": {"kubernetes": {"namespace": namespace}}})
    config[SERVE] = _merged(asked, {key.replace("_", "-"): value for key, value in changes.items()})
    changed = type(found)(
        environment=found.environment,
        shown=found.shown,
        config=config,
        secret_keys=found.secret_keys,
        lines=found.lines,
    )
    return [_manifest(resource) for resource in run(project, changed) if resource.type.startswith("kubernetes:")]


def on_kubernetes() -> list[str]:
    """Names of the stacks of this repository that run on Kubernetes."""
    project = load_project(ROOT)
    names = [
        path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in (ROOT / "stacks").glob("Pulumi.*.yaml")
    ]
    return sorted(name for name in names if "kubernetes" in load_stack(project, name).config[SERVE]["place"])


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        here = found.get(key)
        if isinstance(value, Mapping) and isinstance(here, Mapping):
            found[key] = _merged(cast("Mapping[str, Any]", here), cast("Mapping[str, Any]", value))
        else:
            found[key] = value
    return found


def _manifest(resource: Resource) -> Manifest:
    """The object that the Kubernetes provider would send. Secret and unknown values get a stand-in."""
    props = cast("dict[str, Any]", dict(resource.props))
    if props["kind"] == "Secret" and props.get("stringData") in (SECRET, UNKNOWN):
        # The whole mapping is a secret to the recording; what keys it has is told by who refers to it.
        props["stringData"] = {"token": "a-key-for-tests", "access.conf": "# nobody\n"}
    return props
