"""How each engine is started: one module per engine, found by name."""

from collections.abc import Mapping
from typing import Final

from modelyard.errors import UnknownNameError, UsageError
from modelyard.render.engines import llama_cpp, ollama, sglang, tensorrt_llm, tgi, vllm
from modelyard.render.engines.base import Command as Command
from modelyard.render.engines.base import EngineRenderer as EngineRenderer
from modelyard.render.engines.base import Launch as Launch
from modelyard.spec import EngineOptions

RENDERERS: Final[Mapping[str, EngineRenderer]] = {
    module.RENDERER.name: module.RENDERER for module in (vllm, sglang, tensorrt_llm, tgi, ollama, llama_cpp)
}


def renderer_of(engine: str) -> EngineRenderer:
    """How ``engine`` is started.

    Raises:
        UnknownNameError: modelyard does not start it.
    """
    found = RENDERERS.get(engine)
    if found is None:
        raise UnknownNameError("engine to deploy", engine, RENDERERS)
    return found


def render_engine(launch: Launch) -> Command:
    """The command line and environment of one engine.

    Raises:
        UsageError: an engine, flag or value that is not known, or that the plan owns.
    """
    renderer = renderer_of(launch.engine)
    if launch.options != EngineOptions() and not renderer.has_options:
        raise UsageError(
            f"engine.options are rendered for vLLM alone, not for {launch.engine}",
            details="where    key modelyard:serve.engine.options",
            resolution=f"give {launch.engine}'s own flags in engine.args, or use engine: vllm",
        )
    return renderer.render(launch)


__all__ = ["RENDERERS", "Command", "EngineRenderer", "Launch", "render_engine", "renderer_of"]
