"""What precision.toml says, and that the fit says the same."""

from pathlib import Path

import pytest

from modelyard.catalog.gpus import Gpu, load_gpus
from modelyard.catalog.precision import PrecisionFacts, capability, find_precision, load_precisions
from modelyard.errors import UnknownNameError
from modelyard.fit import precision_support
from modelyard.fit.schemes import find_scheme

PRECISIONS = [pytest.param(p, id=p.name) for p in load_precisions()]
NVIDIA = [gpu for gpu in load_gpus() if gpu.capability is not None]

NOT_TAKEN_BY_THE_FIT = {"bnb", "gguf"}
"""Families whose vLLM kernels are a plugin now: what the fit says of them is the plugin's affair, not compared here."""


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
    assert facts.kernel
    for kept in facts.kept:
        assert 50 <= kept.low <= kept.high <= 100
        assert kept.what
    for kernel in facts.kernel:
        floor = capability(kernel.min_capability)
        assert (6, 0) <= floor <= (10, 0)
        assert kernel.native_from is None or capability(kernel.native_from) >= floor


@pytest.mark.parametrize("gpu", NVIDIA, ids=lambda g: g.name)
@pytest.mark.parametrize(
    "facts", [p for p in load_precisions() if p.family not in NOT_TAKEN_BY_THE_FIT], ids=lambda p: p.name
)
def test_the_fit_admits_the_same_gpus(facts: PrecisionFacts, gpu: Gpu) -> None:
    have = gpu.capability
    assert have is not None
    kernels = [
        k
        for k in facts.kernel
        if capability(k.min_capability) <= have and (k.until is None or have < capability(k.until))
    ]
    support = precision_support(gpu, facts.spelling)
    assert support.ok is bool(kernels), support.why
    if kernels and facts.family in {"fp8", "nvfp4"}:
        is_native = any(k.native_from is not None and capability(k.native_from) <= have for k in kernels)
        assert (support.kind == "native") is is_native, support.why


@pytest.mark.parametrize("gpu", [gpu for gpu in load_gpus() if gpu.vendor == "amd"], ids=lambda g: g.name)
@pytest.mark.parametrize("name", ["awq-g128", "gptq-g128", "int8-w8a8", "nvfp4", "bnb-nf4"])
def test_amd_has_no_kernels_for_these(name: str, gpu: Gpu) -> None:
    facts = find_precision(name)
    assert not any(kernel.amd for kernel in facts.kernel)
    assert not precision_support(gpu, facts.spelling).ok


def test_the_measured_range_of_nvfp4_is_the_quotient_of_the_published_scores() -> None:
    (kept,) = find_precision("nvfp4").measured
    shares = [100 * after / before for after, before in ((77.4, 78.3), (71.9, 73.0), (70.7, 71.5), (86.7, 89.1))]
    assert (kept.low, kept.high) == (round(min(shares), 1), round(max(shares), 1))


def test_the_measured_fp8_figure_is_the_guides_pair_of_scores() -> None:
    (kept,) = find_precision("fp8-tensor").measured
    assert kept.low == kept.high == int(10 * 100 * 69.64 / 70.24) / 10


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

    floor = min((kernel.min_capability for kernel in facts.kernel), key=capability)
    native = sorted({k.native_from for k in facts.kernel if k.native_from is not None}, key=capability)
    amd = "yes" if any(kernel.amd for kernel in facts.kernel) else "no"
    guides = ", ".join(span(k.low, k.high) for k in named) or "–"
    measured = ", ".join(span(k.low, k.high) for k in facts.measured) or "–"
    cells = (facts.title, f"{facts.bytes_per_param:.5g}", facts.composition, floor, native[0] if native else "–", amd)
    return "| " + " | ".join((*cells, guides, measured)) + " |"


@pytest.mark.parametrize("facts", PRECISIONS)
def test_the_document_has_the_row(facts: PrecisionFacts) -> None:
    assert row_of(facts) in DOC.read_text(encoding="utf-8").splitlines()
