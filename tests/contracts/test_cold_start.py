"""The commands that people run most do not wait for what they do not use: by what they import, not by the clock."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SLOW = (
    "httpx",
    "huggingface_hub",
    "pulumi",
    "pulumi_kubernetes",
    "pulumi_policy",
    "grpc",
    "rich",
    "jinja2",
    "asyncio",
    "stacks",
    "components",
    "policies",
)
"""Packages that take long to import, or belong to other commands."""

PROBE = """
import json, sys
from modelyard.cli.main import main
code = main(json.loads(sys.argv[1]))
print(json.dumps({"code": code, "modules": sorted({name.split(".")[0] for name in sys.modules})}), file=sys.stderr)
"""


def imported_by(*arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    report = json.loads(done.stderr.splitlines()[-1])
    assert report["code"] == 0
    return set(report["modules"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "llama-3.3-70b", "--quantization", "fp8", "--gpu", "H100-SXM", "--tp", "2"),
        ("fit", "llama-3.1-8b"),
        ("offers", "--limit", "3"),
        ("models", "llama"),
        ("gpus", "--json"),
        ("--help",),
        ("preview", "--help"),
    ],
    ids=lambda a: " ".join(a[:2]),
)
def test_what_is_not_imported(arguments: tuple[str, ...]) -> None:
    assert imported_by(*arguments) & set(SLOW) == set()


def test_the_probe_would_see_it() -> None:
    assert "modelyard" in imported_by("--version")
    assert "stacks" in imported_by("schema")
