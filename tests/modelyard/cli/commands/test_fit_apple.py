"""`modelyard fit` about a Mac: engine, memory, wired limit, and what is refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from modelyard.cli.main import main


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    exit_code: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> Result:
        code = main(["fit", "llama-3.3-70b", *arguments])
        captured = capsys.readouterr()
        return Result(exit_code=code, stdout=captured.out, stderr=captured.err)

    return call


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--engine", "mlx", "--gpu", "M3-Ultra"), "bf16 on M3-Ultra with 512 GB · MLX LM"),
        (("--gpu", "M3 Ultra", "--gpu-mem", "96", "-q", "4bit"), "mlx-4bit on M3-Ultra with 96 GB · MLX LM"),
        (("--gpu", "Apple M4 Max", "-q", "q4_k_m"), "q4_k_m on M4-Max with 128 GB · llama.cpp"),
        (("--gpu", "M4-Max", "--engine", "ollama", "-q", "q4_k_m"), "· Ollama"),
        (("--gpu", "M9-Ultra", "--gpu-mem", "768", "-q", "8bit"), "on M9-Ultra with 768 GB"),
    ],
)
def test_it_fits(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert words in result.stdout
    assert "\nfits" in result.stdout
    assert "tp 1" not in result.stdout
    assert "CUDA" not in result.stdout


def test_it_does_not_and_what_would(run: Run) -> None:
    result = run("--gpu", "M4-Max", "--gpu-mem", "48", "-q", "4bit")
    assert result.exit_code == 3
    assert "more than the wired limit of 36.00 GiB" in result.stdout
    assert "✔ not priced  memory 48 GB → 64 GB: " in result.stdout  # a Mac is not for rent


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--gpu", "M3-Ultra", "--engine", "vllm"), "vllm does not run on Apple M3 Ultra"),
        (("--gpu", "M3-Ultra", "--tp", "2"), "a Mac has one GPU, 2 are asked for"),
        (("--gpu", "M9-Ultra"), "the memory of 'M9-Ultra' is not known"),
        (("--gpu", "M4-Max", "--wired-limit-mb", "200000"), "a wired limit of '200000' MB is not possible"),
        (("--gpu-mem", "64"), "--gpu-mem needs --gpu"),
        (("--wired-limit-mb", "64000"), "--wired-limit-mb needs --gpu"),
    ],
)
def test_refused(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_the_wired_limit_as_given(run: Run) -> None:
    result = run("--gpu", "M4-Max", "--gpu-mem", "64", "-q", "4bit", "--wired-limit-mb", "60000", "--json")
    answer = json.loads(result.stdout)
    assert answer["verdict"] == "fits"
    assert answer["gpu_layers"] is None
    assert not any("wired limit" in note for note in answer["unknown"])


def test_explained(run: Run) -> None:
    result = run("--gpu", "M4-Max", "-q", "4bit", "--explain")
    assert result.stdout.startswith("wired limit: 96.0000 GiB")
    assert "KV cache: 5.0000 GiB" in result.stdout


def test_layers_and_requests_by_llama_cpps_own_flags(run: Run) -> None:
    result = run("--engine", "llama.cpp", "--gpu", "RTX-4090", "-q", "q4_k_m", "-ngl", "30", "-np", "2", "--json")
    answer = json.loads(result.stdout)
    assert (answer["gpu_layers"], answer["kv_cache_tokens"], answer["verdict"]) == (30, 32768, "tight")
    assert answer["host_bytes"] > 0
    assert any("main memory of the machine" in note for note in answer["unknown"])


def test_the_list_names_memory_sizes_and_engines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gpus", "apple"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("M3-Ultra"))
    assert "≤512" in row
    assert "mlx, llama.cpp, ollama; sold with 96, 256, 512 GB" in row


def test_memory_of_another_gpu(run: Run) -> None:
    answer = json.loads(run("--gpu", "A10G", "--gpu-mem", "11.2", "-q", "fp8", "--json").stdout)
    assert answer["per_gpu_bytes"]["total"] == round(11.2 * 2**30)
