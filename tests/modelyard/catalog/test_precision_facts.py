"""What precision.toml says, and that the fit says the same."""

from itertools import pairwise
from pathlib import Path

import pytest

from modelyard.catalog.engines import pinned_version
from modelyard.catalog.gpus import Gpu, load_gpus
from modelyard.catalog.precision import (
    Kernel,
    PrecisionFacts,
    capability,
    find_precision,
    load_kernels,
    load_precisions,
    release,
)
from modelyard.errors import UnknownNameError
from modelyard.fit import precision_support
from modelyard.fit.schemes import find_scheme

PRECISIONS = [pytest.param(p, id=p.name) for p in load_precisions()]
GPUS = [gpu for gpu in load_gpus() if gpu.vendor in {"nvidia", "amd"}]
KERNELS = [pytest.param(k, id=f"{k.engine}-{k.method}-{k.since or k.before}-{i}") for i, k in enumerate(load_kernels())]


def pinned(facts: PrecisionFacts) -> list[Kernel]:
    """vLLM's kernels for a precision in the pinned release, whatever method a checkpoint declares."""
    now = release(pinned_version("vllm"))
    return [
        k
        for k in load_kernels()
        if k.engine == "vllm" and facts.name in k.serves and not k.quant_method
        if (not k.since or release(k.since) <= now) and (not k.before or now < release(k.before))
    ]


@pytest.mark.parametrize("facts", PRECISIONS)
def test_the_fit_weighs_a_parameter_alike(facts: PrecisionFacts) -> None:
    scheme = find_scheme(facts.spelling, group_size=facts.group_size, zero_point=facts.zero_point)
    assert scheme is not None
    assert scheme.family == facts.family
    size = scheme.expert_bytes if scheme.experts_only else scheme.linear_bytes
    assert size == pytest.approx(facts.bytes_per_param, rel=1e-9)
    assert scheme.row_scale_bytes == facts.row_scale_bytes


@pytest.mark.parametrize("facts", PRECISIONS)
def test_figures_are_percentages_with_a_source(facts: PrecisionFacts) -> None:
    assert pinned(facts)
    for kept in facts.kept:
        assert 50 <= kept.low <= kept.high <= 100
        assert kept.what
        assert kept.measured is kept.source.startswith("https://")  # what somebody ran has a page of its own


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_consistent_and_says_where_it_was_read(kernel: Kernel) -> None:
    assert kernel.source.startswith("https://")
    assert not (kernel.since and kernel.before) or release(kernel.since) < release(kernel.before)
    if kernel.amd:
        assert (kernel.min_capability, kernel.native_from, kernel.until) == (None, None, None)
        return
    assert kernel.min_capability is not None
    floor = capability(kernel.min_capability)
    assert (6, 0) <= floor <= (10, 0)
    assert kernel.native_from is None or capability(kernel.native_from) >= floor
    assert kernel.until is None or capability(kernel.until) > floor
    assert not kernel.amd_native


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("facts", PRECISIONS)
def test_two_rows_do_not_answer_for_the_same_release(facts: PrecisionFacts, engine: str) -> None:
    """On one kind of GPU and for one declared method, releases follow each other without overlapping."""
    for amd in (False, True):
        rows = [k for k in load_kernels() if k.engine == engine and facts.name in k.serves and k.amd is amd]
        for method in {k.quant_method for k in rows}:
            spans = sorted(
                (release(k.since) if k.since else (0, 0, 0), release(k.before) if k.before else (9, 0, 0))
                for k in rows
                if k.quant_method == method
            )
            assert all(one[1] <= other[0] for one, other in pairwise(spans)), (facts.name, method, spans)


@pytest.mark.parametrize("gpu", GPUS, ids=lambda g: g.name)
@pytest.mark.parametrize("facts", PRECISIONS)
def test_the_fit_admits_the_same_gpus(facts: PrecisionFacts, gpu: Gpu) -> None:
    """Every scheme on every GPU: whether it is served, whether natively, and whether only with a plugin."""
    have = gpu.capability
    support = precision_support(gpu, facts.spelling)
    if have is None:
        here = [k for k in pinned(facts) if k.amd]
        native = any(gpu.compute_capability in k.amd_native for k in here)
    else:
        here = [k for k in pinned(facts) if k.min_capability and capability(k.min_capability) <= have]
        here = [k for k in here if k.until is None or have < capability(k.until)]
        native = any(k.native_from is not None and capability(k.native_from) <= have for k in here)
    assert support.ok is bool(here), support.why
    if here:
        no_bf16 = facts.family == "bf16" and "bf16" not in gpu.precisions
        assert support.kind == ("fp16" if no_bf16 else "native" if native else "weight-only"), support.why
        assert support.plugin == here[0].plugin


@pytest.mark.parametrize("gpu", [gpu for gpu in GPUS if gpu.vendor == "nvidia"], ids=lambda g: g.name)
def test_the_gpu_rows_say_the_same_of_fp8(gpu: Gpu) -> None:
    assert gpu.fp8_kernel == {"native": "native", "weight-only": "marlin"}[precision_support(gpu, "fp8").kind]


def test_the_measured_range_of_nvfp4_is_the_quotient_of_the_published_scores() -> None:
    kept, _ = find_precision("nvfp4").measured
    shares = [100 * after / before for after, before in ((77.4, 78.3), (71.9, 73.0), (70.7, 71.5), (86.7, 89.1))]
    assert (kept.low, kept.high) == (round(min(shares), 1), round(max(shares), 1))


RUNS = {
    # mean of two runs of MMLU-Pro, GSM8K, IFEval, HumanEval and MBPP, summed: bf16, fp8, AWQ, NVFP4
    "gemma-4-31b": (437.17, 435.43, 433.81, 435.36),
    "qwen3.6-27b": (392.89, 393.59, 389.74, 389.50),
    "qwen3.6-35b-a3b": (385.76, 384.93, 386.01, 384.82),
}


@pytest.mark.parametrize(("name", "column"), [("fp8-block", 1), ("awq-g128", 2), ("nvfp4", 3)])
def test_the_measured_ranges_are_quotients_of_the_published_runs(name: str, column: int) -> None:
    kept = find_precision(name).measured[-1]
    shares = [min(100.0, 100 * row[column] / row[0]) for row in RUNS.values()]
    assert kept.low == pytest.approx(min(shares), abs=0.05)
    assert kept.high == pytest.approx(max(shares), abs=0.05)


def test_the_guides_fp8_figure_is_their_pair_of_scores_and_no_measurement_of_ours() -> None:
    figures = [kept for kept in find_precision("fp8-tensor").kept if "69.64" in kept.what]
    assert [(kept.low, kept.measured) for kept in figures] == [(int(10 * 100 * 69.64 / 70.24) / 10, False)]


@pytest.mark.parametrize(
    ("name", "file_gb"), [("gguf-q8-0", 84.8), ("gguf-q6-k", 65.5), ("gguf-q5-k-m", 56.7), ("gguf-q4-k-m", 48.4)]
)
def test_gguf_presets_reproduce_published_files(name: str, file_gb: float) -> None:
    # Qwen3-Next 80B-A3B Thinking, 79.67B parameters; the repository lists sizes in decimal gigabytes
    assert find_precision(name).bytes_per_param * 79.674 == pytest.approx(file_gb, rel=0.005)


def test_an_unknown_precision_is_named_with_its_neighbours() -> None:
    with pytest.raises(UnknownNameError, match="unknown precision 'nvfp5'"):
        find_precision("nvfp5")


DOC = Path(__file__).parents[3] / "docs" / "precision.md"


def row_of(facts: PrecisionFacts) -> str:
    """The precision's row in docs/precision.md."""
    named = [kept for kept in facts.kept if not kept.measured]

    def span(low: float, high: float) -> str:
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"

    cuda = [kernel for kernel in pinned(facts) if not kernel.amd]
    floor = min((kernel.min_capability or "" for kernel in cuda), key=capability)
    native = sorted({k.native_from for k in cuda if k.native_from is not None}, key=capability)
    amd = "yes" if any(kernel.amd for kernel in pinned(facts)) else "no"
    guides = ", ".join(span(k.low, k.high) for k in named) or "–"
    measured = ", ".join(span(k.low, k.high) for k in facts.measured) or "–"
    cells = (facts.title, f"{facts.bytes_per_param:.5g}", facts.composition, floor, native[0] if native else "–", amd)
    return "| " + " | ".join((*cells, guides, measured)) + " |"


@pytest.mark.parametrize("facts", PRECISIONS)
def test_the_document_has_the_row(facts: PrecisionFacts) -> None:
    assert row_of(facts) in DOC.read_text(encoding="utf-8").splitlines()


def test_the_document_has_every_floor_that_changed() -> None:
    """The releases in which vLLM's kernels began, moved or left, as docs/precision.md lists them."""
    text = DOC.read_text(encoding="utf-8")
    for kernel in (k for k in load_kernels() if k.engine == "vllm" and not k.amd and k.since):
        minor = ".".join(kernel.since.split(".")[: 2 if kernel.since.endswith(".0") else 3])
        assert f" {minor}" in text, (kernel.method, kernel.since)


@pytest.mark.parametrize(
    ("text", "numbers"), [("0.10.1", (0, 10, 1)), ("v0.11.0rc2", (0, 11, 0)), ("0.19.1+cu130", (0, 19, 1))]
)
def test_releases(text: str, numbers: tuple[int, int, int]) -> None:
    assert release(text) == numbers
    assert release("0.10") > release("0.10.2")  # the last of its minor release
