"""Plans with engines other than vLLM, on a cluster that is already there."""

from typing import Any

import pytest

from modelyard.errors import UsageError
from modelyard.plan import make_plan
from modelyard.plan.props import serving_props
from modelyard.plan.request import flags_that_move_memory
from modelyard.spec import EngineChoice, EngineOptions, FlagValue, KvOffload, Lora
from tests.modelyard.plan.specs import prod, trial

GGUF: dict[str, Any] = {"quantization": "q4_k_m", "weights": "org/Llama-3.3-70B-GGUF", "concurrency": 4}


def engine(name: str, **args: FlagValue) -> EngineChoice:
    return EngineChoice(name=name, args={key.replace("_", "-"): value for key, value in args.items()})


@pytest.mark.parametrize(
    ("name", "health", "metrics", "served"),
    [
        ("sglang", "/health", "/metrics", "llama-3.3-70b"),
        ("tensorrt-llm", "/health", "/prometheus/metrics", "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic"),
        ("tgi", "/health", "/metrics", "RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic"),
        ("ollama", "/v1/models/llama-3.3-70b", "", "llama-3.3-70b"),
        ("llama.cpp", "/health", "/metrics", "llama-3.3-70b"),
    ],
)
def test_every_engine_is_planned(name: str, health: str, metrics: str, served: str) -> None:
    plan = make_plan(prod(engine=engine(name), **(GGUF if name in {"ollama", "llama.cpp"} else {})))
    made = plan.engine
    assert (made.name, made.health_path, made.metrics_path, made.served_model) == (name, health, metrics, served)
    assert plan.fit.request.engine == name
    facts = serving_props(plan)["engine"]
    assert facts["servedModel"] == served
    assert facts["argv"] == list(made.argv)


def test_tgi_warns_of_its_maintenance_mode() -> None:
    assert [w for w in make_plan(prod(engine=engine("tgi"))).warnings if "maintenance mode" in w]
    assert not [w for w in make_plan(prod()).warnings if "maintenance mode" in w]


def test_a_gguf_repository_is_named_with_its_precision() -> None:
    plan = make_plan(prod(engine=engine("llama.cpp"), **GGUF))
    assert plan.engine.argv[:2] == ("--hf-repo", "org/Llama-3.3-70B-GGUF:Q4_K_M")
    assert plan.weights.hub_id == "org/Llama-3.3-70B-GGUF"
    assert 42_000_000_000 < plan.weights.download_bytes < 43_000_000_000
    assert [w for w in plan.warnings if "is not checked" in w]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"weights": None}, "needs to know which GGUF files"),
        ({"quantization": "fp8"}, "reads GGUF files"),
        ({"quantization": None}, "reads GGUF files"),
    ],
)
def test_gguf_engines_need_gguf_files(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        make_plan(prod(engine=engine("llama.cpp"), **(GGUF | changes)))


def test_weights_of_ones_own_take_the_place_of_the_checkpoint() -> None:
    plan = make_plan(prod(weights="our-org/llama-3.3-70b-tuned-fp8"))
    assert plan.engine.argv[0] == "our-org/llama-3.3-70b-tuned-fp8"
    assert plan.weights.gated is False
    assert "--served-model-name llama-3.3-70b" in " ".join(plan.engine.argv)


@pytest.mark.parametrize(
    ("name", "args", "fields"),
    [
        ("vllm", {"max-num-seqs": 64, "enforce-eager": True}, {"max_num_seqs": 64, "enforce_eager": True}),
        ("sglang", {"mem-fraction-static": 0.8}, {"memory_fraction": 0.8}),
        ("tensorrt-llm", {"max_batch_size": 32}, {"max_num_seqs": 32}),
        ("tgi", {"max-batch-prefill-tokens": 8192}, {"max_num_batched_tokens": 8192}),
        ("llama.cpp", {"n-gpu-layers": 40}, {"gpu_layers": 40}),
        ("llama.cpp", {"n-gpu-layers": "auto"}, {}),
        ("ollama", {"gpu-overhead": 1}, {}),
    ],
)
def test_flags_that_move_memory_reach_the_fit(
    name: str, args: dict[str, FlagValue], fields: dict[str, int | float]
) -> None:
    assert flags_that_move_memory(name, args) == fields


def test_sglangs_fraction_changes_its_fit() -> None:
    usual = make_plan(prod(engine=engine("sglang")))
    less = make_plan(prod(engine=engine("sglang", mem_fraction_static=0.7)))
    assert less.fit.per_gpu.kv_cache < usual.fit.per_gpu.kv_cache


def test_options_reach_the_command_the_pod_and_the_warnings() -> None:
    options = EngineOptions(prefix_caching=True, kv_offload=KvOffload(gib=64), lora=Lora(runtime_updates=True))
    plan = make_plan(prod(engine=EngineChoice(options=options)))
    assert "--enable-prefix-caching" in plan.engine.argv
    assert plan.engine.env["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert plan.engine.host_gib == 64
    assert [w for w in plan.warnings if "unknown to the fit" in w]


@pytest.mark.parametrize(
    "options",
    [
        EngineOptions(sleep_mode=True),
        EngineOptions(kv_offload=KvOffload(gib=8)),
        EngineOptions(lora=Lora(runtime_updates=True)),
    ],
)
def test_options_that_need_a_pod_are_refused_on_rented_machines(options: EngineOptions) -> None:
    with pytest.raises(UsageError, match="not set up on rented machines"):
        make_plan(trial(engine=EngineChoice(options=options)))


def test_options_that_are_arguments_alone_go_anywhere() -> None:
    plan = make_plan(trial(engine=EngineChoice(options=EngineOptions(prefix_caching=False))))
    assert "--no-enable-prefix-caching" in plan.engine.argv
