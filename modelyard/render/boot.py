"""The start-up script of a rented container: bash, in the engine's own image, the watchdog armed before anything else.

The order is the point. The deadline is fixed and its watcher runs before the first download; the gateway listens before
the engine does; the engine comes last. Monitoring may fail without stopping the service; nothing else may.
"""

import re
import shlex
from collections.abc import Sequence
from typing import Final

from modelyard.render.dcgm import DCGM_PORT, dcgm_counters, smi_exporter
from modelyard.render.grafana import dashboard_json, dashboards_yml, datasource_yml
from modelyard.render.images import find_image
from modelyard.render.machine import GRAFANA_PORT, PROMETHEUS_PORT, SKIPPED_FILES, SPLIT_VARIABLE, MachineText
from modelyard.render.nginx import CONFIG_DIR, nginx_conf
from modelyard.render.prometheus import ScrapeJob, prometheus_yml
from modelyard.render.text import fill

HERE_END: Final = "MODELYARD_END"
"""Ends every here-document; no rendered file may hold it as a line of its own."""
_LIFETIME: Final = re.compile(r"\blifetime_seconds=\d+")


def differs_in_lifetime_alone(one: str, other: str) -> bool:
    """Whether two start-up texts, of any kind of machine, are the same but for the length of life.

    A machine that runs does not care: its deadline came with the create call, and is moved by its name.
    """
    return one != other and _LIFETIME.sub("", one) == _LIFETIME.sub("", other)


def boot_script(machine: MachineText) -> str:
    """The script. Keys come from the environment (``VLLM_API_KEY``, ``HF_TOKEN``), never from its text.

    It reads ``MODELYARD_DEADLINE`` (ISO 8601, set by the create call); without it the lifetime counts from the first
    start. It finds out by itself which vendor's container it runs in.
    """
    return fill(
        "boot.sh.j2",
        words=_shell_words((*machine.argv, "--host", "127.0.0.1")),
        config_dir=CONFIG_DIR,
        dcgm_port=DCGM_PORT,
        dcgm_version=find_image("dcgm-exporter").version,
        end=HERE_END,
        files=machine_files(machine, config_dir=CONFIG_DIR),
        grafana_port=GRAFANA_PORT,
        grafana_version=find_image("grafana").version,
        machine=machine,
        need_kib=-(-machine.download_bytes // 1024),
        prometheus_port=PROMETHEUS_PORT,
        prometheus_version=find_image("prometheus").version,
        skipped=SKIPPED_FILES,
    )


def _shell_words(argv: Sequence[str]) -> list[str]:
    """Arguments as the shell reads them; the one that depends on the candidate comes from the create call."""
    words = [shlex.quote(word) for word in argv]
    for place, word in enumerate(argv[:-1]):
        if word == "--tensor-parallel-size":
            words[place + 1] = f'"${{{SPLIT_VARIABLE}:-{argv[place + 1]}}}"'
    return words


def machine_files(machine: MachineText, *, config_dir: str) -> dict[str, str]:
    """Configuration files of a machine on which every part shares the loopback address: path → text."""
    local = "127.0.0.1"
    prometheus = f"{local}:{PROMETHEUS_PORT}" if machine.has_prometheus else None
    grafana = f"{local}:{GRAFANA_PORT}" if machine.has_grafana else None
    files = {
        f"{config_dir}/nginx.conf": nginx_conf(
            engine=f"{local}:{machine.engine_port}",
            auth=machine.auth,
            health_path=machine.health_path,
            metrics_path=machine.metrics_path,
            prometheus=prometheus,
            grafana=grafana,
            state="/var/lib/modelyard/gateway",
            access_log="/var/lib/modelyard/gateway/access.log",
        )
    }
    if machine.has_prometheus:
        files[f"{config_dir}/prometheus.yml"] = prometheus_yml(scrape_jobs(machine), labels={"stack": machine.name})
    if machine.has_gpu_metrics:
        files[f"{config_dir}/dcgm-counters.csv"] = dcgm_counters()
        files[f"{config_dir}/smi_exporter.py"] = smi_exporter()
    if machine.has_grafana:
        dashboards = f"{config_dir}/grafana/dashboards"
        provisioning = f"{config_dir}/grafana/provisioning"
        url = f"http://{local}:{PROMETHEUS_PORT}/prometheus"
        files[f"{provisioning}/datasources/modelyard.yml"] = datasource_yml(prometheus_url=url)
        files[f"{provisioning}/dashboards/modelyard.yml"] = dashboards_yml(folder=dashboards)
        files[f"{dashboards}/serving.json"] = dashboard_json(
            title=machine.name, has_gpu_metrics=machine.has_gpu_metrics
        )
    return files


def scrape_jobs(machine: MachineText) -> list[ScrapeJob]:
    """What the machine's own Prometheus scrapes."""
    engine = ScrapeJob(name="vllm", targets=(f"127.0.0.1:{machine.engine_port}",), path=machine.metrics_path)
    gpus = ScrapeJob(name="gpu", targets=(f"127.0.0.1:{DCGM_PORT}",))
    return [engine, gpus] if machine.has_gpu_metrics else [engine]
