"""What each registered resource is, in a few words that a person can check."""

from collections.abc import Callable

from modelyard.report.reader import Reader
from modelyard.resources import Resource
from modelyard.units import format_duration

_ARGV_WORDS = 6


def describe(resource: Resource) -> str:
    """A short line about one resource; empty when there is nothing to add to its type and name."""
    props = Reader(resource.props)
    kind = resource.type
    if kind.startswith("kubernetes:"):
        return _kubernetes(kind.rpartition(":")[2], props)
    says = _OURS.get(kind)
    return says(props) if says else ""


def machine_label(offer: Reader) -> str:
    """``runpod 4× H200 secure``."""
    market = "spot" if offer.flag("spot") else offer.text("trust")
    parts = (offer.text("vendor"), f"{offer.whole('gpuCount') or '?'}× {offer.text('gpu', '?')}", market)
    return " ".join(part for part in parts if part and part != "cloud")


def _end(props: Reader) -> str:
    seconds, deadline = props.whole("lifetimeSeconds"), props.text("deadline")
    if deadline:
        return f"gone by {deadline}"
    return f"gone {format_duration(seconds)} after it was asked for" if seconds else "no end"


def _serving(props: Reader) -> str:
    return _join(props.text("modelTitle", props.text("model")), props.text("quantization"))


def _machine(props: Reader) -> str:
    offers = props.parts("candidates")
    if not offers:
        return _end(props)
    more = f"{len(offers) - 1} more to fall back on" if len(offers) > 1 else ""
    return _join(machine_label(offers[0]), more, _end(props))


def _node(props: Reader) -> str:
    return _join(
        f"{props.text('vendor')} {props.whole('gpuCount') or '?'}× {props.text('gpu', '?')}".strip(), _end(props)
    )


def _cache(props: Reader) -> str:
    size = props.whole("sizeGb")
    return _join(f"{props.text('path', '?')} on {props.text('kind', '?')}", f"{size:,} GB" if size else "")


def _server(props: Reader) -> str:
    argv = props.texts("argv")
    cut = " …" if len(argv) > _ARGV_WORDS else ""
    replicas = props.whole("replicas") or 1
    words = " ".join(argv[:_ARGV_WORDS])
    return _join(f"{replicas}×" if replicas > 1 else "", f"{props.text('image')} {words}{cut}".strip(), sep=" ")


def _gateway(props: Reader) -> str:
    return _join(
        f"{props.text('auth', 'no')} auth",
        "TLS" if props.flag("tls") else "no TLS",
        "public" if props.flag("public") else "private",
        props.text("hostname"),
    )


def _monitoring(props: Reader) -> str:
    days = props.whole("retentionDays")
    return _join(
        "Prometheus" if props.text("prometheusImage") else "",
        "Grafana" if props.text("grafanaImage") else "",
        f"{days} days kept" if days else "",
    )


def _ready(props: Reader) -> str:
    seconds = props.whole("timeoutSeconds")
    if not seconds:
        return ""
    otherwise = ", else the machine is deleted" if props.flag("deleteOnFailure") else ""
    return f"the model answers within {format_duration(seconds)}{otherwise}"


def _existing(props: Reader) -> str:
    nodes, gpus = props.whole("nodes"), props.whole("gpusPerNode")
    priced = "" if props.money("usdPerHour") is not None else "price not known"
    count = f"{nodes or '?'} node{'' if nodes == 1 else 's'}"
    return _join(f"{count} of {gpus or '?'}× {props.text('gpu', '?')}, already there", priced)


def _kubernetes(kind: str, props: Reader) -> str:
    spec = props.part("spec")
    if kind in {"Deployment", "DaemonSet", "StatefulSet", "Job"}:
        containers = spec.parts("template.spec.containers")
        images = ", ".join(container.text("image", "?") for container in containers)
        gpus = sum(_gpus(container) for container in containers)
        replicas = spec.whole("replicas")
        return _join(
            f"{replicas}×" if replicas and replicas > 1 else "", images, f"({gpus} GPUs each)" if gpus else "", sep=" "
        )
    if kind == "PersistentVolumeClaim":
        return spec.text("resources.requests.storage")
    if kind == "Service":
        return _join(spec.text("type", "ClusterIP"), *(f"port {port.whole('port')}" for port in spec.parts("ports")))
    return props.text("metadata.namespace")


def _gpus(container: Reader) -> int:
    limits = container.get("resources.limits")
    if not isinstance(limits, dict):
        return 0
    asked = limits.get("nvidia.com/gpu", limits.get("amd.com/gpu"))
    return int(asked) if isinstance(asked, str | int) and str(asked).isdigit() else 0


def _join(*parts: str, sep: str = ", ") -> str:
    return sep.join(part for part in parts if part)


_OURS: dict[str, Callable[[Reader], str]] = {
    "modelyard:index:Serving": _serving,
    "modelyard:index:GpuNode": _node,
    "modelyard:index:ModelCache": _cache,
    "modelyard:index:InferenceServer": _server,
    "modelyard:index:Gateway": _gateway,
    "modelyard:index:GpuMetrics": lambda props: props.text("image", props.text("exporter")),
    "modelyard:index:Monitoring": _monitoring,
    "modelyard:index:ExistingNodes": _existing,
    "modelyard-rental:index:Machine": _machine,
    "modelyard-rental:index:AccessKey": lambda props: f"{props.whole('length') or '?'} random bytes, a secret",
    "modelyard-rental:index:Ready": _ready,
}
