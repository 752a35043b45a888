"""Fit requests that the tests of advice start from."""

from typing import Any

from modelyard.catalog.gpus import find_gpu
from modelyard.catalog.models import find_model
from modelyard.fit import FitRequest


def request(model: str, quantization: str, gpu: str, tp: int, **more: Any) -> FitRequest:
    return FitRequest(
        model=find_model(model),
        quantization=quantization,
        gpu=find_gpu(gpu),
        tensor_parallel_size=tp,
        max_model_len=more.pop("max_model_len", 16384),
        **more,
    )
