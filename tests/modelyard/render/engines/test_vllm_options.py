"""vLLM's options as flags of the pinned version, and what excludes what."""

import json
from typing import Any

import pytest

from modelyard.catalog.engines import find_engine, load_flags
from modelyard.errors import ConfigError, UnknownNameError, UsageError
from modelyard.render.engines import Launch, render_engine
from modelyard.render.engines.vllm_options import option_argv, option_environment, option_warnings
from modelyard.spec import EngineOptions, FlagValue, KvOffload, Lora, Speculative

FLAGS = load_flags("vllm", find_engine("vllm").version)


def argv(args: dict[str, FlagValue] | None = None, **options: Any) -> tuple[str, ...]:
    return option_argv(EngineOptions(**options), args or {}, FLAGS)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ()),
        ({"prefix_caching": True}, ("--enable-prefix-caching",)),
        (
            {"prefix_caching": False, "chunked_prefill": True},
            ("--no-enable-prefix-caching", "--enable-chunked-prefill"),
        ),
        ({"sleep_mode": True}, ("--enable-sleep-mode",)),
        ({"tool_call_parser": "hermes"}, ("--enable-auto-tool-choice", "--tool-call-parser", "hermes")),
        ({"reasoning_parser": "deepseek_r1"}, ("--reasoning-parser", "deepseek_r1")),
        ({"structured_output": "xgrammar"}, ("--structured-outputs-config", '{"backend": "xgrammar"}')),
        (
            {"kv_offload": KvOffload(gib=64, backend="lmcache")},
            ("--kv-offloading-size", "64", "--kv-offloading-backend", "lmcache"),
        ),
        (
            {"lora": Lora(adapters={"sql": "org/sql", "law": "/models/law"}, max_loras=2, max_rank=32)},
            (
                "--enable-lora",
                "--max-loras",
                "2",
                "--max-lora-rank",
                "32",
                "--lora-modules",
                "law=/models/law",
                "sql=org/sql",
            ),
        ),
        (
            {"lora": Lora(runtime_updates=True)},
            ("--enable-lora", "--max-loras", "1", "--max-lora-rank", "16"),
        ),
    ],
)
def test_argv(options: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert argv(**options) == expected
    spelled = {s for flag, facts in FLAGS.items() for s in (flag, *facts.aliases, *facts.negations)}
    assert {word for word in expected if word.startswith("--")} <= spelled


def test_speculative_decoding_is_one_json_flag() -> None:
    flag, text = argv(speculative=Speculative(method="eagle3", tokens=3, model="org/head"))
    assert flag == "--speculative-config"
    assert json.loads(text) == {"method": "eagle3", "num_speculative_tokens": 3, "model": "org/head"}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"speculative": Speculative(method="eagle3", tokens=3)}, "none is named"),
        ({"speculative": Speculative(method="ngram", tokens=3, model="org/x")}, "without a model of its own"),
        ({"speculative": Speculative(method="medusa", tokens=3)}, "no method of speculative decoding"),
        ({"lora": Lora()}, "no adapter is named"),
    ],
)
def test_options_that_exclude_one_another(options: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        argv(**options)


@pytest.mark.parametrize(
    ("options", "nearest"),
    [
        ({"tool_call_parser": "hermez"}, "hermes"),
        ({"reasoning_parser": "deepseek-r1"}, "deepseek_r1"),
        ({"kv_offload": KvOffload(gib=1, backend="lm-cache")}, "lmcache"),
        ({"lora": Lora(adapters={"a": "o/a"}, max_rank=48)}, "max-rank"),
    ],
)
def test_names_that_the_pinned_version_lacks(options: dict[str, Any], nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        argv(**options)
    assert nearest in str(caught.value)


@pytest.mark.parametrize(
    "name", ["enable-prefix-caching", "no-enable-prefix-caching", "disable_prefix_caching", "enable_prefix_caching"]
)
def test_a_flag_that_an_option_sets_is_said_in_one_place(name: str) -> None:
    with pytest.raises(ConfigError, match=r"engine\.options as well"):
        argv({name: True}, prefix_caching=True)


def test_what_has_no_flag_is_a_variable() -> None:
    assert option_environment(EngineOptions()) == {}
    made = option_environment(EngineOptions(sleep_mode=True, lora=Lora(runtime_updates=True)))
    assert made == {"VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1", "VLLM_SERVER_DEV_MODE": "1"}


def test_memory_that_the_fit_does_not_know_is_said() -> None:
    options = EngineOptions(
        speculative=Speculative(method="draft_model", tokens=4, model="org/small"), lora=Lora(adapters={"a": "o/a"})
    )
    said = "\n".join(option_warnings(options))
    assert "memory of org/small for speculative decoding is unknown to the fit" in said
    assert "memory of 1 LoRA adapters of rank 16 is unknown to the fit" in said
    assert not list(option_warnings(EngineOptions(prefix_caching=True)))


def test_options_are_vllms_alone() -> None:
    row = find_engine("sglang")
    launch = Launch(
        engine="sglang",
        version=row.version,
        model_id="org/model",
        served_model="model",
        context_tokens=8192,
        concurrency=4,
        tensor_parallel_size=1,
        port=row.port,
        cache_path="/models",
        quantization=None,
        kv_cache_dtype="auto",
        options=EngineOptions(prefix_caching=True),
    )
    with pytest.raises(UsageError, match="rendered for vLLM alone"):
        render_engine(launch)
