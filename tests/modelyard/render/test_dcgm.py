import os
import subprocess
import sys
import urllib.request
from pathlib import Path

from modelyard.render.dcgm import DCGM_FIELDS, SMI_FIELDS, dcgm_counters, smi_exporter
from tests.fakes.tools import free_port

FAKE_SMI = """#!/bin/sh
echo "0, GPU-aa, NVIDIA H200, 93, 41, 131072, 9984, 61, 655.20, 1980, 3201"
echo "1, GPU-bb, NVIDIA H200, 0, 0, 12, 141044, 30, [N/A], 345, 2619"
"""
STARTER = """
import runpy, sys, threading, http.server
serve = http.server.ThreadingHTTPServer.serve_forever
def announce(self, *a, **k):
    print("ready", flush=True)
    serve(self, *a, **k)
http.server.ThreadingHTTPServer.serve_forever = announce
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_counters_are_one_field_a_line() -> None:
    lines = dcgm_counters().splitlines()
    assert lines[0].startswith("#")
    assert lines[1] == "DCGM_FI_DEV_GPU_UTIL, gauge, GPU utilisation (in %)."
    assert len(lines) == 1 + len(DCGM_FIELDS)
    assert all(line.count(", ") == 2 for line in lines[1:])


def test_the_stand_in_only_claims_fields_that_the_exporter_has() -> None:
    assert set(SMI_FIELDS) < set(DCGM_FIELDS)


def test_the_stand_in_answers_under_dcgm_names(tmp_path: Path) -> None:
    port = free_port()
    program = tmp_path / "smi_exporter.py"
    program.write_text(smi_exporter(port=port))
    smi = tmp_path / "nvidia-smi"
    smi.write_text(FAKE_SMI)
    smi.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-c", STARTER, str(program)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        finally:
            server.terminate()
    samples = [line for line in lines if not line.startswith("#")]
    busy = [line for line in samples if line.startswith('DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-aa"')]
    assert busy[0].endswith(" 93")
    power = [line for line in samples if line.startswith("DCGM_FI_DEV_POWER_USAGE")]
    assert len(power) == 1, "what nvidia-smi does not know is absent, never 0"
    assert power[0].endswith(" 655.2")
    assert len(samples) == 2 * len(SMI_FIELDS) - 1
    assert "# TYPE DCGM_FI_DEV_FB_USED gauge" in lines
