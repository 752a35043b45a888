"""Grafana: its data source, where it finds dashboards, and the one dashboard that everything it shows is on.

Every query uses names that the pinned engine and the DCGM exporter expose: a test reads them against the committed
metric list, because panels that ask for a renamed metric fail without a word.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import yaml

DATASOURCE_UID: Final = "modelyard-prometheus"
DASHBOARD_UID: Final = "modelyard-serving"

_WINDOW: Final = "$__rate_interval"


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """One panel: a question, and the queries that answer it."""

    title: str
    queries: tuple[tuple[str, str], ...]
    """PromQL and legend, each."""
    unit: str = "short"
    """Grafana's name of the unit."""
    why: str = ""
    """What to do when it moves; shown on the panel."""
    threshold: float | None = None
    """Drawn red from here on."""


def _quantiles(metric: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        (f"histogram_quantile({q}, sum by (le) (rate({metric}_bucket[{_WINDOW}])))", name)
        for q, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
    )


def _rate(metric: str, by: str = "") -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}[{_WINDOW}]))"


SERVING_PANELS: Final[Sequence[Panel]] = (
    Panel(
        title="Requests",
        queries=(
            ("sum(vllm:num_requests_running)", "running"),
            ("sum(vllm:num_requests_waiting)", "waiting"),
        ),
        why="Waiting above zero for minutes: more replicas, or fewer requests at once.",
    ),
    Panel(
        title="KV cache in use",
        queries=(("max by (instance) (vllm:kv_cache_usage_perc)", "{{instance}}"),),
        unit="percentunit",
        why="Past 85 % requests get preempted: shorter context, an FP8 KV cache, or a larger GPU.",
        threshold=0.85,
    ),
    Panel(
        title="Time to first token",
        queries=_quantiles("vllm:time_to_first_token_seconds"),
        unit="s",
        why="Rises with queueing and with long prompts.",
    ),
    Panel(
        title="Time between tokens",
        queries=_quantiles("vllm:inter_token_latency_seconds"),
        unit="s",
        why="Rises with the number of requests that run at once.",
    ),
    Panel(title="Whole request", queries=_quantiles("vllm:e2e_request_latency_seconds"), unit="s"),
    Panel(title="Time in the queue", queries=_quantiles("vllm:request_queue_time_seconds"), unit="s"),
    Panel(
        title="Tokens per second",
        queries=(
            (_rate("vllm:prompt_tokens_total"), "prompt"),
            (_rate("vllm:generation_tokens_total"), "generated"),
        ),
    ),
    Panel(
        title="Requests per second by how they ended",
        queries=((_rate("vllm:request_success_total", "finished_reason"), "{{finished_reason}}"),),
        unit="reqps",
        why="abort: the caller hung up. error: read the engine's log.",
    ),
    Panel(
        title="Prefix cache hits",
        queries=(
            (
                f"{_rate('vllm:prefix_cache_hits_total')} / {_rate('vllm:prefix_cache_queries_total')}",
                "share of tokens",
            ),
        ),
        unit="percentunit",
    ),
    Panel(
        title="Preemptions per second",
        queries=((_rate("vllm:num_preemptions_total"), "preemptions"),),
        why="Above zero: the KV cache is too small for the requests that run at once.",
    ),
)

GPU_PANELS: Final[Sequence[Panel]] = (
    Panel(
        title="GPU utilisation",
        queries=(("DCGM_FI_DEV_GPU_UTIL", "GPU {{gpu}}"),),
        unit="percent",
        why="Low on every GPU for long: it is paid for and idle.",
    ),
    Panel(
        title="GPU memory in use",
        queries=(("DCGM_FI_DEV_FB_USED / (DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)", "GPU {{gpu}}"),),
        unit="percentunit",
        why="The engine takes its share at start and keeps it: flat is right.",
    ),
    Panel(title="Power", queries=(("DCGM_FI_DEV_POWER_USAGE", "GPU {{gpu}}"),), unit="watt"),
    Panel(
        title="Temperature",
        queries=(("DCGM_FI_DEV_GPU_TEMP", "GPU {{gpu}}"),),
        unit="celsius",
        threshold=85,
    ),
    Panel(
        title="Last XID error",
        queries=(("DCGM_FI_DEV_XID_ERRORS", "GPU {{gpu}}"),),
        why="Anything but 0: look the number up in NVIDIA's XID list; 79 means the GPU fell off the bus.",
        threshold=1,
    ),
    Panel(title="Memory bandwidth in use", queries=(("DCGM_FI_PROF_DRAM_ACTIVE", "GPU {{gpu}}"),), unit="percentunit"),
)


def datasource_yml(*, prometheus_url: str) -> str:
    """Provisioning of the one data source.

    Args:
        prometheus_url: as Grafana's own process reaches it.
    """
    source = {
        "name": "Prometheus",
        "uid": DATASOURCE_UID,
        "type": "prometheus",
        "access": "proxy",
        "url": prometheus_url,
        "isDefault": True,
        "editable": False,
        "jsonData": {"timeInterval": "15s"},
    }
    return yaml.safe_dump({"apiVersion": 1, "datasources": [source]}, sort_keys=False)


def dashboards_yml(*, folder: str) -> str:
    """Provisioning of the folder that dashboards are read from.

    Args:
        folder: where the dashboard files lie.
    """
    provider = {
        "name": "modelyard",
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "options": {"path": folder},
    }
    return yaml.safe_dump({"apiVersion": 1, "providers": [provider]}, sort_keys=False)


def dashboard_json(*, title: str, has_gpu_metrics: bool, has_vllm_metrics: bool = True) -> str:
    """The dashboard, two panels a row, serving above GPUs.

    Args:
        title: heading.
        has_gpu_metrics: whether GPU panels have anything to show.
        has_vllm_metrics: whether the engine has the metrics that the serving panels ask for.
    """
    panels: list[dict[str, object]] = []
    top = 0
    serving = SERVING_PANELS if has_vllm_metrics else ()
    for heading, group in (("Serving", serving), ("GPUs", GPU_PANELS if has_gpu_metrics else ())):
        if not group:
            continue
        panels.append(
            {"id": len(panels) + 1, "type": "row", "title": heading, "gridPos": {"h": 1, "w": 24, "x": 0, "y": top}}
        )
        top += 1
        for place, panel in enumerate(group):
            x, y = place % 2 * 12, top + place // 2 * 8
            panels.append(_panel(panel, number=len(panels) + 1, x=x, y=y))
        top += -(-len(group) // 2) * 8
    document = {
        "uid": DASHBOARD_UID,
        "title": title,
        "tags": ["modelyard"],
        "schemaVersion": 39,
        "editable": False,
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": panels,
    }
    return json.dumps(document, indent=1) + "\n"


def _panel(panel: Panel, *, number: int, x: int, y: int) -> dict[str, object]:
    source = {"type": "prometheus", "uid": DATASOURCE_UID}
    defaults: dict[str, object] = {"unit": panel.unit, "min": 0}
    if panel.threshold is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.threshold}]
        defaults |= {
            "thresholds": {"mode": "absolute", "steps": steps},
            "custom": {"thresholdsStyle": {"mode": "line"}},
        }
    targets = [
        {"refId": chr(ord("A") + i), "datasource": source, "expr": query, "legendFormat": legend}
        for i, (query, legend) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.why,
        "datasource": source,
        "gridPos": {"h": 8, "w": 12, "x": x, "y": y},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": targets,
    }
