"""Small programs for the rules' examples: the least that each rule needs to see."""

from collections.abc import Mapping

from modelyard.resources import Resource, Value
from policies.facts import MACHINE, SERVING

_STACK = "urn:pulumi:example::modelyard::pulumi:pulumi:Stack::modelyard-example"


def component(kind: str, name: str, props: Mapping[str, Value], *, parent: Resource | None = None) -> Resource:
    """One component, with a URN like the engine's."""
    return _resource(kind, name, props, parent, custom=False)


def serving(props: Mapping[str, Value], *, name: str = "chat") -> Resource:
    """A Serving with the facts that an example is about."""
    return component(SERVING, name, props)


def machine(
    props: Mapping[str, Value] | None = None, *, parent: Resource | None = None, usd_per_hour: str = "3.99"
) -> Resource:
    """A rented machine at a price of the example's own, billed by the second."""
    offer: Value = {
        "vendor": "runpod",
        "sku": "H100 SXM",
        "gpu": "H100-SXM",
        "gpuCount": 1,
        "region": "EU-RO-1",
        "trust": "secure",
        "spot": False,
        "usdPerHour": usd_per_hour,
        "granularitySeconds": 1,
        "minimumSeconds": 0,
        "asOf": "2026-11-09",
        "source": "https://www.runpod.io/pricing",
    }
    given: dict[str, Value] = {"candidates": [offer], "image": "vllm/vllm-openai:v0.33.0", "diskGb": 0}
    return _resource(MACHINE, "chat-machine", {**given, **(props or {})}, parent, custom=True)


def deployment(image: str) -> Resource:
    """A Kubernetes Deployment of one container."""
    containers: Value = [{"name": "server", "image": image}]
    spec: Value = {"template": {"spec": {"containers": containers}}}
    return _resource("kubernetes:apps/v1:Deployment", "chat", {"spec": spec}, None, custom=True)


def _resource(kind: str, name: str, props: Mapping[str, Value], parent: Resource | None, *, custom: bool) -> Resource:
    urn = f"urn:pulumi:example::modelyard::{kind}::{name}"
    return Resource(urn=urn, type=kind, name=name, props=props, custom=custom, parent=parent.urn if parent else _STACK)
