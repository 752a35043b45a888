"""The stack file as a typed object: what is allowed, and the words for what is not."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from modelyard.errors import ConfigError
from modelyard.spec import Auth, CacheKind, EngineOptions, KvOffload, Lora, Speculative, Trust
from stacks.problems import Lines
from stacks.settings import StackSettings, parse_settings

BASE: dict[str, Any] = {"model": "llama-3.1-8b", "context": "16k", "concurrency": 8}


def parse(
    changes: dict[str, Any] | None = None, *, drop: str = "", top: dict[str, object] | None = None
) -> StackSettings:
    serve = {key: value for key, value in {**BASE, **(changes or {})}.items() if key != drop}
    return parse_settings({"modelyard:serve": serve, **(top or {})}, file="stacks/Pulumi.dev.yaml")


def refused(changes: dict[str, Any], *, drop: str = "") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse(changes, drop=drop)
    return caught.value


def test_little_is_needed_and_the_rest_is_safe() -> None:
    spec = parse().to_spec("dev")
    assert (spec.name, spec.model, spec.context_tokens, spec.concurrency) == ("dev", "llama-3.1-8b", 16384, 8)
    assert (spec.place.trust, spec.place.spot, spec.expose.auth) == (Trust.SECURE, False, Auth.BEARER)
    assert (spec.life.is_bounded, spec.replicas, spec.engine.name) == (False, 1, "vllm")


def test_everything_reaches_the_spec() -> None:
    settings = parse(
        {
            "quantization": "fp8",
            "kv-cache-dtype": "fp8",
            "replicas": 3,
            "trial": True,
            "engine": {"name": "vllm", "version": "0.33.0", "args": {"max-num-seqs": 64, "seed": 1}},
            "place": {
                "vendors": ["runpod", "LAMBDA"],
                "regions": ["us-east-1"],
                "trust": "community",
                "spot": True,
                "nvlink": True,
                "gpus": ["h100 sxm", "H200"],
                "gpu-count": 4,
                "max-usd-per-hour": 12.5,
            },
            "cache": {"kind": "network-volume", "path": "/mnt/models", "size-gb": 450},
            "expose": {"auth": "none", "public": False, "hostname": "LLM.example.com"},
            "life": {"for": "1h30m"},
            "budget": {"max-usd-per-hour": 30, "max-usd-per-month": "9000", "max-spend-usd": "$45.50"},
            "monitoring": {"prometheus": True, "grafana": False, "gpu-metrics": False, "retention-days": 3},
        }
    )
    spec = settings.to_spec("x")
    assert (spec.quantization, spec.kv_cache_dtype, spec.replicas, spec.trial) == ("fp8", "fp8", 3, True)
    assert spec.engine.args == {"max-num-seqs": 64, "seed": 1}
    assert spec.place.vendors == ("runpod", "lambda")
    assert spec.place.gpus == ("H100-SXM", "H200")
    assert (spec.place.regions, spec.place.gpu_count, spec.place.max_usd_per_hour) == (
        ("us-east-1",),
        4,
        Decimal("12.5"),
    )
    assert (spec.cache.kind, spec.cache.path, spec.cache.size_gb) == (CacheKind.NETWORK_VOLUME, "/mnt/models", 450)
    assert (spec.expose.auth, spec.expose.public, spec.expose.hostname) == (Auth.NONE, False, "llm.example.com")
    assert spec.life.seconds == 5400
    assert (spec.budget.max_usd_per_month, spec.budget.max_spend_usd) == (Decimal(9000), Decimal("45.50"))
    assert (spec.monitoring.grafana, spec.monitoring.retention_days) == (False, 3)


def test_a_cluster_reaches_the_spec() -> None:
    nodes = {"gpu": "H100-SXM", "gpus-per-node": 8, "count": 2, "vendor": "coreweave", "sku": "HGX H100"}
    place = {"kubernetes": {"namespace": "llm", "control-plane": "eks", "behind-nat": True, "nodes": nodes}}
    cluster = parse({"place": place}).to_spec("prod").place.kubernetes
    assert cluster is not None
    assert (cluster.namespace, cluster.control_plane, cluster.behind_nat) == ("llm", "eks", True)
    assert (cluster.nodes.gpu, cluster.nodes.gpus_per_node, cluster.nodes.sku) == ("H100-SXM", 8, "HGX H100")


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-01T18:00:00Z",
        "2026-12-01T20:00:00+02:00",
        "2026-12-01 18:00:00 +0000 UTC",  # what Pulumi makes of the first without quotes
        "2026-12-01 20:00:00 +0200 +0200",
    ],
)
def test_a_moment_becomes_utc(text: str) -> None:
    spec = parse({"life": {"until": text}}).to_spec("x")
    assert spec.life.until == datetime(2026, 12, 1, 18, tzinfo=UTC)


def test_the_namespace_may_be_left_out_and_others_are_left_alone() -> None:
    settings = parse_settings({"serve": BASE, "aws:region": "us-east-1"}, file="f")
    assert settings.serve.model == "llama-3.1-8b"


def test_rules_and_price_age() -> None:
    settings = parse(
        top={
            "modelyard:rules": {"unpriced": "fail", "unknown": "warn", "levels": {"hourly-ceiling": "advisory"}},
            "modelyard:price-age-warning-days": 30,
        }
    )
    assert (settings.rules.unpriced, settings.rules.unknown) == ("fail", "warn")
    assert settings.rules.levels == {"hourly-ceiling": "advisory"}
    assert settings.price_age_warning_days == 30
    assert parse().rules.unpriced == "warn"
    assert parse().rules.unknown == "fail"


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"model": "lama-3.1-8b"}, "model", "unknown model 'lama-3.1-8b'"),
        ({"model": "a b"}, "model", "'a b' is not a model"),
        ({"model": 5}, "model", "'5' is not a model"),
        ({"context": "16q"}, "context", "'16q' is not a number of tokens"),
        ({"context": -1}, "context", "'-1' is not a number of tokens"),
        ({"context": True}, "context", "'true' is not a number of tokens"),
        ({"context": "1m"}, "context", "a context of 1024k tokens is longer than Llama 3.1 8B"),
        ({"concurrency": 0}, "concurrency", "'0' is too small"),
        ({"concurrency": 10**9}, "concurrency", "'1000000000' is too large"),
        ({"concurrency": "8"}, "concurrency", "'8' is not a whole number"),
        ({"concurrency": 1.5}, "concurrency", "'1.5' is not a whole number"),
        ({"replicas": 1001}, "replicas", "'1001' is too large"),
        ({"trial": "yes"}, "trial", "'yes' is neither true nor false"),
        ({"trial": True}, "trial", "a trial must end, and this one has no life"),
        ({"quantization": 8}, "quantization", "'8' is not a name"),
        ({"kv-cache-dtype": "fp4"}, "kv-cache-dtype", "'fp4' is not one of the choices"),
        ({"engine": "vlm"}, "engine.name", "unknown engine 'vlm'"),
        ({"engine": {"args": {"--seed": 1}}}, "engine.args.--seed", "'--seed' starts with a dash"),
        ({"engine": {"args": {"max_num_seqs": 1}}}, "engine.args.max_num_seqs", "'max_num_seqs' is not a flag"),
        ({"engine": {"args": {"api-key": "x"}}}, "engine.args.api-key", "the flag 'api-key' cannot be set here"),
        ({"engine": {"args": {"seed": [1]}}}, "engine.args.seed", "'[1]' is not the value of a flag"),
        ({"place": {"trust": "sekure"}}, "place.trust", "'sekure' is not one of the choices"),
        ({"place": {"vendors": "runpod"}}, "place.vendors", "'runpod' is not a list"),
        ({"place": {"vendors": ["runpod", "runpot"]}}, "place.vendors[1]", "unknown vendor 'runpot'"),
        ({"place": {"vendors": ["aws"]}}, "place.vendors[0]", "nothing can be rented from aws yet"),
        ({"place": {"vendors": []}}, "place.vendors", "an empty list chooses nothing"),
        ({"place": {"regions": []}}, "place.regions", "an empty list chooses nothing"),
        ({"place": {"gpus": []}}, "place.gpus", "an empty list chooses nothing"),
        ({"place": {"gpus": ["H1000"]}}, "place.gpus[0]", "unknown GPU 'H1000'"),
        ({"place": {"gpus": ["M3 Ultra"]}}, "place.gpus[0]", "Apple M3 Ultra is no GPU of a server"),
        ({"place": {"gpu-count": -4}}, "place.gpu-count", "'-4' is too small"),
        ({"place": {"max-usd-per-hour": "lots"}}, "place.max-usd-per-hour", "'lots' is not an amount"),
        ({"place": {"max-usd-per-hour": -3}}, "place.max-usd-per-hour", "'-3' is not an amount"),
        ({"place": {"max-usd-per-hour": float("nan")}}, "place.max-usd-per-hour", "'nan' is not an amount"),
        ({"place": {"max_usd_per_hour": 3}}, "place.max_usd_per_hour", "unknown key 'max_usd_per_hour'"),
        ({"place": None}, "place", "'null' stands where a group of keys is expected"),
        ({"place": []}, "place", "'[]' stands where a group of keys is expected"),
        ({"cache": {"path": "models"}}, "cache.path", "'models' is not a folder on the machine"),
        ({"cache": {"path": "/a/../b"}}, "cache.path", "'/a/../b' is not a folder on the machine"),
        ({"cache": {"kind": "none", "size-gb": 5}}, "cache.size-gb", "size-gb without a cache"),
        ({"expose": {"hostname": "not a host"}}, "expose.hostname", "'not a host' is not a host name"),
        ({"life": {"for": "soon"}}, "life.for", "'soon' is not a length of time"),
        ({"life": {"for": 3600}}, "life.for", "'3600 (no unit)' is not a length of time"),
        ({"life": {"for": "400d"}}, "life.for", "'400d' is not a length of time"),
        ({"life": {}}, "life", "life has neither for nor until"),
        ({"life": {"for": "1h", "until": "2026-12-01T18:00:00Z"}}, "life", "life has both for and until"),
        ({"life": {"until": "2026-12-01T18:00:00"}}, "life.until", "'2026-12-01T18:00:00' has no time zone"),
        ({"life": {"until": "tomorrow"}}, "life.until", "'tomorrow' is not a time"),
        ({"budget": {"max-spend-usd": 0}}, "budget.max-spend-usd", "'0' is not an amount"),
        ({"monitoring": {"retention-days": 366}}, "monitoring.retention-days", "'366' is too large"),
        (
            {"monitoring": {"prometheus": False, "grafana": True}},
            "monitoring.grafana",
            "grafana without prometheus has nothing to show",
        ),
        ({"modle": "x"}, "modle", "unknown key 'modle'"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], key: str, words: str) -> None:
    error = refused(changes)
    assert words in error.brief
    assert error.key == f"modelyard:serve.{key}"
    assert error.file == "stacks/Pulumi.dev.yaml"


@pytest.mark.parametrize(
    ("place", "key", "words"),
    [
        ({"spot": True}, "place.spot", "spot chooses a machine to rent, but place.kubernetes says where it runs"),
        ({"namespace": "Not-Fine"}, "place.kubernetes.namespace", "'Not-Fine' is not a Kubernetes name"),
        ({"control-plane": "ekss"}, "place.kubernetes.control-plane", "'ekss' is not one of the choices"),
        ({"nodes": {"gpus-per-node": 8}}, "place.kubernetes.nodes.gpu", "'gpu' is missing"),
        (
            {"nodes": {"gpu": "H100-SXM", "gpus-per-node": 8, "vendor": "coreweave"}},
            "place.kubernetes.nodes",
            "vendor and sku price a node only together",
        ),
        (
            {"nodes": {"gpu": "H100-SXM", "gpus-per-node": 8, "vendor": "corewave", "sku": "x"}},
            "place.kubernetes.nodes.vendor",
            "unknown vendor 'corewave'",
        ),
    ],
)
def test_what_is_refused_of_a_cluster(place: dict[str, Any], key: str, words: str) -> None:
    inside = {"namespace": "llm", "nodes": {"gpu": "H100-SXM", "gpus-per-node": 8}}
    outside = {name: place[name] for name in place if name == "spot"}
    kubernetes = {**inside, **{name: place[name] for name in place if name != "spot"}}
    error = refused({"place": {"kubernetes": kubernetes, **outside}})
    assert error.brief == words
    assert error.key == f"modelyard:serve.{key}"


def test_a_refusal_says_what_is_allowed_and_what_is_near() -> None:
    error = refused({"place": {"trust": "sekure"}})
    assert str(error) == (
        "'sekure' is not one of the choices\n"
        "where    stacks/Pulumi.dev.yaml, key modelyard:serve.place.trust\n"
        "allowed  cloud, secure, community\n"
        "did you mean 'secure'?"
    )


def test_a_missing_key_says_what_goes_there() -> None:
    error = refused({}, drop="context")
    assert error.brief == "'context' is missing"
    assert error.resolution == "add context: Tokens per request, prompt and answer together: 16384, 16k, 128k."


def test_every_problem_is_told_the_first_one_first() -> None:
    raw = {"modelyard:serve": {"model": "llama-3.1-8b", "context": "16k", "concurrency": 0, "place": {"trust": "x"}}}
    lines: Lines = {
        ("modelyard:serve",): 3,
        ("modelyard:serve", "concurrency"): 9,
        ("modelyard:serve", "place"): 5,
        ("modelyard:serve", "place", "trust"): 6,
    }
    with pytest.raises(ConfigError) as caught:
        parse_settings(raw, file="f.yaml", lines=lines)
    assert (caught.value.key, caught.value.line) == ("modelyard:serve.place.trust", 6)
    assert caught.value.resolution == ("also wrong\n  line 9, modelyard:serve.concurrency: '0' is too small")


def test_a_missing_section_points_at_the_line_around_it() -> None:
    lines: Lines = {("modelyard:serve",): 3}
    with pytest.raises(ConfigError) as caught:
        parse_settings({"modelyard:serve": {}}, file="f.yaml", lines=lines)
    assert caught.value.line == 3
    assert caught.value.brief == "'model' is missing"


@pytest.mark.parametrize("raw", [{}, {"modelyard:rules": {}}])
def test_serve_is_needed(raw: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_settings(raw, file="f.yaml")
    assert caught.value.brief == "'modelyard:serve' is missing"


def test_an_unknown_key_of_ours_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        parse(top={"modelyard:price-age": 3})
    assert caught.value.brief == "unknown key 'modelyard:price-age'"
    assert caught.value.resolution == "did you mean 'modelyard:price-age-warning-days'?"


def test_engine_options_reach_the_spec() -> None:
    options = {
        "prefix-caching": True,
        "speculative": {"method": "eagle3", "tokens": 3, "model": "org/head"},
        "lora": {"adapters": {"sql": "org/sql-lora"}, "max-rank": 32, "runtime-updates": True},
        "tool-call-parser": "hermes",
        "structured-output": "xgrammar",
        "kv-offload": {"gib": 64},
        "sleep-mode": True,
    }
    made = parse({"engine": {"options": options}}).to_spec("dev").engine.options
    assert made == EngineOptions(
        prefix_caching=True,
        speculative=Speculative(method="eagle3", tokens=3, model="org/head"),
        lora=Lora(adapters={"sql": "org/sql-lora"}, max_rank=32, runtime_updates=True),
        tool_call_parser="hermes",
        structured_output="xgrammar",
        kv_offload=KvOffload(gib=64),
        sleep_mode=True,
    )


@pytest.mark.parametrize("name", ["vllm", "sglang", "tensorrt-llm", "tgi", "ollama", "llama.cpp"])
def test_every_engine_that_is_deployed_may_be_asked_for(name: str) -> None:
    spec = parse({"engine": name, "weights": "org/files-GGUF:Q4_K_M"}).to_spec("dev")
    assert (spec.engine.name, spec.weights) == (name, "org/files-GGUF:Q4_K_M")


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"engine": {"options": {"speculative": {"method": "medusa", "tokens": 3}}}}, "speculative.method"),
        ({"engine": {"options": {"speculative": {"method": "ngram", "tokens": 0}}}}, "speculative.tokens"),
        ({"engine": {"options": {"lora": {"max-rank": 48}}}}, "lora.max-rank"),
        ({"engine": {"options": {"lora": {"adapters": {"sql": "../up"}}}}}, "lora.adapters.sql"),
        ({"engine": {"options": {"kv-offload": {"gib": 0}}}}, "kv-offload.gib"),
        ({"engine": {"options": {"prefix-cache": True}}}, "options.prefix-cache"),
        ({"weights": "no-owner"}, "weights"),
    ],
)
def test_engine_options_that_cannot_be(changes: dict[str, Any], key: str) -> None:
    assert key in str(refused(changes))
