"""Every engine's command line, and its flags against the list of the pinned version."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.engines import find_engine, load_flags
from modelyard.errors import ConfigError, UnknownNameError, UsageError
from modelyard.render.engines import RENDERERS, Command, Launch, render_engine, renderer_of, tensorrt_llm
from modelyard.render.engines import ollama as ollama_engine
from modelyard.spec import FlagValue

ENGINES = tuple(RENDERERS)


def launch(engine: str, **changes: Any) -> Launch:
    row = find_engine(engine)
    facts: dict[str, Any] = {
        "engine": engine,
        "version": row.version,
        "model_id": "org/model",
        "served_model": "model",
        "context_tokens": 8192,
        "concurrency": 4,
        "tensor_parallel_size": 2,
        "port": row.port,
        "cache_path": "/models",
        "quantization": None,
        "kv_cache_dtype": "auto",
    }
    return Launch(**(facts | changes))


def made(engine: str, args: dict[str, FlagValue] | None = None, **changes: Any) -> Command:
    return render_engine(launch(engine, args=args or {}, **changes))


EXPECTED = {
    "vllm": "org/model --served-model-name model --max-model-len 8192 --tensor-parallel-size 2 --port 8000 "
    "--download-dir /models",
    "sglang": "--model-path org/model --served-model-name model --context-length 8192 --tp-size 2 --host 0.0.0.0 "
    "--port 30000 --download-dir /models --enable-metrics",
    "tensorrt-llm": "org/model --max_seq_len 8192 --tp_size 2 --host 0.0.0.0 --port 8000",
    "tgi": "--model-id org/model --num-shard 2 --max-total-tokens 8192 --max-input-tokens 8191 "
    "--max-concurrent-requests 132 --hostname 0.0.0.0 --port 8080 --huggingface-hub-cache /models --usage-stats off",
    "ollama": "",
    "llama.cpp": "--hf-repo org/model --alias model --ctx-size 32768 --parallel 4 --host 0.0.0.0 --port 8080 --metrics "
    "--jinja --n-gpu-layers all",
}


@pytest.mark.parametrize("engine", ENGINES)
def test_argv(engine: str) -> None:
    assert " ".join(made(engine).argv) == EXPECTED[engine]


@pytest.mark.parametrize("engine", ENGINES)
def test_every_flag_that_is_rendered_owned_or_read_is_one_of_the_pinned_version(engine: str) -> None:
    flags = load_flags(engine, find_engine(engine).version)
    spelled = {spelling for flag, facts in flags.items() for spelling in (flag, *facts.aliases)}
    rendered = {word for word in made(engine).argv if word.startswith("--")}
    assert rendered <= spelled
    renderer = renderer_of(engine)
    assert set(renderer.owned) <= set(flags)
    assert {f"--{name}" for name in renderer.fit_flags.values()} <= {s.replace("_", "-") for s in spelled}
    assert renderer.shutdown_flag is None or renderer.shutdown_flag in flags


@pytest.mark.parametrize("engine", ENGINES)
def test_a_flag_list_says_where_it_is_from(engine: str) -> None:
    version = find_engine(engine).version
    folder = Path(str(__import__("modelyard").__file__)).parent / "data"
    document = json.loads((folder / f"{engine}-flags-{version}.json").read_text())
    assert (document["engine"], document["version"]) == (engine, version)
    assert document["source"].startswith("https://")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", document["as_of"])


@pytest.mark.parametrize(
    ("engine", "args", "rendered"),
    [
        ("sglang", {"mem-fraction-static": 0.85}, ("--mem-fraction-static", "0.85")),
        ("sglang", {"disable-radix-cache": True}, ("--disable-radix-cache",)),
        ("tensorrt-llm", {"max-num-tokens": 4096}, ("--max_num_tokens", "4096")),
        ("tensorrt-llm", {"free_gpu_memory_fraction": 0.8}, ("--kv_cache_free_gpu_memory_fraction", "0.8")),
        ("tgi", {"cuda-memory-fraction": 0.9}, ("--cuda-memory-fraction", "0.9")),
        ("llama.cpp", {"ubatch-size": 1024}, ("--ubatch-size", "1024")),
        ("llama.cpp", {"kv-unified": False}, ("--no-kv-unified",)),
    ],
)
def test_the_users_flags_follow(engine: str, args: dict[str, FlagValue], rendered: tuple[str, ...]) -> None:
    assert made(engine, args).argv[-len(rendered) :] == rendered


@pytest.mark.parametrize(
    ("engine", "name", "nearest"),
    [
        ("sglang", "mem-fraction-statics", "mem-fraction-static"),
        ("tensorrt-llm", "max-num-token", "max-num-tokens"),
        ("tgi", "cuda-memory-fractions", "cuda-memory-fraction"),
        ("llama.cpp", "ubatch-sise", "ubatch-size"),
        ("ollama", "gpu-overheads", "gpu-overhead"),
    ],
)
def test_an_unknown_flag_names_the_nearest(engine: str, name: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        made(engine, {name: 1})
    assert nearest in str(caught.value)
    assert find_engine(engine).title in str(caught.value)


@pytest.mark.parametrize(
    ("engine", "name"),
    [
        ("sglang", "api-key"),
        ("sglang", "tensor-parallel-size"),
        ("tensorrt-llm", "tp-size"),
        ("tensorrt-llm", "config"),
        ("tgi", "max-total-tokens"),
        ("tgi", "api-key"),
        ("llama.cpp", "c"),
        ("llama.cpp", "api-key"),
        ("ollama", "host"),
        ("ollama", "context-length"),
    ],
)
def test_what_the_plan_owns_is_not_the_users(engine: str, name: str) -> None:
    with pytest.raises(ConfigError, match="is not yours to set"):
        made(engine, {name: "1"})


@pytest.mark.parametrize(
    ("engine", "dtype", "expected"),
    [
        ("sglang", "fp8", ("--kv-cache-dtype", "fp8_e4m3")),
        ("tgi", "fp8", ("--kv-cache-dtype", "fp8_e4m3fn")),
        ("llama.cpp", "bfloat16", ("--cache-type-k", "bf16", "--cache-type-v", "bf16")),
    ],
)
def test_kv_dtype_in_the_engines_own_word(engine: str, dtype: str, expected: tuple[str, ...]) -> None:
    assert " ".join(expected) in " ".join(made(engine, kv_cache_dtype=dtype).argv)


@pytest.mark.parametrize(("engine", "dtype"), [("ollama", "fp8"), ("llama.cpp", "fp8"), ("tensorrt-llm", "fp8_e5m2")])
def test_a_kv_dtype_that_the_engine_lacks_is_refused(engine: str, dtype: str) -> None:
    with pytest.raises(UsageError, match="has no kv-cache-dtype"):
        made(engine, kv_cache_dtype=dtype)


def test_tensorrt_llm_gets_what_has_no_flag_as_a_file() -> None:
    command = made("tensorrt-llm", kv_cache_dtype="fp8")
    options = json.loads(command.env[tensorrt_llm.OPTIONS_VARIABLE])
    assert options == {
        "return_perf_metrics": True,
        "enable_iter_perf_stats": True,
        "kv_cache_config": {"dtype": "fp8"},
    }
    assert command.command[:2] == ("/bin/sh", "-c")
    assert command.served_model == "org/model", "it cannot be told another name"


def test_tensorrt_llm_does_not_quantise_while_loading() -> None:
    with pytest.raises(UsageError, match="loads checkpoints as they are"):
        made("tensorrt-llm", quantization="fp8")


@pytest.mark.parametrize(("engine", "flag"), [("sglang", "--quantization"), ("tgi", "--quantize")])
def test_weights_made_while_loading(engine: str, flag: str) -> None:
    assert f"{flag} fp8" in " ".join(made(engine, quantization="fp8").argv)


def test_ollama_is_set_up_by_its_environment() -> None:
    env = made("ollama", {"gpu-overhead": 1000, "flash-attention": True, "noprune": False}).env
    assert env["OLLAMA_CONTEXT_LENGTH"] == "8192"
    assert env["OLLAMA_NUM_PARALLEL"] == "4"
    assert env["OLLAMA_MODELS"] == "/models"
    assert env["OLLAMA_SCHED_SPREAD"] == "1"
    assert (env["OLLAMA_GPU_OVERHEAD"], env["OLLAMA_FLASH_ATTENTION"], env["OLLAMA_NOPRUNE"]) == ("1000", "1", "0")
    assert made("ollama").health_path == "/v1/models/model"


@pytest.mark.parametrize(
    ("pull", "calls", "code"),
    [
        (0, ["pull hf.co/org/model", "run hf.co/org/model ", "cp hf.co/org/model model"], 0),
        (1, ["pull hf.co/org/model"], 1),
    ],
    ids=["the model is named after it was loaded", "a failed pull ends the pod"],
)
def test_ollamas_start(tmp_path: Path, pull: int, calls: list[str], code: int) -> None:
    fake = tmp_path / "ollama"
    log = tmp_path / "log"
    fake.write_text(
        f"""#!/bin/sh
case $1 in
  serve) while [ ! -e {tmp_path}/done ]; do sleep 0.05; done; exit 0 ;;
  list) exit 0 ;;
esac
echo "$*" >> {log}
[ $1 = pull ] && exit {pull}
[ $1 = cp ] && touch {tmp_path}/done
exit 0
"""
    )
    fake.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", **made("ollama").env}
    ended = subprocess.run(["/bin/sh", "-c", ollama_engine.START], env=env, timeout=30, check=False)
    assert log.read_text().splitlines() == calls
    assert ended.returncode == code
    (tmp_path / "done").touch()


def test_an_engine_that_is_not_deployed_names_those_that_are() -> None:
    with pytest.raises(UnknownNameError) as caught:
        renderer_of("mlx")
    assert "sglang" in str(caught.value)
