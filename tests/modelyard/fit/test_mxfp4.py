"""Which kernels lay out MXFP4 experts, and what that does to their size."""

import pytest

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import find_model
from modelyard.fit.engines.base import spread_of
from modelyard.fit.mxfp4 import Kernels, growth, kernels_for
from modelyard.fit.types import FitRequest
from modelyard.fit.weights import weigh_spread
from modelyard.units import gib


@pytest.mark.parametrize(
    ("gpu", "engine", "version", "kernels"),
    [
        ("H100-SXM", "vllm", "0.10.1", Kernels.PADDED),  # PyTorch 2.7: Marlin, as vllm#23278 logged
        ("H100-SXM", "vllm", "0.10.2", Kernels.TRITON_OR_PADDED),
        ("H100-SXM", "vllm", "0.11", Kernels.TRITON_OR_PADDED),
        ("H200", "vllm", "0.13.0", Kernels.TRITON),
        ("H100-SXM", "vllm", "0.18.1", Kernels.TRITON),
        ("H100-SXM", "vllm", "0.19.0", Kernels.PADDED),
        ("H100-SXM", "sglang", "0.5.3", Kernels.PADDED),
        ("A100-80-SXM", "vllm", "0.13.0", Kernels.PADDED),
        ("B200", "vllm", "0.13.0", Kernels.PADDED),
        ("MI300X", "vllm", "0.13.0", Kernels.PADDED),
    ],
)
def test_kernels_by_gpu_and_release(gpu: str, engine: str, version: str, kernels: Kernels) -> None:
    assert kernels_for(find_gpu(gpu), engine, version) is kernels


def test_growth() -> None:
    assert growth(Kernels.PADDED, hidden=2880, width=2880) == pytest.approx(3072 * 2944 / 2880**2)
    assert growth(Kernels.PADDED, hidden=1024, width=512) == 1.0
    # One seventeenth are scales; their copy has 5888 rows for 5760, and 3072 for 2880.
    copied = (2 * 5888 / 5760 + 3072 / 2880) / 3 / 17
    assert growth(Kernels.TRITON, hidden=2880, width=2880) == pytest.approx(1 + copied)


@pytest.mark.parametrize(
    ("model", "version", "logged", "within"),
    [
        ("gpt-oss-120b", "0.10.1", 65.97, 0.001),
        ("gpt-oss-120b", "0.11.0", 64.38, 0.003),
        ("gpt-oss-20b", "0.11.0", 13.47, 0.005),
        ("gpt-oss-20b", "0.19.0", 13.64, 0.004),
    ],
)
def test_weights_are_those_that_logs_show(model: str, version: str, logged: float, within: float) -> None:
    request = FitRequest(
        model=find_model(model),
        quantization="mxfp4",
        gpu=find_gpu("H100-SXM"),
        max_model_len=8192,
        engine_version=version,
    )
    weights = weigh_spread(request.model, "mxfp4", spread_of(request))
    assert gib(weights.fullest.weights_bytes) == pytest.approx(logged, rel=within)


def test_kernels_that_an_installation_may_lack_are_said_and_widen_the_band() -> None:
    request = FitRequest(
        model=find_model("gpt-oss-120b"),
        quantization="mxfp4",
        gpu=find_gpu("H100-SXM"),
        max_model_len=8192,
        engine_version="0.11.0",
    )
    weights = weigh_spread(request.model, "mxfp4", spread_of(request))
    assert gib(weights.unsure_bytes) == pytest.approx(65.91 - 64.24, abs=0.01)
    assert any("triton_kernels" in note and "1.67 GiB" in note for note in weights.unknown)
