import pytest

from modelyard.catalog.gpus import Gpu
from modelyard.fit import precision_support
from tests.modelyard.fit.builders import a_gpu, an_a100, an_mi300x

T4 = a_gpu(
    name="T4", title="NVIDIA T4", generation="turing", compute_capability="7.5", fp8_kernel="marlin",
    precisions=("fp16", "fp8", "int8", "int4", "nvfp4"),
)  # fmt: skip
B200 = a_gpu(name="B200", generation="blackwell", compute_capability="10.0")


@pytest.mark.parametrize(
    ("gpu", "quantization", "ok", "kind"),
    [
        (a_gpu(), "bf16", True, "native"),
        (a_gpu(), "fp8-block", True, "native"),
        (a_gpu(), "nvfp4", True, "weight-only"),
        (a_gpu(), "mxfp4", True, "weight-only"),
        (B200, "mxfp4", True, "native"),
        (a_gpu(), "awq-int4", True, "weight-only"),
        (B200, "nvfp4", True, "native"),
        (an_a100(), "fp8", True, "weight-only"),
        (an_a100(), "mxfp4", True, "weight-only"),
        (T4, "bf16", True, "fp16"),
        (T4, "mxfp4", False, "none"),
        (an_mi300x(), "awq-int4", False, "none"),
        (an_mi300x(), "fp8", True, "native"),
        (an_mi300x(), "bnb-nf4", False, "none"),
        (a_gpu(), "gguf-q4_k", False, "none"),
        (a_gpu(), "int3", False, "none"),
    ],
)
def test_support(gpu: Gpu, quantization: str, *, ok: bool, kind: str) -> None:
    support = precision_support(gpu, quantization)
    assert (support.ok, support.kind) == (ok, kind)
    assert support.why


def test_gguf_is_llama_cpps() -> None:
    assert precision_support(a_gpu(), "gguf-q4_k", "llama.cpp").ok
