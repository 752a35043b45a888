"""Prometheus: what is scraped, how often, and under which labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import yaml

SCRAPE_SECONDS: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrapeJob:
    """One thing to scrape."""

    name: str
    targets: tuple[str, ...]
    """``host:port`` each; of a DNS job, names whose A records are the targets."""
    path: str = "/metrics"
    dns_port: int | None = None
    """Set: look the targets up by DNS (a headless Service) and scrape this port on each."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


def prometheus_yml(jobs: Sequence[ScrapeJob], *, labels: Mapping[str, str]) -> str:
    """``prometheus.yml``.

    Args:
        jobs: what to scrape.
        labels: labels of every series that leaves this Prometheus, such as the environment's name.
    """
    document = {
        "global": {
            "scrape_interval": f"{SCRAPE_SECONDS}s",
            "evaluation_interval": f"{SCRAPE_SECONDS}s",
            "external_labels": dict(sorted(labels.items())),
        },
        "scrape_configs": [_job(job) for job in jobs],
    }
    return yaml.safe_dump(document, sort_keys=False)


def _job(job: ScrapeJob) -> dict[str, object]:
    found: dict[str, object]
    if job.dns_port is None:
        static: dict[str, object] = {"targets": list(job.targets)}
        if job.labels:
            static["labels"] = dict(job.labels)
        found = {"static_configs": [static]}
    else:
        found = {"dns_sd_configs": [{"names": list(job.targets), "type": "A", "port": job.dns_port}]}
    return {"job_name": job.name, "metrics_path": job.path, **found}
