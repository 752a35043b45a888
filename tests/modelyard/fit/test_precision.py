from dataclasses import replace

import pytest

from modelyard.catalog.gpus import Gpu, find_gpu
from modelyard.fit import FitRequest, Verdict, assess, precision_support, resolve_precision, support_of
from tests.modelyard.fit.builders import a_checkpoint, a_gpu, a_model, a_request, an_a100, an_mi300x, gemma3_12b

T4 = a_gpu(
    name="T4", title="NVIDIA T4", generation="turing", compute_capability="7.5", fp8_kernel="marlin",
    precisions=("fp16", "fp8", "int8", "int4", "nvfp4"), total_memory_bytes=15_644_418_375,
)  # fmt: skip
L4 = a_gpu(name="L4", title="NVIDIA L4", generation="ada", compute_capability="8.9")
B200 = a_gpu(name="B200", generation="blackwell", compute_capability="10.0")
RTX_5090 = a_gpu(name="RTX-5090", generation="blackwell", compute_capability="12.0")
MI355X = replace(an_mi300x(), name="MI355X", compute_capability="gfx950")


@pytest.mark.parametrize(
    ("gpu", "quantization", "ok", "kind"),
    [
        (a_gpu(), "bf16", True, "native"),
        (a_gpu(), "fp32", True, "native"),
        (a_gpu(), "fp8-block", True, "native"),
        (a_gpu(), "nvfp4", True, "weight-only"),
        (a_gpu(), "mxfp4", True, "weight-only"),
        (a_gpu(), "mxfp4-all", True, "weight-only"),
        (a_gpu(), "w4a8", True, "native"),
        (a_gpu(), "fp8+fp4", True, "weight-only"),
        (a_gpu(), "awq-int4", True, "weight-only"),
        (B200, "mxfp4", True, "native"),
        (B200, "nvfp4", True, "native"),
        (B200, "int8-w8a8", False, "none"),
        (B200, "w8a16", True, "weight-only"),
        (B200, "w4a8", False, "none"),
        (RTX_5090, "mxfp4", True, "native"),
        (RTX_5090, "int8-w8a8", False, "none"),
        (an_a100(), "fp8", True, "weight-only"),
        (an_a100(), "mxfp4", True, "weight-only"),
        (an_a100(), "mxfp8", True, "weight-only"),
        (an_a100(), "fp8+fp4", False, "none"),
        (an_a100(), "w4a8", False, "none"),
        (T4, "bf16", True, "fp16"),
        (T4, "mxfp4", False, "none"),
        (T4, "awq-int4", True, "weight-only"),
        (an_mi300x(), "awq-int4", True, "weight-only"),
        (an_mi300x(), "int8-w8a8", True, "native"),
        (an_mi300x(), "fp8", True, "native"),
        (an_mi300x(), "nvfp4", True, "weight-only"),
        (an_mi300x(), "mxfp4", True, "weight-only"),
        (MI355X, "mxfp4", True, "native"),
        (an_mi300x(), "bnb-nf4", False, "none"),
        (a_gpu(), "mlx-4bit", False, "none"),
        (a_gpu(), "int3", False, "none"),
    ],
)
def test_the_pinned_vllm(gpu: Gpu, quantization: str, *, ok: bool, kind: str) -> None:
    support = precision_support(gpu, quantization)
    assert (support.ok, support.kind) == (ok, kind)
    assert support.why
    assert support.plugin is None


@pytest.mark.parametrize(
    ("gpu", "quantization", "lacks", "has", "kind"),
    [
        pytest.param(T4, "fp8", "0.13.0", "0.14.0", "weight-only", id="Marlin reaches Turing"),
        pytest.param(an_a100(), "fp8", "0.5.0", "0.5.1", "weight-only", id="Marlin fp8"),
        pytest.param(an_a100(), "fp8-block", "0.8.5", "0.9.0", "weight-only", id="Marlin fp8 blocks"),
        pytest.param(a_gpu(), "fp8-block", "0.6.5", "0.6.6", "native", id="fp8 blocks"),
        pytest.param(an_a100(), "mxfp8", "0.19.1", "0.20.0", "weight-only", id="Marlin mxfp8"),
        pytest.param(B200, "nvfp4", "0.7.3", "0.8.0", "native", id="nvfp4"),
        pytest.param(a_gpu(), "nvfp4", "0.8.5", "0.9.0", "weight-only", id="Marlin nvfp4"),
        pytest.param(T4, "nvfp4", "0.13.0", "0.14.0", "weight-only", id="nvfp4 on Turing"),
        pytest.param(a_gpu(), "mxfp4", "0.10.0", "0.10.1", "weight-only", id="gpt-oss"),
        pytest.param(a_gpu(), "mxfp4", "0.9", "0.10", "weight-only", id="a minor release stands for its last"),
        pytest.param(B200, "mxfp4-all", "0.13.0", "0.22.0", "native", id="dense mxfp4"),
        pytest.param(a_gpu(), "fp8+fp4", "0.19.1", "0.20.0", "weight-only", id="DeepSeek V4"),
        pytest.param(T4, "w4a16", "0.11.2", "0.12.0", "weight-only", id="compressed-tensors on Turing"),
        pytest.param(a_gpu(), "w4a8", "0.10.1", "0.10.2", "native", id="w4a8"),
        pytest.param(a_gpu(), "gguf-q4_k_m", "0.5.4", "0.5.5", "weight-only", id="gguf"),
        pytest.param(an_mi300x(), "mxfp4", "0.10.0", "0.10.1", "weight-only", id="mxfp4 on AMD"),
    ],
)
def test_a_release_begins_it(gpu: Gpu, quantization: str, lacks: str, has: str, kind: str) -> None:
    before, after = (precision_support(gpu, quantization, version=version) for version in (lacks, has))
    assert (before.ok, after.ok, after.kind) == (False, True, kind), before.why
    assert f"vLLM {lacks}" in before.why or "no kernel" in before.why


@pytest.mark.parametrize(
    ("quantization", "core", "plugged", "plugin"),
    [("bnb-nf4", "0.27.1", "0.28.0", "vllm-bnb-plugin"), ("gguf-q4_k_m", "0.23.0", "0.24.0", "vllm-gguf-plugin")],
)
def test_what_left_the_core_needs_a_plugin(quantization: str, core: str, plugged: str, plugin: str) -> None:
    assert precision_support(a_gpu(), quantization, version=core).plugin is None
    support = precision_support(a_gpu(), quantization, version=plugged)
    assert (support.ok, support.plugin) == (True, plugin)
    assert plugin in support.why
    assert precision_support(a_gpu(), quantization).plugin == plugin


@pytest.mark.parametrize(
    ("gpu", "version", "ok"),
    [(T4, "0.33.0", False), (an_a100(), "0.26.0", False), (an_a100(), "0.27.0", True), (L4, "0.26.0", True)],
)
def test_modelopts_own_fp8_has_a_floor_of_its_own(gpu: Gpu, version: str, *, ok: bool) -> None:
    assert precision_support(gpu, "fp8", version=version, method="modelopt").ok is ok
    assert precision_support(gpu, "fp8", version=version).ok


@pytest.mark.parametrize(
    ("engine", "gpu", "quantization", "ok", "kind"),
    [
        ("sglang", an_a100(), "fp8", True, "weight-only"),
        ("sglang", T4, "fp8", False, "none"),
        ("sglang", T4, "awq-int4", False, "none"),
        ("sglang", a_gpu(), "nvfp4", False, "none"),
        ("sglang", B200, "nvfp4", True, "native"),
        ("sglang", a_gpu(), "bnb-nf4", True, "weight-only"),
        ("tensorrt-llm", an_a100(), "fp8", False, "none"),
        ("tensorrt-llm", L4, "fp8-block", False, "none"),
        ("tensorrt-llm", RTX_5090, "fp8-block", False, "none"),
        ("tensorrt-llm", a_gpu(), "nvfp4", False, "none"),
        ("tensorrt-llm", a_gpu(), "mxfp4", True, "weight-only"),
        ("tensorrt-llm", B200, "awq-int4", False, "none"),
        ("tensorrt-llm", a_gpu(), "bnb-nf4", False, "none"),
        ("tensorrt-llm", an_mi300x(), "bf16", False, "none"),
        ("tgi", L4, "fp8", True, "weight-only"),
        ("tgi", a_gpu(), "fp8", True, "native"),
        ("tgi", B200, "nvfp4", False, "none"),
        ("llama.cpp", a_gpu(), "gguf-q4_k", True, "native"),
        ("some-engine", a_gpu(), "nvfp4", True, "weight-only"),
    ],
)
def test_other_engines_have_rows_of_their_own(engine: str, gpu: Gpu, quantization: str, *, ok: bool, kind: str) -> None:
    support = precision_support(gpu, quantization, engine)
    assert (support.ok, support.kind) == (ok, kind), support.why


def test_the_fit_follows_the_engine_version() -> None:
    model = a_model(checkpoint=(a_checkpoint("nvfp4"),))
    asked = a_request(model=model, quantization="nvfp4", engine_version="0.7.3")
    old, new = assess(asked), assess(replace(asked, engine_version="0.19.0"))
    assert old.verdict is Verdict.DOES_NOT_FIT
    served_since = "vLLM 0.7.3 does not serve nvfp4 weights on NVIDIA H100 SXM 80 GB: releases from 0.9.0 on do"
    assert old.reasons == (served_since,)
    assert new.verdict is Verdict.FITS


def test_the_fit_refuses_modelopts_fp8_on_a_t4() -> None:
    declared = a_model(checkpoint=(a_checkpoint("fp8", quant_method="modelopt"),))
    asked = FitRequest(model=declared, quantization="fp8", gpu=T4, max_model_len=2048)
    assert assess(asked).reasons == ("vLLM 0.33.0 has no fp8-tensor kernel for NVIDIA T4 (turing)",)
    plain = replace(asked, model=a_model(checkpoint=(a_checkpoint("fp8"),)))
    assert assess(plain).verdict is not Verdict.DOES_NOT_FIT


def test_a_plugin_is_a_warning_of_the_fit() -> None:
    fit = assess(a_request(quantization="bnb-nf4", engine_version="0.33.0"))
    assert fit.verdict is Verdict.FITS
    assert any("vllm-bnb-plugin installed" in warning for warning in fit.warnings)
    assert any("vllm-bnb-plugin for vLLM quantizes" in warning for warning in fit.warnings)
    old = assess(a_request(quantization="bnb-nf4", engine_version="0.19.0"))
    assert not any("plugin" in warning for warning in old.warnings)


@pytest.mark.parametrize(("version", "kind"), [("0.33.0", "fp32"), ("0.8.5", "fp16")])
def test_gemma_is_served_in_float32_where_there_is_no_bfloat16(version: str, kind: str) -> None:
    model = replace(gemma3_12b(), checkpoint=(a_checkpoint("bf16"), a_checkpoint("awq-int4")))
    asked = FitRequest(model=model, quantization="bf16", gpu=T4, max_model_len=2048, engine_version=version)
    assert support_of(asked, resolve_precision(model, "bf16")).kind == kind
    packed = replace(asked, quantization="awq-int4")
    assert support_of(packed, resolve_precision(model, "awq-int4")).ok is (kind == "fp16")
    here, there = assess(asked).per_gpu.weights, assess(replace(asked, gpu=a_gpu())).per_gpu.weights
    assert here / there == pytest.approx(2 if kind == "fp32" else 1, rel=0.01)  # rounding of the allocator


def test_the_catalogs_own_gpu_rows_say_what_vllm_takes() -> None:
    """``Gpu.precisions`` is a summary of the kernels of the pinned release."""
    spellings = {"fp8": "fp8", "int8": "int8-w8a8", "int4": "awq-int4", "nvfp4": "nvfp4", "mxfp4": "mxfp4"}
    for name in ("T4", "A100-80-SXM", "L40S", "H100-SXM", "B200", "RTX-5090", "MI300X", "MI355X"):
        gpu = find_gpu(name)
        everything = replace(gpu, precisions=("bf16", "fp16", *spellings))
        admitted = {short for short, long in spellings.items() if precision_support(everything, long).ok}
        assert set(gpu.precisions) - {"bf16", "fp16"} == admitted, name
