"""Engines that run on one machine: which set-up belongs to which name."""

from collections.abc import Callable

from modelyard.fit.engines import llama_cpp, mlx, ollama
from modelyard.fit.engines.offload import assess_offload
from modelyard.fit.engines.placed import Setting
from modelyard.fit.types import Fit, FitRequest

_SETTINGS: dict[str, Callable[[FitRequest], Setting]] = {
    "llama.cpp": llama_cpp.setting,
    "ollama": ollama.setting,
    "mlx": mlx.setting,
}


def setting_of(request: FitRequest) -> Setting:
    """How the request's engine is set up.

    Raises:
        UsageError: a wired limit beyond the memory of the Mac.
    """
    return _SETTINGS[request.engine](request)


def assess_local(request: FitRequest) -> Fit:
    """The fit of a request to one of these engines.

    Raises:
        UsageError: an unknown precision or cache type.
    """
    return assess_offload(request, setting_of(request))
