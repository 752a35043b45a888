"""A rented virtual machine with Docker: Compose for the parts, cloud-init to put them there and start them.

Every published port is bound to the loopback address but the gateway's. The parts share the host's network, so that the
files are the same as in a rented container.
"""

from collections.abc import Sequence
from typing import Final

import yaml

from modelyard.render.boot import machine_files
from modelyard.render.dcgm import DCGM_PORT
from modelyard.render.images import find_image
from modelyard.render.machine import (
    GRAFANA_PORT,
    PROMETHEUS_PORT,
    SKIPPED_FILES,
    SPLIT_VARIABLE,
    MachineText,
    shm_bytes,
)
from modelyard.render.nginx import CONFIG_DIR
from modelyard.render.text import fill

COMPOSE_PATH: Final = f"{CONFIG_DIR}/compose.yaml"
ENV_PATH: Final = f"{CONFIG_DIR}/env"
"""Secrets, ``NAME=value`` a line. The create call adds this file to the user data; the rendered text never has it."""


def compose_yaml(machine: MachineText) -> str:
    """``compose.yaml``: weights, engine, gateway and, where asked for, the monitoring."""
    services: dict[str, object] = {
        "weights": _weights(machine),
        "engine": _engine(machine),
        "gateway": _gateway(),
    }
    if machine.has_gpu_metrics:
        services["dcgm-exporter"] = _dcgm()
    if machine.has_prometheus:
        services["prometheus"] = _prometheus(machine)
    if machine.has_grafana:
        services["grafana"] = _grafana()
    document: dict[str, object] = {"name": "modelyard", "services": services}
    volumes: dict[str, object] = {name: {} for name in ("prometheus", "grafana") if name in services}
    if volumes:
        document["volumes"] = volumes
    return yaml.safe_dump(document, sort_keys=False, width=120)


def cloud_init(machine: MachineText) -> str:
    """cloud-init user data that starts ``compose_yaml`` on a fresh machine. Holds no secret.

    The create call adds ``write_files`` of ``/etc/modelyard/env`` with the keys, and ``MODELYARD_DEADLINE``.
    """
    files = {**machine_files(machine, config_dir=CONFIG_DIR), COMPOSE_PATH: compose_yaml(machine)}
    files[f"{CONFIG_DIR}/start.sh"] = vm_script(machine)
    document = {
        "write_files": [
            {"path": path, "permissions": "0755" if path.endswith(".sh") else "0644", "content": text}
            for path, text in files.items()
        ],
        "runcmd": [["bash", f"{CONFIG_DIR}/start.sh"]],
    }
    return "#cloud-config\n" + yaml.safe_dump(document, sort_keys=False, width=120)


def vm_script(machine: MachineText) -> str:
    """The script that cloud-init runs once: watchdog first, then access, certificate, and Compose."""
    return fill("vm.sh.j2", compose_path=COMPOSE_PATH, config_dir=CONFIG_DIR, env_path=ENV_PATH, machine=machine)


def _weights(machine: MachineText) -> dict[str, object]:
    excluded = [word for pattern in SKIPPED_FILES for word in ("--exclude", pattern)]
    return {
        "image": machine.engine_image,
        "entrypoint": ["hf", "download"],
        "command": [machine.hub_id, "--cache-dir", machine.cache_path, *excluded],
        "network_mode": "host",
        "env_file": [ENV_PATH],
        "environment": _cache_environment(machine),
        "volumes": [f"{machine.cache_path}:{machine.cache_path}"],
        "restart": "on-failure:5",
    }


def _engine(machine: MachineText) -> dict[str, object]:
    gpus = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    return {
        "image": machine.engine_image,
        "command": _compose_words((*machine.argv, "--host", "127.0.0.1")),
        "network_mode": "host",
        "env_file": [ENV_PATH],
        "environment": _cache_environment(machine),
        "volumes": [f"{machine.cache_path}:{machine.cache_path}"],
        "shm_size": str(shm_bytes(machine.tensor_parallel_size)),
        "depends_on": {"weights": {"condition": "service_completed_successfully"}},
        "deploy": {"resources": {"reservations": {"devices": [gpus]}}},
        "restart": "on-failure:3",
    }


def _compose_words(argv: Sequence[str]) -> list[str]:
    """Arguments as Compose reads them; the one that depends on the candidate comes from the create call."""
    words = [word.replace("$", "$$") for word in argv]
    for place, word in enumerate(argv[:-1]):
        if word == "--tensor-parallel-size":
            words[place + 1] = f"${{{SPLIT_VARIABLE}:-{argv[place + 1]}}}"
    return words


def _cache_environment(machine: MachineText) -> dict[str, str]:
    return {
        "HF_HOME": machine.cache_path,
        "HF_HUB_CACHE": machine.cache_path,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_XET_HIGH_PERFORMANCE": "1",
        "VLLM_CACHE_ROOT": f"{machine.cache_path}/.vllm",
        "VLLM_NO_USAGE_STATS": "1",
    }


def _gateway() -> dict[str, object]:
    return {
        "image": find_image("nginx").reference,
        "command": ["nginx", "-c", f"{CONFIG_DIR}/nginx.conf", "-g", "daemon off;"],
        "network_mode": "host",
        "volumes": [f"{CONFIG_DIR}:{CONFIG_DIR}:ro"],
        "tmpfs": ["/var/lib/modelyard/gateway"],
        "restart": "unless-stopped",
    }


def _dcgm() -> dict[str, object]:
    gpus = {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    counters = f"{CONFIG_DIR}/dcgm-counters.csv"
    return {
        "image": find_image("dcgm-exporter").reference,
        "command": ["--address", f"127.0.0.1:{DCGM_PORT}", "--collectors", counters],
        "network_mode": "host",
        "cap_add": ["SYS_ADMIN"],  # DCGM's profiling fields need it
        "volumes": [f"{counters}:{counters}:ro"],
        "deploy": {"resources": {"reservations": {"devices": [gpus]}}},
        "restart": "unless-stopped",
    }


def _prometheus(machine: MachineText) -> dict[str, object]:
    return {
        "image": find_image("prometheus").reference,
        "command": [
            f"--config.file={CONFIG_DIR}/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            f"--storage.tsdb.retention.time={machine.retention_days}d",
            f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
            "--web.external-url=/prometheus/",
        ],
        "network_mode": "host",
        "volumes": [f"{CONFIG_DIR}/prometheus.yml:{CONFIG_DIR}/prometheus.yml:ro", "prometheus:/prometheus"],
        "restart": "unless-stopped",
    }


def _grafana() -> dict[str, object]:
    return {
        "image": find_image("grafana").reference,
        "network_mode": "host",
        "environment": {
            **grafana_environment(),
            "GF_PATHS_PROVISIONING": f"{CONFIG_DIR}/grafana/provisioning",
            "GF_SERVER_HTTP_ADDR": "127.0.0.1",
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            "GF_AUTH_BASIC_ENABLED": "false",
            "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        },
        "volumes": [f"{CONFIG_DIR}/grafana:{CONFIG_DIR}/grafana:ro", "grafana:/var/lib/grafana"],
        "restart": "unless-stopped",
    }


def grafana_environment() -> dict[str, str]:
    """Settings of Grafana that hold wherever it runs behind ``/grafana/``."""
    return {
        "GF_SERVER_HTTP_PORT": str(GRAFANA_PORT),
        "GF_SERVER_ROOT_URL": "%(protocol)s://%(domain)s/grafana/",
        "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    }
