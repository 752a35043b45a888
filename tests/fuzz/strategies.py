"""Stack files that nobody meant: near misses of good ones, and noise."""

import string
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from hypothesis import strategies as st

from modelyard.catalog.gpus import load_server_gpus
from modelyard.catalog.models import load_models

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STACKS = Path(__file__).resolve().parents[2] / "stacks"
FILES = tuple(path.read_text(encoding="utf-8") for path in sorted(STACKS.glob("Pulumi.*.yaml")))

WORDS = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
NUMBERS = st.one_of(st.integers(-3, 20), st.integers(-(10**12), 10**12), st.floats(allow_nan=True), st.just(10**30))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=6
)


def _or_anything(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what is good there, sometimes whatever: most configurations shall reach the plan."""
    return st.integers(0, 39).flatmap(lambda dice: ANYTHING if dice == 39 else good)


def _merge(one: dict[str, Any], other: object) -> dict[str, Any]:
    return {**one, **cast("dict[str, Any]", other)} if isinstance(other, dict) else one


def _section(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    optional = {name.replace("_", "-"): _or_anything(good) for name, good in keys.items()}
    known = st.fixed_dictionaries({}, optional=optional)
    stray = st.dictionaries(st.sampled_from(sorted(optional)) | WORDS, ANYTHING, max_size=1)
    return _or_anything(st.one_of(*([known] * 12), st.builds(_merge, known, stray)))


MODELS = st.sampled_from([m.name for m in load_models()] + ["meta-llama/Llama-3.1-8B-Instruct"])
GPUS = st.sampled_from([g.name for g in load_server_gpus()])
VENDORS = st.sampled_from(["runpod", "lambda", "vastai", "aws", "coreweave"])
USD = st.one_of(st.integers(1, 500), st.floats(0.01, 1e6), st.sampled_from(["30", "$2.50"]))
COUNTS = st.sampled_from([1, 1, 2, 3, 4, 8, 16, 64])

NODES = _section(
    gpu=GPUS,
    gpus_per_node=COUNTS,
    count=COUNTS,
    vendor=VENDORS,
    sku=st.sampled_from(["HGX H100", "HGX H200", "p5.48xlarge", "nothing"]),
    usd_per_hour=USD,
)
CLUSTER = _section(
    namespace=st.just("llm"),
    nodes=NODES,
    control_plane=st.sampled_from(["eks", "gke", "aks"]),
    behind_nat=st.booleans(),
)
PLACE = st.one_of(
    _section(
        vendors=st.lists(VENDORS, max_size=3),
        regions=st.lists(st.sampled_from(["us-east-1", "EU-RO-1", "nowhere"]), max_size=2),
        trust=st.sampled_from(["secure", "community", "cloud"]),
        spot=st.booleans(),
        nvlink=st.booleans(),
        gpus=st.lists(GPUS, max_size=4),
        gpu_count=COUNTS,
        max_usd_per_hour=USD,
    ),
    st.fixed_dictionaries({"kubernetes": CLUSTER}),
)
FLAGS = st.sampled_from(
    ["max-num-seqs", "tensor-parallel-size", "max-model-len", "gpu-memory-utilization", "enforce-eager", "no-such-flag"]
)
ENGINE = st.one_of(
    st.just("vllm"), _section(name=st.just("vllm"), args=st.dictionaries(FLAGS, LEAVES | COUNTS, max_size=3))
)


def serve_sections() -> st.SearchStrategy[Any]:
    """What stands under ``modelyard:serve``: often plannable, often not, sometimes nothing of the kind."""
    rest = _section(
        quantization=st.sampled_from(["fp8", "bf16", "nvfp4", "awq-int4", "int4", "fp3"]),
        kv_cache_dtype=st.sampled_from(["auto", "fp8", "bfloat16"]),
        replicas=COUNTS,
        trial=st.booleans(),
        engine=ENGINE,
        place=PLACE,
        cache=_section(kind=st.sampled_from(["local-nvme", "network-volume", "none"]), size_gb=st.integers(1, 2000)),
        expose=_section(
            auth=st.sampled_from(["bearer", "none"]), public=st.booleans(), hostname=st.just("a.example.com")
        ),
        life=st.sampled_from([{"for": "1h"}, {"for": "5m"}, {"until": "2026-12-01T18:00:00Z"}, {}]),
        budget=_section(max_usd_per_hour=USD, max_usd_per_month=USD, max_spend_usd=USD),
        monitoring=_section(prometheus=st.booleans(), grafana=st.booleans(), retention_days=st.integers(1, 365)),
    )
    needed = st.fixed_dictionaries(
        {
            "model": _or_anything(MODELS),
            "context": _or_anything(st.sampled_from(["1k", "8k", "16k", "128k", 4096, 1])),
            "concurrency": _or_anything(st.integers(1, 64)),
        }
    )
    return _or_anything(st.builds(_merge, needed, rest))


def texts() -> st.SearchStrategy[str]:
    """Text that is YAML by accident."""
    return (
        st.text(max_size=200) | st.text(alphabet=string.printable + "éß\u2028\ufeff\x85", max_size=120) | _yaml_noise()
    )


def _yaml_noise() -> st.SearchStrategy[str]:
    marks = (
        "\n",
        "\n  ",
        "\n    ",
        "- ",
        "? ",
        ": ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "| ",
        "> ",
        "'",
        '"',
        "#",
        "%",
        "\t",
        "~",
    )
    words = ("config:", "modelyard:serve:", "model: llama-3.1-8b", "&a ", "*a", "!x ", "---", "...", "<<: ")
    numbers = ("1e999", "0x", ".nan", "2026-12-01", "-0", "1_0")
    tokens = st.sampled_from(marks + words + numbers)
    return st.lists(tokens, max_size=25).map("".join)


@st.composite
def mutated_files(draw: st.DrawFn) -> str:
    """A stack file of ours with a few characters, words or lines changed."""
    text = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.integers(0, 12))
        piece = draw(st.one_of(st.just(""), WORDS, _yaml_noise(), st.integers(-(10**9), 10**9).map(str)))
        text = text[:at] + piece + text[at + length :]
    return text


def yaml_words() -> st.SearchStrategy[Any]:
    """Values that JSON and YAML write the same way."""
    small = st.integers(-(10**15), 10**15)
    words = st.text(alphabet=string.ascii_letters + string.digits + " _-:#.", max_size=20)
    return st.one_of(st.none(), st.booleans(), small, words, st.lists(words | small, max_size=4))
