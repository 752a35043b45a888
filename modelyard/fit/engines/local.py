"""Engines that run on one machine: which function answers for which name."""

from collections.abc import Callable

from modelyard.fit.engines.llama_cpp import assess_llama_cpp
from modelyard.fit.engines.mlx import assess_mlx
from modelyard.fit.engines.ollama import assess_ollama
from modelyard.fit.types import Fit, FitRequest

_ASSESS: dict[str, Callable[[FitRequest], Fit]] = {
    "llama.cpp": assess_llama_cpp,
    "ollama": assess_ollama,
    "mlx": assess_mlx,
}


def assess_local(request: FitRequest) -> Fit:
    """The fit of a request to one of these engines.

    Raises:
        UsageError: an unknown precision or cache type, or a GPU that the engine does not run on.
    """
    return _ASSESS[request.engine](request)
