import subprocess
from pathlib import Path

import yaml

from modelyard.render.prometheus import ScrapeJob, prometheus_yml
from tests.fakes.tools import tool

JOBS = [
    ScrapeJob(name="vllm", targets=("127.0.0.1:8000",), labels={"model": "llama"}),
    ScrapeJob(name="gpu", targets=("gpu.llm.svc",), dns_port=9400, path="/m"),
]


def test_promtool_accepts_it(tmp_path: Path) -> None:
    promtool = tool("promtool", "prometheus")
    config = tmp_path / "prometheus.yml"
    config.write_text(prometheus_yml(JOBS, labels={"stack": "dev"}))
    done = subprocess.run([promtool, "check", "config", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "is valid" in done.stdout


def test_jobs_and_labels() -> None:
    document = yaml.safe_load(prometheus_yml(JOBS, labels={"stack": "dev", "env": "x"}))
    assert document["global"]["external_labels"] == {"env": "x", "stack": "dev"}
    vllm, gpu = document["scrape_configs"]
    assert vllm["static_configs"] == [{"targets": ["127.0.0.1:8000"], "labels": {"model": "llama"}}]
    assert vllm["metrics_path"] == "/metrics"
    assert gpu["metrics_path"] == "/m"
    assert gpu["dns_sd_configs"] == [{"names": ["gpu.llm.svc"], "type": "A", "port": 9400}]
