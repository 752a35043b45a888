import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from modelyard.catalog.engines import load_flags
from modelyard.catalog.rows import data_dir
from modelyard.errors import ConfigError, UnknownNameError
from modelyard.render import OWNED_FLAGS, vllm_argv
from modelyard.spec import FlagValue


def argv(**changes: Any) -> tuple[str, ...]:
    given: dict[str, Any] = {
        "model_id": "org/model",
        "served_model_name": "model",
        "max_model_len": 8192,
        "tensor_parallel_size": 2,
        "port": 8000,
        "download_dir": "/models",
        "quantization": None,
        "kv_cache_dtype": "auto",
        "extra": {},
    }
    return vllm_argv(**{**given, **changes})


def pinned_flags() -> dict[str, Any]:
    text = Path(data_dir() / "vllm-flags-0.33.0.json").read_text(encoding="utf-8")
    flags: dict[str, Any] = json.loads(text)["flags"]
    return flags


def test_model_comes_first_and_bare() -> None:
    assert argv() == (
        "org/model",
        "--served-model-name",
        "model",
        "--max-model-len",
        "8192",
        "--tensor-parallel-size",
        "2",
        "--port",
        "8000",
        "--download-dir",
        "/models",
    )


def test_optional_parts_appear_only_when_set() -> None:
    rendered = argv(pipeline_parallel_size=2, host="127.0.0.1", quantization="fp8", kv_cache_dtype="fp8")
    assert rendered[7:] == (
        "--pipeline-parallel-size",
        "2",
        "--port",
        "8000",
        "--download-dir",
        "/models",
        "--host",
        "127.0.0.1",
        "--quantization",
        "fp8",
        "--kv-cache-dtype",
        "fp8",
    )


def test_user_flags_follow_in_alphabetical_order() -> None:
    rendered = argv(extra={"max-num-seqs": 64, "enforce_eager": True, "gpu-memory-utilization": 0.9})
    assert rendered[11:] == ("--enforce-eager", "--gpu-memory-utilization", "0.9", "--max-num-seqs", "64")


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"enable-prefix-caching": False}, ("--no-enable-prefix-caching",)),
        ({"no-enable-prefix-caching": True}, ("--no-enable-prefix-caching",)),
        ({"no-enable-prefix-caching": False}, ("--enable-prefix-caching",)),
        ({"enforce-eager": True}, ("--enforce-eager",)),
        ({"max-num-batched-tokens": "8k"}, ("--max-num-batched-tokens", "8k")),
        ({"compilation-config": '{"level": 3}'}, ("--compilation-config", '{"level": 3}')),
        ({"compilation-config.level": 3}, ("--compilation-config.level", "3")),
        ({"device-memory-utilization": 0.8}, ("--gpu-memory-utilization", "0.8")),
        ({"revision": "main"}, ("--revision", "main")),
    ],
)
def test_user_flag_rendering(extra: dict[str, FlagValue], expected: tuple[str, ...]) -> None:
    assert argv(extra=extra)[11:] == expected


def test_every_rendered_flag_is_known_to_the_pinned_version_with_an_allowed_choice() -> None:
    pinned = pinned_flags()
    spellings = {s: f for f, facts in pinned.items() for s in (f, *facts["aliases"], *(facts.get("negations") or ()))}
    quantizations: list[str | None] = [None, *pinned["--quantization"]["known"]]
    kv_dtypes: list[str] = pinned["--kv-cache-dtype"]["known"]
    sizes = ((1, 1), (2, 1), (8, 2))
    extras: list[dict[str, FlagValue]] = [
        {},
        {"max-num-seqs": 1, "enable-chunked-prefill": True, "tokenizer-mode": "auto"},
        {"enable-chunked-prefill": False, "load-format": "runai_streamer", "enable-expert-parallel": True},
    ]
    checked = 0
    for quantization, kv_dtype, split, extra in itertools.product(quantizations, kv_dtypes, sizes, extras):
        rendered = argv(
            quantization=quantization,
            kv_cache_dtype=kv_dtype,
            tensor_parallel_size=split[0],
            pipeline_parallel_size=split[1],
            extra=extra,
        )
        for place, word in enumerate(rendered):
            if not word.startswith("--"):
                continue
            facts = pinned[spellings[word]]
            value = rendered[place + 1] if place + 1 < len(rendered) else None
            takes_value = facts["nargs"] != 0
            assert takes_value == (value is not None and not value.startswith("--")), word
            if facts["choices"]:
                assert value in facts["choices"]
            checked += 1
    assert checked > 10_000


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"max-num-seq": 4}, "max-num-seqs"),
        ({"gpu-memory-utilisation": 0.9}, "gpu-memory-utilization"),
    ],
)
def test_unknown_flag_names_the_nearest(extra: dict[str, FlagValue], text: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        argv(extra=extra)
    assert text in caught.value.nearest


@pytest.mark.parametrize(
    ("extra", "allowed"),
    [
        ({"max-num-seqs": "many"}, "a whole number"),
        ({"max-num-seqs": 1.5}, "a whole number"),
        ({"max-num-seqs": True}, "a whole number"),
        ({"max-num-seqs": 0}, "at least 1"),
        ({"gpu-memory-utilization": 1.5}, "more than 0 and at most 1"),
        ({"gpu-memory-utilization": float("nan")}, "a number"),
        ({"enforce-eager": "yes"}, "true or false"),
        ({"compilation-config": "level 3"}, "JSON"),
        ({"compilation-config": "3"}, "JSON"),
        ({"max-num-batched-tokens": "lots"}, "k, m, g"),
        ({"revision": "--host=0.0.0.0"}, "text"),
        ({"revision": ""}, "text"),
        ({"max-num-seqs.x": 1}, "text"),
    ],
)
def test_a_value_that_does_not_suit_says_what_does(extra: dict[str, FlagValue], allowed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        argv(extra=extra)
    assert caught.value.key == f"engine.args.{next(iter(extra))}"
    assert allowed in (caught.value.allowed or "")


def test_a_value_outside_the_choices_names_them() -> None:
    flag = next(f for f, facts in pinned_flags().items() if facts["choices"] and facts["type"] == "str")
    with pytest.raises(UnknownNameError, match="no-such-choice"):
        argv(extra={flag.removeprefix("--"): "no-such-choice"})


@pytest.mark.parametrize("flag", sorted(OWNED_FLAGS))
def test_flags_that_the_plan_owns_are_refused_with_why(flag: str) -> None:
    assert flag in load_flags("vllm", "0.33.0")
    with pytest.raises(ConfigError) as caught:
        argv(extra={flag.removeprefix("--"): "x"})
    assert OWNED_FLAGS[flag] in caught.value.brief


@pytest.mark.parametrize("name", ["tp", "-tp", "--tensor_parallel_size", "q", "TP"])
def test_other_spellings_of_an_owned_flag_do_not_slip_through(name: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError)):
        argv(extra={name: 8})


def test_every_flag_that_holds_a_secret_is_refused() -> None:
    secret = [f for f, facts in pinned_flags().items() if facts.get("secret")]
    assert "--api-key" in secret
    for flag in secret:
        with pytest.raises(ConfigError, match="secret"):
            argv(extra={flag.removeprefix("--"): "hunter2-hunter2"})


def test_the_same_flag_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="same flag"):
        argv(extra={"max-num-seqs": 1, "max_num_seqs": 2})


@pytest.mark.parametrize("key", ["quantization", "kv_cache_dtype"])
def test_precision_that_the_engine_does_not_name(key: str) -> None:
    with pytest.raises(UnknownNameError, match="fp9"):
        argv(**{key: "fp9"})


def test_version_without_a_flag_list() -> None:
    with pytest.raises(UnknownNameError, match=r"0\.1\.0"):
        argv(engine_version="0.1.0")
